//! Who passes: each kind of session under each kind of rule.

use serde_json::{Value, json};

use super::{headers, no_header, own, request, rule};
use crate::error::Presented;
use crate::gateway::decide;
use crate::gateway::{Admission, Decision, Denial, Forward, ForwardWarning, SessionRefused, admit};
use crate::refusal::Refusal;

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn refused(refusal: Refusal, presented: Presented) -> SessionRefused {
    SessionRefused {
        refusal,
        presented,
        own_session_is_gone: false,
        token_is_good: false,
        renewal: None,
        device: crate::gateway::DeviceFault::None,
        detail: None,
    }
}

fn absent() -> SessionRefused {
    refused(Refusal::Unauthorised("none"), Presented::Nothing)
}

fn expired() -> SessionRefused {
    refused(Refusal::TryRefreshToken("expired"), Presented::Token)
}

fn gone() -> SessionRefused {
    refused(Refusal::Unauthorised("gone"), Presented::Token)
}

fn outage() -> SessionRefused {
    refused(Refusal::GeneralError("keys"), Presented::Token)
}

fn doubled() -> SessionRefused {
    refused(
        Refusal::BadInput("two sessions".to_owned()),
        Presented::Token,
    )
}

/// `anonymous`, `identity`, either with its warning, or the check that refused.
fn outcome(
    fields: Value,
    session: Result<&str, SessionRefused>,
    header: &dyn Fn(&str) -> Option<String>,
) -> String {
    match decide(
        &rule(fields),
        &request("GET", "/", header),
        session.map(own),
    ) {
        Decision::Refuse(denial) => denial.check().to_owned(),
        Decision::Renew(_) => "refresh".to_owned(),
        Decision::AskAgain => "ask again".to_owned(),
        Decision::Forward(Forward {
            with_identity,
            warning,
        }) => {
            let who = if with_identity {
                "identity"
            } else {
                "anonymous"
            };
            match warning {
                None => who.to_owned(),
                Some(ForwardWarning::Shadowed(denial)) => {
                    format!("{who}, shadowed {}", denial.check())
                }
                Some(ForwardWarning::Outage) => format!("{who}, outage"),
                Some(ForwardWarning::StaleSession) => format!("{who}, stale"),
                Some(ForwardWarning::PassedOver(_)) => format!("{who}, passed over"),
            }
        }
    }
}

