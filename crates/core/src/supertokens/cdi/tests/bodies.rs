//! Body fields: types, texts, and what is passed on.

use serde_json::{Value, json};

use super::{answered, create_body, head, refresh_body, send, settings, verify_body};
use crate::supertokens::cdi::admission::admit;
use crate::supertokens::cdi::request::call::{CoreCall, CreateJwt, MAX_HANDLES, Refresh, Verify};
use postern_jwt::time::Millis;

fn invalid(field: &str) -> (u16, String) {
    (
        400,
        format!("Field name '{field}' is invalid in JSON input\n"),
    )
}

#[test]
fn a_body_must_be_one_json_object() {
    let settings = settings();
    let admitted = admit(head("POST", "/recipe/session", Some("5.4")), &settings).unwrap();
    for body in [
        &b""[..],
        b"null",
        b"[]",
        b"\"{}\"",
        b"{",
        b"{} {}",
        b"{\"userId\":\"a\",\"userId\":\"b\"}",
        b"{\"userId\":\"a\",\"x\":{\"y\":1,\"y\":2}}",
        b"{\"userId\":\"\xff\"}",
    ] {
        let reply = admitted.receive(body, &settings).unwrap_err();
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (400, "Invalid Json Input\n")
        );
        assert_eq!(
            reply.header("content-type"),
            Some("text/html; charset=UTF-8")
        );
    }
}

#[test]
fn every_required_field_is_missed_and_typed() {
    let wrong = [
        json!(null),
        json!(1),
        json!([]),
        json!("x"),
        json!(true),
        json!({}),
    ];
    let cases = [
        (
            "/recipe/session",
            create_body(),
            vec![
                ("userId", json!("x")),
                ("userDataInJWT", json!({})),
                ("userDataInDatabase", json!({})),
                ("enableAntiCsrf", json!(true)),
            ],
        ),
        (
            "/recipe/session/verify",
            verify_body(),
            vec![
                ("accessToken", json!("x")),
                ("doAntiCsrfCheck", json!(true)),
                ("enableAntiCsrf", json!(true)),
                ("checkDatabase", json!(true)),
            ],
        ),
        (
            "/recipe/session/refresh",
            refresh_body(),
            vec![
                ("refreshToken", json!("x")),
                ("enableAntiCsrf", json!(true)),
                ("useDynamicSigningKey", json!(true)),
            ],
        ),
    ];
    for (path, body, fields) in cases {
        for (field, right) in fields {
            let mut missing = body.clone();
            missing.as_object_mut().unwrap().remove(field);
            assert_eq!(
                answered("POST", path, "5.4", &missing),
                invalid(field),
                "{path}"
            );
            for value in &wrong {
                let mut body = body.clone();
                body[field] = value.clone();
                let sent = send("POST", path, "5.4", &body);
                let same_type = std::mem::discriminant(value) == std::mem::discriminant(&right);
                assert_eq!(sent.is_ok(), same_type, "{path} {field} {value}");
                if let Err(reply) = sent {
                    assert_eq!((reply.status, reply.body.clone()), invalid(field));
                }
            }
        }
    }
}

#[test]
fn optional_fields_may_be_absent_but_not_null() {
    for (path, body, field) in [
        ("/recipe/session", create_body(), "useDynamicSigningKey"),
        ("/recipe/session/verify", verify_body(), "antiCsrfToken"),
        ("/recipe/session/refresh", refresh_body(), "antiCsrfToken"),
        (
            "/recipe/session/regenerate",
            json!({"accessToken": "a"}),
            "userDataInJWT",
        ),
    ] {
        assert!(send("POST", path, "5.4", &body).is_ok(), "{path}");
        let mut null = body;
        null[field] = json!(null);
        assert_eq!(
            answered("POST", path, "5.4", &null),
            invalid(field),
            "{path}"
        );
    }
}

#[test]
fn put_bodies() {
    for (path, field) in [
        ("/recipe/session/data", "userDataInDatabase"),
        ("/recipe/jwt/data", "userDataInJWT"),
    ] {
        let put = |body: &Value| send("PUT", path, "5.4", body);
        assert!(put(&json!({"sessionHandle": "", field: {}})).is_ok());
        let missing = put(&json!({"sessionHandle": "h"})).unwrap_err();
        assert_eq!((missing.status, missing.body.clone()), invalid(field));
        let unnamed = put(&json!({field: {}})).unwrap_err();
        assert_eq!(
            (unnamed.status, unnamed.body.clone()),
            invalid("sessionHandle")
        );
        let get = format!("{path}?sessionHandle=");
        assert!(send("GET", &get, "5.4", &Value::Null).is_ok());
        assert_eq!(
            answered("GET", path, "5.4", &Value::Null),
            (
                400,
                "Field name 'sessionHandle' is missing in GET request\n".to_owned()
            )
        );
    }
}

#[test]
fn objects_are_kept_as_text_without_white_space() {
    let settings = settings();
    let admitted = admit(head("PUT", "/recipe/session/data", Some("5.4")), &settings).unwrap();
    let body = "{\"sessionHandle\":\"h\",\n \"userDataInDatabase\": { \"n\" : [1, 1.0, 1e21], \"s\": \" \\\" \\u00e9 \", \"z\": null } }";
    assert_eq!(
        admitted.receive(body.as_bytes(), &settings).unwrap().call,
        CoreCall::PutSessionData {
            handle: "h".to_owned(),
            session_data: r#"{"n":[1,1.0,1e21],"s":" \" \u00e9 ","z":null}"#.to_owned(),
        }
    );
}

