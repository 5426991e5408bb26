//! Hygiene of requests: fifty ways to smuggle an identity or a credential past the gateway, and what may pass.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{origin, rule};
use crate::gateway::Rule;
use crate::gateway::compile;
use crate::gateway::request::headers::{
    Changes, Passing, Sent, changes, forwarded, without_our_cookies,
};
use crate::gateway::request::upgrade;
use crate::gateway::reserved::normal;
use crate::settings::testing::parsed;

/// An access token by its structure (nobody looks at the signature here): version 5, our claims.
fn token() -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let encode = |value: Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let header = json!({ "alg": "RS256", "typ": "JWT", "version": "5", "kid": "d-1" });
    let claims = json!({
        "sub": "user", "rsub": "user", "tId": "public", "iat": 1, "exp": 2, "sessionHandle": "a.b.c",
        "refreshTokenHash1": "x", "parentRefreshTokenHash1": null, "antiCsrfToken": null,
    });
    format!("{}.{}.c2ln", encode(header), encode(claims))
}

/// Without a key ring whatever looks like a token of ours is one.
fn changed(rule: &Rule, sent: &[(&str, &str)]) -> Changes {
    changed_for(rule, json!({}), sent)
}

/// The same for an origin with these fields.
fn changed_for(rule: &Rule, of_origin: Value, sent: &[(&str, &str)]) -> Changes {
    let origin = origin(of_origin);
    let get = |name: &str| {
        let values: Vec<_> = sent
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let (connection, upgrade) = (get("connection"), get("upgrade"));
    let sent_values = Sent {
        connection: connection.as_deref(),
        upgrade: upgrade.as_deref(),
        authorization_is_ours: false,
    };
    let passing = Passing::of(rule, &origin, "GET", "/");
    let headers = sent.iter().copied();
    changes(
        &parsed(&[]),
        &origin,
        passing,
        sent_values,
        headers,
        &|_| true,
    )
}

/// What a client sends to be taken for someone: each must not reach an origin, on a route with a session or without.
const SMUGGLED: &[(&str, &[(&str, &str)])] = &[
    ("postern-user-id", &[("postern-user-id", "admin")]),
    ("Postern-User-Id", &[("Postern-User-Id", "admin")]),
    ("POSTERN-USER-ID", &[("POSTERN-USER-ID", "admin")]),
    ("postern_user_id", &[("postern_user_id", "admin")]),
    ("Postern_User-Id", &[("Postern_User-Id", "admin")]),
    ("postern-user_id", &[("postern-user_id", "admin")]),
    ("postern.user.id", &[("postern.user.id", "admin")]),
    ("postern~user~id", &[("postern~user~id", "admin")]),
    ("postern+user+id", &[("postern+user+id", "admin")]),
    ("postern!user-id", &[("postern!user-id", "admin")]),
    ("postern-session-handle", &[("postern-session-handle", "h")]),
    ("postern_session_handle", &[("postern_session_handle", "h")]),
    ("postern-payload", &[("postern-payload", "e30")]),
    ("Postern_Payload", &[("Postern_Payload", "e30")]),
    (
        "postern-payload-omitted",
        &[("postern-payload-omitted", "1")],
    ),
    (
        "postern-user-id-omitted",
        &[("postern-user-id-omitted", "1")],
    ),
    ("postern-assertion", &[("postern-assertion", "a.b.c")]),
    ("postern_assertion", &[("postern_assertion", "a.b.c")]),
    ("postern-directive-key", &[("postern-directive-key", "k")]),
    ("postern_directive_key", &[("postern_directive_key", "k")]),
    (
        "postern-create-session",
        &[("postern-create-session", "e30")],
    ),
    ("postern-revoke", &[("postern-revoke", "user")]),
    ("postern-set-payload", &[("postern-set-payload", "e30")]),
    ("postern-session-data", &[("postern-session-data", "e30")]),
    ("postern-something-new", &[("postern-something-new", "1")]),
    ("postern", &[("postern", "1")]),
    ("x-forwarded-for", &[("x-forwarded-for", "127.0.0.1")]),
    ("X_Forwarded_For", &[("X_Forwarded_For", "127.0.0.1")]),
    ("x-forwarded-host", &[("x-forwarded-host", "internal")]),
    ("x-forwarded-proto", &[("x-forwarded-proto", "https")]),
    ("x-forwarded-uri", &[("x-forwarded-uri", "/public")]),
    ("x-forwarded-prefix", &[("x-forwarded-prefix", "/public")]),
    ("x-forwarded-user", &[("x-forwarded-user", "admin")]),
    (
        "x-forwarded-access-token",
        &[("x-forwarded-access-token", "t")],
    ),
    ("forwarded", &[("forwarded", "for=127.0.0.1")]),
    ("x-real-ip", &[("x-real-ip", "127.0.0.1")]),
    ("x-client-ip", &[("x-client-ip", "127.0.0.1")]),
    ("x-original-url", &[("x-original-url", "/admin")]),
    ("X_Original_URL", &[("X_Original_URL", "/admin")]),
    ("x-original-uri", &[("x-original-uri", "/admin")]),
    ("x-rewrite-url", &[("x-rewrite-url", "/admin")]),
    (
        "x-http-method-override",
        &[("x-http-method-override", "DELETE")],
    ),
    (
        "x_http_method_override",
        &[("x_http_method_override", "DELETE")],
    ),
    ("x-method-override", &[("x-method-override", "DELETE")]),
    ("x-custom", &[("connection", "x-custom"), ("x-custom", "1")]),
    (
        "X-Custom",
        &[("connection", "close, X-CUSTOM ,"), ("X-Custom", "1")],
    ),
    ("x_custom", &[("connection", "x-custom"), ("x_custom", "1")]),
    ("connection", &[("connection", "postern-user-id")]),
    (
        "postern-user-id",
        &[
            ("connection", "postern-user-id"),
            ("postern-user-id", "admin"),
        ],
    ),
    ("transfer-encoding", &[("transfer-encoding", "chunked")]),
    ("Transfer_Encoding", &[("Transfer_Encoding", "chunked")]),
    ("te", &[("te", "trailers")]),
    ("trailer", &[("trailer", "postern-user-id")]),
    ("keep-alive", &[("keep-alive", "timeout=5")]),
    ("proxy-connection", &[("proxy-connection", "keep-alive")]),
    (
        "proxy-authorization",
        &[("proxy-authorization", "Basic YTpi")],
    ),
    (
        "upgrade",
        &[
            ("upgrade", "h2c"),
            ("connection", "upgrade, http2-settings"),
        ],
    ),
    (
        "http2-settings",
        &[("http2-settings", "AAM"), ("upgrade", "h2c")],
    ),
    ("expect", &[("expect", "100-continue")]),
    ("anti-csrf", &[("anti-csrf", "token")]),
];

#[test]
fn fifty_ways_to_smuggle_reach_no_origin() {
    assert!(SMUGGLED.len() >= 50);
    for need in ["required", "optional", "none"] {
        let rule = rule(json!({ "session": need, "methods": ["GET"] }));
        for (name, sent) in SMUGGLED {
            let changes = changed(&rule, sent);
            assert!(
                changes.remove.iter().any(|removed| removed == name),
                "{need} {name} of {sent:?}: {changes:?}"
            );
        }
    }
}

#[test]
fn everything_else_passes_as_it_is() {
    let rule = rule(json!({ "session": "required" }));
    let sent = [
        ("accept", "*/*"),
        ("content-type", "a/b"),
        ("content-length", "3"),
        ("user-agent", "x"),
        ("rid", "session"),
        ("authorization", "Basic YTpi"),
        ("cookie", "a=1; b=\"2\";c"),
        ("x-requested-with", "y"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"e\""),
        ("origin", "https://x"),
        ("referer", "https://x/"),
        ("st-auth-mode", "cookie"),
        ("xpostern-user-id", "1"),
        ("x-postern-user-id", "1"),
        ("posterns", "1"),
        ("sec-websocket-protocol", "chat"),
        ("cf-connecting-ip", "203.0.113.7"),
        ("x-requested-by", "z"),
        ("proxy-status", "1"),
        ("client-version", "1"),
        ("x-hostname", "1"),
    ];
    let as_it_is = Changes {
        has_credential: true,
        ..Changes::default()
    };
    assert_eq!(changed(&rule, &sent), as_it_is);
}

#[test]
fn a_method_is_named_by_the_request_line_only_unless_the_origin_says_otherwise() {
    for name in [
        "X-HTTP-Method-Override",
        "X_HTTP_METHOD_OVERRIDE",
        "x-http-method",
        "X-HTTP_Method",
        "X-Method-Override",
        "x_method_override",
        "HTTP-Method-Override",
    ] {
        // Whatever rule matched: another one may be for the method that is named.
        for rule in [rule(json!({})), rule(json!({ "methods": ["POST"] }))] {
            let sent = [(name, "DELETE")];
            assert_eq!(changed(&rule, &sent).remove, [name]);
            let accepts = json!({ "accepts_method_override": true });
            assert_eq!(changed_for(&rule, accepts, &sent), Changes::default());
        }
    }
}

/// What only a proxy can know: no client may say it, in any spelling.
#[test]
fn nobody_claims_what_a_proxy_would_say() {
    for name in [
        "Proxy",
        "Client-IP",
        "Client_IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-Original-Path",
        "X-Original-Method",
        "X-Original-Anything",
        "X-Rewrite-URL",
        "X-Scheme",
        "X-Url-Scheme",
        "Front-End-Https",
        "X-Host",
        "X-HTTP-Host-Override",
        "X-Envoy-Original-Path",
        "X-Envoy-External-Address",
        "X-Forwarded-Server",
        "X_FORWARDED_SSL",
        "Client-Cert",
        "SSL-Client-Verify",
        "X-SSL-Client-DN",
        "Remote-Addr",
        "Proxy-Client-IP",
        "WL-Proxy-Client-IP",
        "Fastly-Client-IP",
    ] {
        let lower = name.to_ascii_lowercase();
        for spelling in [name.to_owned(), lower.replace('-', "_"), lower] {
            let removed = changed(&rule(json!({})), &[(&spelling, "1")]).remove;
            assert_eq!(removed, std::slice::from_ref(&spelling), "{spelling}");
        }
    }
}

#[test]
fn an_origin_may_name_more_that_it_must_not_get() {
    let origin = json!({ "remove_request_headers": ["Remote-User", "X-Auth-Request-*"] });
    let sent = [
        ("remote-user", "1"),
        ("REMOTE_USER", "1"),
        ("x-auth-request-email", "1"),
        ("x_auth_request_user", "1"),
        ("x-auth", "1"),
        ("remote-user-agent", "1"),
    ];
    let removed = changed_for(&rule(json!({})), origin, &sent).remove;
    assert_eq!(
        removed,
        [
            "remote-user",
            "REMOTE_USER",
            "x-auth-request-email",
            "x_auth_request_user"
        ]
    );
    for bad in [
        json!(["*"]),
        json!([""]),
        json!(["a b"]),
        json!(["Remote-User:"]),
        json!(["Host"]),
        json!(["content-*"]),
        json!(["co*"]),
        json!(["a*b"]),
        json!([1]),
        json!([]),
    ] {
        let file = json!({ "origins": { "app": { "url": "http://127.0.0.1:9000", "remove_request_headers": bad } } });
        let faults = compile(&file.to_string(), None).faults;
        assert_eq!(faults.len(), 1, "{bad}: {faults:?}");
    }
}

#[test]
fn our_tokens_stay_here_unless_a_rule_asks_for_them() {
    let bearer = format!("Bearer {}", token());
    let cookies = format!("theme=dark; sAccessToken={}; lang=en", token());
    let sent = [
        ("authorization", bearer.as_str()),
        ("cookie", cookies.as_str()),
    ];
    for need in ["required", "optional", "none"] {
        let changes = changed(&rule(json!({ "session": need })), &sent);
        assert_eq!(changes.remove, ["authorization"], "{need}");
        assert_eq!(
            changes.cookie.as_deref(),
            Some("theme=dark; lang=en"),
            "{need}"
        );
    }
    let asked = rule(json!({ "forward_credentials": true }));
    let as_it_is = Changes {
        has_credential: true,
        ..Changes::default()
    };
    assert_eq!(changed(&asked, &sent), as_it_is);
    assert_eq!(changed(&asked, &[("anti-csrf", "x")]), as_it_is);
}

#[test]
fn a_foreign_authorization_passes_and_a_doubled_one_does_not() {
    let rule = rule(json!({ "session": "optional" }));
    let doubled = format!("Bearer foreign, Bearer {}", token());
    for (value, removed) in [
        ("Bearer foreign", false),
        ("Bearer a.b.c", false),
        ("Basic YTpi", false),
        ("Digest a=\"1\", b=\"2\"", false),
        (doubled.as_str(), true),
        // Of two, either may be the one that an origin believes.
        ("Bearer foreign, Bearer other", true),
    ] {
        assert_eq!(
            !changed(&rule, &[("authorization", value)])
                .remove
                .is_empty(),
            removed,
            "{value}"
        );
    }
    // A proof of possession goes with the token that it is for.
    let ours = format!("DPoP {}", token());
    for (value, removed) in [
        ("DPoP foreign", vec![]),
        (&ours, vec!["authorization", "DPoP"]),
    ] {
        let sent = [("authorization", value), ("DPoP", "proof")];
        assert_eq!(changed(&rule, &sent).remove, removed, "{value}");
    }
    let lower = format!("bearer {}", token());
    assert_eq!(
        changed(&rule, &[("Authorization", &lower)]).remove,
        ["Authorization"]
    );
}

/// It need not look like a token of anybody: what an issuer's user shows there is a credential.
#[test]
fn the_places_that_an_issuer_has_for_its_tokens_goes_no_further() {
    let issuers = r#"[{"id":"idp","issuer":"https://idp.example","audience":["x"],"algorithms":["RS256"],
        "jwks_uri":"https://idp.example/jwks","token_from":{"headers":["X-Id-Token"],"websocket_protocols":["id."]}}]"#;
    let settings = parsed(&[("TRUSTED_ISSUERS", issuers)]);
    let origin = origin(json!({}));
    let found = |rule: Value| {
        let passing = Passing::of(&super::rule(rule), &origin, "GET", "/");
        let sent = [
            ("X-Id-Token", "opaque"),
            ("x-other", "1"),
            ("sec-websocket-protocol", "chat, id.opaque"),
        ];
        let sent = sent.into_iter();
        let changes = changes(&settings, &origin, passing, Sent::default(), sent, &|_| {
            false
        });
        (changes.remove, changes.protocols)
    };
    let hidden = (vec!["X-Id-Token".to_owned()], Some("chat".to_owned()));
    assert_eq!(found(json!({})), hidden);
    assert_eq!(
        found(json!({ "forward_credentials": true })),
        (vec![], None)
    );
}

