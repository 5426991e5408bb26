//! An origin's answer on its way to the client: without what is not the origin's to say, with what the rule adds.
//!
//! Bodies pass as they are. An answer that needs no change is handed on untouched.

use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    answer_edits::Answered,
    directives::{self, Outcome},
    forward::SendFault,
    gateway_door::{Call, story},
    header_lines::HeaderLines,
    js::{FetchedResponse, Host, IncomingRequest},
    log,
    outgoing_url::Outgoing,
    own_tokens::Judge,
    response, settings,
};
use crate::{
    error,
    frontend::cors,
    gateway::{Matched, caching},
    http::reply::Reply,
    secret::Secret,
    settings::Settings,
};

/// The answer that the client gets where the origin may use directives.
pub(super) async fn with_directives(
    call: &Call<'_>,
    host: &Host,
    answer: FetchedResponse,
    key: Option<&Secret>,
) -> Result<JsValue, JsValue> {
    let lines = HeaderLines::of(host, answer.headers()?.as_ref())?;
    let may_end_sessions = key.is_some();
    let outcome = match key {
        Some(key) => directives::run(call, &lines, key).await,
        None => Ok(Outcome::default()),
    };
    match outcome.map(|outcome| forgetting(call, outcome)) {
        Ok(outcome) => {
            let website = call.headers.get("origin");
            let answered = Answered {
                settings: call.settings,
                matched: call.matched,
                website,
                status: answer.status()?,
                lines: &lines,
                client: &|| Outgoing::address_of(call.request.url()),
                may_end_sessions,
                judge: &Judge::at_hand(call.context.as_ref()),
            };
            match answered.edits(outcome) {
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
    request: &IncomingRequest,
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
    let answered = Answered {
        settings: &settings,
        matched,
        website,
        status: u16::try_from(status).unwrap_or_default(),
        lines: &lines,
        client: &|| Outgoing::address_of(&request.url().ok()?),
        // Answers that may hold directives do not come by here.
        may_end_sessions: false,
        judge: &Judge::at_hand(None),
    };
    let edits = answered.edits(Outcome::default());
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
    of_ours(settings, Some(matched), website, is_head, fault.reply())
}

/// An answer of our own, readable for the website that asked. Whichever it is, it may depend on the session.
pub(super) fn of_ours(
    settings: &Settings,
    matched: Option<Matched<'_>>,
    website: Option<&str>,
    is_head: bool,
    mut reply: Reply,
) -> Result<JsValue, JsValue> {
    if matched.is_some_and(|matched| matched.rule.asks_for_session()) {
        cors::vary(&mut reply.headers, &caching::VARY);
    }
    cors::apply(settings, website, &mut reply.headers);
    if is_head {
        reply.body = String::new();
    }
    response::of(&reply)
}

/// The same for a request at hand.
pub(super) fn of_ours_to(call: &Call<'_>, reply: Reply) -> Result<JsValue, JsValue> {
    let is_head = call.facts.method == "HEAD";
    let website = call.headers.get("origin");
    of_ours(call.settings, Some(call.matched), website, is_head, reply)
}
