//! Paths, API keys, versions, methods: what is let in, and the order in which the rest is refused.

use serde_json::{Value, json};

use super::{KEY, answered, create_body, head, send, settings};
use crate::supertokens::cdi::admission::{Head, MAX_BODY_BYTES, admit};
use crate::supertokens::cdi::reply;
use crate::supertokens::cdi::request::call::CoreCall;
use crate::supertokens::cdi::request::path::{Endpoint, route};

/// The answer to a head that is followed by an empty object.
fn refused(head: Head<'_>) -> (u16, String) {
    let settings = settings();
    let reply = admit(head, &settings)
        .and_then(|admitted| admitted.receive(b"{}", &settings))
        .expect_err("should be answered at once");
    (reply.status, reply.body.clone())
}

#[test]
fn paths_are_matched_in_any_case_with_prefixes_and_one_closing_slash() {
    for (path, endpoint, tenant) in [
        ("", Endpoint::Hello, "public"),
        ("/", Endpoint::Hello, "public"),
        ("/Hello/", Endpoint::Hello, "public"),
        ("/t1/hello", Endpoint::Hello, "t1"),
        ("/RECIPE/session/Verify", Endpoint::Verify, "public"),
        ("/Public/recipe/session/", Endpoint::Session, "public"),
        ("/appid-public/t-1/recipe/session", Endpoint::Session, "t-1"),
        ("/session", Endpoint::Session, "public"),
        ("/session/data", Endpoint::SessionData, "public"),
        // An exact match comes before a tenant.
        ("/user/id", Endpoint::UserId, "public"),
        ("/user/user/id", Endpoint::UserId, "user"),
        (
            "/appid-public/.well-known/jwks.json",
            Endpoint::Jwks,
            "public",
        ),
    ] {
        let route = route(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(
            (route.endpoint, route.tenant_id.as_str()),
            (endpoint, tenant),
            "{path}"
        );
        assert_eq!(route.unknown_app, None, "{path}");
    }
    let longest = format!("/{}/recipe/session", "t".repeat(64));
    assert!(route(&longest).is_some());
}

#[test]
fn other_paths_name_nothing() {
    let too_long = format!("/{}/recipe/session", "t".repeat(65));
    for path in [
        "/nothing",
        "//",
        "/recipe/session//",
        "recipe/session",
        "/recipe/recipe/session",
        "/config/recipe/session",
        "/users/recipe/session",
        "/hello/recipe/session",
        "/appid-public/appid-x/recipe/session",
        "/t1/t2/recipe/session",
        "/t_1/recipe/session",
        "/appid-a_b/recipe/session",
        "/t1/appid-public/recipe/session",
        "/t1",
        &too_long,
    ] {
        assert_eq!(route(path), None, "{path}");
        assert_eq!(
            refused(head("POST", path, None)),
            (404, "Not found\n".to_owned()),
            "{path}"
        );
    }
}

#[test]
fn other_apps_do_not_exist() {
    for path in ["/appid-x/recipe/session", "/appid-/t1/recipe/session"] {
        let (status, text) = refused(head("POST", path, Some("5.4")));
        assert_eq!(status, 400);
        assert!(
            text.starts_with("AppId or tenantId not found => "),
            "{text}"
        );
    }
}

#[test]
fn a_missing_version_is_the_oldest_on_legacy_paths_and_the_newest_elsewhere() {
    let settings = settings();
    for (path, expected) in [
        ("/session/verify", "1.0"),
        ("/recipe/session/verify", "5.6"),
    ] {
        let body = super::verify_body().to_string();
        let request = admit(head("POST", path, None), &settings)
            .and_then(|admitted| admitted.receive(body.as_bytes(), &settings))
            .unwrap();
        assert_eq!(request.version.name, expected);
    }
}

#[test]
fn a_version_must_be_well_formed_and_in_the_table() {
    for version in [
        "", "5.", ".4", "5..4", "v5.4", "5.4 ", "5,4", "-1", "5.4-beta", "٥.٤",
    ] {
        for path in [
            "/recipe/session",
            "/session",
            "/apiversion",
            "/hello",
            "/.well-known/jwks.json",
        ] {
            assert_eq!(
                refused(head("GET", path, Some(version))),
                (400, "cdi-version header is invalid\n".to_owned()),
                "{version} {path}"
            );
        }
    }
    for version in [
        "2.1", "2.6", "2.22", "5", "5.4.0", "5.04", "5.7", "99.0", "0",
    ] {
        assert_eq!(
            refused(head("POST", "/recipe/session", Some(version))),
            (400, format!("cdi-version {version} not supported\n"))
        );
        // These do not depend on the version.
        assert_eq!(refused(head("GET", "/apiversion", Some(version))).0, 200);
        assert_eq!(refused(head("GET", "/hello", Some(version))).0, 200);
    }
}

#[test]
fn each_version_has_its_own_paths() {
    for (path, version) in [
        ("/session", "2.7"),
        ("/session", "5.4"),
        ("/handshake", "2.9"),
        ("/recipe/session", "1.0"),
        ("/recipe/session", "2.0"),
        ("/recipe/jwt", "2.0"),
    ] {
        assert_eq!(
            refused(head("POST", path, Some(version))),
            (404, "Not found\n".to_owned()),
            "{path} {version}"
        );
    }
}

#[test]
fn a_known_path_with_another_method_is_405() {
    for (path, version, methods) in [
        (
            "/recipe/session",
            "5.4",
            ["PUT", "DELETE", "HEAD", "OPTIONS"],
        ),
        (
            "/recipe/session/verify",
            "5.4",
            ["GET", "HEAD", "post", "PROPFIND"],
        ),
        (
            "/recipe/session/user",
            "5.4",
            ["POST", "PUT", "DELETE", "HEAD"],
        ),
        (
            "/.well-known/jwks.json",
            "5.4",
            ["POST", "PUT", "HEAD", "OPTIONS"],
        ),
        ("/apiversion", "5.4", ["POST", "HEAD", "OPTIONS", "DELETE"]),
        ("/hello", "5.4", ["HEAD", "OPTIONS", "PATCH", "TRACE"]),
        ("/session", "1.0", ["GET", "PUT", "HEAD", "OPTIONS"]),
    ] {
        for method in methods {
            assert_eq!(
                refused(head(method, path, Some(version))),
                (405, "Method not supported\n".to_owned()),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn refusals_come_in_the_protocols_order() {
    let mut without_key = head("PUT", "/appid-x/recipe/session", Some("bad"));
    without_key.api_key = Some("wrong");
    assert_eq!(refused(without_key), (401, "Invalid API key\n".to_owned()));
    let unknown_path = Head {
        path: "/nothing",
        ..without_key
    };
    assert_eq!(refused(unknown_path).0, 404);
    let with_key = Head {
        api_key: Some(KEY),
        ..without_key
    };
    assert_eq!(refused(with_key).1, "cdi-version header is invalid\n");
    let with_version = Head {
        cdi_version: Some("5.4"),
        ..with_key
    };
    assert!(
        refused(with_version)
            .1
            .starts_with("AppId or tenantId not found")
    );
    let with_app = Head {
        path: "/recipe/session",
        ..with_version
    };
    assert_eq!(refused(with_app).0, 405);
    let with_method = Head {
        method: "POST",
        ..with_app
    };
    assert_eq!(
        refused(with_method).1,
        "Field name 'userId' is invalid in JSON input\n"
    );
}

#[test]
fn some_endpoints_need_no_key() {
    for (path, status) in [
        ("/hello", 200),
        ("/", 200),
        ("/config?pid=1", 200),
        ("/apiversion", 401),
        ("/telemetry", 401),
    ] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let bare = Head {
            api_key: None,
            query,
            ..head("GET", path, None)
        };
        assert_eq!(refused(bare).0, status, "{path}");
    }
    let settings = settings();
    let jwks = Head {
        api_key: None,
        ..head("GET", "/.well-known/jwks.json", None)
    };
    let request = admit(jwks, &settings)
        .and_then(|it| it.receive(b"", &settings))
        .unwrap();
    assert_eq!(request.call, CoreCall::Jwks { with_status: false });
    let twin = Head {
        path: "/recipe/jwt/jwks",
        ..jwks
    };
    assert_eq!(refused(twin).0, 401);
    assert_eq!(
        send("GET", "/recipe/jwt/jwks", "5.4", &Value::Null).unwrap(),
        CoreCall::Jwks { with_status: true }
    );
}

#[test]
fn without_configured_keys_there_is_no_service_api() {
    let mut no_keys = settings();
    no_keys.api_key_digests.clear();
    for path in [
        "/hello",
        "/recipe/session",
        "/.well-known/jwks.json",
        "/session",
    ] {
        let reply = admit(head("GET", path, None), &no_keys).unwrap_err();
        assert_eq!(reply, reply::not_found(), "{path}");
    }
}

#[test]
fn keyless_hosts_answer_legacy_paths_only() {
    let keyless = |path| Head {
        api_key: None,
        keyless: true,
        ..head("POST", path, None)
    };
    let settings = settings();
    let mut no_keys = settings.clone();
    no_keys.api_key_digests.clear();
    for settings in [&settings, &no_keys] {
        for path in [
            "/session",
            "/session/verify",
            "/handshake",
            "/jwt/data",
            "/apiversion",
            "/hello",
        ] {
            assert!(admit(keyless(path), settings).is_ok(), "{path}");
        }
    }
    for path in ["/recipe/session", "/recipe/jwt", "/telemetry", "/user/id"] {
        assert_eq!(
            admit(keyless(path), &settings).unwrap_err(),
            reply::invalid_api_key()
        );
        assert_eq!(
            admit(keyless(path), &no_keys).unwrap_err(),
            reply::not_found()
        );
    }
    // A version header does not make the newer paths answer.
    let newer = Head {
        cdi_version: Some("5.4"),
        ..keyless("/session")
    };
    assert_eq!(admit(newer, &settings).unwrap_err(), reply::not_found());
}

#[test]
fn standing_answers() {
    let text = |method, target| answered(method, target, "5.4", &Value::Null).1;
    for method in ["GET", "POST", "PUT", "DELETE"] {
        assert_eq!(text(method, "/hello"), "Hello\n");
        assert_eq!(text(method, "/"), "Hello\n");
    }
    assert_eq!(text("GET", "/telemetry"), "{\"exists\":false}\n");
    assert_eq!(
        text("GET", "/config?pid=7"),
        "{\"status\":\"NOT_ALLOWED\"}\n"
    );
    assert_eq!(
        text("GET", "/config"),
        "Field name 'pid' is missing in GET request\n"
    );
    assert_eq!(
        text("GET", "/user/id"),
        "Field name 'userId' is missing in GET request\n"
    );
    let old = answered("GET", "/devproductionmode?pid=7", "1.0", &Value::Null);
    assert_eq!(old, (200, "{\"status\":\"NOT ALLOWED\"}\n".to_owned()));
    let versions: Value = serde_json::from_str(&text("GET", "/apiversion?apiDomain=x")).unwrap();
    for needed in ["1.0", "2.0", "2.18", "5.4"] {
        assert!(
            versions["versions"]
                .as_array()
                .unwrap()
                .contains(&json!(needed))
        );
    }
}

#[test]
fn a_body_has_a_largest_size() {
    let settings = settings();
    let admitted = admit(head("POST", "/recipe/session", Some("5.4")), &settings).unwrap();
    let mut body = create_body().to_string().into_bytes();
    body.resize(MAX_BODY_BYTES, b' ');
    assert!(admitted.receive(&body, &settings).is_ok());
    body.push(b' ');
    assert_eq!(admitted.receive(&body, &settings).unwrap_err().status, 413);
}
