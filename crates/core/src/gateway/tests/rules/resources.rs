//! Rules of an OAuth resource server: scopes, step-up, metadata.

use serde_json::{Value, json};

use crate::error::Presented;
use crate::gateway::compile;
use crate::gateway::decision::decide::SessionRefused;
use crate::gateway::decision::refuse;
use crate::gateway::response::resource::metadata;
use crate::gateway::rules::bearer::Lack;
use crate::gateway::tests::{gateway, no_header, own, request, rule};
use crate::gateway::{Decision, Denial, Rule, decide};
use crate::refusal::Refusal;
use crate::settings::testing::parsed;

/// What is found of a session of our own with this payload; the tests' time is 1,700,000,000 s.
fn denial(rule: &Rule, payload: &str) -> Option<Denial> {
    match decide(rule, &request("GET", "/", &no_header), Ok(own(payload))) {
        Decision::Refuse(denial) => Some(denial),
        Decision::Forward(_) | Decision::Renew(_) | Decision::AskAgain => None,
    }
}

fn challenge(rule: &Rule, denial: &Denial) -> Option<String> {
    let settings = parsed(&[]);
    let facts = request("GET", "/", &no_header);
    let reply = refuse::reply(&settings, Some(rule), &facts, denial);
    reply.header("www-authenticate").map(str::to_owned)
}

