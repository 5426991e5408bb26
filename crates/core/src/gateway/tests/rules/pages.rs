//! Pages of the operator's in place of ours.

use serde_json::{Value, json};

use crate::gateway::compile;
use crate::gateway::tests::{file, is_of_all_rules};
use crate::settings::testing::parsed;

fn faults(tables: &Value) -> Vec<String> {
    let compiled = compile(&tables.to_string(), Some(&parsed(&[])));
    let faults = compiled.faults.into_iter();
    faults
        .filter(|fault| !is_of_all_rules(&fault.message))
        .map(|fault| fault.setting.trim_start_matches("gateway.toml ").to_owned())
        .collect()
}

fn two_origins() -> Value {
    json!({ "a": { "url": "https://a.example" }, "b": { "url": "https://b.example" } })
}

#[test]
fn a_rule_and_the_site_name_pages_by_status() {
    let gateway = file(&json!({
        "origins": two_origins(),
        "pages": { "origin": "b", "404": "/404.html", "default": "/other.html" },
        "rules": [{ "path": "/**", "origin": "a", "pages": { "403": "/no?x=1" } }, { "path": "/x", "origin": "a", "pages": { "origin": "b", "502": "/down" } }],
    }));
    let site = gateway.pages().unwrap();
    assert_eq!(
        (site.origin, site.path(404), site.path(502)),
        (1, Some("/404.html"), Some("/other.html"))
    );
    let of_rule = |index| gateway.rule(index).unwrap().pages.as_ref().unwrap();
    assert_eq!(
        (
            of_rule(0).origin,
            of_rule(0).path(403),
            of_rule(0).path(404)
        ),
        (0, Some("/no?x=1"), None)
    );
    assert_eq!(
        (of_rule(1).origin, of_rule(1).path(502)),
        (1, Some("/down"))
    );
}

#[test]
fn what_is_no_page_is_a_fault() {
    for (pages, place) in [
        (json!({ "origin": "a", "418": "/x" }), "pages"),
        (json!({ "origin": "a", "200": "/x" }), "pages"),
        (json!({ "origin": "a", "404": "x" }), "pages.404"),
        (
            json!({ "origin": "a", "404": "//evil.example" }),
            "pages.404",
        ),
        (json!({ "origin": "a", "404": "/a\nb" }), "pages.404"),
        (
            json!({ "origin": "a", "404": "https://a.example/x" }),
            "pages.404",
        ),
        (json!({ "origin": "a", "404": 1 }), "pages.404"),
        (json!({ "origin": "c", "404": "/x" }), "pages.origin"),
        (json!({ "404": "/x" }), "pages.origin"),
        (json!("/x"), "pages"),
    ] {
        let tables = json!({ "origins": two_origins(), "pages": pages, "rules": [{ "path": "/**", "origin": "a" }] });
        assert_eq!(
            faults(&tables).first().map(String::as_str),
            Some(place),
            "{pages}"
        );
        let tables = json!({ "origins": { "a": { "url": "https://a.example" } }, "rules": [{ "path": "/**", "pages": { "404": "x" } }] });
        assert_eq!(faults(&tables), ["rules[0].pages.404"]);
    }
}
