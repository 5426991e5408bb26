//! What requests are read as, version by version.

use serde_json::json;

use super::{Field, cells};
use crate::http::reply::Reply;
use crate::session::call::RotationMode;
use crate::supertokens::cdi::request::call::CoreCall;
use crate::supertokens::cdi::tests::{
    create_body, refresh_body, row, send, send_with, settings, verify_body,
};
use crate::tokens::access_token::AccessTokenVersion;
use postern_jwt::time::Millis;

const INVALID_DYNAMIC: &str = "Field name 'useDynamicSigningKey' is invalid in JSON input\n";

#[test]
fn create_chooses_the_signing_key() {
    for (name, column) in cells() {
        let chosen = |setting: bool, field: Option<bool>| {
            let mut settings = settings();
            settings.use_dynamic_signing_key = setting;
            let mut body = create_body();
            if let Some(field) = field {
                body["useDynamicSigningKey"] = json!(field);
            }
            match send_with(&settings, "POST", "/recipe/session", name, &body)
                .unwrap()
                .call
            {
                CoreCall::Create(create) => create.use_dynamic_signing_key,
                other => panic!("{other:?}"),
            }
        };
        for setting in [true, false] {
            if column.create_key == Field::Ignored {
                assert_eq!(chosen(setting, Some(!setting)), setting, "{name}");
                assert_eq!(chosen(setting, None), setting, "{name}");
            } else {
                assert!(chosen(setting, None), "{name}");
                assert!(chosen(setting, Some(true)), "{name}");
                assert!(!chosen(setting, Some(false)), "{name}");
            }
        }
    }
}

#[test]
fn refresh_chooses_the_signing_key() {
    for (name, column) in cells() {
        let sent = |body| match send("POST", "/recipe/session/refresh", name, &body)? {
            CoreCall::Refresh(refresh) => Ok::<_, Reply>(refresh.use_dynamic_signing_key),
            other => panic!("{other:?}"),
        };
        let without = json!({"refreshToken": "r", "enableAntiCsrf": false});
        let (given, missing) = (sent(refresh_body()), sent(without));
        match column.refresh_key {
            Field::Ignored => {
                assert_eq!(given, Ok(None), "{name}");
                assert_eq!(missing, Ok(None), "{name}");
            }
            Field::Optional => {
                assert_eq!(given, Ok(Some(false)), "{name}");
                assert_eq!(missing, Ok(None), "{name}");
            }
            Field::Required => {
                assert_eq!(given, Ok(Some(false)), "{name}");
                assert_eq!(missing.unwrap_err().body, INVALID_DYNAMIC, "{name}");
            }
        }
    }
}