#[test]
fn a_token_holds_every_scope() {
    let rule = rule(json!({ "scope": ["files:read", "files:write"] }));
    for (payload, expected) in [
        (r#"{"scope":"files:write files:read x"}"#, None),
        (r#"{"scp":["files:read","files:write"]}"#, None),
        (r#"{"scope":"files:read"}"#, Some(Lack::Scope)),
        (r#"{"scope":"files:readfiles:write"}"#, Some(Lack::Scope)),
        (
            r#"{"scope":"","scp":["files:read","files:write"]}"#,
            Some(Lack::Scope),
        ),
        (
            r#"{"scope":{"files:read":1,"files:write":1}}"#,
            Some(Lack::Scope),
        ),
        ("{}", Some(Lack::Scope)),
    ] {
        assert_eq!(
            denial(&rule, payload),
            expected.map(Denial::Bearer),
            "{payload}"
        );
    }
    assert_eq!(
        challenge(&rule, &Denial::Bearer(Lack::Scope)).as_deref(),
        Some(r#"Bearer error="insufficient_scope", scope="files:read files:write""#)
    );
}

#[test]
fn an_authentication_is_strong_and_late_enough() {
    let rule = rule(json!({ "acr_values": "gold", "max_age": "5m" }));
    for (payload, is_good) in [
        (r#"{"acr":"gold","auth_time":1699999700}"#, true),
        (r#"{"acr":"gold","auth_time":1699999699}"#, false),
        (r#"{"acr":"gold","auth_time":1700000061}"#, false),
        (r#"{"acr":"gold","auth_time":"1699999990"}"#, false),
        (r#"{"acr":["gold"],"auth_time":1699999990}"#, false),
        (r#"{"acr":"silver","auth_time":1699999990}"#, false),
        (r#"{"acr":"gold"}"#, false),
    ] {
        let expected = (!is_good).then_some(Denial::Bearer(Lack::Authentication));
        assert_eq!(denial(&rule, payload), expected, "{payload}");
    }
    let header = challenge(&rule, &Denial::Bearer(Lack::Authentication)).unwrap();
    assert!(
        header.contains(r#"error="insufficient_user_authentication""#),
        "{header}"
    );
    assert!(
        header.ends_with(r#"acr_values="gold", max_age="300""#),
        "{header}"
    );
}

#[test]
fn who_has_no_token_is_told_where_the_metadata_is() {
    let rule = rule(json!({ "scope": "mcp", "resource": "https://app.example.com/mcp" }));
    let refusal = Refusal::Unauthorised("the request carries no access token");
    let refused = SessionRefused::new(refusal, Presented::Nothing);
    assert_eq!(
        challenge(&rule, &Denial::Session(refused)).as_deref(),
        Some(
            r#"Bearer scope="mcp", resource_metadata="https://app.example.com/.well-known/oauth-protected-resource/mcp""#
        )
    );
}

#[test]
fn the_metadata_is_at_the_place_of_its_resource_and_says_what_the_rule_does() {
    let named = json!({
        "url": "https://app.example.com/mcp", "authorization_servers": "https://idp.example", "scopes_supported": "mcp:all",
        "name": "Files", "documentation": "https://docs.example/files",
    });
    let gateway = gateway(&[
        json!({ "path": "/mcp", "host": "app.example.com", "scope": "mcp", "resource": named }),
        json!({ "path": "/api/**", "scope": ["a", "b"], "resource": "/api" }),
        json!({ "path": "/plain/**" }),
    ]);
    let at = |host: &str, path: &str| -> Option<Value> {
        let path = ["/.well-known/oauth-protected-resource", path].concat();
        let document = gateway.resource_metadata("https", host, &path)?;
        Some(serde_json::from_str(&document).unwrap())
    };
    assert_eq!(
        at("app.example.com", "/mcp"),
        Some(json!({
            "resource": "https://app.example.com/mcp", "authorization_servers": ["https://idp.example"],
            "scopes_supported": ["mcp:all"], "bearer_methods_supported": ["header"], "resource_name": "Files",
            "resource_documentation": "https://docs.example/files",
        }))
    );
    assert_eq!(
        at("any.example", "/api"),
        Some(json!({
            "resource": "https://any.example/api", "scopes_supported": ["a", "b"], "bearer_methods_supported": ["header"],
        }))
    );
    for (host, path) in [
        ("other.example.com", "/mcp"),
        ("app.example.com", "/mcp/"),
        ("app.example.com", "/plain"),
        ("app.example.com", ""),
    ] {
        assert_eq!(at(host, path), None, "{host} {path}");
    }
}

#[test]
fn the_metadata_is_read_by_whoever_asks_and_by_no_other_method() {
    let answer = |method| metadata(method, "{}".to_owned());
    assert_eq!(
        (answer("GET").status, answer("GET").body.as_str()),
        (200, "{}")
    );
    assert_eq!(
        (answer("HEAD").status, answer("HEAD").body.as_str()),
        (200, "")
    );
    let preflight = answer("OPTIONS");
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer("POST").status, 405);
}

#[test]
fn an_authorization_server_is_at_an_https_address_or_on_loopback() {
    for (server, is_one) in [
        ("https://idp.example/tenant", true),
        ("http://127.0.0.1:9000", true),
        ("http://idp.example", false),
        ("https://idp.example/a b", false),
        ("https://idp.example/\"", false),
        ("idp.example", false),
    ] {
        let resource = json!({ "url": "/api", "authorization_servers": server });
        let file = json!({
            "origins": { "app": { "url": "http://127.0.0.1:9000" } },
            "rules": [{ "path": "/**", "resource": resource }],
        });
        let faults = compile(&file.to_string(), Some(&parsed(&[]))).faults;
        assert_eq!(faults.is_empty(), is_one, "{server}: {faults:?}");
    }
}

#[test]
fn fields_that_cannot_be_meant_are_faults() {
    for (fields, place) in [
        (json!({ "scope": "a b" }), "scope"),
        (json!({ "scope": "a\"b" }), "scope"),
        (json!({ "acr_values": [] }), "acr_values"),
        (json!({ "max_age": "soon" }), "max_age"),
        (json!({ "max_age": "10ms" }), "max_age"),
        (json!({ "resource": "mcp" }), "resource"),
        (
            json!({ "resource": "http://app.example.com/mcp" }),
            "resource",
        ),
        (
            json!({ "resource": "https://app.example.com/mcp?x" }),
            "resource",
        ),
        (json!({ "resource": "//evil.example/x" }), "resource"),
        (json!({ "resource": {} }), "resource.url"),
        (
            json!({ "resource": { "url": "/a", "other": 1 } }),
            "resource",
        ),
        (json!({ "session": "none", "scope": "a" }), "scope"),
        (json!({ "session": "none", "resource": "/a" }), "resource"),
    ] {
        let mut rule = fields.clone();
        rule["path"] = json!("/**");
        let file =
            json!({ "origins": { "app": { "url": "http://127.0.0.1:9000" } }, "rules": [rule] });
        let faults = compile(&file.to_string(), Some(&parsed(&[]))).faults;
        let found = faults.iter().any(|fault| {
            format!("{} {}", fault.setting, fault.message).contains(&format!("rules[0].{place}"))
        });
        assert!(found, "{fields}: {faults:?}");
    }
}
