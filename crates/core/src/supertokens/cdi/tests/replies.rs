//! Answers by shape, and how refusals and faults are spelled.

use serde_json::json;

use super::{NOW, answer, issued, json_of, names, reply_with, ring, row, session, settings, token};
use crate::refusal::{Refusal, TooLarge};
use crate::session::model::SessionInformation;
use crate::supertokens::cdi::request::version::{LegacyKeyFields, VERSIONS};
use crate::supertokens::cdi::response::outcome::{Outcome, ResponseContext, Verified};
use crate::supertokens::cdi::response::{refusal_of_regenerate, render};
use postern_jwt::time::UnixMillis;

#[test]
fn a_session_of_today_by_shape() {
    assert_eq!(
        answer("5.4", Ok(Outcome::Created(issued()))),
        json!({
            "status": "OK",
            "session": {"handle": "route.random.tag", "userId": "u1", "recipeUserId": "u1",
                "userDataInJWT": {"a": 1.0, "b": null}, "tenantId": "public"},
            "accessToken": {"token": "access", "expiry": 1_795_422_497_000_u64, "createdTime": 1_795_419_044_000_u64},
            "refreshToken": {"token": "refresh", "expiry": 1_804_059_044_964_u64, "createdTime": 1_795_419_044_964_u64}
        })
    );
}

#[test]
fn a_session_of_2_18_by_shape() {
    let mut session = issued();
    session.anti_csrf_token = Some(postern_jwt::secret::AntiCsrfToken::new("csrf".to_owned()));
    let body = answer("2.18", Ok(Outcome::Created(session)));
    assert_eq!(
        names(&body),
        [
            "accessToken",
            "antiCsrfToken",
            "idRefreshToken",
            "jwtSigningPublicKey",
            "jwtSigningPublicKeyExpiryTime",
            "jwtSigningPublicKeyList",
            "refreshToken",
            "session",
            "status",
        ]
    );
    assert_eq!(
        body["jwtSigningPublicKeyList"],
        json!([{"publicKey": super::keys::SMALL, "expiryTime": 1_796_031_043_945_u64, "createdAt": 1_795_419_043_945_u64}])
    );
}

