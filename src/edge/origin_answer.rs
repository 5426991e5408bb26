//! An origin's answer on its way to the client: without what is not the origin's to say, with what the rule adds.
//!
//! Bodies pass as they are. An answer that needs no change is handed on untouched.

use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    directives::{self, Outcome},
    forward::SendFault,
    gateway_door::{Call, story},
    header_lines::HeaderLines,
    js::{FetchedResponse, Host},
    log, response, settings,
};
use crate::{
    error,
    frontend::cors,
    gateway::{Matched, response_headers},
    http::reply::Reply,
    secret::Secret,
    settings::Settings,
};

/// Headers of one connection that the platform itself leaves out of every answer.
const LEFT_OUT_BY_PLATFORM: [&str; 3] = ["connection", "keep-alive", "transfer-encoding"];

/// What a cache may go by.
const OF_CACHES: [&str; 5] = [
    "age",
    "cache-control",
    "expires",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
];

/// The answer that the client gets where the origin may use directives.
pub(super) async fn with_directives(
    call: &Call<'_>,
    host: &Host,
    answer: FetchedResponse,
    key: Option<&Secret>,
) -> Result<JsValue, JsValue> {
    let lines = HeaderLines::of(host, answer.headers()?.as_ref())?;
    let outcome = match key {
        Some(key) => directives::run(call, &lines, key).await,
        None => Ok(Outcome::default()),
    };
    match outcome.map(|outcome| forgetting(call, outcome)) {
        Ok(outcome) => {
            let website = call.headers.get("origin");
            match edits(call.settings, call.matched, website, &lines, outcome) {
                Some(edits) => match host.edited(&answer, &edits) {
                    Ok(answer) => Ok(answer.into()),
                    // What an origin sends need not be an answer that can be made: a status of 999, for one.
                    Err(_) => of_ours_to(call, error::bad_gateway()),
                },
                None => Ok(answer.into()),
            }
        }
        Err(why) => {
            log::warning("gateway_directive", &story(Some(call.matched), &why));
            of_ours_to(call, error::bad_gateway())
        }
    }
}

/// The browser forgets a session that has ended, unless the answer has a new one for it.
fn forgetting(call: &Call<'_>, outcome: Outcome) -> Outcome {
    if !call.forgets_session() || !outcome.headers.is_empty() {
        return outcome;
    }
    Outcome {
        happened: true,
        headers: directives::ended(call),
    }
}

/// What `forward.mjs` is to make of an answer: nothing (undefined), edits (a text), or another answer. A negative status
/// stands for an origin that gave none.
pub(super) fn judged(
    status: i32,
    lines: String,
    rule: u32,
    website: Option<&str>,
    is_head: bool,
    env: &Env,
) -> Result<JsValue, JsValue> {
    let (Ok(settings), Ok(Some(gateway))) = (settings::current(env), settings::gateway(env)) else {
        return response::of(&error::misconfigured());
    };
    let matched = usize::try_from(rule)
        .ok()
        .and_then(|index| gateway.matched(index));
    let Some(matched) = matched else {
        return response::of(&error::misconfigured());
    };
    let fault = match u16::try_from(status) {
        Ok(status) => SendFault::spoken_for(status),
        Err(_) if status == -504 => Some(SendFault::TimedOut),
        Err(_) => Some(SendFault::Unreachable),
    };
    if let Some(fault) = fault {
        return failed(&settings, matched, website, is_head, fault);
    }
    let lines = HeaderLines::of_text(lines);
    let edits = edits(&settings, matched, website, &lines, Outcome::default());
    Ok(edits.map_or(JsValue::UNDEFINED, |edits| JsValue::from_str(&edits)))
}

/// The answer in place of one that an origin did not give.
pub(super) fn failed(
    settings: &Settings,
    matched: Matched<'_>,
    website: Option<&str>,
    is_head: bool,
    fault: SendFault,
) -> Result<JsValue, JsValue> {
    log::warning("gateway_origin", &story(Some(matched), fault.message()));
    of_ours(settings, website, is_head, fault.reply())
}

/// An answer of our own, readable for the website that asked.
pub(super) fn of_ours(
    settings: &Settings,
    website: Option<&str>,
    is_head: bool,
    mut reply: Reply,
) -> Result<JsValue, JsValue> {
    cors::apply(settings, website, &mut reply.headers);
    if is_head {
        reply.body = String::new();
    }
    response::of(&reply)
}

/// The same for a request at hand.
pub(super) fn of_ours_to(call: &Call<'_>, reply: Reply) -> Result<JsValue, JsValue> {
    let is_head = call.facts.method == "HEAD";
    of_ours(call.settings, call.headers.get("origin"), is_head, reply)
}

/// What is to be changed about an answer's headers, as `forward.mjs` reads it; `None` for nothing.
fn edits(
    settings: &Settings,
    matched: Matched<'_>,
    website: Option<&str>,
    lines: &HeaderLines,
    outcome: Outcome,
) -> Option<String> {
    let origin = matched.origin;
    let connection = lines.get("connection");
    let mut edits = Edits::default();
    let mut drops_cookies = false;
    let mut cors_before = Vec::new();
    for (name, value) in lines.iter() {
        if name == "set-cookie" {
            drops_cookies |= !response_headers::keeps_cookie(origin, value);
        } else if LEFT_OUT_BY_PLATFORM.contains(&name) {
        } else if response_headers::is_removed(origin, connection, name) {
            edits.remove(name);
        } else if name == "vary" || name.starts_with("access-control-") {
            cors_before.push((name.to_owned(), value.to_owned()));
        }
    }
    if drops_cookies {
        edits.remove("set-cookie");
        for (name, value) in lines.iter() {
            if name == "set-cookie" && response_headers::keeps_cookie(origin, value) {
                edits.add(name, value);
            }
        }
    }
    if outcome.happened {
        for name in OF_CACHES {
            edits.remove(name);
        }
        edits.add("cache-control", "no-store");
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
    if !(cors_after.is_empty() && settings.website_origins.is_empty()) {
        response_headers::apply_cors(settings, matched.rule, website, &mut cors_after);
        if cors_after != cors_before {
            for (name, _) in &cors_before {
                edits.remove(name);
            }
            for (name, value) in &cors_after {
                edits.add(name, value);
            }
        }
    }
    edits.text()
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

    fn text(self) -> Option<String> {
        let mut text = self.removed + &self.added;
        text.pop()?;
        Some(text)
    }
}
