//! Versions 1.0 and 2.0, cell by cell.

use serde_json::{Value, json};

use super::{
    answer, answered, issued, json_of, names, reply_with, send, send_with, session, settings, token,
};
use crate::refusal::{Refusal, ReuseSubtype, Theft};
use crate::settings::{AntiCsrf, SameSite};
use crate::supertokens::cdi::request::call::{CoreCall, Create, Refresh, Verify};
use crate::supertokens::cdi::response::outcome::{Outcome, Verified};
use crate::tokens::access_token::AccessTokenVersion;

const COOKIE_1_0: [&str; 6] = [
    "cookiePath",
    "cookieSecure",
    "createdTime",
    "domain",
    "expiry",
    "token",
];
const COOKIE_2_0: [&str; 7] = [
    "cookiePath",
    "cookieSecure",
    "createdTime",
    "domain",
    "expiry",
    "sameSite",
    "token",
];

#[test]
fn each_mints_its_own_access_token() {
    assert_eq!(super::row("1.0").access_token, AccessTokenVersion::V1);
    assert_eq!(super::row("2.0").access_token, AccessTokenVersion::V2);
}

#[test]
fn handshake() {
    let old = answer("1.0", Ok(Outcome::Handshake));
    let expected = json!({
        "status": "OK",
        "jwtSigningPublicKey": super::keys::SMALL,
        "jwtSigningPublicKeyExpiryTime": 1_796_023_843_945_u64,
        "cookieDomain": "",
        "cookieSecure": true,
        "accessTokenPath": "/",
        "refreshTokenPath": "/auth/session/refresh",
        "enableAntiCsrf": false,
        "accessTokenBlacklistingEnabled": false
    });
    assert_eq!(old, expected);
    for (same_site, spelled) in [
        (SameSite::None, "none"),
        (SameSite::Lax, "lax"),
        (SameSite::Strict, "strict"),
    ] {
        let mut settings = settings();
        settings.cookie_same_site = Some(same_site);
        settings.cookie_domain = Some("example.org".to_owned());
        settings.anti_csrf = AntiCsrf::ViaToken;
        settings.check_database = true;
        settings.session_expired_status_code = 440;
        let mut expected = expected.clone();
        expected["cookieDomain"] = json!("example.org");
        expected["enableAntiCsrf"] = json!(true);
        expected["accessTokenBlacklistingEnabled"] = json!(true);
        expected["cookieSameSite"] = json!(spelled);
        expected["idRefreshTokenPath"] = json!("/");
        expected["sessionExpiredStatusCode"] = json!(440);
        assert_eq!(
            json_of(&reply_with(&settings, "2.0", Ok(Outcome::Handshake))),
            expected
        );
    }
}

#[test]
fn created_and_refreshed_sessions_carry_cookie_attributes() {
    for (version, cookie, id) in [
        (
            "1.0",
            &COOKIE_1_0[..],
            &["createdTime", "expiry", "token"][..],
        ),
        ("2.0", &COOKIE_2_0, &COOKIE_2_0),
    ] {
        let mut session = issued();
        session.anti_csrf_token = Some(postern_jwt::secret::AntiCsrfToken::new("csrf".to_owned()));
        let created = answer(version, Ok(Outcome::Created(session.clone())));
        let refreshed = answer(version, Ok(Outcome::Refreshed(session)));
        let mut common = vec!["accessToken", "antiCsrfToken", "idRefreshToken"];
        let rest = ["refreshToken", "session", "status"];
        assert_eq!(names(&refreshed), [&common[..], &rest].concat());
        common.extend(["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"]);
        assert_eq!(names(&created), [&common[..], &rest].concat());
        for body in [created, refreshed] {
            assert_eq!(
                names(&body["session"]),
                ["handle", "userDataInJWT", "userId"]
            );
            assert_eq!(names(&body["accessToken"]), cookie);
            assert_eq!(names(&body["refreshToken"]), cookie);
            assert_eq!(names(&body["idRefreshToken"]), id);
            assert_eq!(body["accessToken"]["cookiePath"], "/");
            assert_eq!(body["refreshToken"]["cookiePath"], "/auth/session/refresh");
        }
    }
    let id = &answer("2.0", Ok(Outcome::Created(issued())))["idRefreshToken"];
    assert_eq!(id["cookiePath"], "/");
}

#[test]
fn verify_answers_carry_keys_only_when_good() {
    for (version, cookie) in [("1.0", &COOKIE_1_0[..]), ("2.0", &COOKIE_2_0)] {
        let verified = |access_token| {
            answer(
                version,
                Ok(Outcome::Verified(Verified {
                    session: session(),
                    access_token,
                    payload_update_available: Some(true),
                })),
            )
        };
        let keys = [
            "jwtSigningPublicKey",
            "jwtSigningPublicKeyExpiryTime",
            "session",
            "status",
        ];
        assert_eq!(names(&verified(None)), keys);
        let minted = verified(Some(token("new")));
        assert_eq!(names(&minted), [&["accessToken"][..], &keys].concat());
        assert_eq!(names(&minted["accessToken"]), cookie);
        assert_eq!(
            answer(version, Err(Refusal::TryRefreshToken("expired"))),
            json!({"status": "TRY_REFRESH_TOKEN", "message": "expired"})
        );
        assert_eq!(
            answer(version, Err(Refusal::Unauthorised("gone"))),
            json!({"status": "UNAUTHORISED", "message": "gone"})
        );
        let regenerated = Outcome::Regenerated {
            session: session(),
            access_token: Some(token("new")),
        };
        assert_eq!(
            names(&answer(version, Ok(regenerated))["accessToken"]),
            cookie
        );
    }
}

