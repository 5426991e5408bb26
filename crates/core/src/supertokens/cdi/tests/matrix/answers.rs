//! What answers hold, version by version.

use serde_json::json;

use super::{Column, Keys, cells};
use crate::refusal::{Refusal, ReuseSubtype, Theft};
use crate::session::model::SessionInformation;
use crate::settings::RecentTokenReuse;
use crate::supertokens::cdi::request::call::CoreCall;
use crate::supertokens::cdi::response::outcome::{Outcome, Verified};
use crate::supertokens::cdi::tests::{
    answer, answered, issued, json_of, names, reply_with, send, session, settings, token,
};
use postern_jwt::time::UnixMillis;

/// The fields that public keys add to an answer.
fn key_fields(keys: Keys) -> Vec<&'static str> {
    match keys {
        Keys::None => vec![],
        Keys::KeyAndExpiry => vec!["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"],
        Keys::AndList => vec![
            "jwtSigningPublicKey",
            "jwtSigningPublicKeyExpiryTime",
            "jwtSigningPublicKeyList",
        ],
    }
}

fn sorted(mut names: Vec<&'static str>) -> Vec<&'static str> {
    names.sort_unstable();
    names
}

fn session_fields(column: &Column) -> Vec<&'static str> {
    let mut fields = vec!["handle", "userId", "userDataInJWT"];
    fields.extend(column.tenant_id.then_some("tenantId"));
    fields.extend(column.recipe_user_id.then_some("recipeUserId"));
    sorted(fields)
}

#[test]
fn create_answers_with_keys_id_refresh_token_and_session_fields() {
    for (name, column) in cells() {
        let body = answer(name, Ok(Outcome::Created(issued())));
        let mut fields = vec!["status", "session", "accessToken", "refreshToken"];
        fields.extend(column.id_refresh_token.then_some("idRefreshToken"));
        fields.extend(key_fields(column.keys));
        assert_eq!(names(&body), sorted(fields), "{name}");
        assert_eq!(names(&body["session"]), session_fields(&column), "{name}");
        for kind in ["accessToken", "refreshToken"] {
            assert_eq!(
                names(&body[kind]),
                ["createdTime", "expiry", "token"],
                "{name}"
            );
        }
        if column.id_refresh_token {
            let id = &body["idRefreshToken"];
            assert_eq!(names(id), ["createdTime", "expiry", "token"], "{name}");
            assert_eq!(id["expiry"], body["refreshToken"]["expiry"], "{name}");
            assert_eq!(
                id["token"], "ffffffff-ffff-4fff-bfff-ffffffffffff",
                "{name}"
            );
        }
    }
}

#[test]
fn refresh_answers_without_keys() {
    for (name, column) in cells() {
        let mut refreshed = issued();
        refreshed.anti_csrf_token =
            Some(postern_jwt::secret::AntiCsrfToken::new("csrf".to_owned()));
        let body = answer(name, Ok(Outcome::Refreshed(refreshed)));
        let mut fields = vec![
            "status",
            "session",
            "accessToken",
            "refreshToken",
            "antiCsrfToken",
        ];
        fields.extend(column.id_refresh_token.then_some("idRefreshToken"));
        assert_eq!(names(&body), sorted(fields), "{name}");
        assert_eq!(names(&body["session"]), session_fields(&column), "{name}");
    }
}

#[test]
fn verify_answers_with_keys_and_a_token_only_if_minted() {
    for (name, column) in cells() {
        for minted in [None, Some(token("new"))] {
            let body = answer(
                name,
                Ok(Outcome::Verified(Verified {
                    session: session(),
                    access_token: minted.clone(),
                    payload_update_available: Some(true),
                })),
            );
            let mut fields = vec!["status", "session"];
            fields.extend((minted.is_some() && !column.newest).then_some("accessToken"));
            fields.extend(column.newest.then_some("payloadUpdateAvailable"));
            fields.extend(key_fields(column.keys));
            assert_eq!(names(&body), sorted(fields), "{name}");
        }
        let body = answer(name, Err(Refusal::TryRefreshToken("expired")));
        let mut fields = vec!["status", "message"];
        fields.extend(key_fields(column.keys));
        assert_eq!(names(&body), sorted(fields), "{name}");
        let body = answer(name, Err(Refusal::Unauthorised("gone")));
        assert_eq!(
            body,
            json!({"status": "UNAUTHORISED", "message": "gone"}),
            "{name}"
        );
    }
}

