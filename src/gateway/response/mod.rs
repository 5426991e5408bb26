//! An origin's answer on its way to the client: without what is not the origin's to say, with what the rule adds.
//!
//! Bodies pass as they are. An answer that needs no change is handed on untouched.

pub(crate) mod edits;

use super::local_response::local_response;
use super::local_response::local_response_to;
use wasm_bindgen::JsValue;
use worker::Env;

use super::call::{Call, log_detail};
use super::directives::{self, Outcome};
use super::error_pages::Asker;
use super::forward::SendFault;
use super::own_tokens::Judge;
use super::upstream_url::Outgoing;
use crate::gateway::response::edits::Answered;
use crate::runtime::{
    http::{header_lines::HeaderLines, response},
    js::{FetchedResponse, Host, IncomingRequest},
    log, metrics, settings,
};
use postern_core::error;
use postern_core::gateway::request::socket_token;
use postern_core::gateway::{Matched, Target};
use postern_core::metrics::Point;
use postern_core::settings::Settings;
use postern_jwt::{secret::Secret, time::Millis};

/// The answer that the client gets where the origin may use directives.
pub(crate) async fn with_directives(
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
            let outcome = choosing(call, &lines, answer.status()?, outcome);
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
                    Err(_) => local_response_to(call, error::bad_gateway()),
                },
                None => Ok(answer.into()),
            }
        }
        Err(why) => {
            let what = log_detail(Some(call.matched), &about_origin(call.matched, &why));
            log::write_with(
                log::Event::GatewayDirective,
                &[(log::Member::Request, call.asker.id())],
                &what,
            );
            local_response_to(call, error::bad_gateway())
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

/// A browser takes an upgrade only that chooses one of the subprotocols it offered.
fn choosing(call: &Call<'_>, lines: &HeaderLines, status: u16, mut outcome: Outcome) -> Outcome {
    const NAME: &str = "sec-websocket-protocol";
    if status == 101
        && lines.get(NAME).is_none()
        && socket_token::is_offered(call.headers.get(NAME))
    {
        let chosen = socket_token::CHOSEN.to_owned();
        outcome.headers.push((NAME.to_owned(), chosen));
    }
    outcome
}

/// What `proxy.mjs` is to make of an answer: another answer, or `=` or `~` with edits. `=` says that they are the same for every
/// answer by this rule and for this website with the same status, names of headers, `Cache-Control` and `Vary`. A negative
/// status stands for an origin that gave none.
pub(crate) fn filtered(
    status: i32,
    lines: Vec<u8>,
    rule: u32,
    website: Option<&str>,
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
    if let Err(fault) = answer_status(status) {
        let header = |name: &str| request.headers().ok()?.get(name).ok().flatten();
        let url = request.url().ok();
        let address = url.and_then(|url| Outgoing::address_of(&url));
        let method = request.method()?;
        let asker = Asker::new(
            env,
            &method,
            &header,
            address.as_deref().unwrap_or_default(),
        );
        return failed(&settings, matched, &asker, fault);
    }
    let lines = HeaderLines::of_bytes(lines)?;
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
    let mark = if answered.repeats() { "=" } else { "~" };
    let edits = answered.edits(Outcome::default()).unwrap_or_default();
    Ok(JsValue::from_str(&[mark, &edits].concat()))
}

/// What a status of `proxy.mjs` says, which is negative for an origin that gave no answer.
fn answer_status(status: i32) -> Result<u16, SendFault> {
    match u16::try_from(status) {
        Ok(status) => SendFault::spoken_for(status).map_or(Ok(status), Err),
        Err(_) if status == -504 => Err(SendFault::TimedOut),
        Err(_) => Err(SendFault::Unreachable),
    }
}

/// Counts an answer that `proxy.mjs` has by this rule.
pub(crate) fn counted(status: i32, rule: u32, took: u32) {
    let gateway = settings::gateway_at_hand();
    let rule = usize::try_from(rule).ok();
    let matched = gateway
        .as_ref()
        .zip(rule)
        .and_then(|(gateway, rule)| gateway.matched(rule));
    if let Some(matched) = matched {
        measured(matched, answer_status(status), Millis(u64::from(took)));
    }
}

/// Counts an answer, or that there is none, and the time that it took.
pub(crate) fn measured(matched: Matched<'_>, answer: Result<u16, SendFault>, took: Millis) {
    let (rule, origin) = (matched.rule.label(), matched.origin.name.as_str());
    let answer = answer.map_err(SendFault::word);
    metrics::add(&Point::origin_answer(rule, origin, answer, took));
}

/// The answer in place of one that an origin did not give.
pub(crate) fn failed(
    settings: &Settings,
    matched: Matched<'_>,
    asker: &Asker<'_>,
    fault: SendFault,
) -> Result<JsValue, JsValue> {
    let about = about_origin(matched, fault.message());
    log::write_with(
        log::Event::GatewayOrigin,
        &[(log::Member::Request, asker.id())],
        &log_detail(Some(matched), &about),
    );
    let reply = match fault {
        SendFault::Unreachable if settings.development => error::bad_gateway_of(&about),
        fault => fault.reply(),
    };
    local_response(settings, Some(matched), asker, reply, None)
}

/// What the log says of an origin: its name in the rules file, and where it is. Clients see neither.
fn about_origin(matched: Matched<'_>, what: &str) -> String {
    let origin = matched.origin;
    let place = match &origin.target {
        Target::Url(url) => url,
        Target::Binding(name) => name,
        Target::Route => "the route",
    };
    format!("{what} (origin {} at {place})", origin.name)
}
