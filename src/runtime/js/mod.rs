//! Every JavaScript function that this crate declares itself, here and in the files beside. Nothing else may import one.
//!
//! Each is declared with `catch`: an exception that passes through an import without it corrupts the memory of the
//! isolate. Asynchronous ones return the promise, so that a synchronous throw is caught as well. Slices are handed over
//! as views of our memory, which the callee copies before it returns.
//!
//! Here is what requests and fetches need; `objects` has Durable Objects, KV and queues, `crypto` WebCrypto.

mod crypto;
mod objects;
mod trace;

pub(crate) use crypto::{
    CryptoKey, CryptoKeyPair, decrypt, encrypt, export_key, generate_key, import_key, sign,
    supports, verify,
};
pub(crate) use objects::{
    KvNamespace, ObjectNamespace, ObjectState, ObjectStorage, Queue, SqlStorage, bytes_response,
    object_response,
};

pub(crate) use trace::traced;

use std::{cell::RefCell, collections::HashMap};

use js_sys::{Array, Object, Promise};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// `scheduler.wait(milliseconds)`
    #[wasm_bindgen(catch, js_namespace = scheduler, js_name = wait)]
    pub(crate) fn wait(milliseconds: &JsValue) -> Result<Promise, JsValue>;

    /// A request that came in.
    pub(crate) type IncomingRequest;

    /// `request.url`: raw on bare workerd, normalised behind `wrangler dev`.
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn url(this: &IncomingRequest) -> Result<String, JsValue>;

    /// `request.text()`
    #[wasm_bindgen(method, catch)]
    pub(crate) fn text(this: &IncomingRequest) -> Result<Promise, JsValue>;

    /// `request.method`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn method(this: &IncomingRequest) -> Result<String, JsValue>;

    /// `request.headers`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn headers(this: &IncomingRequest) -> Result<IncomingHeaders, JsValue>;

    /// `request.body`; none for a request without one.
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn body(this: &IncomingRequest) -> Result<Option<ByteStream>, JsValue>;

    /// The headers of a request that came in.
    pub(crate) type IncomingHeaders;

    /// `headers.get(name)`
    #[wasm_bindgen(method, catch)]
    pub(crate) fn get(this: &IncomingHeaders, name: &str) -> Result<Option<String>, JsValue>;

    /// `Headers`, for a response of ours.
    pub(crate) type OutgoingHeaders;

    /// `new Headers()`
    #[wasm_bindgen(constructor, catch, js_class = "Headers")]
    pub(crate) fn new() -> Result<OutgoingHeaders, JsValue>;

    /// `headers.append(name, value)`
    #[wasm_bindgen(method, catch)]
    pub(crate) fn append(this: &OutgoingHeaders, name: &str, value: &str) -> Result<(), JsValue>;

    /// `Response`, of ours.
    pub(crate) type OutgoingResponse;

    /// `new Response(body, {status, headers})`
    #[wasm_bindgen(constructor, catch, js_class = "Response")]
    pub(crate) fn new(body: &JsValue, init: &Object) -> Result<OutgoingResponse, JsValue>;

    /// `ctx` of an entrypoint.
    #[derive(Debug, Clone)]
    pub(crate) type ExecutionContext;

    /// `ctx.waitUntil(promise)`
    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    pub(crate) fn wait_until(this: &ExecutionContext, work: &Promise) -> Result<(), JsValue>;

    /// `text.isWellFormed()`: false when a string holds a lone surrogate.
    #[wasm_bindgen(method, catch, js_name = isWellFormed)]
    pub(crate) fn is_well_formed(this: &WellFormed) -> Result<bool, JsValue>;

    /// A string that may not be Unicode.
    pub(crate) type WellFormed;

    /// `Object.getPrototypeOf(value)`
    #[wasm_bindgen(catch, js_namespace = Object, js_name = getPrototypeOf)]
    pub(crate) fn prototype_of(value: &JsValue) -> Result<JsValue, JsValue>;

    /// `Object.hasOwn(value, name)`
    #[wasm_bindgen(catch, js_namespace = Object, js_name = hasOwn)]
    pub(crate) fn has_own(value: &JsValue, name: &JsValue) -> Result<bool, JsValue>;

    /// `Object.keys(value)`
    #[wasm_bindgen(catch, js_namespace = Object, js_name = keys)]
    pub(crate) fn keys(value: &JsValue) -> Result<Array, JsValue>;

    /// What `entry.mjs` does for us, because it must be JavaScript (`proxy.mjs`, `websocket.mjs`).
    #[derive(Debug, Clone)]
    pub(crate) type Host;

    /// `host.keep(head, body, bytes, origin)`: the number to keep an answer's ground under, if the answer is kept.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn keep(
        this: &Host,
        head: &JsValue,
        body: &JsValue,
        bytes: u32,
        origin: &JsValue,
    ) -> Result<Option<u32>, JsValue>;

    /// `host.linesOf(headers)`: bytes, because a string is copied letter by letter.
    #[wasm_bindgen(method, catch, js_name = linesOf)]
    pub(crate) fn lines_of(this: &Host, headers: &JsValue) -> Result<Vec<u8>, JsValue>;

    /// `host.send(request, url, edits, identity_headers, binding, ms, init)`: a promise of an answer, or of a number.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn send(
        this: &Host,
        request: &JsValue,
        url: &str,
        edits: &str,
        identity_headers: &JsValue,
        binding: &JsValue,
        ms: u32,
        init: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// `host.forward(…)`: the same, and the answer is made fit for the client by [`crate::filter_response`], which gets
    /// `rule` and `env`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn forward(
        this: &Host,
        request: &JsValue,
        url: &str,
        edits: &str,
        identity_headers: &JsValue,
        binding: &JsValue,
        ms: u32,
        init: &JsValue,
        rule: u32,
        env: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// `host.edited(answer, edits)`
    #[wasm_bindgen(method, catch)]
    pub(crate) fn edited(
        this: &Host,
        answer: &FetchedResponse,
        edits: &str,
    ) -> Result<FetchedResponse, JsValue>;

    /// `host.pump(answer, wait, ticket, env, ctx)`: see `websocket.mjs`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn pump(
        this: &Host,
        answer: &FetchedResponse,
        wait: &JsValue,
        ticket: &JsValue,
        env: &JsValue,
        context: &JsValue,
    ) -> Result<JsValue, JsValue>;

    /// A `URL`.
    pub(crate) type Url;

    /// `new URL(text)`
    #[wasm_bindgen(constructor, catch, js_class = "URL")]
    pub(crate) fn new(text: &str) -> Result<Url, JsValue>;

    /// `url.href`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn href(this: &Url) -> Result<String, JsValue>;

    /// `url.host`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn host(this: &Url) -> Result<String, JsValue>;

    /// `response.webSocket`; null unless the answer is an upgrade.
    #[wasm_bindgen(method, catch, getter, js_name = webSocket)]
    pub(crate) fn web_socket(this: &FetchedResponse) -> Result<JsValue, JsValue>;

    /// Whatever answers `fetch`: a Durable Object stub or a service binding.
    #[derive(Debug, Clone)]
    pub(crate) type Fetcher;

    /// `fetcher.fetch(url, init)`
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub(crate) fn fetch(this: &Fetcher, url: &str, init: &Object) -> Result<Promise, JsValue>;

    /// The global `fetch(url, init)`.
    #[wasm_bindgen(catch, js_name = fetch)]
    pub(crate) fn global_fetch(url: &str, init: &Object) -> Result<Promise, JsValue>;

    /// `AbortSignal.timeout(milliseconds)`
    #[wasm_bindgen(catch, js_namespace = AbortSignal, js_name = timeout)]
    pub(crate) fn abort_after(milliseconds: u32) -> Result<JsValue, JsValue>;

    /// A response to our own fetch.
    pub(crate) type FetchedResponse;

    /// `response.status`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn status(this: &FetchedResponse) -> Result<u16, JsValue>;

    /// `response.headers`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn headers(this: &FetchedResponse) -> Result<FetchedHeaders, JsValue>;

    /// `response.arrayBuffer()`
    #[wasm_bindgen(method, catch, js_name = arrayBuffer)]
    pub(crate) fn array_buffer(this: &FetchedResponse) -> Result<Promise, JsValue>;

    /// `response.body`; none for an empty response.
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn body(this: &FetchedResponse) -> Result<Option<ByteStream>, JsValue>;

    /// The headers of a response.
    pub(crate) type FetchedHeaders;

    /// `headers.get(name)`
    #[wasm_bindgen(method, catch, js_name = get)]
    pub(crate) fn header(this: &FetchedHeaders, name: &str) -> Result<Option<String>, JsValue>;

    /// A dataset of Workers Analytics Engine.
    pub(crate) type AnalyticsDataset;

    /// `dataset.writeDataPoint({indexes, blobs, doubles})`
    #[wasm_bindgen(method, catch, js_name = writeDataPoint)]
    pub(crate) fn write_data_point(
        this: &AnalyticsDataset,
        point: &JsValue,
    ) -> Result<JsValue, JsValue>;

    /// A rate limiting binding.
    pub(crate) type RateLimiter;

    /// `limiter.limit({key})`: a promise of `{success}`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn limit(this: &RateLimiter, key: &Object) -> Result<Promise, JsValue>;

    /// A `ReadableStream` of bytes.
    pub(crate) type ByteStream;

    /// `stream.getReader()`
    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub(crate) fn reader(this: &ByteStream) -> Result<ByteReader, JsValue>;

    /// The reader of a stream.
    pub(crate) type ByteReader;

    /// `reader.read()`: `{done, value}`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn read(this: &ByteReader) -> Result<Promise, JsValue>;

    /// `reader.cancel()`
    #[wasm_bindgen(method, catch)]
    pub(crate) fn cancel(this: &ByteReader) -> Result<Promise, JsValue>;

    /// What `reader.read()` comes to.
    pub(crate) type Chunk;

    /// `chunk.done`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn done(this: &Chunk) -> Result<bool, JsValue>;

    /// `chunk.value`
    #[wasm_bindgen(method, catch, getter)]
    pub(crate) fn value(this: &Chunk) -> Result<js_sys::Uint8Array, JsValue>;
}

thread_local! {
    /// By the place and the length of a literal.
    static NAMES: RefCell<HashMap<(usize, usize), JsValue>> = RefCell::default();
}

/// A literal as JS has it, for names and statements that cross again and again: each text that crosses is decoded anew.
pub(crate) fn name(name: &'static str) -> JsValue {
    let place = (name.as_ptr().addr(), name.len());
    NAMES.with_borrow_mut(|names| {
        let known = names
            .entry(place)
            .or_insert_with(|| JsValue::from_str(name));
        known.clone()
    })
}

/// A binding by its name, as a type whose methods are checked only when they are called. `None` when there is none.
pub(crate) fn binding<T: JsCast>(env: &worker::Env, name: &str) -> Option<T> {
    js_sys::Reflect::get(env, &JsValue::from_str(name))
        .ok()
        .filter(JsValue::is_object)
        .map(JsCast::unchecked_into)
}

/// An object from names and values. `None` when a property cannot be set, which no plain object refuses.
pub(crate) fn object(properties: &[(&'static str, JsValue)]) -> Option<Object> {
    let object = Object::new();
    for (name, value) in properties {
        js_sys::Reflect::set(&object, &self::name(name), value).ok()?;
    }
    Some(object)
}
