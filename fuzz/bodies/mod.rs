//! What each fuzz target does with its bytes: plain functions, run by `cargo fuzz` and, on stable, by `crates/core/tests/fuzz.rs`.
//!
//! A body feeds one reader of hostile bytes and asserts what must hold whatever they are. A panic is a finding.

mod cookies;
mod gateway;
mod json;
mod keys;
mod names;
mod revocation;
mod service_api;
mod settings;
mod token;

use std::sync::LazyLock;

use postern_core::settings::{RawValue, Settings};

/// A fuzz target.
pub struct Target {
    /// Its name: of the file in `fuzz_targets/`, and of the directories with its seeds and regressions.
    pub name: &'static str,
    /// What it does with some bytes.
    pub body: fn(&[u8]),
    /// Pieces of the grammar, for mutations without coverage.
    #[allow(dead_code, reason = "libFuzzer finds its own")]
    pub dictionary: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "token",
        body: token::token,
        dictionary: token::DICTIONARY,
    },
    Target {
        name: "jwks",
        body: keys::jwks,
        dictionary: keys::DICTIONARY,
    },
    Target {
        name: "cookie_header",
        body: cookies::cookie_header,
        dictionary: cookies::DICTIONARY,
    },
    Target {
        name: "refresh_token",
        body: names::refresh_token,
        dictionary: names::DICTIONARY,
    },
    Target {
        name: "session_handle",
        body: names::session_handle,
        dictionary: names::DICTIONARY,
    },
    Target {
        name: "settings",
        body: settings::settings,
        dictionary: settings::DICTIONARY,
    },
    Target {
        name: "json",
        body: json::json,
        dictionary: json::DICTIONARY,
    },
    Target {
        name: "service_api",
        body: service_api::service_api,
        dictionary: service_api::DICTIONARY,
    },
    Target {
        name: "rules",
        body: gateway::rules,
        dictionary: gateway::DICTIONARY,
    },
    Target {
        name: "paths",
        body: gateway::paths,
        dictionary: gateway::DICTIONARY,
    },
    Target {
        name: "directives",
        body: gateway::directives,
        dictionary: gateway::DICTIONARY,
    },
    Target {
        name: "authority",
        body: revocation::authority,
        dictionary: revocation::DICTIONARY,
    },
    Target {
        name: "segment",
        body: revocation::segment,
        dictionary: revocation::DICTIONARY,
    },
];

/// The body of the target of this name.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").body)(input);
}

/// Bytes as text; what is no UTF-8 never reaches the readers of text.
fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Settings of a deployment that has every door.
static DEPLOYMENT: LazyLock<Settings> = LazyLock::new(|| {
    let values = [
        ("API_DOMAIN", "https://api.example.com"),
        ("API_KEYS", "abcdefghijklmnopqrstuvwxyz"),
        ("WEBSITE_ORIGINS", "[\"https://www.example.com\"]"),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), RawValue::Text(value.to_owned())));
    Settings::parse(&values).expect("good settings").0
});
