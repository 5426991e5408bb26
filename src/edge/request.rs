//! An incoming request: what the doors read of it.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};

use crate::location::Location;

use super::{
    body::{self, BodyFault},
    header_lines::HeaderLines,
    js::{Host, IncomingHeaders, IncomingRequest},
};

/// A request, with its URL taken apart. Header values are read when asked for: each one crosses from JS.
pub(super) struct Incoming {
    request: IncomingRequest,
    headers: IncomingHeaders,
    /// The method as it was sent.
    pub(super) method: String,
    url: String,
    path_start: usize,
    path_end: usize,
    host_start: usize,
}

impl Incoming {
    /// Takes a request; `None` when it is none.
    pub(super) fn new(request: JsValue) -> Option<Self> {
        let request: IncomingRequest = request.unchecked_into();
        let url = request.url().ok()?;
        let host_start = url.find("://")?.saturating_add(3);
        let rest = url.get(host_start..)?;
        let path_start = rest
            .find(['/', '?', '#'])
            .map_or(url.len(), |at| host_start.saturating_add(at));
        let path = url.get(path_start..)?;
        let path_end = path
            .find(['?', '#'])
            .map_or(url.len(), |at| path_start.saturating_add(at));
        Some(Self {
            headers: request.headers().ok()?,
            method: request.method().ok()?,
            request,
            path_start,
            path_end,
            host_start,
            url,
        })
    }

    /// The region that the request comes from, as far as the platform says.
    pub(super) fn location(&self) -> Option<Location> {
        let cf = member(&self.request, "cf")?;
        let longitude = member(&cf, "longitude").and_then(|longitude| longitude.as_string());
        Location::near(
            &member(&cf, "continent")?.as_string()?,
            longitude.as_deref(),
        )
    }

    /// The request as JS has it.
    pub(super) fn js(&self) -> &JsValue {
        self.request.as_ref()
    }

    /// All headers as lines, see [`HeaderLines`].
    pub(super) fn lines(&self, host: &Host) -> Result<HeaderLines, JsValue> {
        HeaderLines::of(host, self.headers.as_ref())
    }

    /// The whole URL, as it was sent.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// `name[:port]`, as in the URL.
    pub(super) fn host(&self) -> &str {
        self.url
            .get(self.host_start..self.path_start)
            .unwrap_or_default()
    }

    /// The path, without the query.
    pub(super) fn path(&self) -> &str {
        self.url
            .get(self.path_start..self.path_end)
            .unwrap_or_default()
    }

    /// What follows `?`; empty when nothing does.
    pub(super) fn query(&self) -> &str {
        self.url
            .get(self.path_end..)
            .and_then(|rest| rest.strip_prefix('?'))
            .unwrap_or_default()
    }

    /// A header's value; values of a repeated header are joined with a comma.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// The body, of at most `limit` bytes.
    pub(super) async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyFault> {
        body::read(self.request.body()?, limit).await
    }
}

/// A property that is there.
fn member(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &JsValue::from_str(name))
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}
