//! Every JS function that we import, and nothing else. All carry `catch`: an exception through an import without it
//! corrupts memory, because no destructor runs.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// A Durable Object's SQLite database (`ctx.storage.sql`).
    pub(super) type SqlStorage;

    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn exec(this: &SqlStorage, query: &str, bindings: &Array) -> Result<SqlCursor, JsValue>;

    /// The rows of a statement.
    pub(super) type SqlCursor;

    #[wasm_bindgen(method, catch, js_name = toArray)]
    pub(super) fn to_array(this: &SqlCursor) -> Result<Array, JsValue>;

    #[wasm_bindgen(method, catch, getter, js_name = rowsWritten)]
    pub(super) fn rows_written(this: &SqlCursor) -> Result<f64, JsValue>;

    /// A Durable Object's storage (`ctx.storage`).
    pub(super) type ObjectStorage;

    #[wasm_bindgen(method, catch, getter)]
    pub(super) fn sql(this: &ObjectStorage) -> Result<SqlStorage, JsValue>;

    /// Runs a closure in one transaction; an `Err` rolls back and comes back.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub(super) fn transaction_sync(
        this: &ObjectStorage,
        closure: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    pub(super) fn get_alarm(this: &ObjectStorage) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub(super) fn set_alarm_at(this: &ObjectStorage, unix_millis: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    pub(super) fn delete_all(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// A KV namespace, or whatever is bound in its place.
    pub(super) type KvNamespace;

    #[wasm_bindgen(method, catch, js_name = getWithMetadata)]
    pub(super) fn get_with_metadata(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn put(this: &KvNamespace, key: &str, value: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn delete(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;
}
