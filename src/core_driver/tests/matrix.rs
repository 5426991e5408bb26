//! Every cell of the protocol's version matrix, as behaviour: what requests are read as, and what answers hold.

use serde_json::json;

use super::{
    answer, answered, create_body, issued, json_of, names, policy, refresh_body, reply_with, row,
    send, send_with, session, token, verify_body,
};
use crate::{
    core_driver::{
        call::CoreCall,
        claims::AccessTokenVersion,
        reply::Reply,
        response::{Outcome, Verified},
        version::{Rotation, VERSIONS},
    },
    session::model::{Refusal, ReuseSubtype, SessionInformation},
    settings::RecentTokenReuse,
    time::{Millis, UnixMillis},
};

#[derive(Clone, Copy, PartialEq)]
enum Keys {
    None,
    KeyAndExpiry,
    AndList,
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Ignored,
    Optional,
    Required,
}

/// One column of the matrix, typed in by hand from the protocol.
struct Column {
    versions: &'static [&'static str],
    minted: AccessTokenVersion,
    keys: Keys,
    id_refresh_token: bool,
    tenant_id: bool,
    recipe_user_id: bool,
    handshake: bool,
    create_key: Field,
    refresh_key: Field,
    check_database: Field,
    protected_claims: bool,
    tenant_paths: bool,
    /// The status of an "all tenants" call from a tenant's path.
    all_tenants: u16,
    stateless: bool,
    session_information: bool,
    user_id: bool,
}

const COLUMNS: [Column; 8] = {
    use AccessTokenVersion::{V2, V3, V4, V5};
    use Field::{Ignored, Optional, Required};
    let oldest = Column {
        versions: &["2.7"],
        minted: V2,
        keys: Keys::KeyAndExpiry,
        id_refresh_token: true,
        tenant_id: false,
        recipe_user_id: false,
        handshake: true,
        create_key: Ignored,
        refresh_key: Ignored,
        check_database: Ignored,
        protected_claims: false,
        tenant_paths: false,
        all_tenants: 404,
        stateless: false,
        session_information: false,
        user_id: false,
    };
    [
        Column { ..oldest },
        Column {
            versions: &["2.8"],
            session_information: true,
            ..oldest
        },
        Column {
            versions: &[
                "2.9", "2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18",
                "2.19", "2.20",
            ],
            keys: Keys::AndList,
            session_information: true,
            ..oldest
        },
        Column {
            versions: &["2.21"],
            minted: V3,
            keys: Keys::None,
            id_refresh_token: false,
            handshake: false,
            create_key: Optional,
            check_database: Required,
            protected_claims: true,
            session_information: true,
            ..oldest
        },
        Column {
            versions: &["3.0", "3.1"],
            minted: V4,
            keys: Keys::None,
            id_refresh_token: false,
            tenant_id: true,
            handshake: false,
            create_key: Optional,
            refresh_key: Optional,
            check_database: Required,
            protected_claims: true,
            tenant_paths: true,
            all_tenants: 200,
            session_information: true,
            ..oldest
        },
        Column {
            versions: &["4.0"],
            minted: V5,
            keys: Keys::None,
            id_refresh_token: false,
            tenant_id: true,
            recipe_user_id: true,
            handshake: false,
            create_key: Optional,
            refresh_key: Optional,
            check_database: Required,
            protected_claims: true,
            tenant_paths: true,
            all_tenants: 200,
            session_information: true,
            user_id: true,
            ..oldest
        },
        Column {
            versions: &["5.0", "5.1", "5.2", "5.3", "5.4", "5.5"],
            minted: V5,
            keys: Keys::None,
            id_refresh_token: false,
            tenant_id: true,
            recipe_user_id: true,
            handshake: false,
            create_key: Optional,
            refresh_key: Required,
            check_database: Required,
            protected_claims: true,
            tenant_paths: true,
            all_tenants: 403,
            stateless: false,
            session_information: true,
            user_id: true,
            ..oldest
        },
        Column {
            versions: &["5.6"],
            minted: V5,
            keys: Keys::None,
            id_refresh_token: false,
            tenant_id: true,
            recipe_user_id: true,
            handshake: false,
            create_key: Optional,
            refresh_key: Required,
            check_database: Required,
            protected_claims: true,
            tenant_paths: true,
            all_tenants: 403,
            stateless: true,
            session_information: true,
            user_id: true,
            ..oldest
        },
    ]
};

