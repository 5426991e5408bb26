//! An origin's answer on its way to the client: without what is not the origin's to say, with what the rule adds.
//!
//! Bodies pass as they are. An answer that needs no change is handed on untouched.

use wasm_bindgen::{JsCast, JsValue};

use super::{
    directives::{self, Outcome},
    gateway_door::Call,
    header_lines::HeaderLines,
    http_door::respond,
    js::{FetchedResponse, OutgoingResponse},
    log,
};
use crate::{
    error,
    frontend::cors,
    gateway::{Facts, response_headers},
    http::reply::Reply,
    secret::Secret,
    settings::Settings,
};

/// Headers of one connection that the platform itself leaves out of every answer.
const LEFT_OUT_BY_PLATFORM: [&str; 3] = ["connection", "keep-alive", "transfer-encoding"];

/// What a cache may go by, besides `cache-control`.
const OF_CACHES: [&str; 4] = [
    "age",
    "expires",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
];

/// The answer that the client gets.
pub(super) async fn made(
    call: &Call<'_>,
    answer: FetchedResponse,
    directive_key: Option<&Secret>,
) -> Result<JsValue, JsValue> {
    let lines = HeaderLines::of(answer.headers()?.as_ref())?;
    let outcome = match directive_key {
        Some(key) => directives::run(call, &lines, key).await,
        None => Ok(Outcome::default()),
    };
    match outcome {
        Ok(outcome) => Edits::of(call, &lines, outcome).apply(answer),
        Err(why) => {
            log::warning("gateway_directive", &call.story(&why));
            of_ours(call, error::bad_gateway())
        }
    }
}

/// An answer of our own in place of an origin's.
pub(super) fn of_ours(call: &Call<'_>, reply: Reply) -> Result<JsValue, JsValue> {
    with_cors(call.settings, call.facts, reply)
}

/// An answer of our own, readable for the website that asked.
pub(super) fn with_cors(
    settings: &Settings,
    facts: &Facts<'_>,
    mut reply: Reply,
) -> Result<JsValue, JsValue> {
    let origin = (facts.header)("origin");
    cors::apply(settings, origin.as_deref(), &mut reply.headers);
    if facts.method == "HEAD" {
        reply.body = String::new();
    }
    respond(&reply)
}

/// What is to be changed about an answer's headers.
#[derive(Default)]
struct Edits {
    remove: Vec<String>,
    add: Vec<(String, String)>,
}

impl Edits {
    fn of(call: &Call<'_>, lines: &HeaderLines, outcome: Outcome) -> Self {
        let origin = call.matched.origin;
        let connection = lines.get("connection");
        let mut edits = Self::default();
        let mut cookies_are_ours = false;
        let mut cors_before = Vec::new();
        for (name, value) in lines.iter() {
            if name == "set-cookie" {
                cookies_are_ours |= !response_headers::keeps_cookie(origin, value);
            } else if LEFT_OUT_BY_PLATFORM.contains(&name) {
            } else if response_headers::is_removed(origin, connection, name) {
                edits.remove.push(name.to_owned());
            } else if name == "vary" || name.starts_with("access-control-") {
                cors_before.push((name.to_owned(), value.to_owned()));
            }
        }
        if cookies_are_ours {
            edits.remove.push("set-cookie".to_owned());
            let kept = lines.iter().filter(|(name, value)| {
                *name == "set-cookie" && response_headers::keeps_cookie(origin, value)
            });
            edits.add.extend(kept.map(owned));
        }
        if outcome.happened {
            let of_caches = OF_CACHES.iter().chain(&["cache-control"]);
            edits.remove.extend(of_caches.map(|&name| name.to_owned()));
            edits
                .add
                .push(("cache-control".to_owned(), "no-store".to_owned()));
        }
        let mut cors_after = cors_before.clone();
        for (name, value) in outcome.headers {
            if name.starts_with("access-control-") {
                cors_after.push((name, value));
            } else if name != "cache-control" {
                edits.add.push((name, value));
            }
        }
        edits.cors(call, &cors_before, cors_after);
        edits
    }

    fn cors(
        &mut self,
        call: &Call<'_>,
        before: &[(String, String)],
        mut after: Vec<(String, String)>,
    ) {
        let origin = call.headers.get("origin");
        // Without websites the answer is the same for every one, and says nothing to any.
        if before.is_empty() && after.is_empty() && call.settings.website_origins.is_empty() {
            return;
        }
        response_headers::apply_cors(call.settings, call.matched.rule, origin, &mut after);
        if after == before {
            return;
        }
        self.remove
            .extend(before.iter().map(|(name, _)| name.clone()));
        self.add.append(&mut after);
    }

    fn apply(self, answer: FetchedResponse) -> Result<JsValue, JsValue> {
        if self.remove.is_empty() && self.add.is_empty() {
            return Ok(answer.into());
        }
        // Status, socket and encoding come with the answer, which here stands for its own description.
        let body = answer.body()?.map_or(JsValue::NULL, JsValue::from);
        let changed = OutgoingResponse::new(&body, answer.unchecked_ref())?;
        let headers = changed.headers_of_ours()?;
        for name in &self.remove {
            headers.delete(name)?;
        }
        for (name, value) in &self.add {
            headers.append(name, value)?;
        }
        Ok(changed.into())
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
