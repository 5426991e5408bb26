//! Challenges, bound cookies, identifiers and headers.

use proptest::prelude::*;

use super::{
    CHALLENGE_LIFE, CLOCK_ALLOWANCE, COOKIE_ALLOWANCE, COOKIE_LIFE, DeviceKeys, REGISTRATION_LIFE,
    SealFault, SessionId, challenge_header, cleared, cookie_name, ended, instructions, known_key,
    proof_text, registration_header, session_id_text, set_cookie, skipped_reason,
};
use crate::{
    http::{cookie::Cookies, credential_names},
    settings::testing::parsed,
};
use postern_jwt::{
    proof::Thumbprint,
    secret::Secret,
    time::{Millis, UnixMillis},
};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const HANDLE: &str = "route.random.tag";

fn secrets(numbers: &[u32]) -> Vec<(u32, Secret)> {
    let secret = |number: &u32| Secret::new(vec![u8::try_from(*number).unwrap(); 32]);
    numbers
        .iter()
        .map(|number| (*number, secret(number)))
        .collect()
}

fn thumbprint(first: char) -> Thumbprint {
    Thumbprint::parse(&format!("{first}{}", "A".repeat(42))).unwrap()
}

fn id() -> SessionId {
    SessionId {
        handle: HANDLE.to_owned(),
        key: thumbprint('A'),
    }
}

#[test]
fn each_text_is_good_for_its_time_and_no_longer() {
    let secrets = secrets(&[1]);
    let keys = DeviceKeys::new(&secrets);
    let registration = keys.registration_challenge(HANDLE, NOW).unwrap();
    let refresh = keys.refresh_challenge(&id(), NOW).unwrap();
    let cookie = keys.cookie(HANDLE, id().key, NOW).unwrap();
    let at = |life: Millis, more: u64| NOW.plus(Millis(life.0 + more));
    let expired = Err(SealFault::Expired);
    for (when, expected) in [
        (NOW, Ok(())),
        (UnixMillis(at(REGISTRATION_LIFE, 0).0 - 1), Ok(())),
        (at(REGISTRATION_LIFE, 0), expired),
        (UnixMillis(NOW.0 - CLOCK_ALLOWANCE.0), Ok(())),
        (UnixMillis(NOW.0 - CLOCK_ALLOWANCE.0 - 1), expired),
    ] {
        assert_eq!(
            keys.check_registration(HANDLE, &registration, when),
            expected,
            "{when:?}"
        );
    }
    let last = UnixMillis(at(CHALLENGE_LIFE, 0).0 - 1);
    assert_eq!(
        keys.check_refresh(&id(), &refresh, last),
        Ok(at(CHALLENGE_LIFE, 0))
    );
    assert_eq!(
        keys.check_refresh(&id(), &refresh, at(CHALLENGE_LIFE, 0)),
        Err(SealFault::Expired)
    );
    let end = at(COOKIE_LIFE, COOKIE_ALLOWANCE.0);
    let last = UnixMillis(end.0 - 1);
    assert_eq!(keys.check_cookie(HANDLE, id().key, &cookie, last), Ok(end));
    assert_eq!(
        keys.check_cookie(HANDLE, id().key, &cookie, end),
        Err(SealFault::Expired)
    );
}

#[test]
fn no_text_is_one_of_another_purpose_session_or_key() {
    let secrets = secrets(&[1]);
    let keys = DeviceKeys::new(&secrets);
    let registration = keys.registration_challenge(HANDLE, NOW).unwrap();
    let refresh = keys.refresh_challenge(&id(), NOW).unwrap();
    let cookie = keys.cookie(HANDLE, id().key, NOW).unwrap();
    let not_ours = SealFault::NotOurs;
    for text in [&refresh, &cookie, &String::new()] {
        assert_eq!(keys.check_registration(HANDLE, text, NOW), Err(not_ours));
    }
    for text in [&registration, &cookie] {
        assert_eq!(keys.check_refresh(&id(), text, NOW), Err(not_ours));
    }
    for text in [&registration, &refresh] {
        let found = keys.check_cookie(HANDLE, id().key, text, NOW);
        assert_eq!(found, Err(not_ours));
    }
    assert_eq!(
        keys.check_registration("other.random.tag", &registration, NOW),
        Err(not_ours)
    );
    let other_key = SessionId {
        key: thumbprint('B'),
        ..id()
    };
    assert_eq!(keys.check_refresh(&other_key, &refresh, NOW), Err(not_ours));
    assert_eq!(
        keys.check_cookie(HANDLE, other_key.key, &cookie, NOW),
        Err(not_ours)
    );
    assert_eq!(
        keys.check_cookie("other.random.tag", id().key, &cookie, NOW),
        Err(not_ours)
    );
}

/// The secret is changed in three steps: it is there, it makes, the old one is gone.
#[test]
fn texts_outlive_a_change_of_the_secret() {
    let (old, both, new) = (secrets(&[1]), secrets(&[1, 2]), secrets(&[2]));
    let of_old = DeviceKeys::new(&old).cookie(HANDLE, id().key, NOW).unwrap();
    let of_new = DeviceKeys::new(&both)
        .cookie(HANDLE, id().key, NOW)
        .unwrap();
    let check = |secrets: &[(u32, Secret)], text: &str| {
        DeviceKeys::new(secrets)
            .check_cookie(HANDLE, id().key, text, NOW)
            .is_ok()
    };
    assert!(check(&both, &of_old) && check(&both, &of_new) && check(&new, &of_new));
    assert!(!check(&new, &of_old) && !check(&old, &of_new));
    assert_eq!(
        DeviceKeys::new(&[]).registration_challenge(HANDLE, NOW),
        None
    );
}

