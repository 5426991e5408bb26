//! The Wasm instance. After a trap its memory is in any state: the next call from JavaScript begins with a fresh one.

use std::cell::Cell;

use wasm_bindgen::{handler, prelude::wasm_bindgen};

thread_local! {
    static IS_KNOWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs once in each instance, before any other call.
#[wasm_bindgen(start, private)]
fn start() {
    handler::set_on_abort(handler::schedule_reinit);
}

/// Whether nobody has asked this instance before: true once in the life of each.
pub(crate) fn is_fresh() -> bool {
    !IS_KNOWN.replace(true)
}
