//! What a refusal looks like, and where a person is sent.

use serde_json::{Value, json};

use super::{gateway, headers, no_header, request};
use crate::error::Presented;
use crate::gateway::decision::{decide::Unsendable, navigation, refuse};
use crate::gateway::matching::path::PathFault;
use crate::gateway::{Denial, FailedClaim, Gateway, RequestMeta, SessionRefused};
use crate::http::reply::Reply;
use crate::refusal::Refusal;
use crate::settings::testing::parsed;

const PAGE: &[(&str, &str)] = &[
    ("sec-fetch-mode", "navigate"),
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
];

fn absent() -> Denial {
    Denial::Session(SessionRefused {
        refusal: Refusal::Unauthorised("x"),
        presented: Presented::Nothing,
        own_session_is_gone: false,
        token_is_good: false,
        renewal: None,
        device: crate::gateway::DeviceFault::None,
        detail: None,
    })
}

fn reply(gateway: &Gateway, facts: &RequestMeta<'_>, denial: &Denial) -> Reply {
    refuse::reply(&parsed(&[]), gateway.rule(0), facts, denial)
}

#[test]
fn programs_get_json_by_the_table() {
    let session = |refusal, presented| {
        Denial::Session(SessionRefused {
            refusal,
            presented,
            own_session_is_gone: false,
            token_is_good: false,
            renewal: None,
            device: crate::gateway::DeviceFault::None,
            detail: None,
        })
    };
    let gateway = gateway(&[json!({ "refuse": "/login" })]);
    for (denial, status, code, challenge) in [
        (
            Denial::Path(PathFault::EncodedSlash),
            400,
            "BAD_INPUT",
            Some("Bearer error=\"invalid_request\""),
        ),
        (Denial::NoRule, 403, "NO_RULE", None),
        (absent(), 401, "UNAUTHORISED", Some("Bearer")),
        (
            session(Refusal::TryRefreshToken("x"), Presented::Token),
            401,
            "TRY_REFRESH_TOKEN",
            Some("Bearer error=\"invalid_token\""),
        ),
        (
            session(Refusal::BadInput("two".into()), Presented::Token),
            400,
            "BAD_INPUT",
            Some("Bearer error=\"invalid_request\""),
        ),
        (
            session(Refusal::GeneralError("x"), Presented::Token),
            503,
            "GENERAL_ERROR",
            None,
        ),
        (
            Denial::Claims(vec![FailedClaim {
                id: "role".into(),
                exists: true,
            }]),
            403,
            "INVALID_CLAIMS",
            Some("Bearer error=\"insufficient_scope\""),
        ),
    ] {
        for sent in [
            &[][..],
            &[("accept", "application/json")],
            &[("sec-fetch-mode", "navigate"), ("accept", "*/*")],
        ] {
            let lookup = headers(sent);
            let reply = reply(&gateway, &request("GET", "/x", &lookup), &denial);
            let body: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(
                (reply.status, body["status"].as_str()),
                (status, Some(code)),
                "{denial:?}"
            );
            assert!(body["message"].is_string());
            assert_eq!(reply.header("www-authenticate"), challenge, "{denial:?}");
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert_eq!(reply.header("location"), None);
            assert_eq!(reply.header("retry-after").is_some(), status == 503);
        }
    }
}

#[test]
fn failed_claims_are_named_as_browser_sdks_read_them() {
    let failed = vec![
        FailedClaim {
            id: "role".into(),
            exists: true,
        },
        FailedClaim {
            id: "st-ev".into(),
            exists: false,
        },
    ];
    let reply = reply(
        &gateway(&[json!({})]),
        &request("GET", "/", &no_header),
        &Denial::Claims(failed),
    );
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        body,
        json!({
            "status": "INVALID_CLAIMS", "message": "invalid claim",
            "claimValidationErrors": [
                { "id": "role", "reason": { "message": "wrong value" } },
                { "id": "st-ev", "reason": { "message": "value does not exist" } },
            ],
        })
    );
}