#[test]
fn verify_asks_the_database() {
    for (name, column) in cells() {
        let sent = |setting: bool, field: Option<bool>| {
            let mut settings = settings();
            settings.check_database = setting;
            let mut body = verify_body();
            body.as_object_mut().unwrap().remove("checkDatabase");
            if let Some(field) = field {
                body["checkDatabase"] = json!(field);
            }
            match send_with(&settings, "POST", "/recipe/session/verify", name, &body)?.call {
                CoreCall::Verify(verify) => Ok::<_, Reply>(verify.check_database),
                other => panic!("{other:?}"),
            }
        };
        for setting in [true, false] {
            if column.check_database == Field::Ignored {
                assert_eq!(sent(setting, Some(!setting)), Ok(setting), "{name}");
                assert_eq!(sent(setting, None), Ok(setting), "{name}");
            } else {
                assert_eq!(sent(setting, Some(!setting)), Ok(!setting), "{name}");
                assert_eq!(
                    sent(setting, None).unwrap_err().body,
                    "Field name 'checkDatabase' is invalid in JSON input\n",
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn protected_claims_are_refused_in_payload_writes() {
    let claims = [
        ("sub", AccessTokenVersion::V3),
        ("exp", AccessTokenVersion::V3),
        ("iat", AccessTokenVersion::V3),
        ("sessionHandle", AccessTokenVersion::V3),
        ("refreshTokenHash1", AccessTokenVersion::V3),
        ("parentRefreshTokenHash1", AccessTokenVersion::V3),
        ("antiCsrfToken", AccessTokenVersion::V3),
        ("tId", AccessTokenVersion::V4),
        ("rsub", AccessTokenVersion::V5),
    ];
    for (name, column) in cells() {
        for (claim, since) in claims {
            let mut create = create_body();
            create["userDataInJWT"] = json!({"a": 1, claim: "x"});
            let put = json!({"sessionHandle": "h", "userDataInJWT": {claim: null}});
            for (method, path, body) in [
                ("POST", "/recipe/session", create),
                ("PUT", "/recipe/jwt/data", put),
            ] {
                let sent = send(method, path, name, &body);
                if column.protected_claims && column.minted >= since {
                    let reply = sent.unwrap_err();
                    assert_eq!(reply.status, 400, "{name} {claim}");
                    assert_eq!(reply.body, "The user payload contains protected field\n");
                } else {
                    assert!(sent.is_ok(), "{name} {claim}");
                }
            }
        }
        let regenerate = json!({"accessToken": "a", "userDataInJWT": {"sub": 1}});
        // Only the token itself tells which list counts, so the use case gets whether to check.
        match send("POST", "/recipe/session/regenerate", name, &regenerate).unwrap() {
            CoreCall::Regenerate(call) => {
                assert_eq!(call.refuse_protected_claims, column.protected_claims);
                assert_eq!(call.payload.as_deref(), Some(r#"{"sub":1}"#));
            }
            other => panic!("{other:?}"),
        }
        match send("POST", "/recipe/session/verify", name, &verify_body()).unwrap() {
            CoreCall::Verify(call) => {
                assert_eq!(call.refuse_protected_claims, column.protected_claims);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn app_and_tenant_prefixes() {
    for (name, column) in cells() {
        for path in [
            "/recipe/session",
            "/public/recipe/session",
            "/appid-public/recipe/session",
            "/appid-public/public/recipe/session",
        ] {
            match send("POST", path, name, &create_body()).unwrap() {
                CoreCall::Create(create) => assert_eq!(create.tenant_id, "public", "{name}"),
                other => panic!("{other:?}"),
            }
        }
        for path in ["/t1/recipe/session", "/appid-public/T1/recipe/session/"] {
            match send("POST", path, name, &create_body()) {
                Ok(CoreCall::Create(create)) if column.tenant_paths => {
                    assert_eq!(create.tenant_id, "t1", "{name}");
                }
                Err(reply) if !column.tenant_paths => {
                    assert_eq!((reply.status, reply.body.as_str()), (404, "Not found\n"));
                }
                other => panic!("{name} {other:?}"),
            }
        }
    }
}

#[test]
fn all_tenants_calls_from_a_tenants_path() {
    for (name, column) in cells() {
        let list = send(
            "GET",
            "/t1/recipe/session/user?userId=u",
            name,
            &json!(null),
        );
        let remove = send(
            "POST",
            "/t1/recipe/session/remove",
            name,
            &json!({"userId": "u"}),
        );
        for result in [list, remove] {
            match (column.all_tenants, result) {
                (
                    200,
                    Ok(
                        CoreCall::ListUserSessions { tenant_id, .. }
                        | CoreCall::RemoveUserSessions { tenant_id, .. },
                    ),
                ) => assert_eq!(tenant_id, None, "{name}"),
                (403, Err(reply)) => {
                    assert_eq!(reply.status, 403, "{name}");
                    assert_eq!(
                        reply.body,
                        "Only public tenantId can call this app specific API\n"
                    );
                }
                (404, Err(reply)) => assert_eq!(reply.status, 404, "{name}"),
                (_, other) => panic!("{name} {other:?}"),
            }
        }
        if !column.tenant_paths {
            continue;
        }
        let list = "/t1/recipe/session/user?userId=u&fetchAcrossAllTenants=false";
        assert_eq!(
            send("GET", list, name, &json!(null)).unwrap(),
            CoreCall::ListUserSessions {
                user_id: "u".to_owned(),
                tenant_id: Some("t1".to_owned())
            }
        );
        let body = json!({"userId": "u", "revokeAcrossAllTenants": false});
        assert_eq!(
            send("POST", "/t1/recipe/session/remove", name, &body).unwrap(),
            CoreCall::RemoveUserSessions {
                user_id: "u".to_owned(),
                tenant_id: Some("t1".to_owned())
            }
        );
    }
}

#[test]
fn rotation_verify_and_validity_of_the_newest() {
    for (name, column) in cells() {
        let rotation_mode = if column.newest {
            RotationMode::Eager
        } else {
            RotationMode::Lazy
        };
        assert_eq!(row(name).rotation_mode, rotation_mode, "{name}");
        if column.tenant_paths {
            let sent = send("POST", "/t1/recipe/session/verify", name, &verify_body());
            assert_eq!(
                sent.err().map(|reply| reply.status),
                column.newest.then_some(403)
            );
        }
        for (path, mut body) in [
            ("/recipe/session", create_body()),
            ("/recipe/session/refresh", refresh_body()),
        ] {
            for (asked, allowed) in [
                (json!(1), true),
                (json!(3_600_000), true),
                (json!(3_600_001), false),
                (json!(0), false),
                (json!(-1), false),
                (json!("1"), false),
                (json!(1.5), false),
            ] {
                body["accessTokenValidity"] = asked.clone();
                let sent = send("POST", path, name, &body).map(|call| match call {
                    CoreCall::Create(create) => create.access_token_validity,
                    CoreCall::Refresh(refresh) => refresh.access_token_validity,
                    other => panic!("{other:?}"),
                });
                if !column.newest {
                    assert_eq!(sent, Ok(None), "{name} {path} {asked}");
                } else if allowed {
                    assert_eq!(
                        sent,
                        Ok(asked.as_u64().map(Millis)),
                        "{name} {path} {asked}"
                    );
                } else {
                    let text = "Field name 'accessTokenValidity' is invalid in JSON input\n";
                    assert_eq!(sent.unwrap_err().body, text, "{name} {path} {asked}");
                }
            }
        }
    }
}
