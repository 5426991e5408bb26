//! Waiting for JS promises: with a time-out, and never for one that another request made.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use futures_util::{
    future::{Either, select},
    task::AtomicWaker,
};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::time::Millis;

/// Waits for the promise that a call returned.
pub(super) async fn of(call: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(call?).await
}

/// Waits for the promise that a call returned, at most for `limit`; `None` when the time is over.
pub(super) async fn within(
    call: Result<Promise, JsValue>,
    limit: Millis,
) -> Option<Result<JsValue, JsValue>> {
    match select(pin!(of(call)), pin!(sleep(limit))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// Waits for a span of time.
pub(super) async fn sleep(span: Millis) {
    // The platform's timer wakes whoever polled it first. That may have been the synchronous lane, which nobody can
    // wake; so it is given a waker that knows the last one.
    let latest = Arc::new(Latest(AtomicWaker::new()));
    let waker = Waker::from(Arc::clone(&latest));
    let mut timer = pin!(worker::Delay::from(std::time::Duration::from_millis(
        span.0
    )));
    poll_fn(|context| {
        latest.0.register(context.waker());
        timer.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await;
}

/// Wakes the task that polled last.
struct Latest(AtomicWaker);

impl Wake for Latest {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}
