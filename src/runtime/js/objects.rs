//! Durable Objects, their storage and their answers; KV; and queues.

use js_sys::{Array, Object, Promise};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{Fetcher, OutgoingResponse, object};
use crate::runtime::number::message_of;
use postern_core::location::{Jurisdiction, Place};

#[wasm_bindgen]
extern "C" {
    /// `ctx` of a Durable Object.
    #[derive(Debug, Clone)]
    pub(crate) type ObjectState;

    /// `ctx.id`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn id(this: &ObjectState) -> Result<ObjectId, JsValue>;

    /// An object's id.
    pub(crate) type ObjectId;

    /// `id.toString()`
    #[wasm_bindgen(method, catch, js_name = toString)]
    pub(crate) fn text(this: &ObjectId) -> Result<String, JsValue>;

    /// `id.jurisdiction`; none for an object outside of all.
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn jurisdiction(this: &ObjectId) -> Result<Option<String>, JsValue>;

    /// `ctx.storage`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn storage(this: &ObjectState) -> Result<ObjectStorage, JsValue>;

    /// `ctx.waitUntil(promise)`
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    pub(crate) fn wait_until(this: &ObjectState, work: &Promise) -> Result<(), JsValue>;

    /// `ctx.blockConcurrencyWhile(callback)`
    #[wasm_bindgen(method, catch, js_name = blockConcurrencyWhile)]
    pub(crate) fn block_concurrency_while(
        this: &ObjectState,
        callback: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// `ctx.storage` of a Durable Object.
    #[derive(Debug, Clone)]
    pub(crate) type ObjectStorage;

    /// `storage.sql`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn sql(this: &ObjectStorage) -> Result<SqlStorage, JsValue>;

    /// `storage.transactionSync(closure)`: rolls everything back when the closure throws.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub(crate) fn transaction_sync(
        this: &ObjectStorage,
        closure: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;

    /// `storage.getAlarm()`: null when none is set.
    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    pub(crate) fn get_alarm(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// `storage.setAlarm(milliseconds since the epoch)`
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub(crate) fn set_alarm_at(
        this: &ObjectStorage,
        unix_millis: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// `storage.deleteAlarm()`
    #[wasm_bindgen(method, catch, js_name = deleteAlarm)]
    pub(crate) fn delete_alarm(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// `storage.deleteAll()`: takes the alarm along.
    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    pub(crate) fn delete_all(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// `storage.sql`
    #[derive(Debug, Clone)]
    pub(crate) type SqlStorage;

    /// `sql.exec(query, ...bindings)`
    #[wasm_bindgen(method, catch, variadic)]
    pub(crate) fn exec(
        this: &SqlStorage,
        query: &JsValue,
        bindings: &Array,
    ) -> Result<SqlCursor, JsValue>;

    /// The rows of a query.
    pub(crate) type SqlCursor;

    /// `cursor.toArray()`: one object for each row. Only right after `exec`.
    #[wasm_bindgen(method, catch, js_name = toArray)]
    pub(crate) fn to_array(this: &SqlCursor) -> Result<Array, JsValue>;

    /// `cursor.rowsWritten`
    #[wasm_bindgen(method, catch, getter, js_name = rowsWritten)]
    pub(crate) fn rows_written(this: &SqlCursor) -> Result<f64, JsValue>;

    /// A KV namespace, or a Worker that stands in for one: the class is never looked at.
    #[derive(Debug, Clone)]
    pub(crate) type KvNamespace;

    /// `kv.getWithMetadata(key, "json")`: `{value, metadata}`, with the value parsed.
    #[wasm_bindgen(method, catch, js_name = getWithMetadata)]
    pub(crate) fn get_with_metadata(
        this: &KvNamespace,
        key: &str,
        form: &str,
    ) -> Result<Promise, JsValue>;

    /// `kv.put(key, value, options)`. The value is a string: KV turns a serde map into `{}`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn put(
        this: &KvNamespace,
        key: &str,
        value: &str,
        options: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// `kv.delete(key)`
    #[wasm_bindgen(method, catch)]
    pub(crate) fn delete(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    /// A queue, or a Worker that stands in for one: the class is never looked at.
    pub(crate) type Queue;

    /// `queue.sendBatch([{body, contentType}, …])`
    #[wasm_bindgen(method, catch, js_name = sendBatch)]
    pub(crate) fn send_batch(this: &Queue, messages: &Array) -> Result<Promise, JsValue>;

    /// A Durable Object namespace.
    #[derive(Debug, Clone)]
    pub(crate) type ObjectNamespace;

    /// `namespace.jurisdiction(name)`
    #[wasm_bindgen(method, catch)]
    fn jurisdiction(this: &ObjectNamespace, name: &str) -> Result<ObjectNamespace, JsValue>;

    /// `namespace.getByName(name, {locationHint})`
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name_near(
        this: &ObjectNamespace,
        name: &str,
        options: &Object,
    ) -> Result<Fetcher, JsValue>;

    /// `namespace.getByName(name)`
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &ObjectNamespace, name: &str) -> Result<Fetcher, JsValue>;

    /// `namespace.idFromString(id)`: throws unless it is an id of an object of this namespace.
    #[wasm_bindgen(method, catch, js_name = idFromString)]
    fn id_from_string(this: &ObjectNamespace, id: &str) -> Result<JsValue, JsValue>;

    /// `namespace.get(id)`
    #[wasm_bindgen(method, catch)]
    fn get(this: &ObjectNamespace, id: &JsValue) -> Result<Fetcher, JsValue>;
}

impl ObjectNamespace {
    /// The object of this name. One that does not exist yet is made near the place's location, if the platform heeds it.
    pub(crate) fn object(&self, name: &str, place: Place) -> Option<Fetcher> {
        match place.jurisdiction {
            Some(jurisdiction) => self.within(jurisdiction)?.object_near(name, place),
            None => self.object_near(name, place),
        }
    }

    fn object_near(&self, name: &str, place: Place) -> Option<Fetcher> {
        match place.location {
            Some(location) => {
                let hint = JsValue::from_str(location.name());
                let options = object(&[("locationHint", hint)])?;
                self.get_by_name_near(name, &options).ok()
            }
            None => self.get_by_name(name).ok(),
        }
    }

    /// The object of an id; `None` when that is no id of this namespace.
    pub(crate) fn object_of_id(&self, id: &str) -> Option<Fetcher> {
        self.get(&self.id_from_string(id).ok()?).ok()
    }

    /// The objects of a jurisdiction. The open-source runtime has none, and says so: there, every object is where the process is.
    fn within(&self, jurisdiction: Jurisdiction) -> Option<Self> {
        match self.jurisdiction(jurisdiction.name()) {
            Ok(namespace) => Some(namespace),
            Err(error) if message_of(&error).contains("not implemented in workerd") => {
                Some(self.clone())
            }
            Err(_) => None,
        }
    }
}

/// A response of a Durable Object that is bytes.
pub(crate) fn bytes_response(body: &[u8]) -> Result<JsValue, JsValue> {
    let body = js_sys::Uint8Array::from(body);
    OutgoingResponse::new(&body, JsValue::UNDEFINED.unchecked_ref()).map(JsValue::from)
}

/// A response of a Durable Object to one of our isolates.
pub(crate) fn object_response(status: u16, body: &str) -> Result<JsValue, JsValue> {
    let init = match status {
        200 => JsValue::UNDEFINED.unchecked_into(),
        other => object(&[("status", JsValue::from(other))]).unwrap_or_default(),
    };
    OutgoingResponse::new(&JsValue::from_str(body), &init).map(JsValue::from)
}
