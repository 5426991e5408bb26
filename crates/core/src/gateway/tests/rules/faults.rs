//! What is wrong with a rules file is said by place, all at once, and never with a value.

use serde_json::{Value, json};

use crate::gateway::compile;
use crate::gateway::{MAX_RULES, MAX_TEXT_BYTES, SessionNeed, WebSockets};
use crate::settings::testing::parsed;
use crate::supertokens::fdi::request_origin::OtherSites;

const KEYS: (&str, &str) = ("API_KEYS", "abcdefghijklmnopqrstuvwxyz");

fn faults(tables: &Value, settings: &[(&str, &str)]) -> Vec<String> {
    let compiled = compile(&tables.to_string(), Some(&parsed(settings)));
    compiled
        .faults
        .iter()
        .filter(|fault| !crate::gateway::tests::is_of_all_rules(&fault.message))
        .map(|fault| format!("{}: {}", fault.setting, fault.message))
        .collect()
}

/// The places at fault, without the file's name.
fn places(tables: &Value) -> Vec<String> {
    faults(tables, &[])
        .iter()
        .map(|fault| {
            fault
                .split(": ")
                .next()
                .unwrap()
                .trim_start_matches("gateway.toml ")
                .to_owned()
        })
        .collect()
}

fn with_rule(rule: &Value) -> Value {
    let mut rule = rule.clone();
    if rule.get("path").is_none() {
        rule["path"] = json!("/**");
    }
    json!({ "origins": { "app": { "url": "https://app.example" } }, "rules": [rule] })
}

#[test]
fn a_file_without_rules_is_no_gateway() {
    for text in ["", "  \n", "{}", r#"{"origins":{}}"#, r#"{"rules":[]}"#] {
        let compiled = compile(text, Some(&parsed(&[])));
        assert!(
            compiled.faults.is_empty() && compiled.gateway.is_empty(),
            "{text}"
        );
    }
    let compiled = compile(&with_rule(&json!({})).to_string(), None);
    assert!(compiled.faults.is_empty() && !compiled.gateway.is_empty());
}

/// Whoever wrote the rules knows them by name; without one, by what they are for.
#[test]
fn a_fault_says_the_name_of_its_rule_or_its_first_path() {
    for (rule, label) in [
        (
            json!({ "path": "/a/**", "name": "admin", "freshness": "soon" }),
            "(rule admin)",
        ),
        (
            json!({ "path": "/a/**", "freshness": "soon" }),
            "(rule /a/**)",
        ),
    ] {
        let found = faults(&with_rule(&rule), &[]);
        assert!(found.len() == 1 && found[0].ends_with(label), "{found:?}");
    }
    let nameless = faults(&with_rule(&json!({ "path": "no slash" })), &[]);
    assert!(
        nameless.iter().all(|fault| !fault.contains("(rule")),
        "{nameless:?}"
    );
}

#[test]
fn every_fault_is_reported_together_by_index_and_field() {
    let tables = json!({
        "origin": {},
        "origins": {
            "a": { "url": "https://a.example/path" },
            "b": {},
            "c": { "url": "https://c.example", "binding": "C" },
            "d": { "binding": "not a name", "timeout": "10m", "sessions": "yes", "accepts_ambiguous_paths": 1, "speed": 9 },
            "no good": { "url": "https://e.example" },
        },
        "rules": [
            { "path": "/ok", "origin": "a", "session": "none" },
            { "path": "a//b", "origin": "zzz", "session": "maybe", "methods": ["get"], "host": "https://x" },
            { "origin": "a" },
            "not a table",
            { "path": "/x", "origin": "a", "freshness": "soon", "anti_csrf": "yes", "refuse": "//evil.example", "shadow": 1,
              "directives": true, "websocket": "maybe", "on_outage": "pass", "forward_credentials": "no", "typo": true },
        ],
    });
    assert_eq!(
        places(&tables),
        [
            "origin",
            "origins.a.url",
            "origins.b",
            "origins.c",
            "origins.d.binding",
            "origins.d.timeout",
            "origins.d.sessions",
            "origins.d.accepts_ambiguous_paths",
            "origins.d.speed",
            "origins.no good",
            "rules[1].host",
            "rules[1].path",
            "rules[1].methods",
            "rules[1].origin",
            "rules[1].session",
            "rules[2].path",
            "rules[3]",
            "rules[3].path",
            "rules[3].origin",
            "rules[4].freshness",
            "rules[4].anti_csrf",
            "rules[4].refuse",
            "rules[4].shadow",
            "rules[4].forward_credentials",
            "rules[4].websocket",
            "rules[4].on_outage",
            "rules[4].directives",
            "rules[4].typo",
        ]
    );
}

