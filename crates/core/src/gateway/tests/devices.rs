//! Sessions that are bound to a device, as rules decide: a cookie that is missing, and a session that is not bound.

use serde_json::json;

use super::{headers, request, rule};
use crate::error::Presented;
use crate::gateway::decision::refuse;
use crate::gateway::decision::renewal::Renewal;
use crate::gateway::{Decision, Denial, DeviceFault, SessionRefused, decide};
use crate::refusal::Refusal;
use crate::settings::testing::parsed;

const PAGE: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("accept", "text/html")];

fn missing() -> SessionRefused {
    SessionRefused {
        renewal: Some(Renewal {
            witness: "w".to_owned(),
            is_proven: true,
        }),
        device: DeviceFault::CookieMissing,
        ..SessionRefused::new(Refusal::TryRefreshToken("bound"), Presented::Token)
    }
}

/// A browser renews its bound cookie for no link on another site. It is to ask again as a page of this one; who had to
/// renew it and did not goes the way of every stale session.
#[test]
fn a_page_that_a_link_elsewhere_led_to_is_asked_for_again() {
    for session in ["required", "optional"] {
        for (method, site, expected) in [
            ("GET", Some("cross-site"), "ask again"),
            ("GET", Some("same-site"), "ask again"),
            ("GET", Some("same-origin"), "refresh"),
            ("GET", Some("none"), "refresh"),
            ("GET", None, "refresh"),
            ("POST", Some("cross-site"), "other"),
        ] {
            let sent: Vec<_> = PAGE
                .into_iter()
                .chain(site.map(|site| ("sec-fetch-site", site)))
                .collect();
            let lookup = headers(&sent);
            let rule = rule(json!({ "session": session }));
            let found = match decide(&rule, &request(method, "/", &lookup), Err(missing())) {
                Decision::AskAgain => "ask again",
                Decision::Renew(_) if method == "GET" => "refresh",
                _ => "other",
            };
            assert_eq!(found, expected, "{session} {method} {site:?}");
        }
    }
    // So is nobody whose session is stale for another reason, or whom no stale session stops.
    let sent: Vec<_> = PAGE
        .into_iter()
        .chain([("sec-fetch-site", "cross-site")])
        .collect();
    let lookup = headers(&sent);
    let other = || SessionRefused {
        device: DeviceFault::None,
        ..missing()
    };
    for (fields, refused) in [
        (json!({}), other()),
        (json!({ "refresh": false }), missing()),
        (json!({ "shadow": true }), missing()),
    ] {
        let found = decide(
            &rule(fields.clone()),
            &request("GET", "/", &lookup),
            Err(refused),
        );
        assert!(!matches!(found, Decision::AskAgain), "{fields}");
    }
    // A script reads its refusal.
    let fetch = [("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-site")];
    let lookup = headers(&fetch);
    let rule = rule(json!({ "session": "required" }));
    let found = decide(&rule, &request("GET", "/", &lookup), Err(missing()));
    assert!(matches!(found, Decision::Refuse(Denial::Session(_))));
    let reply = refuse::to_ask_again(&parsed(&[]));
    assert_eq!(reply.status, 401);
    assert!(
        reply
            .headers
            .contains(&("refresh".to_owned(), "0".to_owned()))
    );
}

#[test]
fn a_session_that_is_about_to_be_bound_is_told_to_ask_again() {
    let settings = parsed(&[]);
    for (device, sent, expected) in [
        (DeviceFault::None, &PAGE[..], [None, None]),
        (DeviceFault::BeingBound, &PAGE[..], [Some("1"), Some("1")]),
        (DeviceFault::BeingBound, &[], [Some("1"), None]),
    ] {
        let lookup = headers(sent);
        let refused = SessionRefused {
            device,
            ..SessionRefused::new(Refusal::DeviceBindingRequired, Presented::Token)
        };
        let rule = rule(json!({ "session": "required", "device_bound": true, "refuse": "/login" }));
        let request = request("GET", "/", &lookup);
        let Decision::Refuse(denial) = decide(&rule, &request, Err(refused)) else {
            panic!("it is refused");
        };
        let reply = refuse::reply(&settings, Some(&rule), &request, &denial);
        // Not to the login page: the browser would only come back.
        assert_eq!(reply.status, 403);
        assert!(reply.body.contains("DEVICE_BINDING_REQUIRED"));
        let header = |wanted: &str| {
            let mut headers = reply.headers.iter();
            let found = headers.find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!([header("retry-after"), header("refresh")], expected);
    }
}