#[test]
fn session_cookies_leave_no_trace_and_others_no_change() {
    for (sent, left) in [
        ("", ""),
        ("a=1", "a=1"),
        ("a=1;b=2;  c = 3 ;;", "a=1;b=2;  c = 3 ;;"),
        ("sAccessToken=x", ""),
        ("a=1; sAccessToken=x; b=2", "a=1; b=2"),
        ("sAccessToken=x; sAccessToken=y; a=1", "a=1"),
        ("a=1;sRefreshToken=x", "a=1"),
        (
            "sIdRefreshToken=x; sFrontToken=y; sAntiCsrf=z; __Host-sAccessToken=q; a=1",
            "a=1",
        ),
        (" \tsAccessToken\t=x; a=1", "a=1"),
        ("SACCESSTOKEN=x; a=1", "a=1"),
        ("sAccessToken; a=1", "a=1"),
        ("a=1, sAccessToken=x", "a=1"),
        ("a=1,2; b=3", "a=1,2; b=3"),
        ("a=1, sRefreshToken=x, b=2; c=3", "a=1, b=2; c=3"),
        ("\u{1}sAccessToken=x; a=1", "a=1"),
        ("xsAccessToken=x", "xsAccessToken=x"),
        ("a=sAccessToken=x", "a=sAccessToken=x"),
        ("a=\"sAccessToken\"", "a=\"sAccessToken\""),
    ] {
        let got = without_our_cookies(sent, Passing::default(), &|_| true, &|_| false);
        assert_eq!(got, left, "{sent:?}");
    }
    let rule = rule(json!({}));
    assert_eq!(
        changed(&rule, &[("cookie", "sAccessToken=x")]).remove,
        ["cookie"]
    );
    let listed = changed(
        &rule,
        &[("connection", "cookie"), ("cookie", "a=1; sAccessToken=x")],
    );
    assert_eq!(
        (listed.remove, listed.cookie),
        (vec!["connection".to_owned(), "cookie".to_owned()], None)
    );
}