#[test]
fn messages_say_the_form_and_never_the_value() {
    let secret = "hunter2-hunter2";
    let tables = json!({
        "origins": { "a": { "url": format!("https://user:{secret}@a.example") } },
        "rules": [{ "path": secret, "origin": secret, "session": secret, "methods": [secret], "refuse": secret,
                    "require": { "claim": "x", "equals": [secret] } }],
    });
    let faults = faults(&tables, &[]);
    assert_eq!(faults.len(), 7, "{faults:#?}");
    assert!(
        faults.iter().all(|fault| !fault.contains(secret)),
        "{faults:#?}"
    );
    assert!(
        faults
            .iter()
            .any(|fault| fault.starts_with("gateway.toml rules[0].path: must be a path"))
    );
}

#[test]
fn what_is_no_table_is_said_once() {
    for text in ["[]", "1", "null", "{", r#"{"a":1,"a":2}"#] {
        let compiled = compile(text, None);
        let messages: Vec<_> = compiled
            .faults
            .iter()
            .map(|fault| format!("{}: {}", fault.setting, fault.message))
            .collect();
        assert_eq!(messages, ["gateway.toml: must be a table"], "{text}");
    }
    // A text in place of a table is what the build could not read.
    let unreadable = compile("\"line 2, column 1: no TOML\"", None);
    let said: Vec<_> = unreadable
        .faults
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert_eq!(said, ["line 2, column 1: no TOML"]);
    assert_eq!(places(&json!({ "rules": {} })), ["rules"]);
    assert_eq!(places(&json!({ "origins": [] })), ["origins"]);
}

#[test]
fn sizes_are_bounded() {
    let rule = json!({ "path": "/**", "session": "none" });
    let of = |count: usize| json!({ "origins": { "a": { "url": "https://a.example" } }, "rules": vec![rule.clone(); count] });
    assert_eq!(places(&of(MAX_RULES)), [""; 0]);
    assert_eq!(places(&of(MAX_RULES + 1)), ["rules"]);
    let long = compile(&" ".repeat(MAX_TEXT_BYTES + 1), None);
    assert_eq!(long.faults.len(), 1);
    let many = vec!["/a"; 65];
    assert_eq!(
        places(&with_rule(&json!({ "path": many }))),
        ["rules[0].path"]
    );
    assert_eq!(
        places(&with_rule(&json!({ "path": [] }))),
        ["rules[0].path"]
    );
    let bad = vec![json!({ "path": "x", "session": "y", "methods": [] }); MAX_RULES];
    let reported =
        places(&json!({ "origins": { "a": { "url": "https://a.example" } }, "rules": bad }));
    assert_eq!(reported.len(), 100, "a thousand equal faults help nobody");
}

#[test]
fn fields_that_contradict_each_other_are_faults() {
    for (rule, place) in [
        (
            json!({ "session": "none", "require": { "claim": "a", "present": true } }),
            "rules[0].require",
        ),
        (
            json!({ "session": "none", "freshness": "strict" }),
            "rules[0].freshness",
        ),
        (
            json!({ "session": "none", "anti_csrf": true }),
            "rules[0].anti_csrf",
        ),
        (
            json!({ "session": "none", "refuse": "/login" }),
            "rules[0].refuse",
        ),
        (
            json!({ "session": "none", "device_bound": true }),
            "rules[0].device_bound",
        ),
        (
            json!({ "session": "none", "shadow": true }),
            "rules[0].shadow",
        ),
        (
            json!({ "session": "none", "on_outage": "anonymous" }),
            "rules[0].on_outage",
        ),
        (
            json!({ "session": "none", "websocket": "enforce" }),
            "rules[0].websocket",
        ),
        (json!({ "directives": true }), "rules[0].directives"),
        (
            json!({ "refuse": { "return_parameter": "next" } }),
            "rules[0].refuse.login",
        ),
        (
            json!({ "refuse": { "login": "/login", "color": 1 } }),
            "rules[0].refuse.color",
        ),
        (
            json!({ "refuse": "https://user@login.example" }),
            "rules[0].refuse",
        ),
        (json!({ "refuse": "/\\evil.example" }), "rules[0].refuse"),
        (
            json!({ "refuse": "javascript://x/%0aalert(1)" }),
            "rules[0].refuse",
        ),
    ] {
        assert_eq!(places(&with_rule(&rule)), [place], "{rule}");
    }
    assert_eq!(
        places(&with_rule(
            &json!({ "directives": true, "methods": ["POST"] })
        )),
        [""; 0]
    );
}

