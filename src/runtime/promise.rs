//! Waiting for JS promises: with a time-out, and never for one that another request made.

use super::executor::made_of;
use std::pin::pin;

use futures_util::future::{Either, select};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::{
    executor::{self, Patience, Settlement},
    js,
    number::number,
};
use postern_jwt::time::Millis;

/// The promise of the end of `work`.
pub(crate) fn of_end(work: impl Future<Output = ()> + 'static) -> Promise {
    made_of(Box::pin(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    }))
}

/// Waits for the promise that a call returned.
pub(crate) async fn of(call: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    settled(call?, Patience::Endless).await
}

/// The same of a call that computes and does no I/O.
pub(crate) async fn computed(call: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    settled(call?, Patience::Computation).await
}

async fn settled(promise: Promise, patience: Patience) -> Result<JsValue, JsValue> {
    match executor::settlement(&promise, patience).await {
        Some(Settlement::Fulfilled(value)) => Ok(value),
        Some(Settlement::Rejected(error)) => Err(error),
        Some(Settlement::Late) | None => JsFuture::from(promise).await,
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
    match executor::settlement(&promise, Patience::AtMost(limit)).await {
        Some(Settlement::Fulfilled(value)) => return Some(Ok(value)),
        Some(Settlement::Rejected(error)) => return Some(Err(error)),
        Some(Settlement::Late) => return None,
        None => {}
    }
    match select(pin!(JsFuture::from(promise)), pin!(sleep(limit))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// Waits for a span of time. Like every promise, and unlike the timer of the `worker` crate, this one wakes whoever
/// polled it last: its first poll may come from the synchronous lane, which nobody can wake.
pub(crate) async fn sleep(span: Millis) {
    // A wait that cannot be started is over at once: whoever waits looks again at what it waits for.
    if let Ok(over) = js::wait(&number(span.0)) {
        let _ = JsFuture::from(over).await;
    }
}