#[test]
fn websockets_keep_their_upgrade() {
    let rule = rule(json!({}));
    let sent = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade, x-y"),
        ("x-y", "1"),
        ("sec-websocket-key", "k"),
    ];
    assert_eq!(changed(&rule, &sent).remove, ["connection", "x-y"]);
    // A protocol that is a token of ours goes; where no other is offered, the header with it.
    let token = token();
    let offered = |protocols: &str| changed(&rule, &[("sec-websocket-protocol", protocols)]);
    assert_eq!(
        offered(&format!("chat, {token}")).protocols.as_deref(),
        Some("chat")
    );
    assert_eq!(offered(&token).remove, ["sec-websocket-protocol"]);
    assert_eq!(offered("chat"), Changes::default());
    assert!(upgrade::is_websocket(Some("websocket")) && !upgrade::is_websocket(Some("h2c")));
}

#[test]
fn no_other_protocol_is_switched_to() {
    for connection in ["keep-alive", "Upgrade"] {
        let sent = [("upgrade", "h2c"), ("connection", connection)];
        let removed = changed(&rule(json!({})), &sent).remove;
        assert_eq!(removed, ["upgrade", "connection"], "{connection}");
    }
}

/// Nearly every name of nearly every request is: it is compared as it stands.
#[test]
fn a_name_in_its_normal_form_is_not_copied() {
    for (name, expected, is_copied) in [
        ("x-b3-traceid", "x-b3-traceid", false),
        ("9-lives", "9-lives", false),
        ("-", "-", false),
        ("X-B3-TraceId", "x-b3-traceid", true),
        ("x_b3_traceid", "x-b3-traceid", true),
    ] {
        let normal = normal(name);
        assert_eq!(normal, expected);
        assert_eq!(matches!(normal, Cow::Owned(_)), is_copied, "{name}");
    }
}

