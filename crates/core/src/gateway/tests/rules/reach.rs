//! Rules that never decide, and login pages that nobody can open.

use serde_json::{Value, json};

use crate::gateway::compile;
use crate::settings::testing::parsed;

/// What is said of these rules: `fault` or `warning`, and where.
fn reported(rules: &Value) -> Vec<String> {
    let file = json!({ "origins": { "app": { "url": "http://127.0.0.1:9000" } }, "rules": rules });
    let compiled = compile(&file.to_string(), Some(&parsed(&[])));
    let place = |setting: &str| setting.trim_start_matches("gateway.toml ").to_owned();
    let faults = compiled
        .faults
        .iter()
        .map(|it| format!("fault {}", place(&it.setting)));
    let warnings = compiled
        .warnings
        .iter()
        .map(|it| format!("warning {}", place(&it.setting)));
    faults.chain(warnings).collect()
}

#[test]
fn a_rule_that_earlier_ones_cover_is_a_fault() {
    for rules in [
        json!([{ "path": "/**" }, { "path": "/a" }]),
        json!([{ "path": "/a" }, { "path": "/a" }]),
        json!([{ "path": "/a" }, { "path": "/a/" }]),
        json!([{ "path": "/a" }, { "path": "/%61" }]),
        json!([{ "path": "/*" }, { "path": "/a" }]),
        json!([{ "path": "/a/**" }, { "path": "/a/b/**" }]),
        json!([{ "path": "/a/*/**" }, { "path": "/a/b/*" }]),
        json!([{ "path": "/**" }, { "path": "/**", "host": "x.example" }]),
        json!([{ "path": "/**", "host": "x.example" }, { "path": "/a", "host": "x.example:8443" }]),
        json!([{ "path": "/**", "host": "X.example" }, { "path": "/a", "host": "x.EXAMPLE" }]),
        json!([{ "path": "/a", "methods": ["GET"] }, { "path": "/a", "methods": ["GET"] }]),
        json!([{ "path": "/a", "methods": ["GET"] }, { "path": "/a", "methods": ["HEAD"] }]),
        json!([{ "path": "/a" }, { "path": "/a", "methods": ["POST"], "directives": true, "session": "optional" }]),
        // Together: each of several has a part.
        json!([{ "path": "/a" }, { "path": "/a/*/**" }, { "path": "/a/**" }]),
        json!([{ "path": ["/a", "/b"] }, { "path": "/c" }, { "path": ["/a", "/c"] }]),
        json!([{ "path": "/a", "methods": ["PUT"] }, { "path": "/a", "methods": ["POST"] }, { "path": "/a", "methods": ["POST", "PUT"] }]),
    ] {
        let last = rules.as_array().unwrap().len() - 1;
        assert_eq!(
            reported(&rules),
            [format!("fault rules[{last}]")],
            "{rules}"
        );
    }
}

#[test]
fn a_part_that_earlier_ones_cover_is_a_warning() {
    for (rules, places) in [
        (
            // What the first sample of a rules file did.
            json!([
                { "path": ["/", "/login", "/static/**"], "session": "none" },
                { "path": ["/login", "/logout"], "methods": ["POST"], "session": "optional", "directives": true },
            ]),
            vec!["rules[1].path[0]"],
        ),
        (
            json!([{ "path": "/a", "methods": ["POST"] }, { "path": "/a", "methods": ["GET", "POST"] }]),
            vec!["rules[1].methods[1]"],
        ),
        (
            json!([{ "path": "/a", "methods": ["POST"] }, { "path": ["/a", "/b"], "methods": ["GET", "POST"] }]),
            vec!["rules[1].path[0]"],
        ),
        (
            json!([{ "path": "/**", "host": "x.example" }, { "path": "/a", "host": ["y.example", "x.example"] }]),
            vec!["rules[1].host[1]"],
        ),
    ] {
        let expected: Vec<String> = places
            .iter()
            .map(|place| format!("warning {place}"))
            .collect();
        assert_eq!(reported(&rules), expected, "{rules}");
    }
}

