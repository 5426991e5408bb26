//! Our own outgoing requests: with a time limit, without redirects, with a bounded body.

use js_sys::Object;
use wasm_bindgen::JsValue;

use super::js::{self, ByteReader, Chunk, FetchedResponse, Fetcher};

/// Whom to ask.
pub enum Target<'a> {
    /// The internet.
    Public,
    /// A Durable Object, or a Worker behind a service binding.
    Binding(&'a Fetcher),
}

/// Limits of one request, body included.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Milliseconds until the request is given up.
    pub timeout_ms: u32,
    /// The most bytes of body that are read.
    pub body_bytes: usize,
}

/// An answer whose body is whole.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status. A redirect is an answer like any other.
    pub status: u16,
    /// `Cache-Control`, as sent.
    pub cache_control: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchFault {
    /// No connection, no answer in time, or a broken one.
    Failed,
    /// The body is longer than the limit.
    TooLarge,
}

impl From<JsValue> for FetchFault {
    /// What JS threw is dropped: its text may hold what must not be logged.
    fn from(_: JsValue) -> Self {
        Self::Failed
    }
}

/// Sends a request and reads the answer. `body` makes it a POST of JSON.
pub async fn request(
    target: Target<'_>,
    url: &str,
    body: Option<&str>,
    limits: Limits,
) -> Result<Answer, FetchFault> {
    let init = init(body, limits.timeout_ms)?;
    let response: FetchedResponse = js::settled(match target {
        Target::Public => js::global_fetch(url, &init),
        Target::Binding(fetcher) => fetcher.fetch(url, &init),
    })
    .await?;
    Ok(Answer {
        status: response.status()?,
        cache_control: response.headers()?.header("cache-control")?,
        body: read(&response, limits.body_bytes).await?,
    })
}

fn init(body: Option<&str>, timeout_ms: u32) -> Result<Object, FetchFault> {
    let mut properties = vec![
        ("redirect", JsValue::from_str("manual")),
        ("signal", js::abort_after(timeout_ms)?),
    ];
    if let Some(body) = body {
        properties.push(("method", JsValue::from_str("POST")));
        properties.push(("body", JsValue::from_str(body)));
    }
    js::object(&properties).ok_or(FetchFault::Failed)
}

async fn read(response: &FetchedResponse, limit: usize) -> Result<Vec<u8>, FetchFault> {
    let Some(stream) = response.body()? else {
        return Ok(Vec::new());
    };
    let reader = stream.reader()?;
    let mut body = Vec::new();
    loop {
        let chunk: Chunk = js::settled(reader.read()).await?;
        if chunk.done()? {
            return Ok(body);
        }
        let bytes = chunk.value()?;
        let length = usize::try_from(bytes.length()).unwrap_or(usize::MAX);
        if body.len().saturating_add(length) > limit {
            give_up(&reader).await;
            return Err(FetchFault::TooLarge);
        }
        body.extend(bytes.to_vec());
    }
}

/// Tells the sender to stop. Whether it hears does not matter: nothing more is read.
async fn give_up(reader: &ByteReader) {
    let _: Result<JsValue, JsValue> = js::settled(reader.cancel()).await;
}