#[test]
fn what_is_said_of_the_client_is_ours() {
    let headers = |client| forwarded(client, "app.example:8443", "https");
    assert_eq!(
        headers(Some("203.0.113.7")),
        [
            ("x-forwarded-for", "203.0.113.7".to_owned()),
            ("x-forwarded-host", "app.example:8443".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            (
                "forwarded",
                "for=203.0.113.7;host=\"app.example:8443\";proto=https".to_owned()
            ),
        ]
    );
    assert_eq!(
        headers(Some("2001:db8::7"))[3].1,
        "for=\"[2001:db8::7]\";host=\"app.example:8443\";proto=https"
    );
    for client in [
        None,
        Some(""),
        Some("unknown"),
        Some("1.2.3.4, 5.6.7.8"),
        Some("1.2.3.4;proto=http"),
    ] {
        assert_eq!(headers(client).len(), 3, "{client:?}");
        assert!(
            !headers(client)
                .iter()
                .any(|(_, value)| value.contains("for=")),
            "{client:?}"
        );
    }
}

#[test]
fn a_trace_passes_as_it_came_or_not_at_all() {
    const PARENT: (&str, &str) = (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    const STATE: (&str, &str) = ("tracestate", "rojo=00f067aa0ba902b7");
    let rule = rule(json!({ "session": "none" }));
    let removed = |sent: &[(&str, &str)]| changed(&rule, sent).remove;
    assert!(removed(&[PARENT, STATE]).is_empty());
    assert!(removed(&[STATE, PARENT]).is_empty());
    assert_eq!(removed(&[STATE]), ["tracestate"]);
    assert_eq!(removed(&[PARENT, ("tracestate", "no")]), ["tracestate"]);
    assert_eq!(
        removed(&[STATE, ("TraceParent", "00-1-2-03")]),
        ["TraceParent", "tracestate"]
    );
    // The longest state is one.
    let state = |bytes: usize| {
        let value = "x".repeat(200);
        format!("a={value},b={value},c={}", "x".repeat(bytes - 408))
    };
    assert!(removed(&[PARENT, ("tracestate", &state(512))]).is_empty());
    assert_eq!(
        removed(&[PARENT, ("tracestate", &state(513))]),
        ["tracestate"]
    );
    // A header of one connection is no trace for the next.
    let listed = [("connection", "traceparent"), PARENT, STATE];
    let removed_of_listed = removed(&listed);
    for name in ["traceparent", "tracestate"] {
        assert!(removed_of_listed.iter().any(|known| known == name));
    }
    // What may be a token of ours passes under no name.
    let token = token();
    assert_eq!(
        removed(&[PARENT, ("tracestate", &format!("a={token}"))]),
        ["tracestate"]
    );
}
