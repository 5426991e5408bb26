//! Requests with a session that is no good any more: nobody is kept from logging in or out, and pages stay signed in.

use serde_json::{Value, json};

use super::{headers, request, rule};
use crate::error::Presented;
use crate::gateway::decide;
use crate::gateway::decision::refuse;
use crate::gateway::decision::renewal::{self, Renewal};
use crate::gateway::{Decision, Denial, ForwardWarning, RequestMeta, SessionRefused};
use crate::refusal::Refusal;
use crate::settings::testing::parsed;
use postern_jwt::time::UnixMillis;

/// What browsers send with a form and with a page, with and without `Sec-Fetch-*`.
const NAVIGATIONS: &[&[(&str, &str)]] = &[
    &[
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("content-type", "application/x-www-form-urlencoded"),
    ],
    &[
        ("accept", "text/html,*/*;q=0.8"),
        ("content-type", "multipart/form-data; boundary=x"),
    ],
    &[
        ("accept", "*/*"),
        ("upgrade-insecure-requests", "1"),
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
    ],
    &[("accept", "text/html")],
    // Node's `fetch`, which is told to ask for a page.
    &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
];

/// What scripts and programs send.
const OTHERS: &[&[(&str, &str)]] = &[
    &[
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("accept", "text/html"),
    ],
    &[("sec-fetch-mode", "same-origin"), ("accept", "*/*")],
    &[
        ("accept", "text/html"),
        ("x-requested-with", "XMLHttpRequest"),
    ],
    &[("accept", "text/html"), ("rid", "anti-csrf")],
    &[("accept", "application/json")],
    &[],
];

fn refused(refusal: Refusal) -> SessionRefused {
    SessionRefused::new(refusal, Presented::Token)
}

/// Expired, and a refresh may help.
fn expired(is_proven: bool) -> SessionRefused {
    SessionRefused {
        renewal: Some(Renewal {
            witness: "w".to_owned(),
            is_proven,
        }),
        ..strange()
    }
}

/// Not one that a refresh would help: garbage, another deployment's, or tried already.
fn strange() -> SessionRefused {
    refused(Refusal::TryRefreshToken("bad_signature"))
}

fn ended() -> SessionRefused {
    SessionRefused {
        own_session_is_gone: true,
        ..refused(Refusal::Unauthorised("gone"))
    }
}

/// `anonymous`, `refresh`, or the check that refused.
fn outcome(fields: &Value, method: &str, sent: &[(&str, &str)], session: SessionRefused) -> String {
    let lookup = headers(sent);
    let facts = request(method, "/login", &lookup);
    match decide(&rule(fields.clone()), &facts, Err(session)) {
        Decision::Forward(forward) => {
            assert_eq!(
                (forward.with_identity, forward.warning),
                (false, Some(ForwardWarning::StaleSession))
            );
            "anonymous".to_owned()
        }
        Decision::Refuse(denial) => denial.check().to_owned(),
        Decision::Renew(_) => "refresh".to_owned(),
        Decision::AskAgain => "ask again".to_owned(),
    }
}

#[test]
fn a_form_passes_an_optional_rule_whatever_is_wrong_with_the_session() {
    for fields in [
        json!({ "session": "optional" }),
        json!({ "session": "optional", "refuse": "/login" }),
        json!({ "session": "optional", "methods": ["POST"], "directives": true }),
    ] {
        for sent in NAVIGATIONS {
            for session in [expired(true), strange(), ended()] {
                assert_eq!(
                    outcome(&fields, "POST", sent, session),
                    "anonymous",
                    "{fields} {sent:?}"
                );
            }
        }
    }
}

/// A logout whose session only a refresh can name goes through one: it is not lost, and the session ends.
#[test]
fn a_form_for_directives_learns_whose_session_it_is() {
    let login = json!({ "session": "optional", "methods": ["POST"], "directives": true });
    for sent in NAVIGATIONS {
        assert_eq!(
            outcome(&login, "POST", sent, expired(false)),
            "refresh",
            "{sent:?}"
        );
    }
    let plain = json!({ "session": "optional" });
    assert_eq!(
        outcome(&plain, "POST", NAVIGATIONS[0], expired(false)),
        "anonymous"
    );
}

