//! Which rule a request falls under: by table, against a plain reference, and at what cost.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::gateway::compile;
use crate::gateway::tests::{file, gateway, no_header, request};
use crate::gateway::{Denial, Gateway, admit};
use crate::settings::testing::parsed;

fn found(gateway: &Gateway, host: &str, method: &str, path: &str) -> Option<usize> {
    gateway.find(host, method, path)
}

#[test]
fn patterns_match_segments() {
    for (pattern, matching, others) in [
        ("/", vec!["/"], vec!["/a", "/a/"]),
        ("/**", vec!["/", "/a", "/a/b/", "/%20"], vec![]),
        (
            "/a",
            vec!["/a", "/a/", "/%61"],
            vec!["/", "/A", "/ab", "/a/b", "/a%2fb"],
        ),
        (
            "/a/**",
            vec!["/a", "/a/", "/a/b", "/a/b/c"],
            vec!["/", "/ab", "/b/a"],
        ),
        (
            "/a/*",
            vec!["/a/b", "/a/b/", "/a/%62"],
            vec!["/a", "/a/", "/a/b/c"],
        ),
        ("/*/b", vec!["/a/b", "/x/b/"], vec!["/b", "/a/c", "//b"]),
        (
            "/a/*/c/**",
            vec!["/a/b/c", "/a/b/c/d/e"],
            vec!["/a/c", "/a/b", "/a/b/d"],
        ),
        (
            "/café",
            vec!["/caf%C3%A9", "/caf%c3%a9"],
            vec!["/cafe", "/caf"],
        ),
        ("/caf%C3%A9/**", vec!["/caf%c3%a9/x"], vec!["/cafe"]),
        ("/a+b", vec!["/a+b", "/a%2Bb"], vec!["/a b", "/a%20b"]),
    ] {
        let gateway = gateway(&[json!({ "path": pattern, "session": "none" })]);
        for path in matching {
            assert_eq!(
                found(&gateway, "h", "GET", path),
                Some(0),
                "{pattern} {path}"
            );
        }
        for path in others {
            assert_eq!(found(&gateway, "h", "GET", path), None, "{pattern} {path}");
        }
    }
}

#[test]
fn the_first_rule_that_fits_wins_whatever_the_index() {
    let gateway = gateway(&[
        json!({ "path": "/a/*", "methods": ["POST"] }),
        json!({ "path": "/*/b" }),
        json!({ "path": "/a/b" }),
        json!({ "path": ["/x", "/y/**"] }),
        json!({ "path": "/**", "host": "other.example" }),
        json!({ "path": "/a/**" }),
    ]);
    for (host, method, path, expected) in [
        ("app.example", "POST", "/a/b", Some(0)),
        ("app.example", "GET", "/a/b", Some(1)),
        ("app.example", "GET", "/a/c", Some(5)),
        ("app.example", "GET", "/y/1/2", Some(3)),
        ("other.example", "GET", "/y/1", Some(3)),
        ("other.example", "GET", "/a/c", Some(4)),
        ("app.example", "GET", "/z", None),
    ] {
        assert_eq!(
            found(&gateway, host, method, path),
            expected,
            "{host} {method} {path}"
        );
    }
}

#[test]
fn hosts_are_exact_and_a_host_without_a_port_stands_for_all() {
    let gateway = gateway(&[
        json!({ "host": "App.example" }),
        json!({ "host": ["b.example:8443", "[::1]:80"] }),
    ]);
    for (host, expected) in [
        ("app.example", Some(0)),
        ("APP.EXAMPLE", Some(0)),
        ("app.example:99", Some(0)),
        ("app.example.", Some(0)),
        ("app.example.:99", Some(0)),
        ("b.example:8443", Some(1)),
        ("b.example", None),
        ("[::1]:80", Some(1)),
        ("xapp.example", None),
        ("app.example.evil.example", None),
        ("x.app.example", None),
        ("", None),
    ] {
        assert_eq!(found(&gateway, host, "GET", "/"), expected, "{host}");
    }
}

#[test]
fn methods_are_raw_and_get_stands_for_head() {
    let gateway = gateway(&[json!({ "methods": ["GET", "PROPFIND"] })]);
    for (method, matches) in [
        ("GET", true),
        ("HEAD", true),
        ("PROPFIND", true),
        ("get", false),
        ("POST", false),
        ("OPTIONS", false),
        ("", false),
    ] {
        assert_eq!(
            found(&gateway, "h", method, "/").is_some(),
            matches,
            "{method}"
        );
    }
    assert!(
        found(
            &crate::gateway::tests::gateway(&[json!({})]),
            "h",
            "ANYTHING",
            "/"
        )
        .is_some()
    );
    let without_get = crate::gateway::tests::gateway(&[json!({ "methods": ["POST", "OPTIONS"] })]);
    assert_eq!(found(&without_get, "h", "HEAD", "/"), None);
    let with_get = crate::gateway::tests::gateway(&[json!({ "methods": "GET" })]);
    assert_eq!(found(&with_get, "h", "HEAD", "/"), Some(0));
}

