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
#[cfg(target_family = "wasm")]
use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::Env;

use crate::runtime::js::{ExecutionContext, Host, IncomingRequest};
use crate::runtime::suspension::Settlement;

/// In place of Rust's own for Wasm: the upload is 3 KB smaller, and a token that was not seen before a little faster.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

/// Answers an HTTP request: with a `Response` at once when all that is needed is known, else with a task id or a promise
/// (`runtime/executor.rs`). `facts` are what `executor.mjs` read of the request already, see `request::Incoming`; `host` is what
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
    executor::run(Box::pin(async move {
        router::answer(facts, request, &env, &context, &host).await
    }))
}

/// What is to become of an origin's answer: see `gateway/response`.
#[wasm_bindgen]
pub fn filter_response(
    status: i32,
    lines: Vec<u8>,
    rule: u32,
    website: &JsValue,
    request: JsValue,
    env: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, request): (Env, IncomingRequest) = (env.unchecked_into(), request.unchecked_into());
    let website = website.as_string();
    response::filtered(status, lines, rule, website.as_deref(), &request, &env)
}

/// Counts an origin's answer by rule `rule`: its status, or negative as in `filter_response`; and how many milliseconds it took.
#[wasm_bindgen]
pub fn measure_answer(status: i32, rule: u32, took: u32) {
    response::counted(status, rule, took);
}

/// Checks whether the session behind an open WebSocket is still active: how long to wait or how to close (`gateway/websocket`), at once, or as a task id or a promise.
#[wasm_bindgen]
pub fn recheck_session(
    ticket: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = environment_of(env, context);
    executor::run(Box::pin(async move {
        Ok(websocket::recheck(&ticket, &env, &context).await)
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

/// Answers an RPC call: with its result at once when all that is needed is known, else with a task id or a promise
/// (`runtime/executor.rs`).
#[wasm_bindgen]
pub fn answer_rpc(
    method: String,
    argument: JsValue,
    env: JsValue,
    context: JsValue,
) -> Result<JsValue, JsValue> {
    let (env, context) = environment_of(env, context);
    executor::run(Box::pin(async move {
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

/// The promise that the holder of a task id is to wait for.
#[wasm_bindgen]
pub fn awaited(task: u64) -> Result<JsValue, JsValue> {
    executor::awaited(task)
}

/// How many milliseconds the holder of a task id is to wait at most; 0 = as long as it takes, below 0 = there is nothing to
/// wait for but a computation.
#[wasm_bindgen]
pub fn timeout(task: u64) -> Result<f64, JsValue> {
    executor::timeout(task)
}

/// Goes on with a task: the promise was fulfilled with `value`.
#[wasm_bindgen]
pub fn fulfilled(task: u64, value: JsValue) -> Result<JsValue, JsValue> {
    executor::resume(task, Settlement::Fulfilled(value))
}

/// Goes on with a task: the promise was rejected with `value`.
#[wasm_bindgen]
pub fn rejected(task: u64, error: JsValue) -> Result<JsValue, JsValue> {
    executor::resume(task, Settlement::Rejected(error))
}

/// Goes on with a task: the time is over.
#[wasm_bindgen]
pub fn timed_out(task: u64) -> Result<JsValue, JsValue> {
    executor::resume(task, Settlement::TimedOut)
}

fn environment_of(env: JsValue, context: JsValue) -> (Env, ExecutionContext) {
    (env.unchecked_into(), context.unchecked_into())
}
