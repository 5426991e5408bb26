//! Our own outgoing requests: with a time limit, without redirects, with a bounded body.

use std::pin::pin;

use js_sys::{Object, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::body::{self, BodyFault, MemoryPermit};
use crate::runtime::{
    js::{self, FetchedResponse, Fetcher},
    promise,
};
use postern_jwt::time::Millis;

/// Whom to ask.
pub(crate) enum Target<'a> {
    /// The internet.
    Public,
    /// A Worker behind a service binding.
    Binding(&'a Fetcher),
    /// A Durable Object of ours: it sends no redirects, and answers with the whole body or not at all, so only the head of
    /// its answer is waited for with a limit.
    Object(&'a Fetcher),
}

/// Limits of one request, body included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Milliseconds until the request is given up.
    pub(crate) timeout_ms: u32,
    /// The most bytes of body that are read.
    pub(crate) body_bytes: usize,
}

/// An answer whose body is whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status. A redirect is an answer like any other.
    pub(crate) status: u16,
    /// `Cache-Control`, as sent.
    pub(crate) cache_control: Option<String>,
    /// `ETag`, as sent.
    pub(crate) etag: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchFault {
    /// No connection, no answer in time, or a broken one.
    Failed,
    /// The body is longer than the limit.
    TooLarge,
}

impl From<BodyFault> for FetchFault {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::Broken | BodyFault::Crowded | BodyFault::Slow => Self::Failed,
        }
    }
}

impl From<JsValue> for FetchFault {
    /// What JS threw is dropped: its text may hold what must not be logged.
    fn from(_: JsValue) -> Self {
        Self::Failed
    }
}

/// Sends a request and reads the answer. `body` makes it a POST of JSON.
pub(crate) async fn request(
    target: Target<'_>,
    url: &str,
    body: Option<&str>,
    limits: Limits,
) -> Result<Answer, FetchFault> {
    match target {
        Target::Object(object) => {
            // No path of an object's names anybody.
            let what = url.strip_prefix("https://").unwrap_or_default();
            let answer = pin!(of_object(object, url, body, limits));
            js::traced("postern.object", what, answer).await
        }
        Target::Public | Target::Binding(_) => {
            let init = init(body, &[], limits.timeout_ms)?;
            outside(target, url, &init, limits).await
        }
    }
}

/// Gets what changes seldom. With the `ETag` of what is at hand, the answer may be an empty 304 (RFC 9110 section 13.1.2).
pub(crate) async fn get_unless(
    target: Target<'_>,
    url: &str,
    etag: Option<&str>,
    limits: Limits,
) -> Result<Answer, FetchFault> {
    let headers: Vec<_> = etag
        .map(|etag| ("if-none-match", etag))
        .into_iter()
        .collect();
    let init = init(None, &headers, limits.timeout_ms)?;
    outside(target, url, &init, limits).await
}

/// Asks somebody on the internet with these headers. `body` makes it a POST.
pub(crate) async fn ask(
    url: &str,
    body: Option<&str>,
    headers: &[(&'static str, &str)],
    limits: Limits,
) -> Result<Answer, FetchFault> {
    let init = init(body, headers, limits.timeout_ms)?;
    outside(Target::Public, url, &init, limits).await
}

/// Posts a body with these headers, and gives the status of the answer, whose body nobody reads.
pub(crate) async fn post(
    url: &str,
    body: &str,
    headers: &[(&'static str, &str)],
    timeout: Millis,
) -> Result<u16, FetchFault> {
    let timeout = u32::try_from(timeout.0).unwrap_or(u32::MAX);
    let init = init(Some(body), headers, timeout)?;
    let response = promise::of(js::global_fetch(url, &init)).await?;
    let response = response.unchecked_into::<FetchedResponse>();
    if let Some(unread) = response.body()? {
        let cancelled = unread.reader().and_then(|reader| reader.cancel());
        let _ = promise::of(cancelled).await;
    }
    Ok(response.status()?)
}

async fn outside(
    target: Target<'_>,
    url: &str,
    init: &Object,
    limits: Limits,
) -> Result<Answer, FetchFault> {
    let response = promise::of(match target {
        Target::Public => js::global_fetch(url, init),
        Target::Binding(fetcher) | Target::Object(fetcher) => fetcher.fetch(url, init),
    })
    .await?
    .unchecked_into::<FetchedResponse>();
    let headers = response.headers()?;
    Ok(Answer {
        status: response.status()?,
        cache_control: headers.header("cache-control")?,
        etag: headers.header("etag")?,
        body: body::read(response.body()?, limits.body_bytes).await?,
    })
}

async fn of_object(
    object: &Fetcher,
    url: &str,
    body: Option<&str>,
    limits: Limits,
) -> Result<Answer, FetchFault> {
    let init = js::object(&posted(body)).ok_or(FetchFault::Failed)?;
    let limit = Millis(u64::from(limits.timeout_ms));
    let response = promise::within(object.fetch(url, &init), limit)
        .await
        .ok_or(FetchFault::Failed)??
        .unchecked_into::<FetchedResponse>();
    let body = Uint8Array::new(&promise::of(response.array_buffer()).await?);
    let length = usize::try_from(body.length()).unwrap_or(usize::MAX);
    if length > limits.body_bytes {
        return Err(FetchFault::TooLarge);
    }
    let mut permit = MemoryPermit::default();
    permit.grow(length)?;
    Ok(Answer {
        status: response.status()?,
        cache_control: None,
        etag: None,
        body: body.to_vec(),
    })
}

/// What makes a request one with a body.
fn posted(body: Option<&str>) -> Vec<(&'static str, JsValue)> {
    body.map_or_else(Vec::new, |body| {
        vec![
            ("method", js::name("POST")),
            ("body", JsValue::from_str(body)),
        ]
    })
}

fn init(
    body: Option<&str>,
    headers: &[(&'static str, &str)],
    timeout_ms: u32,
) -> Result<Object, FetchFault> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, JsValue::from_str(value)))
        .collect();
    let headers = js::object(&headers).ok_or(FetchFault::Failed)?;
    let mut properties = vec![
        ("redirect", js::name("manual")),
        ("signal", js::abort_after(timeout_ms)?),
        ("headers", headers.into()),
    ];
    properties.extend(posted(body));
    js::object(&properties).ok_or(FetchFault::Failed)
}
