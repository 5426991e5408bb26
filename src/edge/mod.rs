//! The wasm shell: doors, Durable Objects, KV, WebCrypto.
//!
//! Owns every JS type and every await. Refuses to hold rules: each function reads, calls the core, and writes.
//! `entry.mjs` hands every event of the platform to [`answer_http`] or [`answer_rpc`]; the objects are classes of ours.

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
mod log;
mod login;
mod origin_answer;
mod outgoing;
mod outgoing_url;
mod promise;
mod request;
mod revocations;
mod revocations_do;
mod revocations_store;
mod rpc;
mod sessions;
mod settings;
mod sql;
mod tokens;
mod told;
mod user_sessions;
mod user_sessions_do;
mod user_store;
mod watch;

use std::task::{Context, Poll, Waker};

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::Env;

use js::{ExecutionContext, Host};

/// Answers an HTTP request: with a `Response` at once when all that is needed is known, else with a promise of one.
/// `host` is what `entry.mjs` does for us.
#[wasm_bindgen]
pub fn answer_http(
    request: JsValue,
    env: JsValue,
    context: JsValue,
    host: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = surroundings(env, context);
    let host: Host = host.unchecked_into();
    let execution = context.clone();
    let answer = async move { http_door::answer(request, &env, &context, &host).await };
    at_once_or_promised(Box::pin(answer), &execution)
}

/// What is to become of an origin's answer: see `origin_answer`.
#[wasm_bindgen]
pub fn judge_answer(
    status: i32,
    lines: String,
    rule: u32,
    website: &JsValue,
    is_head: bool,
    env: JsValue,
) -> Result<JsValue, JsValue> {
    let env: Env = env.unchecked_into();
    let website = website.as_string();
    origin_answer::judged(status, lines, rule, website.as_deref(), is_head, &env)
}

/// Looks whether the session behind an open WebSocket still stands: what `watch` says, now or as a promise.
#[wasm_bindgen]
pub fn look_at_session(
    ticket: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = surroundings(env, context);
    let execution = context.clone();
    let answer = async move { Ok(watch::look(&ticket, &env, &context).await) };
    at_once_or_promised(Box::pin(answer), &execution)
}

/// Answers an RPC call: with its result at once when all that is needed is known, else with a promise of it.
#[wasm_bindgen]
pub fn answer_rpc(
    method: String,
    argument: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = surroundings(env, context);
    let execution = context.clone();
    let answer = async move { rpc::answer(&method, argument, &env, &context).await };
    at_once_or_promised(Box::pin(answer), &execution)
}

fn surroundings(env: JsValue, context: JsValue) -> (Env, ExecutionContext) {
    (env.unchecked_into(), context.unchecked_into())
}

/// The fast lane: an answer that needs no I/O is ready at the first poll, and costs no promise. It is the same code
/// that answers everything else, so there is no second pipeline to keep equal to the first.
///
/// An answer that takes longer is carried to its end even when nobody waits for it any more. The platform would cancel
/// it, and what is cancelled is never dropped: its memory, and its place among the bodies in flight, would be lost.
fn at_once_or_promised(
    mut answer: promise::Work,
    execution: &ExecutionContext,
) -> Result<JsValue, JsValue> {
    match answer
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => {
            let promise = promise::made_of(answer);
            // Where it cannot be, the answer is as good; only its memory is at stake.
            let _ = execution.wait_until(&promise);
            Ok(promise.into())
        }
    }
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
    let number = value.as_f64()?;
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
