//! Hygiene of answers: what an origin cannot say to a client in our name.

use serde_json::json;

use super::{file, rule};
use crate::gateway::Origin;
use crate::gateway::response::headers::{apply_cors, is_removed, keeps_cookie};
use crate::settings::testing::parsed;

fn origin(fields: &serde_json::Value) -> Origin {
    let gateway = file(&json!({ "origins": { "app": fields }, "rules": [{ "path": "/**" }] }));
    gateway.origins()[0].clone()
}

#[test]
fn an_origin_cannot_speak_for_us() {
    let app = origin(&json!({ "url": "http://127.0.0.1:9000" }));
    let sdk = origin(&json!({ "url": "http://127.0.0.1:9000", "sessions": "sdk" }));
    for (name, of_app, of_sdk) in [
        ("postern-create-session", true, true),
        ("Postern_Create_Session", true, true),
        ("postern-directive-key", true, true),
        ("Postern-Anything", true, true),
        ("front-token", true, false),
        ("Front-Token", true, false),
        ("front_token", true, false),
        ("st-access-token", true, false),
        ("ST-Refresh-Token", true, false),
        ("anti-csrf", true, false),
        ("id-refresh-token", true, false),
        ("connection", true, true),
        ("keep-alive", true, true),
        ("transfer-encoding", true, true),
        ("proxy-authenticate", true, true),
        ("trailer", true, true),
        ("upgrade", true, true),
        ("x-listed", true, true),
        ("set-cookie", false, false),
        ("content-type", false, false),
        ("etag", false, false),
        ("location", false, false),
        ("strict-transport-security", false, false),
        ("www-authenticate", false, false),
    ] {
        let connection = Some("close, X-Listed");
        assert_eq!(is_removed(&app, connection, name), of_app, "{name}");
        assert_eq!(
            is_removed(&sdk, connection, name),
            of_sdk,
            "{name} of an SDK"
        );
    }
}

#[test]
fn an_origin_cannot_set_our_cookies() {
    let app = origin(&json!({ "url": "http://127.0.0.1:9000" }));
    for cookie in [
        "sAccessToken=x",
        "sAccessToken=; Path=/",
        " sAccessToken =x; HttpOnly",
        "\tsAccessToken=x",
        "SaccessToken=x",
        "__Host-sAccessToken=x; Secure",
        "__host-saccesstoken=x",
        "sRefreshToken=x; Path=/auth/session/refresh",
        "sIdRefreshToken=x",
        "sFrontToken=x",
        "sAntiCsrf=x",
        "=sAccessToken=x",
        "= sAccessToken=x",
        "==sAccessToken=x",
        "\u{1}sAccessToken=x",
        "sAccess\u{0}Token=x",
        "sAccessToken",
    ] {
        assert!(!keeps_cookie(&app, cookie, &|_| true), "{cookie:?}");
    }
    for cookie in [
        "a=sAccessToken=x",
        "session=1",
        "xsAccessToken=1",
        "sAccessTokenX=1",
        "a=1; sAccessToken=x",
        "",
    ] {
        assert!(keeps_cookie(&app, cookie, &|_| true), "{cookie:?}");
    }
    assert!(keeps_cookie(
        &origin(&json!({ "route": true, "sessions": "sdk" })),
        "sAccessToken=x",
        &|_| true
    ));
}

#[test]
fn cors_is_ours_where_sessions_are_looked_at() {
    const SITE: &str = "https://www.example.com";
    let settings = parsed(&[("WEBSITE_ORIGINS", SITE)]);
    let reflecting = |origin: &str| {
        vec![
            ("access-control-allow-origin".to_owned(), origin.to_owned()),
            (
                "access-control-allow-credentials".to_owned(),
                "true".to_owned(),
            ),
            ("access-control-expose-headers".to_owned(), "X-A".to_owned()),
            ("vary".to_owned(), "Accept-Encoding".to_owned()),
        ]
    };
    let evil = "https://evil.example";
    let applied = |need: &str, origin: &str| {
        let mut headers = reflecting(origin);
        apply_cors(
            &settings,
            &rule(json!({ "session": need })),
            Some(origin),
            &mut headers,
        );
        headers
    };
    for need in ["required", "optional"] {
        let headers = applied(need, evil);
        assert!(
            headers
                .iter()
                .all(|(name, _)| !name.starts_with("access-control-allow")),
            "{need}: {headers:?}"
        );
    }
    for need in ["required", "optional", "none"] {
        let headers = applied(need, SITE);
        let value = |name: &str| {
            headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(value("access-control-allow-origin"), [SITE], "{need}");
        assert_eq!(
            value("access-control-allow-credentials"),
            ["true"],
            "{need}"
        );
        assert_eq!(value("access-control-expose-headers"), ["X-A"], "{need}");
        assert_eq!(value("vary"), ["Accept-Encoding, Origin"], "{need}");
    }
    assert_eq!(
        applied("none", evil),
        reflecting(evil),
        "an origin's own, where no session is looked at"
    );
}
