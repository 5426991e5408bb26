//! Identity headers are visible ASCII within a budget, whatever the claims hold; assertions cannot pass for tokens.

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::own_session;
use crate::gateway::request::{assertion, identity};
use crate::identity::{Identity, Session};
use crate::tokens::candidate;
use postern_jwt::time::UnixMillis;

#[test]
fn values_are_safe_and_come_back() {
    for (user_id, value) in [
        ("user-1", "user-1"),
        ("", ""),
        ("auth0|5f7c", "auth0|5f7c"),
        ("jo@example.com", "jo@example.com"),
        ("Łukasz 馬", "%C5%81ukasz%20%E9%A6%AC"),
        (
            "a\r\nPostern-User-Id: admin",
            "a%0D%0APostern-User-Id:%20admin",
        ),
        ("a\u{0}\u{1}\u{7f}b", "a%00%01%7Fb"),
        ("50%", "50%25"),
        ("a,b", "a%2Cb"),
    ] {
        assert_eq!(
            identity::headers(&own_session(user_id, "{}")),
            [
                ("postern-session-handle", "route.random.tag".to_owned()),
                ("postern-tenant-id", "public".to_owned()),
                ("postern-user-id", value.to_owned()),
                ("postern-payload", "e30".to_owned()),
            ]
        );
        assert_eq!(
            identity::headers(&foreign_session("idp", user_id, "{}")),
            [
                ("postern-session-handle", "x.idp.r.d.tag".to_owned()),
                ("postern-tenant-id", "public".to_owned()),
                ("postern-issuer", "idp".to_owned()),
                ("postern-subject", value.to_owned()),
                ("postern-payload", "e30".to_owned()),
            ]
        );
    }
}

#[test]
fn over_the_budget_a_value_is_left_out_and_said_to_be() {
    let payload = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    // 6,144 bytes are 8,192 characters of base64.
    let fits = identity::headers(&own_session("u", &payload(6144)));
    assert_eq!((fits[3].0, fits[3].1.len()), ("postern-payload", 8192));
    let over = identity::headers(&own_session("u", &payload(6145)));
    assert_eq!(over[3], ("postern-payload-omitted", "8194".to_owned()));
    let groups = identity::headers(&own_session(&"é".repeat(400), &payload(200_000)));
    assert_eq!(groups[2], ("postern-user-id-omitted", "2400".to_owned()));
    assert_eq!(groups[3].0, "postern-payload-omitted");
    let foreign = identity::headers(&foreign_session("idp", &"é".repeat(400), "{}"));
    assert_eq!(foreign[3], ("postern-subject-omitted", "2400".to_owned()));
    let total: usize = groups
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    assert!(total < 200);
}

proptest! {
    #[test]
    fn any_claims_make_visible_ascii_that_decodes_to_them(user_id in any::<String>(), text in any::<String>()) {
        let payload = json!({ "claim": text }).to_string();
        for (name, value) in identity::headers(&own_session(&user_id, &payload)) {
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "{}", name);
            match name {
                "postern-user-id" => prop_assert_eq!(crate::http::cookie::percent_decode(&value), Some(user_id.clone())),
                "postern-payload" => prop_assert_eq!(Base64UrlUnpadded::decode_vec(&value).unwrap(), payload.as_bytes()),
                _ => {}
            }
        }
    }
}

fn session(payload: &str) -> Session {
    own_session("Łu\"kasz", payload)
}

fn foreign_session(issuer: &str, subject: &str, payload: &str) -> Session {
    Session {
        handle: Some(format!("x.{issuer}.r.d.tag")),
        identity: Identity::trusted(issuer, None, subject.to_owned()),
        payload: payload.to_owned(),
        bound_key: None,
    }
}

#[test]
fn an_assertion_names_its_one_origin_and_lives_a_minute() {
    let session = session(r#"{"role":"admin"}"#);
    let input = assertion::signing_input(
        "a-1",
        "https://api.example.com/auth",
        "http://127.0.0.1:9000",
        &session,
        UnixMillis(1_700_000_000_999),
    );
    let parts: Vec<Value> = input
        .split('.')
        .map(|part| serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap())
        .collect();
    assert_eq!(
        parts[0],
        json!({ "alg": "ES256", "kid": "a-1", "typ": "postern-assertion+jwt" })
    );
    let value = identity::payload_value(&session.payload);
    let hash =
        Base64UrlUnpadded::encode_string(postern_jwt::secret::digest(value.as_bytes()).expose());
    assert_eq!(
        parts[1],
        json!({
            "iss": "https://api.example.com/auth", "aud": "http://127.0.0.1:9000", "sub": "Łu\"kasz", "sid": "route.random.tag",
            "tid": "public", "iat": 1_700_000_000, "exp": 1_700_000_060, "stt": 1, "postern_payload_sha256": hash,
        })
    );
    assert_eq!(assertion::REUSE.0 * 2, assertion::LIFE.0);
}

/// An origin that replays an assertion to us, or to another service that takes our tokens, presents no token of ours.
#[test]
fn an_assertion_is_no_access_token() {
    let input = assertion::signing_input(
        "d-1",
        "https://api.example.com/auth",
        "http://127.0.0.1:9000",
        &session("{}"),
        UnixMillis(0),
    );
    assert!(!candidate::is_access_token(&format!("{input}.c2ln"), &[]));
}