#[test]
fn a_rule_comes_with_its_origin() {
    let gateway = file(&json!({
        "origins": { "a": { "route": true }, "b": { "binding": "B" } },
        "rules": [{ "path": "/b", "origin": "b" }, { "path": "/a", "origin": "a" }],
    }));
    for (index, path, origin) in [(0, "/b", "b"), (1, "/a", "a")] {
        let matched = gateway.matched(index).unwrap();
        assert_eq!(
            (
                matched.index,
                matched.rule.paths.as_slice(),
                matched.origin.name.as_str()
            ),
            (index, [path.to_owned()].as_slice(), origin)
        );
    }
    assert!(gateway.matched(2).is_none());
}

/// A name, and the rule of a number.
type Shape = (&'static str, fn(usize) -> Value);

/// What a rule costs to find, counted in visited nodes and rules looked at.
#[test]
fn five_hundred_rules_cost_hardly_more_than_one() {
    let path = "/service-250/items/17";
    let one = gateway(&[json!({ "path": "/service-250/items/*" })]);
    let alone = one.steps("app.example", "GET", path);
    assert_eq!(alone, 5, "the root, three segments below it and the rule");
    let shapes: [Shape; 5] = [
        (
            "a first segment each",
            |n| json!({ "path": format!("/service-{n}/items/*") }),
        ),
        (
            "a shared prefix",
            |n| json!({ "path": format!("/service-250/items/{n}") }),
        ),
        (
            "a host each",
            |n| json!({ "path": "/service-250/items/*", "host": format!("h{n}.example") }),
        ),
        (
            "a star before what differs",
            |n| json!({ "path": format!("/*/items/{n}") }),
        ),
        (
            "open at the end",
            |n| json!({ "path": format!("/service-{n}/**") }),
        ),
    ];
    for (shape, make) in shapes {
        let many = gateway(&(0..500).map(make).collect::<Vec<_>>());
        let host = if shape == "a host each" {
            "h250.example"
        } else {
            "app.example"
        };
        assert!(many.find(host, "GET", path).is_some(), "{shape}");
        let steps = many.steps(host, "GET", path);
        assert!(
            steps <= alone + 2,
            "{shape}: {steps} steps, {alone} for one rule"
        );
        assert!(
            many.steps(host, "GET", "/no/such/path") <= 4,
            "{shape}, without a match"
        );
    }
}

/// One rule after the other, each pattern by itself: what the index must agree with.
fn reference(rules: &[Value], host: &str, path: &str) -> Option<usize> {
    rules.iter().position(|rule| {
        let host_fits = rule.get("host").is_none_or(|known| known == host);
        host_fits && pattern_fits(rule["path"].as_str().unwrap(), path)
    })
}

fn pattern_fits(pattern: &str, path: &str) -> bool {
    let (pattern, open) = pattern
        .strip_suffix("/**")
        .map_or((pattern, false), |rest| (rest, true));
    let split = |text: &str| -> Vec<String> {
        let parts: Vec<_> = text
            .trim_start_matches('/')
            .trim_end_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect();
        if parts == [""] { Vec::new() } else { parts }
    };
    let (wanted, given) = (split(pattern), split(path));
    let length_fits = if open {
        given.len() >= wanted.len()
    } else {
        given.len() == wanted.len()
    };
    length_fits
        && wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted == "*" || wanted == given)
}

proptest! {
    #[test]
    fn the_index_agrees_with_looking_at_every_rule(
        patterns in prop::collection::vec(("(/[ab*]){0,4}", any::<bool>(), 0..3_usize), 1..40),
        path in "(/[abc]){1,5}/?",
        host in 0..3_usize,
    ) {
        let hosts = ["one.example", "two.example", "three.example"];
        let rules: Vec<Value> = patterns
            .iter()
            .map(|(pattern, open, host)| {
                let path = match (pattern.as_str(), open) {
                    ("", false) => "/".to_owned(),
                    (_, false) => pattern.clone(),
                    (_, true) => format!("{pattern}/**"),
                };
                // Two of three rules are for one host.
                if *host < 2 { json!({ "path": path, "host": hosts[*host] }) } else { json!({ "path": path }) }
            })
            .collect();
        let gateway = gateway(&rules);
        prop_assert_eq!(gateway.find(hosts[host], "GET", &path), reference(&rules, hosts[host], &path));
    }
}

