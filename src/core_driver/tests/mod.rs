//! The protocol from outside: requests in, replies out, one table per table of the protocol.

mod admission;
mod bodies;
mod keys;
mod legacy;
mod matrix;
mod replies;

use serde_json::{Value, json};

use super::{
    call::{CoreCall, CoreRequest},
    legacy_keys::{LegacyKey, LegacyKeys},
    policy::{CookiePolicy, Policy},
    reply::Reply,
    request::{Head, admit},
    response::{Outcome, Surroundings, render},
    version::{self, Version},
};
use crate::{
    secret::digest,
    session::model::{IssuedSession, Refusal, SessionView, TokenInfo},
    settings::{RecentTokenReuse, SameSite},
    time::{Millis, UnixMillis},
};

const KEY: &str = "an-api-key-of-25-letters-";

fn policy() -> Policy {
    Policy {
        api_key_digests: vec![digest(KEY.as_bytes())],
        anti_csrf: false,
        use_dynamic_signing_key: true,
        check_database: false,
        access_token_validity: Millis(3_600_000),
        refresh_token_validity: Millis(8_640_000_000),
        recent_token_reuse: RecentTokenReuse::TokenTheft,
        cookies: CookiePolicy {
            access_token_path: "/".to_owned(),
            refresh_token_path: "/auth/session/refresh".to_owned(),
            domain: String::new(),
            secure: true,
            same_site: SameSite::Lax,
        },
        session_expired_status_code: 401,
    }
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
    policy: &Policy,
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
    admit(head(method, target, Some(version)), policy)?.receive(body.as_bytes(), policy)
}

fn send(method: &str, target: &str, version: &str, body: &Value) -> Result<CoreCall, Reply> {
    send_with(&policy(), method, target, version, body).map(|request| request.call)
}

/// The status and text of a request that must be answered at once.
fn answered(method: &str, target: &str, version: &str, body: &Value) -> (u16, String) {
    let reply = send(method, target, version, body).expect_err("should be answered at once");
    (reply.status, reply.body)
}

fn row(name: &str) -> &'static Version {
    version::named(name).expect("a version of the table")
}

fn legacy_keys() -> LegacyKeys {
    LegacyKeys {
        signer: "MIIB".to_owned(),
        signer_expiry: UnixMillis(1_796_023_843_945),
        list: vec![LegacyKey {
            public_key: "MIIB".to_owned(),
            expiry_time: UnixMillis(1_796_031_043_945),
            created_at: UnixMillis(1_795_419_043_945),
        }],
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

fn reply_with(policy: &Policy, version: &str, result: Result<Outcome, Refusal>) -> Reply {
    let keys = legacy_keys();
    render(
        row(version),
        result,
        &Surroundings {
            policy,
            legacy_keys: Some(&keys),
            id_refresh_token: [0xff; 16],
        },
    )
}

/// The JSON of an answer, which must be one of status 200.
fn answer(version: &str, result: Result<Outcome, Refusal>) -> Value {
    json_of(&reply_with(&policy(), version, result))
}

fn json_of(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.content_type, "application/json; charset=UTF-8");
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
