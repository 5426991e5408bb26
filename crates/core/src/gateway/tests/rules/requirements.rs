//! Claim requirements: each test on each kind of claim, combinations, and what is no requirement.

use serde_json::{Value, json};

use crate::gateway::FailedClaim;
use crate::gateway::compile;
use crate::gateway::tests::rule;

fn failures(require: &Value, payload: &str) -> Vec<FailedClaim> {
    rule(json!({ "require": require }))
        .require
        .unwrap()
        .failures(&crate::identity::Issuer::Own, payload)
}

const PAYLOAD: &str = r#"{"role":"admin","n":5,"big":12345678901234567890.5,"yes":true,"no":false,"nothing":null,"list":["a","b",3],
    "empty":[],"scope":"read write","obj":{"v":["x"],"deep":{"er":1}},"https://example.com/roles":["editor"],"a.b":"dotted","neg":-2}"#;

#[test]
fn each_test_on_each_kind_of_claim() {
    for (test, met) in [
        (json!({ "claim": "role", "equals": "admin" }), true),
        (json!({ "claim": "role", "equals": "Admin" }), false),
        (json!({ "claim": "role", "equals": "admi" }), false),
        (json!({ "claim": "n", "equals": 5 }), true),
        (json!({ "claim": "n", "equals": 5.0 }), true),
        (json!({ "claim": "n", "equals": "5" }), false),
        (json!({ "claim": "yes", "equals": true }), true),
        (json!({ "claim": "yes", "equals": "true" }), false),
        (json!({ "claim": "no", "equals": false }), true),
        (json!({ "claim": "nothing", "equals": false }), false),
        (json!({ "claim": "missing", "equals": "" }), false),
        (json!({ "claim": "list", "equals": "a" }), false),
        (json!({ "claim": "list", "contains": "a" }), true),
        (json!({ "claim": "list", "contains": 3 }), true),
        (json!({ "claim": "list", "contains": "3" }), false),
        (json!({ "claim": "list", "contains": "c" }), false),
        (json!({ "claim": "empty", "contains": "a" }), false),
        (json!({ "claim": "scope", "contains": "write" }), true),
        (json!({ "claim": "scope", "contains": "writ" }), false),
        (json!({ "claim": "scope", "contains": "read write" }), false),
        (json!({ "claim": "obj", "contains": "v" }), false),
        (json!({ "claim": "n", "contains": 5 }), false),
        (
            json!({ "claim": "role", "any_of": ["user", "admin"] }),
            true,
        ),
        (json!({ "claim": "role", "any_of": ["user"] }), false),
        (json!({ "claim": "list", "any_of": ["z", "b"] }), true),
        (json!({ "claim": "empty", "any_of": ["z"] }), false),
        (json!({ "claim": "n", "any_of": [4, 5] }), true),
        (json!({ "claim": "list", "all_of": ["a", "b"] }), true),
        (json!({ "claim": "list", "all_of": ["a", "c"] }), false),
        (
            json!({ "claim": "scope", "all_of": ["write", "read"] }),
            true,
        ),
        (json!({ "claim": "role", "all_of": ["admin"] }), true),
        (json!({ "claim": "missing", "all_of": ["a"] }), false),
        (json!({ "claim": "n", "at_least": 5 }), true),
        (json!({ "claim": "n", "at_least": 5.000_001 }), false),
        (json!({ "claim": "n", "at_least": -1 }), true),
        (json!({ "claim": "neg", "at_least": -2 }), true),
        (json!({ "claim": "neg", "at_least": -1.5 }), false),
        (json!({ "claim": "neg", "at_least": 0 }), false),
        (
            json!({ "claim": "big", "at_least": 12_345_678_901_234_567_890_u64 }),
            true,
        ),
        (json!({ "claim": "big", "at_least": 1e30 }), false),
        (json!({ "claim": "role", "at_least": 1 }), false),
        (json!({ "claim": "missing", "at_least": 0 }), false),
        (json!({ "claim": "role", "present": true }), true),
        (json!({ "claim": "empty", "present": true }), true),
        (json!({ "claim": "nothing", "present": true }), false),
        (json!({ "claim": "nothing", "present": false }), true),
        (json!({ "claim": "missing", "present": false }), true),
        (json!({ "claim": "role", "present": false }), false),
        (
            json!({ "claim": "https://example.com/roles", "contains": "editor" }),
            true,
        ),
        (json!({ "claim": "a.b", "equals": "dotted" }), true),
        (json!({ "claim": ["a", "b"], "equals": "dotted" }), false),
        (json!({ "claim": ["obj", "v"], "contains": "x" }), true),
        (
            json!({ "claim": ["obj", "deep", "er"], "at_least": 1 }),
            true,
        ),
        (json!({ "claim": ["role", "x"], "present": true }), false),
        (json!({ "claim": ["list", "0"], "present": true }), false),
        (json!({ "claim": "__proto__", "present": true }), false),
    ] {
        assert_eq!(failures(&test, PAYLOAD).is_empty(), met, "{test}");
    }
}

