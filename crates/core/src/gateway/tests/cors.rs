//! Preflights are answered per rule, without a session.

use serde_json::json;

use super::{headers, request, rule};
use crate::gateway::response::cors::preflight;
use crate::settings::testing::parsed;

const SITE: &str = "https://www.example.com";

fn allowed(fields: serde_json::Value, origin: &str) -> Option<Vec<(String, String)>> {
    let settings = parsed(&[("WEBSITE_ORIGINS", SITE)]);
    let sent = [
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-a"),
    ];
    let lookup = headers(&sent);
    let reply = preflight(&settings, &rule(fields), &request("OPTIONS", "/", &lookup))?;
    assert_eq!(reply.status, 204);
    Some(reply.headers.clone())
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn a_website_of_ours_is_answered_on_every_rule() {
    for need in ["required", "optional", "none"] {
        let headers = allowed(json!({ "session": need }), SITE).unwrap();
        assert_eq!(
            value(&headers, "access-control-allow-origin"),
            Some(SITE),
            "{need}"
        );
        assert_eq!(
            value(&headers, "access-control-allow-credentials"),
            Some("true")
        );
        assert!(
            value(&headers, "access-control-allow-headers")
                .unwrap()
                .contains("x-a")
        );
        assert!(
            value(&headers, "access-control-allow-methods")
                .unwrap()
                .contains("PUT")
        );
    }
}

#[test]
fn a_rule_that_names_its_methods_allows_these() {
    for (methods, expected) in [
        (json!(["GET", "PURGE"]), "GET, PURGE, HEAD"),
        (json!(["POST"]), "POST"),
        (json!(["HEAD"]), "HEAD"),
        (json!(["HEAD", "GET"]), "HEAD, GET"),
    ] {
        let headers = allowed(json!({ "methods": methods }), SITE).unwrap();
        assert_eq!(
            value(&headers, "access-control-allow-methods"),
            Some(expected)
        );
    }
}

#[test]
fn a_stranger_gets_nothing_where_sessions_are_looked_at_and_the_origins_word_elsewhere() {
    for origin in [
        "https://evil.example",
        "null",
        "https://www.example.com.evil.example",
    ] {
        for need in ["required", "optional"] {
            let headers = allowed(json!({ "session": need }), origin).unwrap();
            assert!(
                headers
                    .iter()
                    .all(|(name, _)| !name.starts_with("access-control")),
                "{need} {origin}"
            );
        }
        assert_eq!(
            allowed(json!({ "session": "none" }), origin),
            None,
            "{origin}"
        );
    }
}

#[test]
fn a_rule_for_every_method_allows_the_one_that_is_asked_for_once_and_nothing_that_is_none() {
    let settings = parsed(&[("WEBSITE_ORIGINS", SITE)]);
    let allowed = |asked| {
        let sent = [("origin", SITE), ("access-control-request-method", asked)];
        let lookup = headers(&sent);
        let facts = request("OPTIONS", "/", &lookup);
        let reply = preflight(&settings, &rule(json!({})), &facts).unwrap();
        reply
            .header("access-control-allow-methods")
            .unwrap()
            .to_owned()
    };
    let usual = allowed("GET");
    assert_eq!(allowed("PROPFIND"), [&usual, ", PROPFIND"].concat());
    for known_or_none in ["PUT", "", "A B", "A,B"] {
        assert_eq!(allowed(known_or_none), usual, "{known_or_none}");
    }
}