#[test]
fn a_person_is_sent_to_log_in_and_back() {
    let lookup = headers(PAGE);
    for (page, host, path, query, location) in [
        (
            json!("/login"),
            "app.example",
            "/a/b",
            "",
            "/login?return_to=%2Fa%2Fb",
        ),
        (
            json!("/login?x=1"),
            "app.example",
            "/a",
            "q=1&r=%20",
            "/login?x=1&return_to=%2Fa%3Fq%3D1%26r%3D%2520",
        ),
        (
            json!({ "login": "/login", "return_parameter": "next" }),
            "app.example",
            "/",
            "",
            "/login?next=%2F",
        ),
        // Elsewhere the address is whole, and its host is one that the deployment names, never the client's word.
        (
            json!("https://login.example/in"),
            "evil.example",
            "/a",
            "",
            "https://login.example/in?return_to=https%3A%2F%2Fapi.example.com%2Fa",
        ),
        // No address that a browser would take for another host's.
        (
            json!("/login"),
            "app.example",
            "//evil.example",
            "",
            "/login",
        ),
        (
            json!("/login"),
            "app.example",
            "/\\evil.example",
            "",
            "/login",
        ),
    ] {
        let gateway = gateway(&[json!({ "refuse": page })]);
        let facts = RequestMeta {
            host,
            query,
            ..request("GET", path, &lookup)
        };
        let reply = reply(&gateway, &facts, &absent());
        assert_eq!(reply.status, 302);
        assert_eq!(reply.header("location"), Some(location));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("vary"), Some("Accept"));
        assert_eq!(
            (reply.body.as_str(), reply.header("content-type")),
            ("", None)
        );
    }
    let named = gateway(&[json!({ "refuse": "https://login.example", "host": "app.example" })]);
    let facts = RequestMeta {
        host: "app.example",
        ..request("GET", "/a", &lookup)
    };
    let location = reply(&named, &facts, &absent());
    assert_eq!(
        location.header("location"),
        Some("https://login.example?return_to=https%3A%2F%2Fapp.example%2Fa")
    );
    let long = format!("/{}", "a".repeat(3000));
    let reply = reply(
        &gateway(&[json!({ "refuse": "/login" })]),
        &request("GET", &long, &lookup),
        &absent(),
    );
    assert_eq!(
        reply.header("location"),
        Some("/login"),
        "an address that no server would take is left out"
    );
}

#[test]
fn only_a_page_and_only_a_missing_session_is_sent_to_log_in() {
    let gateway = gateway(&[json!({ "refuse": "/login" })]);
    let page = headers(PAGE);
    let outage = Denial::Session(SessionRefused {
        refusal: Refusal::GeneralError("x"),
        presented: Presented::Token,
        own_session_is_gone: false,
        token_is_good: false,
        renewal: None,
        device: crate::gateway::DeviceFault::None,
        detail: None,
    });
    for (method, denial, status) in [
        ("GET", absent(), 302),
        ("HEAD", absent(), 302),
        ("POST", absent(), 401),
        ("GET", outage, 503),
        ("GET", Denial::Claims(vec![]), 403),
        ("GET", Denial::NoRule, 403),
    ] {
        assert_eq!(
            reply(&gateway, &request(method, "/", &page), &denial).status,
            status,
            "{method} {denial:?}"
        );
    }
    let json_only = super::gateway(&[json!({})]);
    assert_eq!(
        reply(&json_only, &request("GET", "/", &page), &absent()).status,
        401
    );
    for (accept, is_page) in [
        ("text/html", true),
        ("TEXT/HTML;level=1", true),
        ("application/json, text/html;q=0.9", false),
        ("text/html;q=0.9, application/json;q=0.8", true),
        ("application/json, text/html", false),
        ("text/html, application/json", true),
        ("text/html;q=0", false),
        ("*/*", false),
        ("image/png", false),
        ("", false),
        ("text/html;q=abc", true),
    ] {
        let sent = [("accept", accept)];
        let lookup = headers(&sent);
        let status = reply(&gateway, &request("GET", "/", &lookup), &absent()).status;
        assert_eq!(status == 302, is_page, "{accept}");
    }
}