#[test]
fn a_script_without_the_sdk_logs_in_too_and_the_sdk_is_told_to_refresh() {
    let login = json!({ "session": "optional", "methods": ["POST", "GET"], "directives": true });
    let script: &[(&str, &str)] = &[("sec-fetch-mode", "same-origin"), ("accept", "*/*")];
    let sdk: &[(&str, &str)] = &[
        ("sec-fetch-mode", "cors"),
        ("rid", "anti-csrf"),
        ("st-auth-mode", "cookie"),
    ];
    let bearer: &[(&str, &str)] = &[("authorization", "Bearer x")];
    for method in ["GET", "POST"] {
        for session in [expired(true), strange()] {
            assert_eq!(
                outcome(&login, method, script, session.clone()),
                "anonymous"
            );
            assert_eq!(outcome(&login, method, sdk, session.clone()), "session");
            assert_eq!(outcome(&login, method, bearer, session), "session");
        }
        for sent in [script, sdk, bearer] {
            assert_eq!(
                outcome(&login, method, sent, ended()),
                "anonymous",
                "no refresh can help"
            );
        }
    }
    let plain = json!({ "session": "optional" });
    for sent in OTHERS {
        assert_eq!(
            outcome(&plain, "POST", sent, expired(true)),
            "session",
            "{sent:?}"
        );
        assert_eq!(
            outcome(&plain, "POST", sent, ended()),
            "session",
            "{sent:?}"
        );
    }
}

#[test]
fn a_page_goes_through_a_refresh_once_and_a_form_that_would_be_lost_as_well() {
    for need in ["required", "optional"] {
        let fields = json!({ "session": need });
        for sent in NAVIGATIONS {
            assert_eq!(
                outcome(&fields, "GET", sent, expired(true)),
                "refresh",
                "{need} {sent:?}"
            );
            let form = if need == "required" {
                "refresh"
            } else {
                "anonymous"
            };
            assert_eq!(
                outcome(&fields, "POST", sent, expired(true)),
                form,
                "{need} {sent:?}"
            );
            let after = if need == "required" {
                "session"
            } else {
                "anonymous"
            };
            for method in ["GET", "HEAD", "POST"] {
                for session in [strange(), ended()] {
                    assert_eq!(
                        outcome(&fields, method, sent, session),
                        after,
                        "{need} {method} {sent:?}"
                    );
                }
            }
            for method in ["HEAD", "PUT", "DELETE"] {
                assert_ne!(
                    outcome(&fields, method, sent, expired(true)),
                    "refresh",
                    "{method} {sent:?}"
                );
            }
        }
        for sent in OTHERS {
            for method in ["GET", "POST"] {
                assert_eq!(
                    outcome(&fields, method, sent, expired(true)),
                    "session",
                    "{method} {sent:?}"
                );
            }
        }
        let never = json!({ "session": need, "refresh": false });
        assert_ne!(
            outcome(&never, "GET", NAVIGATIONS[0], expired(true)),
            "refresh"
        );
    }
    let large: Vec<(&str, &str)> = [("content-length", "1048577")]
        .into_iter()
        .chain(NAVIGATIONS[0].iter().copied())
        .collect();
    assert_eq!(
        outcome(&json!({}), "POST", &large, expired(true)),
        "session"
    );
}

#[test]
fn a_login_page_never_sends_to_itself() {
    let fields = json!({ "session": "optional", "refuse": "/login?x=1" });
    for sent in NAVIGATIONS {
        assert_eq!(
            outcome(&fields, "GET", sent, strange()),
            "anonymous",
            "{sent:?}"
        );
    }
    let elsewhere = json!({ "session": "optional", "refuse": "/in" });
    assert_eq!(
        outcome(&elsewhere, "GET", NAVIGATIONS[0], strange()),
        "session"
    );
}

/// A good session whose request does not prove where it comes from is no stale one.
#[test]
fn a_failed_anti_csrf_check_is_not_passed_by_a_form() {
    let session = SessionRefused {
        token_is_good: true,
        ..strange()
    };
    for fields in [
        json!({ "session": "optional" }),
        json!({ "session": "optional", "methods": ["POST"], "directives": true }),
    ] {
        for sent in NAVIGATIONS {
            assert_eq!(
                outcome(&fields, "POST", sent, session.clone()),
                "session",
                "{sent:?}"
            );
        }
    }
}

const COOKIE: Option<&str> = Some("a=1; sAccessToken=one; sRefreshToken=r");

