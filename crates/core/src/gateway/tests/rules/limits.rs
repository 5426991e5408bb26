//! Limits of size and count: the last that is good, and the first that is not.

use serde_json::{Value, json};

use crate::gateway::MAX_RULES;
use crate::gateway::compile;
use crate::gateway::request::identity;
use crate::gateway::response::directives::{DirectiveFault, Holder, Sent, read};
use crate::gateway::tests::directives::{KEY, encoded, key};

/// The places at fault, without the file's name.
fn places(origins: &Value, rules: &Value) -> Vec<String> {
    let tables = json!({ "origins": origins, "rules": rules });
    let faults = compile(&tables.to_string(), None).faults;
    faults
        .iter()
        .filter(|fault| !crate::gateway::tests::is_of_all_rules(&fault.message))
        .map(|fault| fault.setting.trim_start_matches("gateway.toml ").to_owned())
        .collect()
}

fn texts(count: usize, make: fn(usize) -> String) -> Vec<String> {
    (0..count).map(make).collect()
}

#[test]
fn a_rules_file_has_a_megabyte() {
    for (bytes, is_good) in [(1_048_576, true), (1_048_577, false)] {
        let compiled = compile(&format!("{{}}{}", " ".repeat(bytes - 2)), None);
        assert_eq!(compiled.faults.is_empty(), is_good, "{bytes}");
    }
}

#[test]
fn two_hundred_origins_are_enough() {
    let origins = |count| {
        let names = texts(count, |n| format!("o{n}")).into_iter();
        Value::Object(names.map(|name| (name, json!({ "route": true }))).collect())
    };
    assert_eq!(places(&origins(200), &json!([])), [""; 0]);
    assert_eq!(places(&origins(201), &json!([])), ["origins"]);
}

#[test]
fn what_a_rule_may_hold_is_bounded() {
    let name = |length: usize| json!("n".repeat(length));
    let claim = |fields: Value| {
        let mut claim = json!({ "claim": "c" });
        claim
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        claim
    };
    for (field, last_good, first_bad, place) in [
        (
            "path",
            json!(texts(64, |n| format!("/p{n}"))),
            json!(texts(65, |n| format!("/p{n}"))),
            "path",
        ),
        (
            "path",
            json!(format!("/{}", "p".repeat(1023))),
            json!(format!("/{}", "p".repeat(1024))),
            "path",
        ),
        (
            "path",
            json!("/p".repeat(32)),
            json!("/p".repeat(33)),
            "path",
        ),
        (
            "host",
            json!(texts(64, |n| format!("h{n}.example"))),
            json!(texts(65, |n| format!("h{n}.example"))),
            "host",
        ),
        (
            "methods",
            json!(texts(64, |n| format!("M{n}"))),
            json!(texts(65, |n| format!("M{n}"))),
            "methods",
        ),
        (
            "methods",
            json!(["M".repeat(32)]),
            json!(["M".repeat(33)]),
            "methods",
        ),
        (
            "refuse",
            json!(format!("/{}", "l".repeat(2047))),
            json!(format!("/{}", "l".repeat(2048))),
            "refuse",
        ),
        (
            "refuse",
            json!({ "login": "/l", "return_parameter": name(64) }),
            json!({ "login": "/l", "return_parameter": name(65) }),
            "refuse.return_parameter",
        ),
        (
            "require",
            json!({ "claim": name(256), "present": true }),
            json!({ "claim": name(257), "present": true }),
            "require.claim",
        ),
        (
            "require",
            json!({ "claim": vec!["c"; 8], "present": true }),
            json!({ "claim": vec!["c"; 9], "present": true }),
            "require.claim",
        ),
        (
            "require",
            claim(json!({ "any_of": vec![1; 64] })),
            claim(json!({ "any_of": vec![1; 65] })),
            "require.any_of",
        ),
        (
            "require",
            json!({ "all": vec![claim(json!({ "present": true })); 64] }),
            json!({ "all": vec![claim(json!({ "present": true })); 65] }),
            "require.all",
        ),
    ] {
        let found = |value: &Value| {
            let mut rule = json!({ "path": "/**" });
            rule[field] = value.clone();
            places(&json!({ "app": { "route": true } }), &json!([rule]))
        };
        assert_eq!(found(&last_good), [""; 0], "{field}: {last_good}");
        assert_eq!(found(&first_bad), [format!("rules[0].{place}")], "{field}");
    }
}

#[test]
fn an_origin_has_a_short_name_and_some_patience() {
    for (name, timeout, is_good) in [
        ("n".repeat(64), "30s", true),
        ("n".repeat(65), "30s", false),
        ("n".to_owned(), "100ms", true),
        ("n".to_owned(), "99ms", false),
        ("n".to_owned(), "300s", true),
        ("n".to_owned(), "301s", false),
    ] {
        let mut origins = json!({});
        origins[&name] = json!({ "route": true, "timeout": timeout });
        let found = places(&origins, &json!([]));
        assert_eq!(found.is_empty(), is_good, "{name} {timeout}");
    }
}

#[test]
fn a_hundred_warnings_are_enough() {
    let origins = json!({ "app": { "route": true } });
    let rule = |n: usize| json!({ "path": format!("/{n}"), "on_outage": "anonymous" });
    let rules: Vec<Value> = (0..MAX_RULES).map(rule).collect();
    let tables = json!({ "origins": origins, "rules": rules });
    let compiled = compile(&tables.to_string(), None);
    assert_eq!((compiled.faults.len(), compiled.warnings.len()), (0, 100));
}

#[test]
fn a_user_id_of_an_origin_has_two_kilobytes() {
    let name = |length: usize| {
        identity::headers(&crate::gateway::tests::own_session(
            &"u".repeat(length),
            "{}",
        ))[2]
            .clone()
    };
    assert_eq!(name(2048), ("postern-user-id", "u".repeat(2048)));
    assert_eq!(name(2049), ("postern-user-id-omitted", "2049".to_owned()));
}

#[test]
fn a_directive_has_eight_kilobytes() {
    let read = |value: &str| {
        let sent = Sent {
            key: Some(KEY),
            session_data: Some(value),
            ..Sent::default()
        };
        read(&sent, &key(), Holder::Somebody).map(|_| ())
    };
    let too_large = Err(DirectiveFault::TooLarge("postern-session-data"));
    let object = |bytes: usize| encoded(&format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)));
    assert_eq!(read(&object(8192)), Ok(()));
    assert_eq!(
        read(&format!("{}=", object(8192))),
        Ok(()),
        "padding is none of it"
    );
    assert_eq!(read(&object(8193)), too_large);
    // What is longer than any good one is not read at all.
    assert_eq!(read(&"!".repeat(10_925)), too_large);
}