#[test]
fn unwise_rules_work_and_are_said() {
    let tables = json!({
        "origins": { "a": { "url": "http://a.example" }, "b": { "url": "http://127.0.0.1:9000" } },
        "rules": [{ "path": "/**", "origin": "a", "on_outage": "anonymous", "freshness": "within 2s" }],
    });
    let compiled = compile(&tables.to_string(), Some(&parsed(&[])));
    assert_eq!(compiled.faults, []);
    let warned: Vec<_> = compiled
        .warnings
        .iter()
        .map(|warning| warning.setting.as_str())
        .collect();
    assert_eq!(
        warned,
        [
            "gateway.toml origins.a.url",
            "gateway.toml rules[0].on_outage",
            "gateway.toml rules[0].freshness"
        ]
    );
}

#[test]
fn what_is_not_unwise_is_not_warned_of() {
    for rule in [
        json!({}),
        json!({ "session": "optional", "on_outage": "anonymous" }),
        json!({ "session": "none" }),
        json!({ "freshness": "within 10s" }),
    ] {
        let compiled = compile(&with_rule(&rule).to_string(), None);
        assert_eq!(
            (compiled.faults, compiled.warnings),
            (vec![], vec![]),
            "{rule}"
        );
    }
}

#[test]
fn names_are_of_letters_digits_and_a_few_signs() {
    for (name, is_good) in [
        ("app", true),
        ("App-2_b", true),
        ("-", true),
        ("_", true),
        ("a.b", false),
        ("a b", false),
        ("é", false),
        ("", false),
    ] {
        let mut origins = json!({});
        origins[name] = json!({ "route": true });
        assert_eq!(
            places(&json!({ "origins": origins })).is_empty(),
            is_good,
            "{name}"
        );
        let parameter = json!({ "refuse": { "login": "/login", "return_parameter": name } });
        let place = "rules[0].refuse.return_parameter";
        assert_eq!(
            places(&with_rule(&parameter)),
            [place][usize::from(is_good)..],
            "{name}"
        );
    }
    for (name, is_good) in [
        ("Orders, v2", false),
        ("Orders - v2.1", true),
        (&"a".repeat(40), true),
        (&"a".repeat(41), false),
        ("", false),
    ] {
        let found = places(&with_rule(&json!({ "name": name })));
        assert_eq!(found.is_empty(), is_good, "{name}: {found:?}");
    }
    for (method, is_good) in [
        ("VERSION-CONTROL", true),
        ("M2", true),
        ("2", true),
        ("get", false),
        ("GET_IT", false),
        ("GET ", false),
        ("", false),
    ] {
        let found = places(&with_rule(&json!({ "methods": [method] })));
        assert_eq!(
            found,
            ["rules[0].methods"][usize::from(is_good)..],
            "{method}"
        );
    }
}

#[test]
fn defaults_are_the_strict_ones() {
    let rule = crate::gateway::tests::rule(json!({}));
    assert_eq!(rule.session, SessionNeed::Required);
    assert_eq!(rule.websocket, WebSockets::Enforce);
    assert!(!rule.shadow && !rule.directives && !rule.forward_credentials);
    assert_eq!(
        crate::gateway::tests::rule(json!({ "session": "none" })).websocket,
        WebSockets::Pass
    );
    assert_eq!(
        crate::gateway::tests::rule(json!({ "session": "optional" })).websocket,
        WebSockets::Enforce
    );
}

