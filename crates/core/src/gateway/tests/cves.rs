//! What went wrong in other gateways, tried on this one. Each test names the report that it is about.

use serde_json::json;

use super::{gateway, headers, no_header, origin, request};
use crate::gateway::matching::path::PathFault;
use crate::gateway::request::headers::{Passing, Sent, changes};
use crate::gateway::request::identity;
use crate::gateway::{Admission, Denial, RequestMeta, admit};
use crate::settings::testing::parsed;

/// Rules as a deployment would have them: one public path, everything else for sessions.
fn rules() -> crate::gateway::Gateway {
    gateway(&[
        json!({ "path": "/public/**", "session": "none" }),
        json!({ "path": "/health", "session": "none" }),
        json!({ "path": "/**", "session": "required" }),
    ])
}

/// The index of the rule, or nothing when the request is refused for its path.
fn rule_of(facts: &RequestMeta<'_>) -> Option<usize> {
    match admit(&rules(), facts) {
        Ok(Admission::Rule(matched) | Admission::Preflight(matched)) => Some(matched.index),
        Err(Denial::Path(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn removed(name: &str) -> bool {
    !removals(Sent::default(), &[name]).is_empty()
}

fn removals(sent: Sent<'_>, names: &[&str]) -> Vec<String> {
    let headers = names.iter().map(|name| (*name, "x"));
    let passing = Passing::default();
    let origin = origin(json!({}));
    changes(&parsed(&[]), &origin, passing, sent, headers, &|_| true).remove
}

/// CVE-2025-64484 (oauth2-proxy): header names with `_` passed the stripper, and the origin read them as `-`.
#[test]
fn underscores_do_not_get_an_identity_past_the_stripper() {
    for name in [
        identity::USER_ID,
        identity::HANDLE,
        identity::PAYLOAD,
        identity::ASSERTION,
        identity::DIRECTIVE_KEY,
    ] {
        let mut spellings = vec![
            name.to_owned(),
            name.to_uppercase(),
            name.replace('-', "_"),
            name.replacen('-', "_", 1),
        ];
        spellings.push(name.replace('-', "_").to_uppercase());
        for spelling in spellings {
            assert!(removed(&spelling), "{spelling}");
        }
    }
}

/// CVE-2026-40575 and oauth2-proxy#3506: a client's `X-Forwarded-Uri` decided whether authentication was skipped.
#[test]
fn no_header_of_a_client_chooses_the_rule() {
    let spoofed = headers(&[
        ("x-forwarded-uri", "/public/x"),
        ("x-original-url", "/public/x"),
        ("x-rewrite-url", "/public/x"),
        ("x-forwarded-host", "other.example"),
        ("x-forwarded-method", "OPTIONS"),
        ("forwarded", "host=other.example"),
    ]);
    assert_eq!(rule_of(&request("GET", "/admin", &spoofed)), Some(2));
    for name in [
        "x-forwarded-uri",
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-host",
        "X_Forwarded_Uri",
    ] {
        assert!(removed(name), "{name}");
    }
}

/// GHSA-7rh7-c77v-6434 (oauth2-proxy): the pattern for open routes was matched on path and query together.
#[test]
fn a_query_is_no_part_of_the_path() {
    for query in [
        "/public/x",
        "x=/public/",
        "../public/x",
        "/health",
        "%2fpublic%2f",
    ] {
        assert_eq!(
            rule_of(&RequestMeta {
                query,
                ..request("GET", "/admin", &no_header)
            }),
            Some(2),
            "{query}"
        );
    }
    let encoded = RequestMeta {
        raw_path: "/admin%3F/public/",
        path: "/admin%3F/public/",
        ..request("GET", "/", &no_header)
    };
    assert_eq!(rule_of(&encoded), Some(2));
}

/// CVE-2026-41059 (oauth2-proxy): `#` in the path cut what the origin saw, or what the rule saw.
#[test]
fn a_fragment_does_not_cut_the_path() {
    // The runtime cuts a plain `#`; were it to come through, the URL's path would differ from the raw one.
    let plain = RequestMeta {
        raw_path: "/admin#/public/x",
        path: "/admin",
        ..request("GET", "/", &no_header)
    };
    assert_eq!(rule_of(&plain), None);
    let other_way = RequestMeta {
        raw_path: "/public/x#/../admin",
        path: "/public/x",
        ..request("GET", "/", &no_header)
    };
    assert_eq!(rule_of(&other_way), None);
    // An encoded one is a character of its segment, and must not be the end of the path for anybody where that is
    // another rule's.
    assert_eq!(
        rule_of(&request("GET", "/admin%23/public/x", &no_header)),
        Some(2)
    );
    assert_eq!(rule_of(&request("GET", "/health%23x", &no_header)), None);
}

/// GHSA-5hvv (oauth2-proxy): a health checker's `User-Agent` got past authentication.
#[test]
fn no_user_agent_is_let_through() {
    for agent in [
        "GoogleHC/1.0",
        "ELB-HealthChecker/2.0",
        "kube-probe/1.30",
        "Pingdom",
    ] {
        let sent = [("user-agent", agent)];
        let lookup = headers(&sent);
        assert_eq!(rule_of(&request("GET", "/admin", &lookup)), Some(2));
        assert_eq!(rule_of(&request("GET", "/ping", &lookup)), Some(2));
    }
}

/// oauth2-proxy#1065 and #624: identity headers of clients passed on routes without authentication.
#[test]
fn open_routes_are_stripped_as_well() {
    for name in [
        "postern-user-id",
        "postern-assertion",
        "x-forwarded-user",
        "x-forwarded-email",
    ] {
        assert!(removed(name), "{name}");
    }
}

/// Traversal out of an open prefix (Envoy, nginx, Traefik and others, CVE-2021-29492, CVE-2022-23632): whatever the
/// spelling, the request is refused or falls under the rule of the path that the origin will see.
#[test]
fn nothing_climbs_out_of_an_open_prefix() {
    for (raw, sent) in [
        ("/public/../admin", "/admin"),
        ("/public/%2e%2e/admin", "/admin"),
        ("/public/..%2fadmin", "/public/..%2fadmin"),
        ("/public/..%5cadmin", "/public/..%5cadmin"),
        ("/public\\..\\admin", "/admin"),
        ("/public/..;/admin", "/public/..;/admin"),
        ("/public//../admin", "/admin"),
        ("/public/%252e%252e/admin", "/public/%252e%252e/admin"),
        ("/public%2f..%2fadmin", "/public%2f..%2fadmin"),
        ("/public/%c0%ae%c0%ae/admin", "/public/%c0%ae%c0%ae/admin"),
        ("//public/x", "//public/x"),
        ("/public/x%00/../../admin", "/admin"),
    ] {
        assert_eq!(
            rule_of(&RequestMeta {
                raw_path: raw,
                path: sent,
                ..request("GET", "/", &no_header)
            }),
            None,
            "{raw}"
        );
    }
    // Escapes that every origin reads alike: the rule does, too.
    let guarded = gateway(&[
        json!({ "path": "/admin/**" }),
        json!({ "path": "/**", "session": "none" }),
    ]);
    for path in ["/%61dmin", "/%61%64%6d%69%6e/x", "/admin%2Dx/../"] {
        let found = admit(&guarded, &request("GET", path, &no_header));
        match path {
            "/admin%2Dx/../" => assert!(matches!(found, Err(Denial::Path(PathFault::DotSegment)))),
            _ => assert!(
                matches!(found, Ok(Admission::Rule(matched)) if matched.index == 0),
                "{path}"
            ),
        }
    }
    for path in ["/admin/", "/admin"] {
        assert_eq!(guarded.find("h", "GET", path), Some(0), "{path}");
    }
}

/// oathkeeper#1054: a CORS preflight was authenticated, and failed.
#[test]
fn a_preflight_needs_no_session() {
    let sent = headers(&[
        ("origin", "https://x.example"),
        ("access-control-request-method", "POST"),
    ]);
    assert!(matches!(
        admit(&rules(), &request("OPTIONS", "/admin", &sent)),
        Ok(Admission::Preflight(_))
    ));
}

/// A plain `OPTIONS` is no preflight, and no way around a rule (Traefik and others let every `OPTIONS` through).
#[test]
fn options_alone_opens_nothing() {
    assert!(matches!(
        admit(&rules(), &request("OPTIONS", "/admin", &no_header)),
        Ok(Admission::Rule(matched)) if matched.rule.asks_for_session()
    ));
}

/// `Connection: X` made a proxy behind the gateway drop a header that the gateway had set (CVE-2022-31813, httpd).
#[test]
fn connection_reaches_no_origin() {
    let sent = Sent {
        connection: Some("close, Postern-User-Id, X-Forwarded-For"),
        ..Sent::default()
    };
    let names = ["connection", "postern-user-id", "x-forwarded-for", "accept"];
    assert_eq!(
        removals(sent, &names),
        ["connection", "postern-user-id", "x-forwarded-for"]
    );
}

/// pomerium#2730 and #1750: many groups made headers that origins refuse with 431; envoy#28230, istio#49779: claims that
/// are no ASCII broke them.
#[test]
fn no_claim_breaks_the_head_of_a_request() {
    let groups: Vec<String> = (0..5000).map(|n| format!("группа-{n}\r\nX: {n}")).collect();
    let payload = json!({ "groups": groups, "https://example.com/наме": "\u{0}" }).to_string();
    let headers = identity::headers(&super::own_session("пользователь\r\nX: 1", &payload));
    let total: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    assert!(total < 8 * 1024);
    assert!(
        headers
            .iter()
            .all(|(_, value)| value.bytes().all(|byte| byte.is_ascii_graphic()))
    );
}
