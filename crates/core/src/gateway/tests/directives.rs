//! Directives: honoured only with the key of this very request and never from a cache; all or nothing.

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

use crate::gateway::response::directives::{
    Create, DirectiveFault, Directives, Holder, MAX_BYTES, Sent, read,
};
use postern_jwt::secret::Secret;

pub(super) const KEY: &str = "c29tZS1yYW5kb20ta2V5";

pub(super) fn key() -> Secret {
    Secret::new(KEY.as_bytes().to_vec())
}

pub(super) fn encoded(json: &str) -> String {
    Base64UrlUnpadded::encode_string(json.as_bytes())
}

fn create(json: &str) -> Result<Option<Directives>, DirectiveFault> {
    let value = encoded(json);
    read(
        &Sent {
            key: Some(KEY),
            create_session: Some(&value),
            ..Sent::default()
        },
        &key(),
        Holder::Nobody,
    )
}

const MALFORMED: DirectiveFault = DirectiveFault::Malformed("postern-create-session");

#[test]
fn a_session_is_created_from_three_lines() {
    let whole = create(
        r#"{ "userId": "u\u00e9", "jwtPayload": {"role": "admin"}, "sessionData": {"a": [1]} }"#,
    );
    let created = |user_id: &str, payload: &str, data: &str| Directives {
        revoke: None,
        create: Some(Create {
            user_id: user_id.into(),
            payload: payload.into(),
            session_data: data.into(),
        }),
        payload: None,
        session_data: None,
    };
    assert_eq!(
        whole,
        Ok(Some(created("ué", r#"{"role":"admin"}"#, r#"{"a":[1]}"#)))
    );
    assert_eq!(
        create(r#"{"userId":"u"}"#),
        Ok(Some(created("u", "{}", "{}")))
    );
}

#[test]
fn every_spelling_of_base64_means_its_bytes() {
    let json = r#"{"userId":"~~~???>>>ÿ"}"#;
    for value in [
        Base64UrlUnpadded::encode_string(json.as_bytes()),
        Base64Url::encode_string(json.as_bytes()),
        Base64::encode_string(json.as_bytes()),
        Base64Unpadded::encode_string(json.as_bytes()),
        format!(" {} ", encoded(json)),
    ] {
        let sent = Sent {
            key: Some(KEY),
            create_session: Some(&value),
            ..Sent::default()
        };
        let user_id = read(&sent, &key(), Holder::Nobody)
            .unwrap()
            .unwrap()
            .create
            .unwrap()
            .user_id;
        assert_eq!(user_id, "~~~???>>>ÿ", "{value}");
    }
}

#[test]
fn half_a_spelling_of_base64_is_none() {
    let read = |value: &str| {
        let sent = Sent {
            key: Some(KEY),
            session_data: Some(value),
            ..Sent::default()
        };
        read(&sent, &key(), Holder::Somebody)
            .map(|directives| directives.unwrap().session_data.unwrap())
            .ok()
    };
    let spelt = |json: &str| Base64::encode_string(json.as_bytes());
    for (json, padding) in [
        (r#"{"a":"b" }"#, 2),
        (r#"{"a":"bc" }"#, 1),
        (r#"{"a":"bcd" }"#, 0),
    ] {
        let (whole, minified) = (spelt(json), json.replace(' ', ""));
        let bare = whole.trim_end_matches('=');
        for given in 0..=4 {
            let value = [bare, &"=".repeat(given)].concat();
            let expected = (given == 0 || given == padding).then_some(minified.as_str());
            assert_eq!(read(&value).as_deref(), expected, "{value}");
        }
    }
    for (value, is_good) in [
        ("eyJhIjoifn5+Pz8/In0", true),
        ("eyJhIjoifn5-Pz8_In0", true),
        ("eyJhIjoifn5+Pz8_In0", false),
        ("eyJhIjoifn5-Pz8/In0", false),
    ] {
        assert_eq!(read(value).is_some(), is_good, "{value}");
    }
}

#[test]
fn a_fault_says_what_is_wrong_and_where() {
    for (fault, words) in [
        (DirectiveFault::WrongKey, "does not echo the key"),
        (DirectiveFault::Cached, "comes from a cache"),
        (
            DirectiveFault::Malformed("postern-revoke"),
            "postern-revoke is malformed",
        ),
        (
            DirectiveFault::TooLarge("postern-set-payload"),
            "postern-set-payload is longer than 8192 bytes",
        ),
        (DirectiveFault::Contradiction, "contradict each other"),
        (
            DirectiveFault::NoSession("postern-session-data"),
            "postern-session-data needs a session",
        ),
    ] {
        assert!(fault.to_string().contains(words), "{fault}");
    }
}

#[test]
fn malformed_sessions_are_refused() {
    for json in [
        "",
        "{}",
        "[]",
        "null",
        "{\"userId\":1}",
        "{\"userId\":null}",
        "{\"userId\":\"u\",\"jwtPayload\":[]}",
        "{\"userId\":\"u\",\"sessionData\":\"x\"}",
        "{\"userId\":\"u\",\"admin\":true}",
        "{\"userId\":\"u\",\"userId\":\"v\"}",
        "{\"userId\":\"u\"} x",
        "{\"userId\":\"\\ud800\"}",
        "{\"userId\":\"u\",\"jwtPayload\":null}",
    ] {
        assert_eq!(create(json), Err(MALFORMED), "{json}");
    }
    for value in [
        "",
        "!",
        "e30",
        "e30=",
        "e30==",
        "e3 0",
        "eyJ1c2VySWQiOiJ1In0, eyJ1c2VySWQiOiJ1In0",
        "_w",
    ] {
        let sent = Sent {
            key: Some(KEY),
            create_session: Some(value),
            ..Sent::default()
        };
        assert_eq!(
            read(&sent, &key(), Holder::Nobody),
            Err(MALFORMED),
            "{value}"
        );
    }
}

#[test]
fn only_the_key_of_this_request_counts() {
    let value = encoded(r#"{"userId":"admin"}"#);
    for echoed in [
        None,
        Some(""),
        Some("x"),
        Some("c29tZS1yYW5kb20ta2V"),
        Some("C29tZS1yYW5kb20ta2V5"),
        Some("c29tZS1yYW5kb20ta2V5, x"),
    ] {
        for sent in [
            Sent {
                key: echoed,
                create_session: Some(&value),
                ..Sent::default()
            },
            Sent {
                key: echoed,
                session_data: Some("e30"),
                ..Sent::default()
            },
            Sent {
                key: echoed,
                set_payload: Some("e30"),
                ..Sent::default()
            },
            Sent {
                key: echoed,
                revoke: Some("user"),
                ..Sent::default()
            },
        ] {
            assert_eq!(
                read(&sent, &key(), Holder::Somebody),
                Err(DirectiveFault::WrongKey),
                "{echoed:?}"
            );
        }
    }
    let sent = Sent {
        key: Some(""),
        revoke: Some("user"),
        ..Sent::default()
    };
    assert_eq!(
        read(&sent, &Secret::new(Vec::new()), Holder::Somebody),
        Err(DirectiveFault::WrongKey),
        "no key is no key"
    );
}

#[test]
fn a_cache_logs_nobody_in() {
    let value = encoded(r#"{"userId":"u"}"#);
    let fresh = Sent {
        key: Some(KEY),
        create_session: Some(&value),
        ..Sent::default()
    };
    for (age, cache_status, is_fresh) in [
        (None, None, true),
        (None, Some("DYNAMIC"), true),
        (None, Some("miss"), true),
        (None, Some("BYPASS"), true),
        (None, Some("EXPIRED"), true),
        (None, Some("HIT"), false),
        (None, Some("hit"), false),
        (None, Some("STALE"), false),
        (None, Some("UPDATING"), false),
        (None, Some("REVALIDATED"), false),
        (None, Some("SOMETHING-NEW"), false),
        (Some("0"), None, false),
        (Some("17"), Some("MISS"), false),
        (Some(""), None, false),
    ] {
        let outcome = read(
            &Sent {
                age,
                cache_status,
                ..fresh
            },
            &key(),
            Holder::Nobody,
        );
        assert_eq!(outcome.is_ok(), is_fresh, "{age:?} {cache_status:?}");
        assert!(is_fresh || outcome == Err(DirectiveFault::Cached));
    }
}

#[test]
fn without_directives_nothing_is_asked() {
    for sent in [
        Sent::default(),
        Sent {
            key: Some("anything"),
            age: Some("5"),
            cache_status: Some("HIT"),
            ..Sent::default()
        },
    ] {
        assert_eq!(read(&sent, &key(), Holder::Nobody), Ok(None));
    }
}

#[test]
fn directives_are_bounded() {
    let object = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    for (bytes, is_good) in [
        (MAX_BYTES, true),
        (MAX_BYTES + 1, false),
        (MAX_BYTES + 2, false),
        (1_000_000, false),
    ] {
        let value = encoded(&object(bytes));
        let sent = Sent {
            key: Some(KEY),
            session_data: Some(&value),
            ..Sent::default()
        };
        let outcome = read(&sent, &key(), Holder::Somebody);
        assert_eq!(outcome.is_ok(), is_good, "{bytes}");
        assert!(is_good || outcome == Err(DirectiveFault::TooLarge("postern-session-data")));
    }
}

proptest! {
    #[test]
    fn no_answer_without_the_key_does_anything(
        echoed in prop::option::of("\\PC{0,24}"),
        create in prop::option::of("[A-Za-z0-9_-]{0,40}"),
        data in prop::option::of("[A-Za-z0-9_-]{0,40}"),
        revoke in prop::option::of("(session|user)"),
    ) {
        prop_assume!(echoed.as_deref() != Some(KEY));
        let sent = Sent {
            key: echoed.as_deref(), create_session: create.as_deref(), session_data: data.as_deref(), revoke: revoke.as_deref(),
            ..Sent::default()
        };
        let outcome = read(&sent, &key(), Holder::Somebody);
        prop_assert!(matches!(outcome, Ok(None) | Err(DirectiveFault::WrongKey)));
    }
}