#[test]
fn no_two_doors_share_a_path_or_a_host() {
    let hosts = [
        KEYS,
        ("SERVICE_API_HOSTS", "core.example"),
        ("LEGACY_KEYLESS_HOSTS", "old.example:81"),
    ];
    for (rule, settings, fault) in [
        (
            json!({ "path": "/core" }),
            vec![KEYS],
            Some("rules[0].path"),
        ),
        (
            json!({ "path": "/core/**" }),
            vec![KEYS],
            Some("rules[0].path"),
        ),
        (
            json!({ "path": ["/x", "/core/recipe/*"] }),
            vec![KEYS],
            Some("rules[0].path"),
        ),
        (
            json!({ "path": "/c%6Fre/x" }),
            vec![KEYS],
            Some("rules[0].path"),
        ),
        (json!({ "path": "/corex/**" }), vec![KEYS], None),
        (json!({ "path": "/**" }), vec![KEYS], None),
        (json!({ "path": "/core/**" }), vec![], None),
        (
            json!({ "path": "/auth/session" }),
            vec![],
            Some("rules[0].path"),
        ),
        (
            json!({ "path": "/auth/session/refresh/" }),
            vec![],
            Some("rules[0].path"),
        ),
        (json!({ "path": "/auth/login" }), vec![], None),
        (json!({ "path": "/auth/**" }), vec![], None),
        (
            json!({ "path": "/x", "host": "core.example" }),
            hosts.to_vec(),
            Some("rules[0].host"),
        ),
        (
            json!({ "path": "/x", "host": "core.example:8443" }),
            hosts.to_vec(),
            Some("rules[0].host"),
        ),
        (
            json!({ "path": "/x", "host": "old.example" }),
            hosts.to_vec(),
            Some("rules[0].host"),
        ),
        (
            json!({ "path": "/x", "host": "app.example" }),
            hosts.to_vec(),
            None,
        ),
    ] {
        let found = faults(&with_rule(&rule), &settings);
        let expected: Vec<String> = fault
            .map(|place| format!("gateway.toml {place}"))
            .into_iter()
            .collect();
        let places: Vec<_> = found
            .iter()
            .map(|fault| fault.split(": ").next().unwrap().to_owned())
            .collect();
        assert_eq!(places, expected, "{rule} {settings:?}");
    }
}

#[test]
fn a_rule_under_the_console_is_a_fault_where_there_is_one() {
    for (path, with_console) in [("/auth/console/**", 1), ("/auth/consoles", 0), ("/**", 0)] {
        let rule = with_rule(&json!({ "path": path }));
        assert_eq!(faults(&rule, &[KEYS]).len(), 0, "{path}");
        let found = faults(&rule, &[KEYS, ("CONSOLE", "api_key")]);
        assert_eq!(found.len(), with_console, "{path}: {found:?}");
    }
}

#[test]
fn other_websites_are_named_by_their_origins_or_all_of_them_by_one_word() {
    let read =
        |value: Value| crate::gateway::tests::rule(json!({ "cross_site": value })).cross_site;
    let pay = || "https://pay.example".to_owned();
    let shop = || "https://shop.example".to_owned();
    assert_eq!(
        crate::gateway::tests::rule(json!({})).cross_site,
        OtherSites::None
    );
    assert_eq!(read(json!("any")), OtherSites::Any);
    assert_eq!(read(json!([pay()])), OtherSites::Named(vec![pay()]));
    assert_eq!(
        read(json!([pay(), shop()])),
        OtherSites::Named(vec![pay(), shop()])
    );
    for wrong in [
        json!(["any", pay()]),
        json!("pay.example"),
        json!(["any", "any"]),
    ] {
        let rule = with_rule(&json!({ "cross_site": wrong }));
        assert_eq!(places(&rule), ["rules[0].cross_site"], "{rule}");
    }
}

#[test]
fn an_origin_that_is_ourselves_is_a_loop() {
    let tables = json!({ "origins": { "a": { "url": "https://api.example.com" } }, "rules": [{ "path": "/**" }] });
    assert_eq!(places(&tables), ["origins.a.url"]);
    assert_eq!(
        faults(&json!({}), &[("ORIGIN", "https://api.example.com")]),
        ["ORIGIN: must not be API_DOMAIN: requests would come back to this Worker"]
    );
}

#[test]
fn the_setting_origin_is_a_rule_for_everything_with_an_optional_session() {
    let settings = parsed(&[KEYS, ("ORIGIN", "http://127.0.0.1:9000/")]);
    let compiled = compile("", Some(&settings));
    assert_eq!((compiled.faults, compiled.warnings), (vec![], vec![]));
    let gateway = compiled.gateway;
    let rule = gateway
        .rule(gateway.find("any.example", "DELETE", "/x/y").unwrap())
        .unwrap();
    assert_eq!(rule.session, SessionNeed::Optional);
    assert!(!rule.directives && !rule.forward_credentials && !rule.shadow);
    assert_eq!(
        gateway.origin(rule).unwrap().audience(""),
        "http://127.0.0.1:9000"
    );
    let both = faults(
        &with_rule(&json!({})),
        &[("ORIGIN", "http://127.0.0.1:9000")],
    );
    assert_eq!(both.len(), 1);
    assert!(both[0].starts_with("ORIGIN: "));
}

#[test]
fn without_settings_the_file_itself_is_still_checked() {
    let compiled = compile(
        &with_rule(&json!({ "session": "x", "path": "/core" })).to_string(),
        None,
    );
    assert_eq!(compiled.faults.len(), 1);
}