#[test]
fn payload_update_is_not_announced_when_the_database_was_not_asked() {
    let body = answer(
        "5.6",
        Ok(Outcome::Verified(Verified {
            session: session(),
            access_token: None,
            payload_update_available: None,
        })),
    );
    assert_eq!(names(&body), ["session", "status"]);
}

#[test]
fn session_information() {
    for (name, column) in cells() {
        let target = "/recipe/session?sessionHandle=h";
        if !column.session_information {
            assert_eq!(
                answered("GET", target, name, &json!(null)),
                (405, "Method not supported\n".to_owned())
            );
            continue;
        }
        let call = send("GET", target, name, &json!(null)).unwrap();
        assert_eq!(
            call,
            CoreCall::GetSession {
                handle: "h".to_owned()
            }
        );
        let body = answer(
            name,
            Ok(Outcome::Information(SessionInformation {
                session: session(),
                session_data: "{}".to_owned(),
                expiry: UnixMillis(2),
                created: UnixMillis(1),
                bound: None,
                dpop_key: None,
                device: None,
                last_refreshed: None,
            })),
        );
        let mut fields = vec![
            "status",
            "sessionHandle",
            "userId",
            "userDataInDatabase",
            "userDataInJWT",
            "expiry",
            "timeCreated",
        ];
        fields.extend(column.tenant_id.then_some("tenantId"));
        fields.extend(column.recipe_user_id.then_some("recipeUserId"));
        assert_eq!(names(&body), sorted(fields), "{name}");
    }
}

#[test]
fn handshake_exists_until_2_21() {
    for (name, column) in cells() {
        let sent = send("POST", "/recipe/handshake", name, &json!({}));
        if !column.handshake {
            let reply = sent.unwrap_err();
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (404, "Not found\n"),
                "{name}"
            );
            continue;
        }
        assert_eq!(sent.unwrap(), CoreCall::Handshake, "{name}");
        let body = answer(name, Ok(Outcome::Handshake));
        let mut fields = vec![
            "status",
            "accessTokenBlacklistingEnabled",
            "accessTokenValidity",
            "refreshTokenValidity",
        ];
        fields.extend(key_fields(column.keys));
        assert_eq!(names(&body), sorted(fields), "{name}");
        assert_eq!(body["accessTokenValidity"], 3_600_000, "{name}");
    }
}

#[test]
fn theft_names_its_subtype_only_in_the_newest() {
    let subtypes = [
        (ReuseSubtype::RecentPrev, "RECENT_PREV"),
        (ReuseSubtype::OrphanedBranch, "ORPHANED_BRANCH"),
        (ReuseSubtype::StaleLineage, "STALE_LINEAGE"),
    ];
    for (name, column) in cells() {
        for (subtype, spelled) in subtypes {
            let theft = Refusal::TokenTheftDetected(Box::new(Theft {
                handle: "h".to_owned(),
                user_id: "u".to_owned(),
                subtype,
            }));
            let mut expected = json!({
                "status": "TOKEN_THEFT_DETECTED",
                "session": {"handle": "h", "userId": "u", "recipeUserId": "u"}
            });
            if column.newest {
                expected["recentTokenReuseSubtype"] = json!(spelled);
            }
            assert_eq!(answer(name, Err(theft.clone())), expected, "{name}");

            let mut lenient = settings();
            lenient.recent_token_reuse = RecentTokenReuse::Unauthorised;
            let body = json_of(&reply_with(&lenient, name, Err(theft)));
            if column.newest && subtype != ReuseSubtype::StaleLineage {
                assert_eq!(body["status"], "UNAUTHORISED", "{name}");
                assert_eq!(body["recentTokenReuseSubtype"], spelled, "{name}");
                assert_eq!(
                    names(&body),
                    ["message", "recentTokenReuseSubtype", "status"]
                );
            } else {
                assert_eq!(body, expected, "{name}");
            }
        }
    }
}

#[test]
fn user_id_lookup_exists_from_4_0() {
    for (name, column) in cells() {
        let (status, body) = answered("GET", "/user/id?userId=u", name, &json!(null));
        if column.user_id {
            assert_eq!(status, 200, "{name}");
            assert_eq!(body, "{\"status\":\"UNKNOWN_USER_ID_ERROR\"}\n", "{name}");
        } else {
            assert_eq!(status, 404, "{name}");
        }
    }
}