#[test]
fn what_fails_is_named_in_order() {
    let failed = |id: &str, exists| FailedClaim {
        id: id.to_owned(),
        exists,
    };
    let admin = json!({ "claim": "role", "equals": "root" });
    let mfa = json!({ "claim": "mfa", "equals": true });
    let good = json!({ "claim": "n", "at_least": 1 });
    let verified = json!({ "claim": ["obj", "verified"], "present": true });
    for (require, expected) in [
        (
            json!({ "all": [good, admin, mfa] }),
            vec![failed("role", true), failed("mfa", false)],
        ),
        (
            json!({ "any": [admin, mfa] }),
            vec![failed("role", true), failed("mfa", false)],
        ),
        (
            json!({ "all": [admin, mfa] }),
            vec![failed("role", true), failed("mfa", false)],
        ),
        (json!({ "any": [admin, good] }), vec![]),
        (json!({ "any": [{ "all": [good] }, mfa] }), vec![]),
        (
            json!({ "all": [{ "any": [mfa, good] }, verified] }),
            vec![failed("obj", false)],
        ),
        (
            json!({ "any": [{ "all": [good, admin] }, { "all": [good, good] }] }),
            vec![],
        ),
        (
            json!({ "all": [{ "all": [admin] }, { "any": [mfa] }] }),
            vec![failed("role", true), failed("mfa", false)],
        ),
    ] {
        assert_eq!(failures(&require, PAYLOAD), expected, "{require}");
    }
    for payload in ["{}", "", "[]", "null", "{\"role\":", "\"role\""] {
        assert_eq!(
            failures(&admin, payload),
            [failed("role", false)],
            "{payload}"
        );
    }
}

fn places(require: &Value) -> Vec<String> {
    let tables = json!({ "origins": { "a": { "url": "https://a.example" } }, "rules": [{ "path": "/**", "require": require }] });
    let faults = compile(&tables.to_string(), None).faults;
    faults
        .iter()
        .map(|fault| {
            fault
                .setting
                .trim_start_matches("gateway.toml rules[0].require")
                .to_owned()
        })
        .collect()
}

#[test]
fn what_is_no_requirement_is_said_by_its_place() {
    let good = json!({ "claim": "a", "present": true });
    for (require, expected) in [
        (json!([]), vec!["", ".claim", ""]),
        (json!({}), vec![".claim", ""]),
        (json!({ "claim": "a" }), vec![""]),
        (json!({ "claim": "", "present": true }), vec![".claim"]),
        (json!({ "claim": 1, "present": true }), vec![".claim"]),
        (json!({ "claim": [], "present": true }), vec![".claim"]),
        (
            json!({ "claim": "a", "equals": 1, "present": true }),
            vec![""],
        ),
        (json!({ "claim": "a", "equals": null }), vec![".equals"]),
        (json!({ "claim": "a", "equals": {} }), vec![".equals"]),
        (json!({ "claim": "a", "any_of": "x" }), vec![".any_of"]),
        (json!({ "claim": "a", "any_of": [] }), vec![".any_of"]),
        (json!({ "claim": "a", "all_of": [[1]] }), vec![".all_of"]),
        (json!({ "claim": "a", "at_least": "1" }), vec![".at_least"]),
        (json!({ "claim": "a", "present": "yes" }), vec![".present"]),
        (
            json!({ "claim": "a", "matches": "^x$" }),
            vec!["", ".matches"],
        ),
        (json!({ "all": [], }), vec![".all"]),
        (json!({ "any": good }), vec![".any"]),
        (json!({ "all": [good], "any": [good] }), vec![""]),
        (json!({ "all": [good], "claim": "a" }), vec![".claim"]),
        (
            json!({ "all": [good, { "any": [good, { "claim": "a", "at_least": true }] }] }),
            vec![".all[1].any[1].at_least"],
        ),
    ] {
        assert_eq!(places(&require), expected, "{require}");
    }
}

#[test]
fn trees_are_bounded() {
    let nested = |depth: usize| {
        (1..depth).fold(
            json!({ "claim": "a", "present": true }),
            |inner, _| json!({ "all": [inner] }),
        )
    };
    assert_eq!(places(&nested(8)), [""; 0]);
    assert_eq!(places(&nested(9)).len(), 1);
    assert!(!places(&nested(60)).is_empty());
    let wide = |count: usize| json!({ "all": vec![json!({ "any": vec![json!({ "claim": "a", "present": true }); count] }); 2] });
    assert_eq!(places(&wide(32)), [""; 0]);
    assert_eq!(places(&wide(33)), [""]);
}