#[test]
fn theft_names_the_session_and_the_user() {
    for version in ["1.0", "2.0"] {
        let theft = Refusal::TokenTheftDetected(Box::new(Theft {
            handle: "h".to_owned(),
            user_id: "u".to_owned(),
            subtype: ReuseSubtype::StaleLineage,
        }));
        assert_eq!(
            answer(version, Err(theft)),
            json!({"status": "TOKEN_THEFT_DETECTED", "session": {"handle": "h", "userId": "u"}})
        );
    }
}

#[test]
fn removal_moved_from_delete_to_post() {
    let unsupported = |version: &str| (400, format!("cdi-version {version} not supported\n"));
    let one = json!({"sessionHandle": "h"});
    assert_eq!(
        answered("DELETE", "/session", "2.0", &one),
        unsupported("2.0")
    );
    assert_eq!(
        answered("POST", "/session/remove", "1.0", &one),
        unsupported("1.0")
    );
    let handles = |names: &[&str]| CoreCall::RemoveSessions {
        handles: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(
        send("DELETE", "/session", "1.0", &one).unwrap(),
        handles(&["h"])
    );
    let several = json!({"sessionHandles": ["a", "b"]});
    assert_eq!(
        send("DELETE", "/session", "1.0", &several).unwrap(),
        handles(&["a", "b"])
    );
    assert_eq!(
        send("POST", "/session/remove", "2.0", &several).unwrap(),
        handles(&["a", "b"])
    );
    let user = json!({"userId": "u"});
    let all = CoreCall::RemoveUserSessions {
        user_id: "u".to_owned(),
        tenant_id: None,
    };
    assert_eq!(send("DELETE", "/session", "1.0", &user).unwrap(), all);
    assert_eq!(send("POST", "/session/remove", "2.0", &user).unwrap(), all);
    for body in [json!({}), json!({"userId": "u", "sessionHandle": "h"})] {
        assert_eq!(answered("DELETE", "/session", "1.0", &body).0, 400);
    }
    let revoked = Outcome::Revoked(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(
        answer("1.0", Ok(revoked.clone())),
        json!({"status": "OK", "numberOfSessionsRevoked": 2})
    );
    assert_eq!(
        answer("2.0", Ok(revoked)),
        json!({"status": "OK", "sessionHandlesRevoked": ["a", "b"]})
    );
}

#[test]
fn payload_updates_came_with_2_0() {
    let put = json!({"sessionHandle": "h", "userDataInJWT": {"sub": 1}});
    let regenerate = json!({"accessToken": "a"});
    for (method, target, body) in [
        ("GET", "/jwt/data?sessionHandle=h", &Value::Null),
        ("PUT", "/jwt/data", &put),
        ("POST", "/session/regenerate", &regenerate),
    ] {
        assert_eq!(
            answered(method, target, "1.0", body),
            (400, "cdi-version 1.0 not supported\n".to_owned())
        );
        assert!(send(method, target, "2.0", body).is_ok(), "{target}");
    }
    for version in ["1.0", "2.0"] {
        assert!(
            send(
                "GET",
                "/session/data?sessionHandle=h",
                version,
                &Value::Null
            )
            .is_ok()
        );
        assert!(send("GET", "/session/user?userId=u", version, &Value::Null).is_ok());
        let data = json!({"sessionHandle": "h", "userDataInDatabase": {}});
        assert!(send("PUT", "/session/data", version, &data).is_ok());
    }
}

#[test]
fn anti_csrf_keys_and_blacklisting_are_the_servers_choice() {
    let create = json!({"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}});
    let verify =
        |asked: bool| json!({"accessToken": "a", "doAntiCsrfCheck": asked, "antiCsrfToken": "c"});
    let refresh = json!({"refreshToken": "r"});
    for version in ["1.0", "2.0"] {
        for chosen in [true, false] {
            let mut settings = settings();
            settings.anti_csrf = if chosen {
                AntiCsrf::ViaToken
            } else {
                AntiCsrf::ViaCustomHeader
            };
            settings.check_database = chosen;
            settings.use_dynamic_signing_key = chosen;
            let call = |path, body: &Value| {
                send_with(&settings, "POST", path, version, body)
                    .unwrap()
                    .call
            };
            assert_eq!(
                call("/session", &create),
                CoreCall::Create(Create {
                    tenant_id: "public".to_owned(),
                    user_id: "u".to_owned(),
                    payload: "{}".to_owned(),
                    session_data: "{}".to_owned(),
                    anti_csrf: chosen,
                    use_dynamic_signing_key: chosen,
                    access_token_validity: None,
                })
            );
            for asked in [true, false] {
                assert_eq!(
                    call("/session/verify", &verify(asked)),
                    CoreCall::Verify(Verify {
                        access_token: "a".to_owned(),
                        check_anti_csrf: chosen && asked,
                        anti_csrf_token: Some("c".to_owned()),
                        check_database: chosen,
                        refuse_protected_claims: false,
                    })
                );
            }
            // Their SDKs send no token to refresh, so it must not be compared there.
            assert_eq!(
                call("/session/refresh", &refresh),
                CoreCall::Refresh(Refresh {
                    refresh_token: "r".to_owned(),
                    anti_csrf: chosen,
                    check_anti_csrf: false,
                    anti_csrf_token: None,
                    use_dynamic_signing_key: None,
                    access_token_validity: None,
                })
            );
        }
    }
}
