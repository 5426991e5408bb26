//! Waiting for JS promises: with a time-out, and never for one that another request made.

use std::pin::pin;

use futures_util::future::{Either, select};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::{
    js,
    number::number,
    suspension::{Settlement, Timeout, Work, settlement},
};
use postern_jwt::time::Millis;

/// The promise of what `work` comes to. It begins in a later microtask.
pub(crate) fn of_work(work: Work) -> Promise {
    future_to_promise(work)
}

/// The promise of the end of `work`.
pub(crate) fn of_end(work: impl Future<Output = ()> + 'static) -> Promise {
    of_work(Box::pin(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    }))
}

/// Waits for the promise that a call returned.
pub(crate) async fn of(call: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    settled(call?, Timeout::Never).await
}

/// The same of a call that computes and does no I/O.
pub(crate) async fn computed(call: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    settled(call?, Timeout::Computation).await
}

async fn settled(promise: Promise, timeout: Timeout) -> Result<JsValue, JsValue> {
    match settlement(&promise, timeout).await {
        Some(Settlement::Fulfilled(value)) => Ok(value),
        Some(Settlement::Rejected(error)) => Err(error),
        Some(Settlement::TimedOut) | None => JsFuture::from(promise).await,
    }
}

/// Waits for the promise that a call returned, at most for `limit`; `None` when the time is over.
pub(crate) async fn within(
    call: Result<Promise, JsValue>,
    limit: Millis,
) -> Option<Result<JsValue, JsValue>> {
    let promise = match call {
        Ok(promise) => promise,
        Err(error) => return Some(Err(error)),
    };
    match settlement(&promise, Timeout::After(limit)).await {
        Some(Settlement::Fulfilled(value)) => return Some(Ok(value)),
        Some(Settlement::Rejected(error)) => return Some(Err(error)),
        Some(Settlement::TimedOut) => return None,
        None => {}
    }
    match select(pin!(JsFuture::from(promise)), pin!(sleep(limit))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// Waits for a span of time. Like every promise, and unlike the timer of the `worker` crate, this one wakes whoever
/// polled it last: its first poll may come from the executor, which nobody can wake.
pub(crate) async fn sleep(span: Millis) {
    // A wait that cannot be started is over at once: whoever waits looks again at what it waits for.
    if let Ok(over) = js::wait(&number(span.0)) {
        let _ = JsFuture::from(over).await;
    }
}
