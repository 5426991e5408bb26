//! The KV namespace `SESSION_DATA`: the copy of session data that is read everywhere.
//!
//! Key = session handle, value = the data's JSON text itself, metadata = `{seq, sessionExpires}`. Written and deleted by
//! `UserSessions` objects only. The shapes of keys and values, and the time-outs.

use std::pin::pin;

use js_sys::{Promise, Reflect, SyntaxError};
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::{
    js::{self, KvNamespace},
    number::{message_of, number, whole_number},
    promise,
};
use postern_jwt::time::{Millis, UnixMillis};

/// How long a KV operation may take before its fate counts as unknown.
const TIMEOUT: Millis = Millis(5_000);
/// KV refuses entries that expire sooner than this; ours outlive the session by as much.
const EXPIRATION_MARGIN: Millis = Millis(60_000);

/// The names in the metadata.
const SEQ: &str = "seq";
const SESSION_EXPIRES: &str = "sessionExpires";

/// A KV operation failed, or took too long. Holds no value and no key.
#[derive(Debug)]
pub(crate) struct KvFault(pub(crate) String);

/// What is written under a handle.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// The data's JSON text.
    pub(crate) text: &'a str,
    /// Its sequence number.
    pub(crate) seq: u64,
    /// When the session ends unless refreshed.
    pub(crate) session_expires: UnixMillis,
}

/// What was found under a handle.
#[derive(Debug)]
pub(crate) struct Found {
    /// The data, parsed: its text, which may be large, never crosses into Wasm.
    pub(crate) value: JsValue,
    /// Its sequence number and the session's known life.
    pub(crate) metadata: Metadata,
}

/// The metadata of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metadata {
    pub(crate) seq: u64,
    pub(crate) session_expires: UnixMillis,
}

/// The namespace. What is bound there is not inspected, so that a Worker may stand in for it.
pub(crate) fn namespace(env: &Env) -> KvNamespace {
    Reflect::get(env, &js::name("SESSION_DATA"))
        .unwrap_or(JsValue::UNDEFINED)
        .unchecked_into()
}

/// Reads an entry; `None` when there is none, or none of a shape that we wrote. One whose text is no JSON is a fault.
pub(crate) async fn get(namespace: &KvNamespace, handle: &str) -> Result<Option<Found>, KvFault> {
    let found = finished("get", namespace.get_with_metadata(handle, "json")).await?;
    let member =
        |name: &'static str| Reflect::get(&found, &js::name(name)).unwrap_or(JsValue::NULL);
    let metadata = member("metadata");
    let number = |name: &'static str| {
        let value = Reflect::get(&metadata, &js::name(name)).ok()?;
        whole_number(&value)
    };
    let metadata = number(SEQ)
        .zip(number(SESSION_EXPIRES))
        .map(|(seq, expires)| Metadata {
            seq,
            session_expires: UnixMillis(expires),
        });
    let value = member("value");
    Ok(metadata
        .filter(|_| value.is_object())
        .map(|metadata| Found { value, metadata }))
}

/// Writes an entry.
pub(crate) async fn put(
    namespace: &KvNamespace,
    handle: &str,
    entry: &Entry<'_>,
    now: UnixMillis,
) -> Result<(), KvFault> {
    let metadata = js::object(&[
        (SEQ, number(entry.seq)),
        (SESSION_EXPIRES, number(entry.session_expires.0)),
    ]);
    // Rounded up, and one second more: KV measures the margin by its own clock.
    let expiration = entry
        .session_expires
        .max(now)
        .plus(EXPIRATION_MARGIN)
        .as_seconds()
        .saturating_add(2);
    let options = metadata.and_then(|metadata| {
        js::object(&[
            ("metadata", metadata.into()),
            ("expiration", number(expiration)),
        ])
    });
    let options = options.ok_or_else(|| KvFault("the options cannot be made".to_owned()))?;
    let put = namespace.put(handle, entry.text, &options);
    finished("put", put).await.map(drop)
}

/// Deletes an entry; one that does not exist counts as deleted.
pub(crate) async fn delete(namespace: &KvNamespace, handle: &str) -> Result<(), KvFault> {
    finished("delete", namespace.delete(handle)).await.map(drop)
}

async fn finished(operation: &str, call: Result<Promise, JsValue>) -> Result<JsValue, KvFault> {
    let outcome = pin!(promise::within(call, TIMEOUT));
    match js::traced("postern.kv", operation, outcome).await {
        Some(Ok(value)) => Ok(value),
        // Its message quotes the value that somebody else put there.
        Some(Err(error)) if error.is_instance_of::<SyntaxError>() => {
            Err(KvFault("the value is no JSON".to_owned()))
        }
        Some(Err(error)) => Err(KvFault(message_of(&error))),
        None => Err(KvFault("no answer in time".to_owned())),
    }
}