#[test]
fn identifiers_are_read_as_they_were_written() {
    let text = id().to_string();
    assert_eq!(SessionId::parse(&text), Some(id()));
    let longest = SessionId {
        handle: "h".repeat(340),
        ..id()
    };
    assert_eq!(
        SessionId::parse(&longest.to_string()),
        Some(longest.clone())
    );
    assert_eq!(SessionId::parse(&format!("h{longest}")), None);
    for other in ["", ".", HANDLE, "h.short", &"a".repeat(400)] {
        assert_eq!(SessionId::parse(other), None, "{other}");
    }
}

#[test]
fn headers_have_the_form_of_the_draft() {
    let settings = parsed(&[]);
    assert_eq!(
        registration_header(&settings, "C"),
        r#"(ES256 RS256);path="/auth/session/device";challenge="C""#
    );
    assert_eq!(challenge_header("C", "I"), r#""C";id="I""#);
    for (sent, read) in [("a.b.c", "a.b.c"), (" \"a.b.c\" ", "a.b.c"), ("\"", "\"")] {
        assert_eq!(proof_text(sent), read);
        assert_eq!(session_id_text(sent), read);
    }
    let (own, other) = (
        id().to_string(),
        id().to_string().replace(HANDLE, "other.random.tag"),
    );
    let named = |reason: &str, id: &str| format!("{reason};session_identifier=\"{id}\"");
    for (sent, expected) in [
        (named("unreachable", &own), Some("unreachable")),
        (
            [named("server_error", &other), named("quota_exceeded", &own)].join(", "),
            Some("quota_exceeded"),
        ),
        (named("unreachable", &other), None),
        (named("unreachable", HANDLE), None),
        ("unreachable".to_owned(), None),
        (named("anything", &own), None),
        (String::new(), None),
    ] {
        assert_eq!(skipped_reason(&sent, HANDLE), expected, "{sent}");
    }
}

#[test]
fn a_browser_is_told_the_cookie_that_it_gets() {
    let settings = parsed(&[
        ("API_DOMAIN", "https://api.example.com"),
        ("WEBSITE_ORIGINS", "https://www.example.com"),
        ("COOKIE_SAME_SITE", "lax"),
    ]);
    let name = cookie_name(HANDLE);
    assert!(credential_names::is_cookie(&name));
    assert_ne!(name, cookie_name("other.random.tag"));
    assert_eq!(
        set_cookie(&settings, HANDLE, "v"),
        format!("{name}=v; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax")
    );
    let sent = format!("a=b; {name}=v; __Host-sDevice-x=v; __Host-sDevice-0123456789abcdeg=v");
    assert_eq!(
        cleared(&settings, Cookies::new(Some(&sent))),
        [format!(
            "{name}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
        )]
    );
    assert_eq!(
        instructions(&settings, &id()),
        format!(
            concat!(
                r#"{{"session_identifier":"{}","refresh_url":"/auth/session/device/refresh","#,
                r#""scope":{{"include_site":false,"scope_specification":[]}},"#,
                r#""credentials":[{{"type":"cookie","name":"{}","attributes":"Path=/; Secure; HttpOnly; SameSite=Lax"}}],"#,
                r#""allowed_refresh_initiators":["www.example.com"]}}"#
            ),
            id(),
            name
        )
    );
    assert_eq!(ended("I"), r#"{"session_identifier":"I","continue":false}"#);
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused(at in any::<proptest::sample::Index>(), byte in 0u8..128, later in 0u64..CHALLENGE_LIFE.0) {
        let secrets = secrets(&[1, 7]);
        let keys = DeviceKeys::new(&secrets);
        let text = keys.refresh_challenge(&id(), NOW).unwrap();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        let found = keys.check_refresh(&id(), &changed, NOW.plus(Millis(later)));
        prop_assert_eq!(found.is_ok(), changed == text);
    }

    #[test]
    fn arbitrary_text_is_refused(text in "(d1\\.)?[0-9]{0,3}\\.?[0-9]{0,14}\\.?[A-Za-z0-9_-]{0,50}|.{0,200}") {
        let secrets = secrets(&[1]);
        let keys = DeviceKeys::new(&secrets);
        prop_assert_eq!(keys.check_registration(HANDLE, &text, NOW), Err(SealFault::NotOurs));
        prop_assert_eq!(keys.check_cookie(HANDLE, id().key, &text, NOW), Err(SealFault::NotOurs));
        let _ = (SessionId::parse(&text), skipped_reason(&text, "I"));
    }
}

#[test]
fn a_stored_key_is_one_of_those_that_are_offered() {
    let es256 = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
    let ed25519 =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert!(known_key(es256).is_some());
    for other in [ed25519, "{}", ""] {
        assert!(known_key(other).is_none(), "{other}");
    }
}