#[test]
fn each_session_under_each_rule() {
    let required = json!({});
    let optional = json!({ "session": "optional" });
    let none = json!({ "session": "none" });
    let admin = json!({ "require": { "claim": "role", "equals": "admin" } });
    let optional_admin =
        json!({ "session": "optional", "require": { "claim": "role", "equals": "admin" } });
    let open = json!({ "session": "optional", "on_outage": "anonymous" });
    let shadow = json!({ "shadow": true, "require": { "claim": "role", "equals": "admin" } });
    for (fields, session, expected) in [
        (&required, Ok("{}"), "identity"),
        (&required, Err(absent()), "session"),
        (&required, Err(expired()), "session"),
        (&required, Err(gone()), "session"),
        (&required, Err(outage()), "session"),
        (&required, Err(doubled()), "session"),
        (&optional, Ok("{}"), "identity"),
        (&optional, Err(absent()), "anonymous"),
        (&optional, Err(expired()), "session"),
        (&optional, Err(gone()), "session"),
        (&optional, Err(outage()), "session"),
        (&optional, Err(doubled()), "session"),
        (&none, Ok("{}"), "anonymous"),
        (&none, Err(outage()), "anonymous"),
        (&none, Err(doubled()), "anonymous"),
        (&admin, Ok(r#"{"role":"admin"}"#), "identity"),
        (&admin, Ok(r#"{"role":"user"}"#), "claims"),
        (&admin, Err(absent()), "session"),
        (&optional_admin, Err(absent()), "anonymous"),
        (&optional_admin, Ok("{}"), "claims"),
        (&open, Err(outage()), "anonymous, outage"),
        (&open, Err(expired()), "session"),
        (&open, Err(doubled()), "session"),
        (&open, Ok("{}"), "identity"),
        (&shadow, Ok(r#"{"role":"admin"}"#), "identity"),
        (&shadow, Ok("{}"), "identity, shadowed claims"),
        (&shadow, Err(absent()), "anonymous, shadowed session"),
        (&shadow, Err(expired()), "anonymous, shadowed session"),
        (&shadow, Err(outage()), "anonymous, shadowed session"),
        (&shadow, Err(doubled()), "anonymous, shadowed session"),
    ] {
        assert_eq!(
            outcome(fields.clone(), session.clone(), &no_header),
            expected,
            "{fields} {session:?}"
        );
    }
    let forced = json!({ "on_outage": "anonymous" });
    assert_eq!(
        outcome(forced, Err(outage()), &no_header),
        "anonymous, outage"
    );
}

/// What nothing in the page can refresh passes as anonymous on an optional rule: else a person with a stale cookie would
/// see JSON, or a page without its pictures.
#[test]
fn pages_and_their_parts_pass_an_optional_rule_with_a_stale_session() {
    for (sent, expected) in [
        (
            vec![
                ("sec-fetch-mode", "navigate"),
                ("accept", "text/html,*/*;q=0.8"),
            ],
            "anonymous, stale",
        ),
        (vec![("accept", "text/html,*/*;q=0.8")], "anonymous, stale"),
        (
            vec![("sec-fetch-mode", "no-cors"), ("accept", "image/avif,*/*")],
            "anonymous, stale",
        ),
        (
            vec![
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-mode", "cors"),
                ("accept", "text/html"),
            ],
            "session",
        ),
        (
            vec![("sec-fetch-mode", "same-origin"), ("accept", "*/*")],
            "session",
        ),
        (vec![("sec-fetch-mode", "websocket")], "session"),
        (vec![("accept", "application/json")], "session"),
        (vec![("accept", "*/*")], "session"),
        (vec![], "session"),
    ] {
        let header = headers(&sent);
        for session in [expired(), gone()] {
            assert_eq!(
                outcome(
                    json!({ "session": "optional" }),
                    Err(session.clone()),
                    &header
                ),
                expected,
                "{sent:?}"
            );
            assert_eq!(
                outcome(json!({}), Err(session), &header),
                "session",
                "a required session is required"
            );
        }
        // An outage is no stale session, and neither are two sessions in one request.
        assert_eq!(
            outcome(json!({ "session": "optional" }), Err(outage()), &header),
            "session"
        );
        assert_eq!(
            outcome(json!({ "session": "optional" }), Err(doubled()), &header),
            "session"
        );
    }
    let login = json!({ "session": "optional", "refuse": "/login" });
    let page = [("accept", "text/html")];
    assert_eq!(
        outcome(login, Err(expired()), &headers(&page)),
        "session",
        "it is sent to log in"
    );
}

#[test]
fn what_no_rule_lets_through_is_refused_and_a_preflight_goes_by_its_method() {
    let gateway = super::gateway(&[
        json!({ "path": "/a", "methods": ["PUT"] }),
        json!({ "path": "/b", "methods": ["OPTIONS", "GET"], "session": "none" }),
    ]);
    let preflight = |method: &'static str| {
        headers(Box::leak(Box::new([
            ("origin", "https://x.example"),
            ("access-control-request-method", method),
        ])))
    };
    let (put, get, delete) = (preflight("PUT"), preflight("GET"), preflight("DELETE"));
    let requested_only = headers(&[("access-control-request-method", "PUT")]);
    let origin_only = headers(&[("origin", "https://x.example")]);
    for (method, path, header, expected) in [
        ("PUT", "/a", &no_header as Lookup<'_>, "rule 0"),
        ("GET", "/a", &no_header, "none"),
        ("GET", "/c", &no_header, "none"),
        ("OPTIONS", "/a", &put, "preflight 0"),
        ("OPTIONS", "/a", &get, "none"),
        ("OPTIONS", "/a", &no_header, "none"),
        ("OPTIONS", "/a", &requested_only, "none"),
        ("OPTIONS", "/b", &origin_only, "rule 1"),
        ("OPTIONS", "/b", &get, "preflight 1"),
        ("OPTIONS", "/b", &delete, "none"),
        ("POST", "/a", &put, "none"),
    ] {
        let found = match admit(&gateway, &request(method, path, header)) {
            Ok(Admission::Rule(matched)) => format!("rule {}", matched.index),
            Ok(Admission::Preflight(matched)) => format!("preflight {}", matched.index),
            Err(Denial::NoRule) => "none".to_owned(),
            Err(other) => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{method} {path}");
    }
}

/// What another website's page sends with a session's cookies is refused whatever the session is worth.
#[test]
fn what_another_website_sends_is_refused_before_the_session_counts() {
    let foreign = || refused(Refusal::ForeignWebsite, Presented::Token);
    for (fields, expected) in [
        (json!({}), "website"),
        (json!({ "session": "optional" }), "website"),
        (
            json!({ "session": "optional", "on_outage": "anonymous" }),
            "website",
        ),
        (json!({ "session": "none" }), "anonymous"),
        (json!({ "shadow": true }), "anonymous, shadowed website"),
    ] {
        assert_eq!(
            outcome(fields.clone(), Err(foreign()), &no_header),
            expected,
            "{fields}"
        );
    }
}