#[test]
fn a_session_that_is_gone_is_cleared_also_on_the_way_to_log_in() {
    let gone = Denial::Session(SessionRefused {
        refusal: Refusal::Unauthorised("gone"),
        presented: Presented::Token,
        own_session_is_gone: true,
        token_is_good: false,
        renewal: None,
        device: crate::gateway::DeviceFault::None,
        detail: None,
    });
    let gateway = gateway(&[json!({ "refuse": "/login" })]);
    let page = headers(PAGE);
    for (lookup, status) in [
        (&page as &dyn Fn(&str) -> Option<String>, 302),
        (&no_header, 401),
    ] {
        let reply = reply(&gateway, &request("GET", "/", lookup), &gone);
        assert_eq!(reply.status, status);
        assert!(
            reply
                .headers
                .iter()
                .any(|(name, value)| name == "set-cookie" && value.starts_with("sAccessToken=;"))
        );
        assert_eq!(reply.header("front-token"), Some("remove"));
    }
}

#[test]
fn who_reads_a_page_is_told_where_to_log_in_by_rules_that_send_there() {
    let of = |fields| super::rule(fields);
    assert_eq!(
        refuse::login_page(&of(json!({ "refuse": "/login" }))),
        Some("/login")
    );
    assert_eq!(refuse::login_page(&of(json!({}))), None);
}

#[test]
fn a_page_is_read_by_who_asks_for_one_and_is_no_sdk() {
    for (sent, reads) in [
        (vec![("accept", "text/html")], true),
        (vec![("accept", "text/html"), ("rid", "anti-csrf")], false),
        (vec![("accept", "application/json")], false),
        (vec![], false),
    ] {
        assert_eq!(navigation::reads_pages(&headers(&sent)), reads, "{sent:?}");
    }
}

#[test]
fn a_navigation_asks_for_a_page_as_browsers_do() {
    const PAGE: (&str, &str) = ("accept", "text/html");
    const UNSAFE: (&str, &str) = ("upgrade-insecure-requests", "1");
    const TO: (&str, &str) = ("sec-fetch-mode", "navigate");
    let form = ("content-type", "text/plain; charset=utf-8");
    for (method, sent, is_one) in [
        ("GET", vec![TO, PAGE], true),
        ("GET", vec![TO, ("accept", "application/json")], false),
        ("DELETE", vec![TO, PAGE], false),
        // Whatever it says besides, a browser says first.
        ("GET", vec![TO, PAGE, ("rid", "session")], true),
        ("GET", vec![PAGE, ("rid", "session")], false),
        // Some programs say so whatever they ask for; a browser says from where.
        ("GET", vec![PAGE, ("sec-fetch-mode", "cors")], true),
        (
            "GET",
            vec![PAGE, ("sec-fetch-mode", "cors"), ("sec-fetch-site", "none")],
            false,
        ),
        ("POST", vec![UNSAFE], true),
        ("POST", vec![UNSAFE, form], true),
        (
            "POST",
            vec![UNSAFE, ("content-type", "application/json")],
            false,
        ),
    ] {
        assert_eq!(
            navigation::is_navigation(method, &headers(&sent)),
            is_one,
            "{method} {sent:?}"
        );
    }
}

#[test]
fn what_cannot_be_sent_on_is_said_in_words_of_its_own() {
    let [body, token] =
        [Unsendable::BodyWithoutLength, Unsendable::TokenInUrl].map(Unsendable::text);
    assert!(body.contains("body") && token.contains("token"));
}