#[test]
fn rules_that_only_overlap_are_as_they_should_be() {
    for rules in [
        json!([{ "path": "/a" }, { "path": "/**" }]),
        json!([{ "path": "/a/*" }, { "path": "/a/**" }]),
        json!([{ "path": "/a" }, { "path": "/a/*" }, { "path": "/a/**" }]),
        json!([{ "path": "/a", "methods": ["POST"] }, { "path": "/a" }]),
        json!([{ "path": "/a", "methods": ["HEAD"] }, { "path": "/a", "methods": ["GET"] }]),
        json!([{ "path": "/a", "host": "x.example" }, { "path": "/a" }]),
        json!([{ "path": "/a", "host": "x.example:8443" }, { "path": "/a", "host": "x.example" }]),
        json!([{ "path": "/a/b" }, { "path": "/a/*" }]),
        json!([{ "path": "/*/**" }, { "path": "/**" }]),
        json!([{ "path": "/A" }, { "path": "/a" }]),
        json!([{ "path": ["/a", "/a", "/a/**"] }]),
    ] {
        assert_eq!(reported(&rules), Vec::<String>::new(), "{rules}");
    }
}

#[test]
fn a_login_page_that_needs_a_login_is_a_fault() {
    for rules in [
        json!([{ "path": "/**", "refuse": "/login" }]),
        json!([{ "path": "/**", "refuse": "/login?x=1" }]),
        json!([{ "path": "/**", "refuse": { "login": "https://api.example.com/login" } }]),
        json!([{ "path": "/login", "session": "none", "methods": ["POST"] }, { "path": "/**", "refuse": "/login" }]),
        json!([{ "path": "/login", "session": "none", "host": "x.example" }, { "path": "/**", "host": ["x.example", "y.example"], "refuse": "/login" }]),
        json!([{ "path": "/login", "session": "none", "host": "x.example" }, { "path": "/**", "refuse": "/login" }]),
    ] {
        let last = rules.as_array().unwrap().len() - 1;
        assert_eq!(
            reported(&rules),
            [format!("fault rules[{last}].refuse")],
            "{rules}"
        );
    }
}

#[test]
fn a_login_page_that_leads_nowhere_is_a_warning() {
    for rules in [
        json!([{ "path": "/app/**", "refuse": "/login" }]),
        json!([{ "path": "/login" }, { "path": "/app/**", "refuse": "/login" }]),
        json!([{ "path": "/**", "host": "x.example", "refuse": "https://y.example" }, { "path": "/a", "host": "y.example" }]),
    ] {
        let reported = reported(&rules);
        let place = reported
            .first()
            .map(|it| it.split(' ').next_back().unwrap().to_owned());
        assert!(
            reported.len() == 1
                && reported[0].starts_with("warning")
                && place.unwrap().ends_with(".refuse"),
            "{rules} {reported:?}"
        );
    }
}

#[test]
fn a_login_page_that_people_can_open_is_good() {
    for rules in [
        json!([{ "path": "/login", "session": "none" }, { "path": "/**", "refuse": "/login" }]),
        json!([{ "path": "/login", "session": "optional", "refuse": "/login" }, { "path": "/**", "refuse": "/login" }]),
        json!([{ "path": "/**", "refuse": "https://login.elsewhere.example/in" }]),
        json!([{ "path": "/**", "refuse": "/login", "shadow": true }]),
        // On a host where the rule with the login page is never reached the page need not be there.
        json!([{ "path": "/**", "host": "api.example.com" }, { "path": "/login", "session": "none" }, { "path": "/**", "refuse": "/login" }]),
        json!([{ "path": "/in", "host": "login.example", "session": "none" }, { "path": "/**", "host": "app.example", "refuse": "https://login.example/in" }]),
    ] {
        assert_eq!(reported(&rules), Vec::<String>::new(), "{rules}");
    }
}
