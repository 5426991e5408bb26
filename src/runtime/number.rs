//! Numbers between Rust and JavaScript.

use wasm_bindgen::{JsCast, JsValue};

/// A number as JS has it. Ours are times in milliseconds and counts: far below 2^53.
pub(crate) fn number(value: u64) -> JsValue {
    // `From<u64>` would make a BigInt; SQLite and KV take numbers.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "there is no other conversion; below 2^53 it is exact"
    )]
    JsValue::from_f64(value as f64)
}

/// The whole number that a JS number is; `None` for any other value.
pub(crate) fn whole_number(value: &JsValue) -> Option<u64> {
    whole(value.as_f64()?)
}

/// The same of a number.
pub(crate) fn whole(number: f64) -> Option<u64> {
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
pub(crate) fn message_of(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || "an error without a message".to_owned(),
        |error| error.message().into(),
    )
}