fn cells() -> impl Iterator<Item = (&'static str, &'static Column)> {
    COLUMNS
        .iter()
        .flat_map(|column| column.versions.iter().map(move |name| (*name, column)))
}

const INVALID_DYNAMIC: &str = "Field name 'useDynamicSigningKey' is invalid in JSON input\n";

#[test]
fn the_columns_and_the_two_legacy_versions_are_all_there_is() {
    let mut expected = vec!["1.0", "2.0"];
    expected.extend(cells().map(|(name, _)| name));
    let known: Vec<&str> = VERSIONS.iter().map(|version| version.name).collect();
    assert_eq!(known, expected);
}

#[test]
fn access_token_version_minted() {
    for (name, column) in cells() {
        assert_eq!(row(name).access_token, column.minted, "{name}");
    }
}

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
        assert_eq!(names(&body["session"]), session_fields(column), "{name}");
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
        refreshed.anti_csrf_token = Some("csrf".to_owned());
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
        assert_eq!(names(&body["session"]), session_fields(column), "{name}");
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
            fields.extend((minted.is_some() && !column.stateless).then_some("accessToken"));
            fields.extend(column.stateless.then_some("payloadUpdateAvailable"));
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
                device: None,
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
fn create_chooses_the_signing_key() {
    for (name, column) in cells() {
        let chosen = |setting: bool, field: Option<bool>| {
            let mut policy = policy();
            policy.use_dynamic_signing_key = setting;
            let mut body = create_body();
            if let Some(field) = field {
                body["useDynamicSigningKey"] = json!(field);
            }
            match send_with(&policy, "POST", "/recipe/session", name, &body)
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
            let mut policy = policy();
            policy.check_database = setting;
            let mut body = verify_body();
            body.as_object_mut().unwrap().remove("checkDatabase");
            if let Some(field) = field {
                body["checkDatabase"] = json!(field);
            }
            match send_with(&policy, "POST", "/recipe/session/verify", name, &body)?.call {
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
        // Only the token itself tells which list counts, so the use case is told whether to look.
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
        let rotation = if column.stateless {
            Rotation::Eager
        } else {
            Rotation::Lazy
        };
        assert_eq!(row(name).rotation, rotation, "{name}");
        if column.tenant_paths {
            let sent = send("POST", "/t1/recipe/session/verify", name, &verify_body());
            assert_eq!(
                sent.err().map(|reply| reply.status),
                column.stateless.then_some(403)
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
                if !column.stateless {
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

#[test]
fn theft_names_its_subtype_only_in_the_newest() {
    let subtypes = [
        (ReuseSubtype::RecentPrev, "RECENT_PREV"),
        (ReuseSubtype::OrphanedBranch, "ORPHANED_BRANCH"),
        (ReuseSubtype::StaleLineage, "STALE_LINEAGE"),
    ];
    for (name, column) in cells() {
        for (subtype, spelled) in subtypes {
            let theft = Refusal::TokenTheftDetected {
                handle: "h".to_owned(),
                user_id: "u".to_owned(),
                subtype,
            };
            let mut expected = json!({
                "status": "TOKEN_THEFT_DETECTED",
                "session": {"handle": "h", "userId": "u", "recipeUserId": "u"}
            });
            if column.stateless {
                expected["recentTokenReuseSubtype"] = json!(spelled);
            }
            assert_eq!(answer(name, Err(theft.clone())), expected, "{name}");

            let mut lenient = policy();
            lenient.recent_token_reuse = RecentTokenReuse::Unauthorised;
            let body = json_of(&reply_with(&lenient, name, Err(theft)));
            if column.stateless && subtype != ReuseSubtype::StaleLineage {
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