/// The gateway's own headers would come back in the answer to a `TRACE`.
#[test]
fn some_methods_are_never_answered() {
    let gateway = gateway(&[json!({ "session": "none" })]);
    for method in ["TRACE", "TRACK", "CONNECT", "trace", "Connect"] {
        let refused = admit(&gateway, &request(method, "/x", &no_header));
        assert!(matches!(refused, Err(Denial::Method)), "{method}");
        let file = json!({
            "origins": { "app": { "url": "http://127.0.0.1:9000" } },
            "rules": [{ "path": "/", "methods": [method] }],
        });
        assert_eq!(compile(&file.to_string(), None).faults.len(), 1, "{method}");
    }
    for method in ["PROPFIND", "PURGE", "QUERY", "OPTIONS", "TRACES"] {
        assert!(
            admit(&gateway, &request(method, "/x", &no_header)).is_ok(),
            "{method}"
        );
    }
}

/// What the platform names is named by nobody: rules for one host would be walked around there.
#[test]
fn a_rule_without_a_host_is_not_for_workers_dev_unless_told() {
    let compiled = |domain, rules: Value| {
        let origins = json!({ "app": { "url": "http://127.0.0.1:9000" } });
        let settings = parsed(&[("API_DOMAIN", domain)]);
        let file = json!({ "origins": origins, "rules": rules }).to_string();
        compile(&file, Some(&settings))
    };
    let rules = json!([
        { "host": "admin.example", "path": "/**" },
        { "host": "named.team.workers.dev", "path": "/**", "session": "none" },
        { "path": "/preview/**", "session": "none", "workers_dev": true },
        { "path": "/**", "session": "none" },
    ]);
    let gateway = compiled("https://auth.example", rules.clone()).gateway;
    for (host, path, rule) in [
        ("postern.team.workers.dev", "/x", None),
        ("POSTERN.team.workers.dev.", "/x", None),
        ("postern.team.workers.dev:8443", "/x", None),
        ("0f1e2d3c-postern.team.workers.dev", "/x", None),
        ("postern.team.workers.dev", "/preview/x", Some(2)),
        ("named.team.workers.dev", "/x", Some(1)),
        ("workers.dev.example", "/x", Some(3)),
        ("workers.dev", "/x", Some(3)),
        ("127.0.0.1:8787", "/x", Some(3)),
        ("localhost:8787", "/x", Some(3)),
        ("app.example", "/x", Some(3)),
    ] {
        assert_eq!(found(&gateway, host, "GET", path), rule, "{host}{path}");
    }
    // Where the deployment itself says that it is there, it answers; a preview of it does not.
    let gateway = compiled("https://postern.team.workers.dev", rules).gateway;
    for (host, rule) in [
        ("postern.team.workers.dev", Some(3)),
        ("0f1e2d3c-postern.team.workers.dev", None),
    ] {
        assert_eq!(found(&gateway, host, "GET", "/x"), rule, "{host}");
    }
    let named = json!([{ "host": "a.example", "path": "/", "workers_dev": true }]);
    let faults = compiled("https://auth.example", named).faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].setting, "gateway.toml rules[0].workers_dev");
}

#[test]
fn directives_are_for_the_very_methods_that_a_rule_names() {
    let rules = [json!({ "methods": ["GET", "POST"], "directives": true })];
    let gateway = gateway(&rules);
    let rule = gateway.rule(0).unwrap();
    for (method, takes) in [
        ("GET", true),
        ("POST", true),
        ("HEAD", false),
        ("OPTIONS", false),
        ("post", false),
        ("PUT", false),
    ] {
        assert_eq!(rule.takes_directives(method), takes, "{method}");
    }
    assert!(rule.covers_method("HEAD"));
}

#[test]
fn origins_are_found_by_name_and_one_alone_need_not_be_named() {
    let gateway = file(&json!({
        "origins": {
            "a": { "url": "https://A.example:443/" },
            "b": { "binding": "BACKEND", "timeout": "2s", "accepts_ambiguous_paths": true },
            "c": { "route": true, "sessions": "sdk" },
        },
        "rules": [{ "path": "/c", "origin": "c" }, { "path": "/b", "origin": "b" }, { "path": "/**", "origin": "a" }],
    }));
    let audiences: Vec<_> = ["/c", "/b", "/"]
        .map(|path| {
            let rule = gateway
                .rule(gateway.find("h", "GET", path).unwrap())
                .unwrap();
            gateway
                .origin(rule)
                .unwrap()
                .audience("https://api.example.com")
                .into_owned()
        })
        .into();
    assert_eq!(
        audiences,
        [
            "https://api.example.com",
            "binding:BACKEND",
            "https://a.example"
        ]
    );
    let b = gateway.origin(gateway.rule(1).unwrap()).unwrap();
    assert_eq!(
        (b.timeout.0, b.accepts_ambiguous_paths, b.sets_sessions),
        (2000, true, false)
    );
    let c = gateway.origin(gateway.rule(0).unwrap()).unwrap();
    assert_eq!(
        (c.timeout.0, c.accepts_ambiguous_paths, c.sets_sessions),
        (30_000, false, true)
    );
}