#[test]
fn the_refresh_is_reached_on_the_same_host_and_leads_back() {
    let settings = parsed(&[]);
    let witness = renewal::witness(&settings, COOKIE).unwrap();
    let lookup = headers(&[]);
    for (method, path, query, status) in [
        ("GET", "/a/b", "x=1&y=%26", 303),
        ("POST", "/a%20b", "", 307),
        ("GET", "/", "q=a+b", 303),
    ] {
        let facts = RequestMeta {
            query,
            ..request(method, path, &lookup)
        };
        let renewal = Renewal {
            witness: witness.clone(),
            is_proven: false,
        };
        let reply = refuse::to_refresh(&settings, None, &facts, &renewal);
        assert_eq!(
            (reply.status, reply.header("cache-control")),
            (status, Some("no-store"))
        );
        let location = reply.header("location").unwrap();
        let parameters = location.strip_prefix("/auth/session/refresh?").unwrap();
        let back = renewal::read(&settings, "https://app.example.com", parameters)
            .unwrap()
            .unwrap();
        let wanted = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        assert_eq!(
            (back.address, back.witness.as_deref()),
            (wanted, Some(witness.as_str()))
        );
    }
    let facts = request("GET", "//evil.example", &lookup);
    let renewal = Renewal {
        witness,
        is_proven: false,
    };
    let reply = refuse::to_refresh(&settings, None, &facts, &renewal);
    assert_eq!((reply.status, reply.header("location")), (401, None));
}

#[test]
fn it_leads_back_to_addresses_of_this_host_only() {
    let settings = parsed(&[]);
    let read = |query: &str| renewal::read(&settings, "https://app.example.com", query);
    assert_eq!(read("x=1"), None);
    for (given, address) in [
        ("%2Fa", "/a"),
        ("/a", "/a"),
        ("https%3A%2F%2Fapp.example.com%2Fa%3Fb", "/a?b"),
        ("%2Fcaf%C3%A9%20%22", "/caf%C3%A9%20%22"),
        ("/a%2525", "/a%25"),
    ] {
        let back = read(&format!("y=2&return_to={given}")).unwrap().unwrap();
        assert_eq!(back.address, address, "{given}");
    }
    for given in [
        "",
        "a",
        "https%3A%2F%2Fevil.example%2F",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2F%09%2Fevil.example",
        "%2Fa%0D%0Ax:1",
        "javascript:x",
        "https%3A%2F%2Fapp.example.com.evil.example%2F",
        "%5C%5Cevil.example",
        "https://app.example.com@evil.example/",
        "%2Fauth%2Fsession%2Frefresh",
        "%2Fauth%2Fsession%2Frefresh%2F%3Freturn_to=%2Fa",
        "%2Fx%2F..%2Fauth%2Fsession%2Frefresh",
        "%2Fa%23b",
        "%",
        "%ff",
    ] {
        assert_eq!(
            read(&format!("return_to={given}")),
            Some(Err(())),
            "{given}"
        );
    }
    let long = |bytes: usize| read(&format!("return_to=/{}", "a".repeat(bytes - 1)));
    assert!(matches!(long(4096), Some(Ok(_))));
    assert_eq!(long(4097), Some(Err(())));
}

#[test]
fn a_token_is_tried_once_and_the_next_one_again() {
    let settings = parsed(&[]);
    let after = |cookie: &str| {
        let set = renewal::tried_cookie(&settings, Some(cookie), UnixMillis(0)).unwrap();
        assert!(
            set.contains(
                "; Path=/; Expires=Thu, 01 Jan 1970 00:01:00 GMT; HttpOnly; Secure; SameSite=Lax"
            ),
            "{set}"
        );
        set.split(';').next().unwrap().to_owned()
    };
    let tried = after("sAccessToken=one");
    for (cookie, was_tried) in [
        ("sAccessToken=one", false),
        ("sAccessToken=one; sRefreshedFor=x", false),
        (&*format!("sAccessToken=one; {tried}"), true),
        (&*format!("sAccessToken=two; {tried}"), false),
        (&*tried, false),
        // Of two, one may stay whatever is refreshed: a new one beside it does not begin it all again.
        (
            &*format!(
                "sAccessToken=two; sAccessToken=tossed; {}",
                after("sAccessToken=one; sAccessToken=tossed")
            ),
            true,
        ),
    ] {
        assert_eq!(
            renewal::was_tried(&settings, Some(cookie)),
            was_tried,
            "{cookie}"
        );
    }
    assert_eq!(
        renewal::tried_cookie(&settings, Some("a=1"), UnixMillis(0)),
        None
    );
    assert_eq!(renewal::witness(&settings, None), None);
    assert!(!renewal::was_tried(&settings, Some("sRefreshedFor=")));
}

#[test]
fn a_refused_form_is_no_redirect() {
    let lookup = headers(NAVIGATIONS[0]);
    let denial = Denial::Session(strange());
    let rule = rule(json!({ "refuse": "/login" }));
    let reply = refuse::reply(
        &parsed(&[]),
        Some(&rule),
        &request("POST", "/x", &lookup),
        &denial,
    );
    assert_eq!((reply.status, reply.header("location")), (401, None));
}
