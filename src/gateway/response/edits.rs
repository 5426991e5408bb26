//! What is to be changed about the headers of an origin's answer, as one text for `proxy.mjs`.
//!
//! The order of the changes. What is to be changed is decided in `postern_core::gateway`: `response_headers`, `caching` and
//! `rewriting`.

use crate::gateway::directives::Outcome;
use crate::gateway::own_tokens::Judge;
use crate::runtime::http::header_lines::HeaderLines;
use postern_core::gateway::own_tokens::Suspect;
use postern_core::gateway::response::rewriting::{Addresses, holds_address};
use postern_core::gateway::response::{caching, clear_site_data, headers as response_headers};
use postern_core::gateway::{Matched, Target};
use postern_core::settings::Settings;
use postern_core::supertokens::fdi::cors;

/// Headers of one connection that the platform itself leaves out of every answer.
const LEFT_OUT_BY_PLATFORM: [&str; 3] = ["connection", "keep-alive", "transfer-encoding"];

/// What a cache may go by, besides what speaks to shared ones only.
const OF_CACHES: [&str; 3] = ["age", "cache-control", "expires"];

/// The answer to an upgrade: nobody keeps it.
const SWITCHING_PROTOCOLS: u16 = 101;

/// An answer, and what is known of the request.
pub(crate) struct Answered<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) matched: Matched<'a>,
    /// `Origin` of the request.
    pub(crate) website: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) lines: &'a HeaderLines,
    /// `scheme://host[:port]` as the client used it.
    pub(crate) client: &'a dyn Fn() -> Option<String>,
    /// By the rule, for the method of the request: it may hold directives.
    pub(crate) may_end_sessions: bool,
    pub(crate) judge: &'a Judge,
}

impl Answered<'_> {
    /// The changes; `None` for nothing.
    pub(crate) fn edits(&self, outcome: Outcome) -> Option<String> {
        let Matched { rule, origin, .. } = self.matched;
        let is_personal = rule.asks_for_session() && self.status != SWITCHING_PROTOCOLS;
        let connection = self.lines.get("connection");
        let mut edits = Edits::default();
        let mut cookies_change = false;
        let mut cors_before = Vec::new();
        for (name, value) in self.lines.iter() {
            if name == "set-cookie" {
                cookies_change |= self.cookie(value) != Cookie::AsItIs;
            } else if LEFT_OUT_BY_PLATFORM.contains(&name) {
            } else if response_headers::is_removed(origin, connection, name) {
                edits.remove(name);
            } else if name == "clear-site-data" && !self.may_end_sessions && !origin.sets_sessions {
                match clear_site_data::kept(value) {
                    Some(kept) if kept == value => {}
                    Some(kept) => edits.replace(name, &kept),
                    None => edits.remove(name),
                }
            } else if name == "vary" || name.starts_with("access-control-") {
                cors_before.push((name.to_owned(), value.to_owned()));
            } else if caching::is_for_shared_caches(name) {
                if outcome.happened || (is_personal && !rule.shared_cache) {
                    edits.remove(name);
                }
            } else if holds_address(name)
                && value.contains("//")
                && let Some(new) = self.rewritten(|addresses| addresses.header(name, value))
            {
                edits.replace(name, &new);
            }
        }
        if cookies_change {
            edits.remove("set-cookie");
            for (name, value) in self.lines.iter() {
                if name != "set-cookie" {
                    continue;
                }
                match self.cookie(value) {
                    Cookie::AsItIs => edits.add(name, value),
                    Cookie::Changed(new) => edits.add(name, &new),
                    Cookie::Removed => {}
                }
            }
        }
        if outcome.happened {
            for name in OF_CACHES {
                edits.remove(name);
            }
            edits.add("cache-control", "no-store");
        } else if is_personal
            && let sent = self.lines.get("cache-control")
            && let Some(new) = caching::cache_control(sent, rule.shared_cache)
        {
            edits.replace("cache-control", &new);
        }
        let mut cors_after = cors_before.clone();
        for (name, value) in outcome.headers {
            if name.starts_with("access-control-") {
                cors_after.push((name, value));
            } else if name != "cache-control" {
                edits.add(&name, &value);
            }
        }
        // Without websites the answer is the same for every one, and says nothing to any.
        if !(cors_after.is_empty() && self.settings.website_origins.is_empty()) {
            response_headers::apply_cors(self.settings, rule, self.website, &mut cors_after);
        }
        if is_personal {
            cors::vary(&mut cors_after, &caching::VARY);
        }
        if cors_after != cors_before {
            for (name, _) in &cors_before {
                edits.remove(name);
            }
            for (name, value) in &cors_after {
                edits.add(name, value);
            }
        }
        edits.text()
    }

    /// Whether the changes depend on no value of a header but those of `Cache-Control` and `Vary`. To be kept in step with
    /// [`Self::edits`].
    pub(crate) fn repeats(&self) -> bool {
        let by_value = |name: &str| {
            matches!(name, "set-cookie" | "connection" | "clear-site-data")
                || name.starts_with("access-control-")
                || holds_address(name)
        };
        self.lines.iter().all(|(name, _)| !by_value(name))
    }

    /// What becomes of a cookie that the origin sets.
    fn cookie(&self, value: &str) -> Cookie {
        let is_ours = |suspect: &Suspect<'_>| self.judge.is_ours(suspect);
        if !response_headers::keeps_cookie(self.matched.origin, value, &is_ours) {
            return Cookie::Removed;
        }
        let names_domain = value.split(';').skip(1).any(|attribute| {
            let name = attribute.trim_start().get(..6);
            name.is_some_and(|name| name.eq_ignore_ascii_case("domain"))
        });
        if !names_domain {
            return Cookie::AsItIs;
        }
        let changed = self.rewritten(|addresses| addresses.cookie(value));
        changed.map_or(Cookie::AsItIs, Cookie::Changed)
    }

    /// What rewriting makes of something, where the origin has an address of its own.
    fn rewritten(&self, rewrite: impl Fn(Addresses<'_>) -> Option<String>) -> Option<String> {
        match &self.matched.origin.target {
            Target::Url(origin) if self.matched.origin.rewrite => rewrite(Addresses {
                origin,
                client: &(self.client)()?,
            }),
            // They are asked by the address that the client used.
            Target::Url(_) | Target::Binding(_) | Target::Route => None,
        }
    }
}

/// What becomes of a cookie.
#[derive(PartialEq, Eq)]
enum Cookie {
    AsItIs,
    Changed(String),
    Removed,
}

/// Edits as lines: deletions first, so that what is added stays.
#[derive(Default)]
struct Edits {
    removed: String,
    added: String,
}

impl Edits {
    fn remove(&mut self, name: &str) {
        self.removed.push_str(name);
        self.removed.push('\n');
    }

    fn add(&mut self, name: &str, value: &str) {
        // No value of an origin holds a line break, and none of ours does.
        for part in [name, ",", value, "\n"] {
            self.added.push_str(part);
        }
    }

    fn replace(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    fn text(self) -> Option<String> {
        let mut text = self.removed + &self.added;
        text.pop()?;
        Some(text)
    }
}
