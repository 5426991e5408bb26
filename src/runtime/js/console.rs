//! The console: its lines are the Worker's log.

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// `console.error(line)`
    #[wasm_bindgen(catch, js_namespace = console, js_name = error)]
    pub(crate) fn error(line: &str) -> Result<(), JsValue>;

    /// `console.warn(line)`
    #[wasm_bindgen(catch, js_namespace = console, js_name = warn)]
    pub(crate) fn warn(line: &str) -> Result<(), JsValue>;

    /// `console.log(line)`
    #[wasm_bindgen(catch, js_namespace = console, js_name = log)]
    pub(crate) fn log(line: &str) -> Result<(), JsValue>;
}