#[test]
fn payload_and_data_keep_their_text() {
    let reply = reply_with(&settings(), "5.4", Ok(Outcome::Created(issued())));
    assert!(
        reply.body.contains(r#""userDataInJWT":{"a":1.0,"b":null}"#),
        "{}",
        reply.body
    );
    let data = Outcome::SessionData(r#"{"n":1e21}"#.to_owned());
    assert_eq!(
        reply_with(&settings(), "5.4", Ok(data)).body,
        "{\"status\":\"OK\",\"userDataInDatabase\":{\"n\":1e21}}\n"
    );
    let payload = Outcome::Payload(r#"{"n":1.0}"#.to_owned());
    assert_eq!(
        reply_with(&settings(), "5.4", Ok(payload)).body,
        "{\"status\":\"OK\",\"userDataInJWT\":{\"n\":1.0}}\n"
    );
}

#[test]
fn small_answers() {
    assert_eq!(answer("5.4", Ok(Outcome::Updated)), json!({"status": "OK"}));
    assert_eq!(
        answer("5.4", Ok(Outcome::Handles(vec![]))),
        json!({"status": "OK", "sessionHandles": []})
    );
    assert_eq!(
        answer("5.4", Ok(Outcome::Revoked(vec![]))),
        json!({"status": "OK", "sessionHandlesRevoked": []})
    );
    assert_eq!(
        answer("5.4", Ok(Outcome::Jwt("a.b.c".to_owned()))),
        json!({"status": "OK", "jwt": "a.b.c"})
    );
    let regenerated = |access_token| {
        answer(
            "5.4",
            Ok(Outcome::Regenerated {
                session: session(),
                access_token,
            }),
        )
    };
    assert_eq!(names(&regenerated(None)), ["session", "status"]);
    assert_eq!(
        names(&regenerated(Some(token("new")))),
        ["accessToken", "session", "status"]
    );
}

#[test]
fn regenerate_knows_no_try_refresh_token() {
    let refused = |refusal| answer("5.4", Err(refusal_of_regenerate(refusal)));
    assert_eq!(
        refused(Refusal::TryRefreshToken("bad signature")),
        json!({"status": "UNAUTHORISED", "message": "bad signature"})
    );
    assert_eq!(
        refused(Refusal::Unauthorised("gone")),
        json!({"status": "UNAUTHORISED", "message": "gone"})
    );
}

#[test]
fn the_key_set_has_no_status_but_its_twin_has() {
    let key =
        |kid| json!({"kty": "RSA", "kid": kid, "n": "fw", "e": "Aw", "alg": "RS256", "use": "sig"});
    let keys = json!([key("d-1"), key("s-1")]);
    for (with_status, expected) in [
        (false, json!({ "keys": keys })),
        (true, json!({"status": "OK", "keys": keys})),
    ] {
        let reply = reply_with(&settings(), "5.4", Ok(Outcome::Jwks { with_status }));
        assert_eq!(json_of(&reply), expected);
        assert_eq!(
            reply.header("cache-control"),
            Some("max-age=60, must-revalidate")
        );
    }
}

/// Every SDK reads an absent field as absent and a `null` as a value.
#[test]
fn no_version_ever_answers_with_null() {
    let mut bare = session();
    bare.payload = "{}".to_owned();
    let mut created = issued();
    created.session = bare.clone();
    for version in &VERSIONS {
        for outcome in [
            Outcome::Created(created.clone()),
            Outcome::Refreshed(created.clone()),
            Outcome::Verified(Verified {
                session: bare.clone(),
                access_token: None,
                payload_update_available: None,
            }),
            Outcome::Regenerated {
                session: bare.clone(),
                access_token: None,
            },
            Outcome::Information(SessionInformation {
                session: bare.clone(),
                session_data: "{}".to_owned(),
                expiry: UnixMillis(2),
                created: UnixMillis(1),
                bound: None,
                dpop_key: None,
                device: None,
                last_refreshed: None,
            }),
            Outcome::Handshake,
            Outcome::Updated,
        ] {
            let reply = reply_with(&settings(), version.name, Ok(outcome));
            assert_eq!(reply.status, 200);
            assert!(
                !reply.body.contains("null"),
                "{} {}",
                version.name,
                reply.body
            );
        }
    }
}

#[test]
fn bad_input_outages_and_damage_are_no_outcomes() {
    let refused = |refusal| reply_with(&settings(), "5.4", Err(refusal));
    let reply = refused(Refusal::BadInput(
        "The user payload contains protected field".to_owned(),
    ));
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (400, "The user payload contains protected field\n")
    );
    let reply = refused(Refusal::TooLarge(Box::new(TooLarge {
        what: "userDataInDatabase",
        size: 3,
        limit: 2,
    })));
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            413,
            "userDataInDatabase is 3 bytes long; the limit is 2 bytes\n"
        )
    );
    let reply = refused(Refusal::GeneralError("storage is out"));
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (503, "storage is out\n")
    );
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(refused(Refusal::InvalidClaims("no")).status, 403);
    let damaged = reply_with(&settings(), "5.4", Ok(Outcome::SessionData("{".to_owned())));
    assert_eq!(
        (damaged.status, damaged.body.as_str()),
        (500, "Stored JSON is damaged\n")
    );
    assert_eq!(
        damaged.header("content-type"),
        Some("text/html; charset=UTF-8")
    );
}

#[test]
fn a_version_that_needs_keys_never_answers_without_them() {
    let mut ring = ring();
    ring.ring.keys.clear();
    for version in &VERSIONS {
        let context = ResponseContext {
            settings: &settings(),
            ring: &ring,
            now: NOW,
            id_refresh_token: [0; 16],
        };
        let reply = render(row(version.name), Ok(Outcome::Created(issued())), &context);
        let expected = if version.legacy_keys == LegacyKeyFields::Absent {
            200
        } else {
            503
        };
        assert_eq!(reply.status, expected, "{}", version.name);
    }
}

#[test]
fn id_refresh_tokens_are_uuids_of_version_4() {
    let context = ResponseContext {
        settings: &settings(),
        ring: &ring(),
        now: NOW,
        id_refresh_token: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    };
    let reply = render(row("2.7"), Ok(Outcome::Refreshed(issued())), &context);
    assert_eq!(
        json_of(&reply)["idRefreshToken"]["token"],
        "00010203-0405-4607-8809-0a0b0c0d0e0f"
    );
}
