//! Every row of the table, and what no row may tell.

use super::{
    Outcome, Presented, bad_gateway, detail, foreign_website, gateway_timeout, invalid_api_key,
    method_not_allowed, misconfigured, no_rule, not_found, reply,
};
use crate::refusal::{Refusal, ReuseSubtype, Theft, TooLarge};

fn theft() -> Refusal {
    Refusal::TokenTheftDetected(Box::new(Theft {
        handle: "the-handle".into(),
        user_id: "the-user".into(),
        subtype: ReuseSubtype::RecentPrev,
    }))
}

fn too_large() -> Refusal {
    Refusal::TooLarge(Box::new(TooLarge {
        what: "sessionData",
        size: 1_048_577,
        limit: 1_048_576,
    }))
}

#[test]
fn every_refusal_has_its_row() {
    for (refusal, status, rpc, body, challenge, retry) in [
        (
            Refusal::Unauthorised("x"),
            401,
            Some("UNAUTHORISED"),
            r#"{"status":"UNAUTHORISED","message":"unauthorised"}"#,
            Some(r#"Bearer error="invalid_token""#),
            None,
        ),
        (
            Refusal::TryRefreshToken("x"),
            401,
            Some("TRY_REFRESH_TOKEN"),
            r#"{"status":"TRY_REFRESH_TOKEN","message":"try refresh token"}"#,
            Some(r#"Bearer error="invalid_token""#),
            None,
        ),
        (
            theft(),
            401,
            Some("TOKEN_THEFT_DETECTED"),
            r#"{"status":"TOKEN_THEFT_DETECTED","message":"token theft detected"}"#,
            Some(r#"Bearer error="invalid_token""#),
            None,
        ),
        (
            Refusal::InvalidClaims("x"),
            403,
            Some("INVALID_CLAIMS"),
            r#"{"status":"INVALID_CLAIMS","message":"invalid claim"}"#,
            Some(r#"Bearer error="insufficient_scope""#),
            None,
        ),
        (
            Refusal::BadInput("\"handle\" must be a string".into()),
            400,
            None,
            r#"{"status":"BAD_INPUT","message":"\"handle\" must be a string"}"#,
            Some(r#"Bearer error="invalid_request""#),
            None,
        ),
        (
            too_large(),
            413,
            None,
            r#"{"status":"TOO_LARGE","message":"sessionData is 1048577 bytes long; the limit is 1048576 bytes"}"#,
            None,
            None,
        ),
        (
            Refusal::TooManyRequests,
            429,
            Some("TOO_MANY_REQUESTS"),
            r#"{"status":"TOO_MANY_REQUESTS","message":"too many requests; try again later"}"#,
            None,
            Some("10"),
        ),
        (
            Refusal::GeneralError("x"),
            503,
            Some("GENERAL_ERROR"),
            r#"{"status":"GENERAL_ERROR","message":"temporarily unavailable; try again"}"#,
            None,
            Some("2"),
        ),
    ] {
        let answer = reply(&refusal, Presented::Token, 401);
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert_eq!(answer.header("www-authenticate"), challenge, "{refusal:?}");
        assert_eq!(answer.header("retry-after"), retry, "{refusal:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(Outcome::of(&refusal).rpc_status(), rpc);
    }
}

#[test]
fn every_body_is_json_with_status_and_message() {
    for answer in [
        misconfigured(),
        not_found(),
        method_not_allowed("GET"),
        no_rule(),
        invalid_api_key(),
        foreign_website(),
        bad_gateway(),
        gateway_timeout(),
    ] {
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body["status"].is_string() && body["message"].is_string());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(
        method_not_allowed("GET, HEAD").header("allow"),
        Some("GET, HEAD")
    );
}

#[test]
fn without_a_token_the_challenge_is_bare() {
    let answer = reply(&Refusal::Unauthorised("x"), Presented::Nothing, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn the_expired_status_replaces_401_and_nothing_else() {
    assert_eq!(
        reply(&Refusal::TryRefreshToken("x"), Presented::Token, 440).status,
        440
    );
    assert_eq!(
        reply(&Refusal::InvalidClaims("x"), Presented::Token, 440).status,
        403
    );
    assert_eq!(
        reply(&Refusal::GeneralError("x"), Presented::Token, 440).status,
        503
    );
}

#[test]
fn public_texts_tell_strangers_nothing() {
    let refused = reply(&theft(), Presented::Token, 401);
    let body = &refused.body;
    assert!(!body.contains("the-handle") && !body.contains("the-user"));
    let refusal = Refusal::GeneralError("KV put failed");
    let refused = reply(&refusal, Presented::Token, 401);
    let body = &refused.body;
    assert!(!body.contains("KV"));
    assert_eq!(
        detail(&Refusal::GeneralError("KV put failed")),
        "KV put failed"
    );
    assert!(!detail(&theft()).contains("the-user"));
    assert_eq!(misconfigured().status, 500);
}
