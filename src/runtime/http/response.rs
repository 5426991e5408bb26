//! Responses of the runtime, made of replies.
//!
//! Heads (status and headers as JS takes them) are kept and used again. Making one costs more than everything else about
//! an answer, and nearly all answers have one of a few.

use std::cell::RefCell;

use js_sys::Object;
use wasm_bindgen::JsValue;

use crate::runtime::js::{self, OutgoingHeaders, OutgoingResponse};
use postern_core::http::reply::Reply;

/// How many heads are kept of each kind. What comes later is made anew each time.
const MAX_HEADS: usize = 32;
/// Headers whose values are of our making, so that they repeat.
const REPEATING: [&str; 7] = [
    "content-type",
    "cache-control",
    "vary",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "www-authenticate",
    "x-content-type-options",
];

/// A status and headers, and what JS calls `init`.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    init: Object,
}

thread_local! {
    static HEADS: RefCell<Vec<Head>> = const { RefCell::new(Vec::new()) };
    /// The heads of sessions that are shown, by the website that they are for.
    static SESSION_HEADS: RefCell<Vec<(Option<String>, Object)>> = const { RefCell::new(Vec::new()) };
}

/// The response that a reply says.
pub(crate) fn of(reply: &Reply) -> Result<JsValue, JsValue> {
    // 204 and 304 take no body, not even an empty one.
    let body = if reply.body.is_empty() {
        JsValue::NULL
    } else {
        JsValue::from_str(&reply.body)
    };
    with_head(&head(reply)?, &body)
}

/// A response with a head from here.
pub(crate) fn with_head(head: &Object, body: &JsValue) -> Result<JsValue, JsValue> {
    OutgoingResponse::new(body, head).map(JsValue::from)
}

/// The head of an answer that shows a session: from an earlier one, or of the reply that `make` gives.
pub(crate) fn session_head(
    website: Option<&str>,
    make: impl FnOnce() -> Reply,
) -> Result<Object, JsValue> {
    let known = SESSION_HEADS.with_borrow(|heads| {
        let mut heads = heads.iter();
        let found = heads.find(|(known, _)| known.as_deref() == website)?;
        Some(found.1.clone())
    });
    if let Some(init) = known {
        return Ok(init);
    }
    let init = head(&make())?;
    SESSION_HEADS.with_borrow_mut(|heads| {
        if heads.len() < MAX_HEADS {
            heads.push((website.map(str::to_owned), init.clone()));
        }
    });
    Ok(init)
}

fn head(reply: &Reply) -> Result<Object, JsValue> {
    let known = HEADS.with_borrow(|heads| {
        let is_same = |head: &&Head| head.status == reply.status && head.headers == reply.headers;
        heads.iter().find(is_same).map(|head| head.init.clone())
    });
    if let Some(init) = known {
        return Ok(init);
    }
    let headers = OutgoingHeaders::new()?;
    for (name, value) in &reply.headers {
        headers.append(name, value)?;
    }
    let init = js::object(&[
        ("status", JsValue::from(reply.status)),
        ("headers", headers.into()),
    ])
    .unwrap_or_default();
    let mut names = reply.headers.iter().map(|(name, _)| name.as_str());
    HEADS.with_borrow_mut(|heads| {
        if heads.len() < MAX_HEADS && names.all(|name| REPEATING.contains(&name)) {
            heads.push(Head {
                status: reply.status,
                headers: reply.headers.clone(),
                init: init.clone(),
            });
        }
    });
    Ok(init)
}
