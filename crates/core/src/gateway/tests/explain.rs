//! `explain`: the same decisions, explained without secrets.

use serde_json::{Value, json};

use super::{gateway, headers, no_header, request};
use crate::error::Presented;
use crate::gateway::decide;
use crate::gateway::decision::explain::{Described, End, Explanation};
use crate::gateway::decision::refuse;
use crate::gateway::{Admission, SessionRefused, admit};
use crate::refusal::Refusal;
use crate::settings::testing::parsed;

#[test]
fn a_request_is_described_in_json() {
    let described = Described::parse(
        r#"{"method":"POST","url":"https://app.example/x?y=1","headers":{"Accept":"a/b","X-Y":"\u00c9"},"token":"t.o.k"}"#,
        &parsed(&[]),
    )
    .unwrap();
    assert_eq!(
        (described.method.as_str(), described.url.as_str()),
        ("POST", "https://app.example/x?y=1")
    );
    let headers: Vec<_> = described
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        headers,
        [
            ("accept", "a/b"),
            ("x-y", "É"),
            ("authorization", "Bearer t.o.k")
        ]
    );
    let short = Described::parse(r#"{"url":"http://a/"}"#, &parsed(&[])).unwrap();
    assert_eq!((short.method.as_str(), short.headers.len()), ("GET", 0));
    let doubled = r#"{"url":"http://a/","headers":{"a":"1","A":"2"}}"#;
    let doubled = Described::parse(doubled, &parsed(&[])).unwrap();
    assert_eq!(doubled.headers, [("a".to_owned(), "1, 2".to_owned())]);
}

#[test]
fn a_token_stands_where_tokens_of_its_issuer_count() {
    let issuers = r#"[{"id":"access","provider":"cloudflare-access","issuer":"https://t.cloudflareaccess.com","audience":["f"],"token_from":{"headers":["Cf-Access-Jwt-Assertion"]}},
        {"id":"shop","issuer":"https://s.example","audience":["x"],"token_from":{"cookies":["id_session"]}},
        {"id":"socket","issuer":"https://w.example","audience":["x"],"token_from":{"websocket_protocols":["id."]}},
        {"id":"both","issuer":"https://b.example","audience":["x"],"token_from":{"headers":["X-T","Authorization"]}},
        {"id":"plain","issuer":"https://p.example","audience":["x"]}]"#;
    let settings = parsed(&[("TRUSTED_ISSUERS", issuers)]);
    let token = |iss: &str| {
        let part = |text: &str| postern_jwt::compact::encode(text.as_bytes());
        let payload = format!(r#"{{"iss":"{iss}"}}"#);
        format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(&payload))
    };
    for (iss, place, name, before) in [
        (
            "https://t.cloudflareaccess.com",
            "header cf-access-jwt-assertion",
            "cf-access-jwt-assertion",
            "",
        ),
        (
            "https://s.example",
            "cookie id_session",
            "cookie",
            "id_session=",
        ),
        (
            "https://w.example",
            "websocket protocol id.",
            "sec-websocket-protocol",
            "id.",
        ),
        (
            "https://b.example",
            "authorization",
            "authorization",
            "Bearer ",
        ),
        (
            "https://p.example",
            "authorization",
            "authorization",
            "Bearer ",
        ),
        (
            "https://nobody.example",
            "authorization",
            "authorization",
            "Bearer ",
        ),
    ] {
        let token = token(iss);
        let body = json!({ "url": "http://a/", "token": token }).to_string();
        let described = Described::parse(&body, &settings).unwrap();
        assert_eq!(described.token_in.as_deref(), Some(place), "{iss}");
        let header = (name.to_owned(), [before, &token].concat());
        assert_eq!(described.headers.first(), Some(&header), "{iss}");
        let upgrade = ("upgrade".to_owned(), "websocket".to_owned());
        assert_eq!(
            described.headers.contains(&upgrade),
            name.starts_with("sec-"),
            "{iss}"
        );
        let body = json!({ "url": "http://a/", "token": token, "headers": { name: "x" } });
        let doubled = Described::parse(&body.to_string(), &settings);
        assert!(
            matches!(&doubled, Err(Refusal::BadInput(text)) if text.contains(name)),
            "{doubled:?}"
        );
    }
}

