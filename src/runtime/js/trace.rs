//! Spans of the platform's traces (docs/tracing.md), where the runtime has them and the request is traced.

use std::pin::Pin;

use crate::runtime::{log_context, suspension};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// `posternIsTraced()` of `tracing.mjs`: whether the request is traced.
    #[wasm_bindgen(catch, js_name = posternIsTraced)]
    fn is_traced() -> Result<bool, JsValue>;

    /// `posternStartSpan(name, what)` of `tracing.mjs`: undefined when the request is not traced.
    #[wasm_bindgen(catch, js_name = posternStartSpan)]
    fn start_span(name: &str, what: &str) -> Result<JsValue, JsValue>;

    /// A span.
    type Span;

    /// `span.end()`
    #[wasm_bindgen(method, catch)]
    fn end(this: &Span) -> Result<(), JsValue>;
}

/// A span that ends when this is dropped.
struct Open(Option<Span>);

impl Open {
    fn start(name: &str, what: &str) -> Self {
        if !log_context::is_traced(|| is_traced().unwrap_or_default()) {
            return Self(None);
        }
        let span = start_span(name, what).ok().filter(JsValue::is_object);
        Self(span.map(JsCast::unchecked_into))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(span) = &self.0 {
            // A span that cannot be ended is the platform's to end, with its request.
            drop(span.end());
        }
    }
}

/// Does `work` in a span. It begins when `work` has to wait for something that is no computation: the platform's clock stands
/// still until then, so that a span would have no length, and asking whether the request is traced is 2 % of what a token that
/// was not seen before takes. `what` has no user data; empty = nothing to say.
///
/// `work` is pinned where it was made: moved in here it would take its place twice.
pub(crate) async fn traced<T>(
    name: &'static str,
    what: &str,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> T {
    let mut span = None;
    std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if polled.is_pending() && span.is_none() && !suspension::is_at_computation() {
            span = Some(Open::start(name, what));
        }
        polled
    })
    .await
}
