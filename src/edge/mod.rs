//! The wasm shell: doors, Durable Objects, KV, WebCrypto.
//!
//! Owns every JS type and every await. Refuses to hold rules: each function reads, calls the core, and writes.
//! `entry.mjs` hands every event of the platform to [`answer_http`] or [`answer_rpc`]; the objects are classes of ours.

mod answer_edits;
mod arguments;
mod body;
mod browser_door;
mod clock;
mod context;
mod core_door;
mod crypto;
mod directives;
mod durable;
mod explain_door;
mod forward;
mod gateway_door;
mod gateway_send;
mod header_lines;
mod http_door;
mod issuer_keys;
mod js;
mod key_ring;
mod key_ring_do;
mod key_ring_store;
mod kv;
mod lane;
mod log;
mod login;
mod origin_answer;
mod outgoing;
mod outgoing_url;
mod own_tokens;
mod people;
mod promise;
mod readiness;
mod renewal_door;
mod request;
mod response;
mod revocations;
mod revocations_do;
mod revocations_store;
mod rpc;
mod session_cookies;
mod sessions;
mod settings;
mod sql;
mod sql_schema;
mod tokens;
mod told;
mod user_sessions;
mod user_sessions_do;
mod user_store;
mod watch;

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::Env;

use js::{ExecutionContext, Host, IncomingRequest};
use lane::Settlement;

/// Answers an HTTP request: with a `Response` at once when all that is needed is known, else with a ticket or a promise
/// (`lane`). `facts` are what `lane.mjs` read of the request already, see `request::Incoming`; `host` is what
/// `entry.mjs` does for us.
#[wasm_bindgen]
pub fn answer_http(
    facts: Vec<u8>,
    request: JsValue,
    env: JsValue,
    context: JsValue,
    host: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = surroundings(env, context);
    let host: Host = host.unchecked_into();
    lane::drive(Box::pin(async move {
        http_door::answer(facts, request, &env, &context, &host).await
    }))
}

/// What is to become of an origin's answer: see `origin_answer`.
#[wasm_bindgen]
pub fn judge_answer(
    status: i32,
    lines: String,
    rule: u32,
    website: &JsValue,
    request: JsValue,
    env: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, request): (Env, IncomingRequest) = (env.unchecked_into(), request.unchecked_into());
    let website = website.as_string();
    origin_answer::judged(status, lines, rule, website.as_deref(), &request, &env)
}

/// Looks whether the session behind an open WebSocket still stands: what `watch` says, at once, or as a ticket or a promise.
#[wasm_bindgen]
pub fn look_at_session(
    ticket: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = surroundings(env, context);
    lane::drive(Box::pin(async move {
        Ok(watch::look(&ticket, &env, &context).await)
    }))
}

/// Answers an RPC call: with its result at once when all that is needed is known, else with a ticket or a promise
/// (`lane`).
#[wasm_bindgen]
pub fn answer_rpc(
    method: String,
    argument: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = surroundings(env, context);
    lane::drive(Box::pin(async move {
        rpc::answer(&method, argument, &env, &context).await
    }))
}

/// The answer to an HTTP request whose work was given up.
#[wasm_bindgen]
pub fn answer_in_place(request: JsValue, env: JsValue) -> Result<JsValue, JsValue> {
    let (env, request): (Env, IncomingRequest) = (env.unchecked_into(), request.unchecked_into());
    http_door::given_up(&request, &env)
}

/// The result of an RPC call whose work was given up.
#[wasm_bindgen]
pub fn result_in_place() -> Result<JsValue, JsValue> {
    rpc::given_up()
}

/// The promise that the holder of a ticket is to wait for.
#[wasm_bindgen]
pub fn awaited(ticket: u64) -> Result<JsValue, JsValue> {
    lane::awaited(ticket)
}

/// How many milliseconds the holder of a ticket is to wait at most; 0 = as long as it takes, below 0 = there is nothing to
/// wait for but a computation.
#[wasm_bindgen]
pub fn patience(ticket: u64) -> Result<f64, JsValue> {
    lane::patience(ticket)
}

/// Goes on where a ticket was given out, with the value that the promise was fulfilled with.
#[wasm_bindgen]
pub fn fulfilled(ticket: u64, value: JsValue) -> Result<JsValue, JsValue> {
    lane::resume(ticket, Settlement::Fulfilled(value))
}

/// Goes on where a ticket was given out, with the error that the promise was rejected with.
#[wasm_bindgen]
pub fn rejected(ticket: u64, error: JsValue) -> Result<JsValue, JsValue> {
    lane::resume(ticket, Settlement::Rejected(error))
}

/// Goes on where a ticket was given out: the time is over.
#[wasm_bindgen]
pub fn late(ticket: u64) -> Result<JsValue, JsValue> {
    lane::resume(ticket, Settlement::Late)
}

fn surroundings(env: JsValue, context: JsValue) -> (Env, ExecutionContext) {
    (env.unchecked_into(), context.unchecked_into())
}

/// A number as JS has it. Ours are times in milliseconds and counts: far below 2^53.
fn number(value: u64) -> JsValue {
    // `From<u64>` would make a BigInt; SQLite and KV take numbers.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "there is no other conversion; below 2^53 it is exact"
    )]
    JsValue::from_f64(value as f64)
}

/// The whole number that a JS number is; `None` for any other value.
fn whole_number(value: &JsValue) -> Option<u64> {
    whole(value.as_f64()?)
}

/// The same of a number.
fn whole(number: f64) -> Option<u64> {
    // 2^53: above it, whole numbers are not exact.
    let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "there is no other conversion; the range was checked"
    )]
    is_whole.then_some(number as u64)
}

/// The message of what JS threw: an error's own, and nothing of any other value.
fn message_of(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || "an error without a message".to_owned(),
        |error| error.message().into(),
    )
}