#[test]
fn what_is_no_description_is_refused_by_field() {
    for (body, named) in [
        ("", "body"),
        ("[]", "body"),
        ("{}", "url"),
        (r#"{"url":1}"#, "url"),
        (r#"{"url":"x","method":1}"#, "method"),
        (r#"{"url":"x","headers":[]}"#, "headers"),
        (r#"{"url":"x","headers":{"a":1}}"#, "headers"),
        (r#"{"url":"x","headers":{"a b":"1"}}"#, "headers"),
        (r#"{"url":"x","headers":{"a":"1\nb"}}"#, "headers"),
        (r#"{"url":"x","headers":{"":"1"}}"#, "headers"),
        (r#"{"url":"x","token":1}"#, "token"),
        (
            r#"{"url":"x","token":"t","headers":{"Authorization":"y"}}"#,
            "token",
        ),
        (r#"{"url":"x","cookie":"secret"}"#, "cookie"),
    ] {
        let Err(Refusal::BadInput(text)) = Described::parse(body, &parsed(&[])) else {
            panic!("{body}")
        };
        assert!(
            text.contains(named) && !text.contains("secret"),
            "{body}: {text}"
        );
    }
}

/// The explanation of a request for `/admin/x`.
fn explained(
    rules: &[Value],
    session: Result<&str, SessionRefused>,
    header: &dyn Fn(&str) -> Option<String>,
) -> Value {
    let gateway = gateway(rules);
    let facts = request("GET", "/admin/x", header);
    let settings = parsed(&[]);
    let (matched, end, reply) = match admit(&gateway, &facts) {
        Err(denial) => {
            let reply = refuse::reply(&settings, None, &facts, &denial);
            (
                None,
                End::Decided(crate::gateway::Decision::Refuse(denial)),
                Some(reply),
            )
        }
        Ok(Admission::Preflight(matched)) => (Some(matched), End::Preflight(true), None),
        Ok(Admission::Rule(matched)) => {
            let decision = decide(matched.rule, &facts, session.map(super::own));
            let reply = match &decision {
                crate::gateway::Decision::Refuse(denial) => {
                    Some(refuse::reply(&settings, Some(matched.rule), &facts, denial))
                }
                crate::gateway::Decision::Forward(_)
                | crate::gateway::Decision::Renew(_)
                | crate::gateway::Decision::AskAgain => None,
            };
            (Some(matched), End::Decided(decision), reply)
        }
    };
    let explanation = Explanation {
        raw_path: facts.raw_path.to_owned(),
        path: facts.path.to_owned(),
        token_in: None,
        matched,
        end,
    };
    serde_json::from_str(&explanation.json(&settings, reply.as_ref())).unwrap()
}

#[test]
fn it_says_which_rule_and_which_check() {
    let rules = [
        json!({ "path": "/public/**", "session": "none" }),
        json!({ "path": "/admin/**", "freshness": "strict", "require": { "claim": "role", "equals": "admin" }, "refuse": "/login" }),
    ];
    let passed = explained(
        &rules,
        Ok(r#"{"role":"admin","email":"jo@example.com"}"#),
        &no_header,
    );
    assert_eq!(passed["status"], "OK");
    assert_eq!(
        (
            &passed["decision"],
            &passed["decidedBy"],
            &passed["withIdentity"]
        ),
        (&json!("forward"), &json!("rule"), &json!(true))
    );
    assert_eq!(
        passed["rule"],
        json!({
            "index": 1, "host": [], "path": ["/admin/**"], "methods": [], "origin": "app", "target": "http://127.0.0.1:9000",
            "session": "required", "issuers": ["own"], "tokenFrom": {}, "freshness": "strict", "require": true, "shadow": false, "onOutage": "refuse",
            "directives": false, "forwardCredentials": false, "websocket": "enforce",
        })
    );
    assert!(!passed.to_string().contains("jo@example.com"));
    let claims = explained(&rules, Ok("{}"), &no_header);
    assert_eq!(
        (&claims["decision"], &claims["decidedBy"]),
        (&json!("refuse"), &json!("claims"))
    );
    assert_eq!(claims["claimValidationErrors"][0]["id"], "role");
    assert_eq!(claims["answer"], json!({ "httpStatus": 403 }));
    let expired = SessionRefused {
        refusal: Refusal::TryRefreshToken("exp"),
        presented: Presented::Token,
        own_session_is_gone: false,
        token_is_good: false,
        renewal: None,
        device: crate::gateway::DeviceFault::None,
        detail: None,
    };
    let session = explained(&rules, Err(expired.clone()), &no_header);
    assert_eq!(
        (&session["decidedBy"], &session["reason"]),
        (&json!("session"), &json!("TRY_REFRESH_TOKEN: exp"))
    );
    assert_eq!(session["answer"], json!({ "httpStatus": 401 }));
    let page = explained(
        &rules,
        Err(expired.clone()),
        &headers(&[("accept", "text/html")]),
    );
    assert_eq!(
        page["answer"],
        json!({ "httpStatus": 302, "location": "/login?return_to=%2Fadmin%2Fx" })
    );
    let none = explained(&[json!({ "path": "/other" })], Ok("{}"), &no_header);
    assert_eq!(
        (&none["decidedBy"], &none["rule"]),
        (&json!("rule"), &Value::Null)
    );
    assert_eq!(none["answer"], json!({ "httpStatus": 403 }));
    let shadowed = explained(&[json!({ "shadow": true })], Err(expired), &no_header);
    assert_eq!(
        (
            &shadowed["decision"],
            &shadowed["decidedBy"],
            &shadowed["shadowed"],
            &shadowed["withIdentity"]
        ),
        (
            &json!("forward"),
            &json!("session"),
            &json!(true),
            &json!(false)
        )
    );
    let preflight = [
        ("origin", "https://x"),
        ("access-control-request-method", "GET"),
    ];
    let asked = headers(&preflight);
    let gateway = gateway(&rules);
    assert!(matches!(
        admit(&gateway, &request("OPTIONS", "/admin/x", &asked)),
        Ok(Admission::Preflight(_))
    ));
}
