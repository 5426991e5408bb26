//! The gateway: which rule a request falls under, whether it passes, and what its origin gets of its headers.

use std::hint::black_box;

use postern_core::{
    gateway::{
        Admission, Decision, Gateway, RequestMeta, RuleSession, admit, compile, decide,
        own_tokens::Suspect,
        request::headers::{Passing, Sent, changes},
    },
    identity::Issuer,
    settings::{RawValue, Settings},
};
use postern_jwt::time::UnixMillis;

use crate::{Repeated, token};

/// Twelve rules, of which the last one fits.
const RULES: &str = r#"{
  "origins": { "app": { "url": "https://app.internal" } },
  "rules": [
    { "path": "/health", "origin": "app", "session": "none" },
    { "path": ["/login", "/signup"], "origin": "app", "session": "none" },
    { "path": "/assets/**", "origin": "app", "session": "none" },
    { "path": "/img/**", "origin": "app", "session": "none" },
    { "path": "/docs/**", "origin": "app", "session": "optional" },
    { "path": "/blog/*", "origin": "app", "session": "optional" },
    { "path": "/admin/**", "origin": "app", "session": "required", "require": { "claim": "role", "equals": "admin" } },
    { "path": "/api/teams/*", "origin": "app", "session": "required" },
    { "path": "/api/teams/*/members", "origin": "app", "session": "required" },
    { "path": "/api/files/**", "origin": "app", "session": "required" },
    { "path": "/api/search", "methods": ["GET"], "origin": "app", "session": "required" },
    { "path": "/api/**", "origin": "app", "session": "required", "require": { "claim": "role", "equals": "editor" } }
  ]
}"#;
const PAYLOAD: &str = r#"{"role":"editor","plan":"team","name":"Ada Lovelace"}"#;
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn gateway() -> Option<(Settings, Gateway)> {
    let domain = RawValue::Text("https://app.example.com".to_owned());
    let (settings, _) = Settings::parse(&[("API_DOMAIN".to_owned(), domain)]).ok()?;
    let compiled = compile(RULES, Some(&settings));
    compiled
        .faults
        .is_empty()
        .then_some((settings, compiled.gateway))
}

fn request(header: &dyn Fn(&str) -> Option<String>) -> RequestMeta<'_> {
    RequestMeta {
        host: "app.example.com",
        method: "GET",
        raw_path: "/api/projects/42/issues",
        path: "/api/projects/42/issues",
        query: "page=2",
        header,
    }
}

/// A request with a good session meets the rules.
pub(crate) fn decision() -> Option<Repeated> {
    let (_, gateway) = gateway()?;
    Some(Box::new(move || {
        let header = |_: &str| None;
        let request = black_box(request(&header));
        let Ok(Admission::Rule(matched)) = admit(&gateway, &request) else {
            return false;
        };
        let session = RuleSession {
            issuer: &Issuer::Own,
            payload: PAYLOAD,
            now: NOW,
        };
        matches!(
            decide(matched.rule, &request, Ok(session)),
            Decision::Forward(_)
        )
    }))
}

/// What an origin gets of the headers that a browser sends, with a session's token among them.
pub(crate) fn header_lines() -> Option<Repeated> {
    let (settings, gateway) = gateway()?;
    let authorization = format!("Bearer {}", token::access_token()?);
    let handles = token::handle_keys();
    Some(Box::new(move || {
        let header = |_: &str| None;
        let request = request(&header);
        let Ok(Admission::Rule(matched)) = admit(&gateway, &request) else {
            return false;
        };
        let headers = [
            ("accept", "application/json, text/plain, */*"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
            ("authorization", authorization.as_str()),
            ("cache-control", "no-cache"),
            (
                "cookie",
                "theme=dark; _ga=GA1.1.1234567890.1700000000; consent=all",
            ),
            ("host", "app.example.com"),
            ("referer", "https://app.example.com/projects/42"),
            ("sec-fetch-dest", "empty"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-site", "same-origin"),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            ("x-requested-with", "XMLHttpRequest"),
        ];
        let sent = Sent {
            authorization_is_ours: true,
            ..Sent::default()
        };
        let passing = Passing::of(matched.rule, matched.origin, request.method, request.path);
        let is_ours = |suspect: &Suspect<'_>| handles.check(suspect.handle).is_some();
        let headers = black_box(headers).into_iter();
        let changes = changes(&settings, matched.origin, passing, sent, headers, &is_ours);
        changes.remove == ["authorization", "host"] || changes.remove == ["authorization"]
    }))
}
