//! Every JavaScript function that this crate declares itself. Nothing else may import one.
//!
//! Each is declared with `catch`: an exception that passes through an import without it corrupts the memory of the
//! isolate. Asynchronous ones return the promise, so that a synchronous throw is caught as well. Slices are handed over
//! as views of our memory, which the callee copies before it returns.

use js_sys::{Array, Object, Promise};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// `ctx` of an entrypoint.
    #[derive(Debug, Clone)]
    pub type ExecutionContext;

    /// `ctx.waitUntil(promise)`
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    pub fn wait_until(this: &ExecutionContext, work: &Promise) -> Result<(), JsValue>;

    /// `text.isWellFormed()`: false when a string holds a lone surrogate.
    #[wasm_bindgen(method, catch, js_name = isWellFormed)]
    pub fn is_well_formed(this: &WellFormed) -> Result<bool, JsValue>;

    /// A string that may not be Unicode.
    pub type WellFormed;

    /// `Object.getPrototypeOf(value)`
    #[wasm_bindgen(catch, js_namespace = Object, js_name = getPrototypeOf)]
    pub fn prototype_of(value: &JsValue) -> Result<JsValue, JsValue>;

    /// `Object.keys(value)`
    #[wasm_bindgen(catch, js_namespace = Object, js_name = keys)]
    pub fn keys(value: &JsValue) -> Result<Array, JsValue>;

    /// A key that WebCrypto holds. Not bound to a request, so it may be kept.
    #[derive(Debug, Clone)]
    pub type CryptoKey;

    /// The pair that `generateKey` makes.
    pub type CryptoKeyPair;

    /// `pair.privateKey`
    #[wasm_bindgen(method, catch, getter, js_name = privateKey)]
    pub fn private_key(this: &CryptoKeyPair) -> Result<CryptoKey, JsValue>;

    /// `pair.publicKey`
    #[wasm_bindgen(method, catch, getter, js_name = publicKey)]
    pub fn public_key(this: &CryptoKeyPair) -> Result<CryptoKey, JsValue>;

    /// `crypto.subtle.importKey("jwk", jwk, …)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    pub fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.exportKey("jwk", key)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = exportKey)]
    pub fn export_key(format: &str, key: &CryptoKey) -> Result<Promise, JsValue>;

    /// `crypto.subtle.generateKey(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = generateKey)]
    pub fn generate_key(
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.sign(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = sign)]
    pub fn sign(algorithm: &JsValue, key: &CryptoKey, data: &[u8]) -> Result<Promise, JsValue>;

    /// `crypto.subtle.verify(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = verify)]
    pub fn verify(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<Promise, JsValue>;

    /// `ctx.storage` of a Durable Object.
    #[derive(Debug, Clone)]
    pub type ObjectStorage;

    /// `storage.sql`
    #[wasm_bindgen(method, catch, getter)]
    pub fn sql(this: &ObjectStorage) -> Result<SqlStorage, JsValue>;

    /// `storage.transactionSync(closure)`: rolls everything back when the closure throws.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub fn transaction_sync(
        this: &ObjectStorage,
        closure: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;

    /// `storage.getAlarm()`: milliseconds since the epoch, or null.
    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    pub fn get_alarm(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// `storage.setAlarm(milliseconds since the epoch)`
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub fn set_alarm(this: &ObjectStorage, at: &js_sys::Number) -> Result<Promise, JsValue>;

    /// `storage.deleteAll()`: takes the alarm along.
    #[wasm_bindgen(method, catch, js_name = deleteAll)]
    pub fn delete_all(this: &ObjectStorage) -> Result<Promise, JsValue>;

    /// `storage.sql`
    #[derive(Debug, Clone)]
    pub type SqlStorage;

    /// `sql.exec(query, ...bindings)`
    #[wasm_bindgen(method, catch, variadic)]
    pub fn exec(this: &SqlStorage, query: &str, bindings: &Array) -> Result<SqlCursor, JsValue>;

    /// The rows of a query.
    pub type SqlCursor;

    /// `cursor.toArray()`: one object for each row. Only right after `exec`.
    #[wasm_bindgen(method, catch, js_name = toArray)]
    pub fn to_array(this: &SqlCursor) -> Result<Array, JsValue>;

    /// `cursor.rowsWritten`: rows of tables and indexes.
    #[wasm_bindgen(method, catch, getter, js_name = rowsWritten)]
    pub fn rows_written(this: &SqlCursor) -> Result<f64, JsValue>;

    /// A KV namespace, or a Worker that stands in for one: the class is never looked at.
    #[derive(Debug, Clone)]
    pub type KvNamespace;

    /// `kv.get(key, "text")`
    #[wasm_bindgen(method, catch)]
    pub fn get(this: &KvNamespace, key: &str, kind: &str) -> Result<Promise, JsValue>;

    /// `kv.getWithMetadata(key, "text")`: `{value, metadata}`.
    #[wasm_bindgen(method, catch, js_name = getWithMetadata)]
    pub fn get_with_metadata(this: &KvNamespace, key: &str, kind: &str)
    -> Result<Promise, JsValue>;

    /// `kv.put(key, value, options)`. The value is a string: KV turns a serde map into `{}`.
    #[wasm_bindgen(method, catch)]
    pub fn put(
        this: &KvNamespace,
        key: &str,
        value: &str,
        options: &Object,
    ) -> Result<Promise, JsValue>;

    /// `kv.delete(key)`
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    /// A Durable Object namespace.
    pub type ObjectNamespace;

    /// `namespace.getByName(name)`
    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub fn get_by_name(this: &ObjectNamespace, name: &str) -> Result<Fetcher, JsValue>;

    /// Whatever answers `fetch`: a Durable Object stub or a service binding.
    #[derive(Debug, Clone)]
    pub type Fetcher;

    /// `fetcher.fetch(url, init)`
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub fn fetch(this: &Fetcher, url: &str, init: &Object) -> Result<Promise, JsValue>;

    /// The global `fetch(url, init)`.
    #[wasm_bindgen(catch, js_name = fetch)]
    pub fn global_fetch(url: &str, init: &Object) -> Result<Promise, JsValue>;

    /// `AbortSignal.timeout(milliseconds)`
    #[wasm_bindgen(catch, js_namespace = AbortSignal, js_name = timeout)]
    pub fn abort_after(milliseconds: u32) -> Result<JsValue, JsValue>;

    /// A response to our own fetch.
    pub type FetchedResponse;

    /// `response.status`
    #[wasm_bindgen(method, catch, getter)]
    pub fn status(this: &FetchedResponse) -> Result<u16, JsValue>;

    /// `response.headers`
    #[wasm_bindgen(method, catch, getter)]
    pub fn headers(this: &FetchedResponse) -> Result<FetchedHeaders, JsValue>;

    /// `response.body`; none for an empty response.
    #[wasm_bindgen(method, catch, getter)]
    pub fn body(this: &FetchedResponse) -> Result<Option<ByteStream>, JsValue>;

    /// The headers of a response.
    pub type FetchedHeaders;

    /// `headers.get(name)`
    #[wasm_bindgen(method, catch, js_name = get)]
    pub fn header(this: &FetchedHeaders, name: &str) -> Result<Option<String>, JsValue>;

    /// A `ReadableStream` of bytes.
    pub type ByteStream;

    /// `stream.getReader()`
    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub fn reader(this: &ByteStream) -> Result<ByteReader, JsValue>;

    /// The reader of a stream.
    pub type ByteReader;

    /// `reader.read()`: `{done, value}`.
    #[wasm_bindgen(method, catch)]
    pub fn read(this: &ByteReader) -> Result<Promise, JsValue>;

    /// `reader.cancel()`
    #[wasm_bindgen(method, catch)]
    pub fn cancel(this: &ByteReader) -> Result<Promise, JsValue>;

    /// What `reader.read()` comes to.
    pub type Chunk;

    /// `chunk.done`
    #[wasm_bindgen(method, catch, getter)]
    pub fn done(this: &Chunk) -> Result<bool, JsValue>;

    /// `chunk.value`
    #[wasm_bindgen(method, catch, getter)]
    pub fn value(this: &Chunk) -> Result<js_sys::Uint8Array, JsValue>;
}

/// A binding by its name, as a type whose methods are checked only when they are called. `None` when there is none.
pub fn binding<T: JsCast>(env: &worker::Env, name: &str) -> Option<T> {
    js_sys::Reflect::get(env, &JsValue::from_str(name))
        .ok()
        .filter(JsValue::is_object)
        .map(JsCast::unchecked_into)
}

/// An object from names and values. `None` when a property cannot be set, which no plain object refuses.
pub fn object(properties: &[(&str, JsValue)]) -> Option<Object> {
    let object = Object::new();
    for (name, value) in properties {
        js_sys::Reflect::set(&object, &JsValue::from_str(name), value).ok()?;
    }
    Some(object)
}

/// What a promise comes to, as a type that is not checked.
pub async fn settled<T: JsCast>(promise: Result<Promise, JsValue>) -> Result<T, JsValue> {
    wasm_bindgen_futures::JsFuture::from(promise?)
        .await
        .map(JsCast::unchecked_into)
}