#[test]
fn unknown_fields_are_ignored_and_empty_strings_are_fine() {
    let mut body = create_body();
    body["deviceDriverInfo"] = json!({"driver": {"name": "node", "version": "2"}});
    body["userId"] = json!("");
    match send("POST", "/recipe/session", "5.4", &body).unwrap() {
        CoreCall::Create(create) => assert_eq!(create.user_id, ""),
        other => panic!("{other:?}"),
    }
}

#[test]
fn anti_csrf_follows_the_request() {
    for (enabled, asked) in [(true, true), (true, false), (false, true), (false, false)] {
        let body = json!({"accessToken": "a", "doAntiCsrfCheck": asked, "enableAntiCsrf": enabled,
            "antiCsrfToken": "c", "checkDatabase": false});
        assert_eq!(
            send("POST", "/recipe/session/verify", "5.4", &body).unwrap(),
            CoreCall::Verify(Verify {
                access_token: "a".to_owned(),
                check_anti_csrf: enabled && asked,
                anti_csrf_token: Some("c".to_owned()),
                check_database: false,
                refuse_protected_claims: true,
            })
        );
        let body = json!({"refreshToken": "r", "enableAntiCsrf": enabled, "antiCsrfToken": "c", "useDynamicSigningKey": true});
        assert_eq!(
            send("POST", "/recipe/session/refresh", "5.4", &body).unwrap(),
            CoreCall::Refresh(Refresh {
                refresh_token: "r".to_owned(),
                anti_csrf: enabled,
                check_anti_csrf: enabled,
                anti_csrf_token: Some("c".to_owned()),
                use_dynamic_signing_key: Some(true),
                access_token_validity: None,
            })
        );
    }
}

#[test]
fn remove_takes_exactly_one_way_of_naming_sessions() {
    let path = "/recipe/session/remove";
    let one_of = "Invalid JSON input - use one of userId or sessionHandles array\n";
    for body in [json!({}), json!({"userId": "u", "sessionHandles": []})] {
        assert_eq!(
            answered("POST", path, "5.4", &body),
            (400, one_of.to_owned())
        );
    }
    for switch in ["revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"] {
        for value in [true, false] {
            assert_eq!(
                answered(
                    "POST",
                    path,
                    "5.4",
                    &json!({"sessionHandles": ["h"], switch: value})
                ),
                (
                    400,
                    format!("Invalid JSON input - {switch} can only be set if userId is set\n")
                )
            );
        }
        assert_eq!(
            answered("POST", path, "5.4", &json!({"userId": "u", switch: "true"})),
            invalid(switch)
        );
    }
    for handles in [json!("h"), json!([1]), json!([null]), json!(null)] {
        assert_eq!(
            answered("POST", path, "5.4", &json!({"sessionHandles": handles})),
            invalid("sessionHandles")
        );
    }
    let handles = |count: usize| vec!["h".to_owned(); count];
    assert_eq!(
        send(
            "POST",
            path,
            "5.4",
            &json!({"sessionHandles": handles(MAX_HANDLES)})
        )
        .unwrap(),
        CoreCall::RemoveSessions {
            handles: handles(MAX_HANDLES)
        }
    );
    assert_eq!(
        answered(
            "POST",
            path,
            "5.4",
            &json!({"sessionHandles": handles(MAX_HANDLES + 1)})
        )
        .0,
        400
    );
}

#[test]
fn jwt_bodies() {
    let body = json!({"algorithm": "rs256", "jwksDomain": "https://x", "payload": {"a": 1}, "validity": 60});
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    let dynamic = |version, body: &Value| match send("POST", "/recipe/jwt", version, body).unwrap()
    {
        CoreCall::CreateJwt(CreateJwt {
            issuer,
            payload,
            validity,
            use_dynamic_signing_key,
        }) => {
            assert_eq!(
                (issuer.as_str(), payload.as_str()),
                ("https://x", r#"{"a":1}"#)
            );
            assert_eq!(validity, Millis(60_000));
            use_dynamic_signing_key
        }
        other => panic!("{other:?}"),
    };
    assert!(!dynamic("5.4", &body));
    assert!(!dynamic("5.4", &with("useStaticSigningKey", json!(true))));
    assert!(dynamic("5.4", &with("useStaticSigningKey", json!(false))));
    assert!(!dynamic("2.20", &with("useStaticSigningKey", json!(false))));
    assert_eq!(
        answered(
            "POST",
            "/recipe/jwt",
            "5.4",
            &with("algorithm", json!("HS256"))
        ),
        (
            200,
            "{\"status\":\"UNSUPPORTED_ALGORITHM_ERROR\"}\n".to_owned()
        )
    );
    for validity in [0, -1] {
        assert_eq!(
            answered(
                "POST",
                "/recipe/jwt",
                "5.4",
                &with("validity", json!(validity))
            ),
            (
                400,
                "validity must be greater than or equal to 0\n".to_owned()
            )
        );
    }
    assert_eq!(
        answered("POST", "/recipe/jwt", "5.4", &with("validity", json!("60"))),
        invalid("validity")
    );
    assert_eq!(
        answered("POST", "/recipe/jwt", "5.4", &with("payload", json!([]))),
        invalid("payload")
    );
}
