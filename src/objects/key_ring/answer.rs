//! Questions to the object as HTTP requests, and its answers to them.

use super::fault::Fault;
use crate::runtime::{
    js::{self, IncomingRequest},
    promise,
};
use postern_core::{
    keys::{RingCall, RingCopy, Unreadable},
    message::Unread,
};
use postern_jwt::json::ObjectWriter;
use wasm_bindgen::JsValue;

/// The path of a question, without the slash: `https:`, nothing, the host, the path.
pub(super) fn path(request: &IncomingRequest) -> Option<String> {
    let url = request.url().ok()?;
    url.splitn(4, '/').nth(3).map(str::to_owned)
}

/// The body of a question; empty when it cannot be had.
pub(super) async fn text(request: &IncomingRequest) -> String {
    let body = promise::of(request.text()).await;
    body.ok()
        .and_then(|body| body.as_string())
        .unwrap_or_default()
}

/// What is asked, and the highest protocol number that the sender understands.
pub(super) async fn command(request: &IncomingRequest) -> Result<(u32, RingCall), Fault> {
    let path = path(request).ok_or(Fault::BadRequest)?;
    RingCall::read(&path, &text(request).await).map_err(|why| match why {
        Unread::Unsupported => Fault::Unsupported,
        Unread::Damaged => Fault::BadRequest,
    })
}

/// The answer to a call of the ring.
pub(super) fn answer(outcome: &Result<RingCopy, Fault>) -> Result<JsValue, JsValue> {
    match outcome {
        Ok(copy) => match copy.to_json() {
            Ok(text) => js::object_response(200, &text),
            Err(Unreadable) => answer(&Err(Fault::Storage)),
        },
        Err(fault) => {
            let status = match fault {
                Fault::UnknownKid => 404,
                Fault::BadRequest | Fault::Unsupported => 400,
                Fault::OtherRing | Fault::TooManySecrets => 409,
                Fault::Unopened => 422,
                _ => 503,
            };
            let mut body = ObjectWriter::new();
            body.text("fault", &format!("{fault:?}"));
            js::object_response(status, &body.finish())
        }
    }
}
