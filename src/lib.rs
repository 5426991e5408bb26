//! The Worker: everything that knows a JavaScript type, and every await.
//!
//! Each function reads, calls `postern_core`, and writes; the rules are there. `entry.mjs` hands every event of the platform
//! to [`answer_http`] or [`answer_rpc`]; the objects are classes of ours. Rooms call only downwards:
//! `http`, `rpc` -> `gateway` -> `sessions` -> `auth` -> `objects` -> `runtime`.
#![forbid(unsafe_code)]

mod auth;
mod gateway;
mod http;
mod objects;
mod rpc;
mod runtime;
mod sessions;

use crate::{
    auth::kept_answers,
    gateway::{response, websocket},
    http::router,
    runtime::executor,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::Env;

use crate::runtime::executor::Settlement;
use crate::runtime::js::{ExecutionContext, Host, IncomingRequest};

/// Answers an HTTP request: with a `Response` at once when all that is needed is known, else with a ticket or a promise
/// (`lane`). `facts` are what `executor.mjs` read of the request already, see `request::Incoming`; `host` is what
/// `entry.mjs` does for us.
#[wasm_bindgen]
pub fn answer_http(
    facts: Vec<u8>,
    request: JsValue,
    env: JsValue,
    context: JsValue,
    host: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = environment_of(env, context);
    let host: Host = host.unchecked_into();
    executor::drive(Box::pin(async move {
        router::answer(facts, request, &env, &context, &host).await
    }))
}

/// What is to become of an origin's answer: see `origin_answer`.
#[wasm_bindgen]
pub fn judge_answer(
    status: i32,
    lines: Vec<u8>,
    rule: u32,
    website: &JsValue,
    request: JsValue,
    env: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, request): (Env, IncomingRequest) = (env.unchecked_into(), request.unchecked_into());
    let website = website.as_string();
    response::judged(status, lines, rule, website.as_deref(), &request, &env)
}

/// Counts an origin's answer by rule `rule`: its status, or negative as in `judge_answer`; and how many milliseconds it took.
#[wasm_bindgen]
pub fn measure_answer(status: i32, rule: u32, took: u32) {
    response::counted(status, rule, took);
}

/// Looks whether the session behind an open WebSocket still stands: what `watch` says, at once, or as a ticket or a promise.
#[wasm_bindgen]
pub fn look_at_session(
    ticket: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = environment_of(env, context);
    executor::drive(Box::pin(async move {
        Ok(websocket::look(&ticket, &env, &context).await)
    }))
}

/// Whether the answer that `kept-answers.mjs` keeps under this number is still the one to give.
#[wasm_bindgen]
pub fn still_holds(number: u32) -> bool {
    kept_answers::still_holds(number)
}

/// Forgets what such an answer stands on.
#[wasm_bindgen]
pub fn forget_answer(number: u32) {
    kept_answers::forget(number);
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
    let (env, context) = environment_of(env, context);
    executor::drive(Box::pin(async move {
        rpc::answer(&method, argument, &env, &context).await
    }))
}

/// The answer to an HTTP request whose work was given up.
#[wasm_bindgen]
pub fn answer_in_place(request: JsValue, env: JsValue) -> Result<JsValue, JsValue> {
    let (env, request): (Env, IncomingRequest) = (env.unchecked_into(), request.unchecked_into());
    router::given_up(&request, &env)
}

/// The result of an RPC call whose work was given up.
#[wasm_bindgen]
pub fn result_in_place() -> Result<JsValue, JsValue> {
    rpc::given_up()
}

/// The promise that the holder of a ticket is to wait for.
#[wasm_bindgen]
pub fn awaited(ticket: u64) -> Result<JsValue, JsValue> {
    executor::awaited(ticket)
}

/// How many milliseconds the holder of a ticket is to wait at most; 0 = as long as it takes, below 0 = there is nothing to
/// wait for but a computation.
#[wasm_bindgen]
pub fn patience(ticket: u64) -> Result<f64, JsValue> {
    executor::patience(ticket)
}

/// Goes on where a ticket was given out, with the value that the promise was fulfilled with.
#[wasm_bindgen]
pub fn fulfilled(ticket: u64, value: JsValue) -> Result<JsValue, JsValue> {
    executor::resume(ticket, Settlement::Fulfilled(value))
}

/// Goes on where a ticket was given out, with the error that the promise was rejected with.
#[wasm_bindgen]
pub fn rejected(ticket: u64, error: JsValue) -> Result<JsValue, JsValue> {
    executor::resume(ticket, Settlement::Rejected(error))
}

/// Goes on where a ticket was given out: the time is over.
#[wasm_bindgen]
pub fn late(ticket: u64) -> Result<JsValue, JsValue> {
    executor::resume(ticket, Settlement::Late)
}

fn environment_of(env: JsValue, context: JsValue) -> (Env, ExecutionContext) {
    (env.unchecked_into(), context.unchecked_into())
}
