//! The protocol from outside: requests in, replies out, one table per table of the protocol.

mod admission;
mod bodies;
mod hostile;
mod keys;
mod legacy;
mod matrix;
mod replies;

use serde_json::{Value, json};

use super::admission::{Head, admit};
use super::response::render;
use crate::supertokens::cdi::request::call::{CoreCall, CoreRequest};
use crate::supertokens::cdi::request::version::{self, Version};
use crate::supertokens::cdi::response::outcome::{Outcome, ResponseContext};
use crate::{
    http::reply::Reply,
    keys::{Kept, KeyKind, KeyPolicy, KeyRing, RingCopy, RingHead, SCHEMA, Secrets, SigningKey},
    refusal::Refusal,
    session::model::{IssuedSession, SessionView, TokenInfo},
    settings::{Settings, testing},
};
use postern_jwt::{
    SigningAlgorithm,
    secret::Secret,
    time::{Millis, UnixMillis},
};

const KEY: &str = "an-api-key-of-25-letters-";

fn settings() -> Settings {
    testing::parsed(&[("API_KEYS", KEY)])
}

fn head<'a>(method: &'a str, target: &'a str, version: Option<&'a str>) -> Head<'a> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Head {
        method,
        path,
        query,
        api_key: Some(KEY),
        authorization: None,
        cdi_version: version,
        keyless: false,
    }
}

/// A request with a good key, from head to call.
fn send_with(
    settings: &Settings,
    method: &str,
    target: &str,
    version: &str,
    body: &Value,
) -> Result<CoreRequest, Reply> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    admit(head(method, target, Some(version)), settings)?.receive(body.as_bytes(), settings)
}

fn send(method: &str, target: &str, version: &str, body: &Value) -> Result<CoreCall, Reply> {
    send_with(&settings(), method, target, version, body).map(|request| request.call)
}

/// The status and text of a request that must be answered at once.
fn answered(method: &str, target: &str, version: &str, body: &Value) -> (u16, String) {
    let reply = send(method, target, version, body).expect_err("should be answered at once");
    (reply.status, reply.body.clone())
}

fn row(name: &str) -> &'static Version {
    version::named(name).expect("a version of the table")
}

/// When the answers of these tests are made.
const NOW: UnixMillis = UnixMillis(1_795_419_045_000);

/// A ring with one dynamic and one static key.
fn ring() -> RingCopy {
    let key = |kid: &str, kind, verify_until| SigningKey {
        kid: kid.to_owned(),
        algorithm: SigningAlgorithm::RS256,
        kind,
        created: UnixMillis(1_795_419_043_945),
        signs_from: UnixMillis(0),
        verify_until,
        public_jwk: format!(
            r#"{{"kty":"RSA","kid":"{kid}","n":"fw","e":"Aw","alg":"RS256","use":"sig"}}"#
        ),
        private_jwk: Some(Secret::new(vec![1])),
        withdrawn: false,
        kept: Kept::default(),
    };
    let secret = || Secret::new(vec![1; 32]);
    let ring = KeyRing {
        head: RingHead {
            schema: SCHEMA,
            key_set_version: 1,
            not_before: UnixMillis(0),
            dated_cut_off: None,
            shards: None,
            shared: None,
            secrets: Secrets {
                route_key: secret(),
                handle_tag_key: secret(),
                anti_csrf_key: secret(),
                anti_csrf_keys: vec![],
                refresh_secrets: vec![],
                kept: Kept::default(),
            },
            kept: Kept::default(),
        },
        keys: vec![
            key("d-1", KeyKind::Dynamic, Some(UnixMillis(1_796_031_043_945))),
            key("s-1", KeyKind::Static, None),
        ],
    };
    RingCopy {
        protocol: 1,
        as_of: NOW,
        policy: KeyPolicy {
            interval: Millis(604_800_000),
            access_token_validity: Millis(3_600_000),
            signing_algorithm: SigningAlgorithm::RS256,
        },
        ring,
        handle_keys: std::sync::OnceLock::new(),
    }
}

fn session() -> SessionView {
    SessionView {
        handle: "route.random.tag".to_owned(),
        user_id: "u1".to_owned(),
        tenant_id: "public".to_owned(),
        payload: r#"{"a":1.0,"b":null}"#.to_owned(),
    }
}

fn issued() -> IssuedSession {
    IssuedSession {
        session: session(),
        access_token: token("access"),
        refresh_token: TokenInfo {
            token: "refresh".to_owned(),
            expiry: UnixMillis(1_804_059_044_964),
            created: UnixMillis(1_795_419_044_964),
        },
        anti_csrf_token: None,
    }
}

fn token(text: &str) -> TokenInfo {
    TokenInfo {
        token: text.to_owned(),
        expiry: UnixMillis(1_795_422_497_000),
        created: UnixMillis(1_795_419_044_000),
    }
}

fn reply_with(settings: &Settings, version: &str, result: Result<Outcome, Refusal>) -> Reply {
    let ring = ring();
    render(
        row(version),
        result,
        &ResponseContext {
            settings,
            ring: &ring,
            now: NOW,
            id_refresh_token: [0xff; 16],
        },
    )
}

/// The JSON of an answer, which must be one of status 200.
fn answer(version: &str, result: Result<Outcome, Refusal>) -> Value {
    json_of(&reply_with(&settings(), version, result))
}

fn json_of(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    assert!(reply.body.ends_with("}\n"));
    serde_json::from_str(&reply.body).expect("JSON")
}

/// The names of the members of a JSON object, sorted.
fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

/// Bodies that every version accepts.
fn create_body() -> Value {
    json!({"userId": "u1", "userDataInJWT": {"a": 1}, "userDataInDatabase": {"b": 2}, "enableAntiCsrf": false})
}

fn verify_body() -> Value {
    json!({"accessToken": "a", "doAntiCsrfCheck": true, "enableAntiCsrf": true, "checkDatabase": true})
}

fn refresh_body() -> Value {
    json!({"refreshToken": "r", "enableAntiCsrf": false, "useDynamicSigningKey": false})
}
