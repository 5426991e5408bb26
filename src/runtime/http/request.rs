//! An incoming request: what the entry points read of it.

use std::{borrow::Cow, cell::OnceCell, ops::Range};

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};

use postern_core::{http::host, location::Location};

use super::{
    body::{self, BodyFault},
    header_lines::HeaderLines,
};
use crate::runtime::js::{self, Host, IncomingRequest};
use crate::runtime::log_context::LoggedRequest;
use crate::runtime::random;
use data_encoding::BASE64URL_NOPAD;
use postern_core::pages::error_page;

/// A request, with its URL taken apart.
///
/// What every answer depends on comes as one text: method, URL, `Authorization` and `Cookie`, with a line for each. Other
/// headers are read when asked for: each one crosses from JS.
pub(crate) struct Incoming {
    request: IncomingRequest,
    facts: String,
    method: Range<usize>,
    url: Range<usize>,
    raw_host: Range<usize>,
    host: NormalHost,
    path: Range<usize>,
    query: Range<usize>,
    authorization: Range<usize>,
    cookie: Range<usize>,
    /// What the log calls it, once that is asked.
    id: OnceCell<String>,
}

impl Incoming {
    /// Takes a request; `None` when it is none.
    pub(crate) fn new(facts: Vec<u8>, request: JsValue) -> Option<Self> {
        let facts = String::from_utf8(facts).ok()?;
        let mut lines = Lines {
            text: &facts,
            at: 0,
        };
        let method = lines.next()?;
        let url = lines.next()?;
        let authorization = lines.next()?;
        let cookie = lines.at..facts.len();
        let url_text = facts.get(url.clone())?;
        let is_end = |byte: u8| matches!(byte, b'/' | b'?' | b'#');
        let host_start = find(url_text, 0, |byte| byte == b':').saturating_add(3);
        let path_start = find(url_text, host_start, is_end);
        let path_end = find(url_text, path_start, |byte| byte != b'/' && is_end(byte));
        let within = |at: usize| url.start.saturating_add(at).min(url.end);
        let host = normal_host(url_text, url_text.get(host_start..path_start)?);
        Some(Self {
            host,
            method,
            url: url.clone(),
            raw_host: within(host_start)..within(path_start),
            path: within(path_start)..within(path_end),
            query: within(path_end.saturating_add(1))..url.end,
            authorization,
            cookie,
            request: request.unchecked_into(),
            facts,
            id: OnceCell::new(),
        })
    }

    /// The region that the request comes from, as far as the platform says.
    pub(crate) fn location(&self) -> Option<Location> {
        let cf = member(&self.request, "cf")?;
        let longitude = member(&cf, "longitude").and_then(|longitude| longitude.as_string());
        Location::near(
            &member(&cf, "continent")?.as_string()?,
            longitude.as_deref(),
        )
    }

    /// The country that the request comes from, as far as the platform says.
    pub(crate) fn country(&self) -> Option<String> {
        let cf = member(&self.request, "cf")?;
        member(&cf, "country")?.as_string()
    }

    /// The request as JS has it.
    pub(crate) fn js(&self) -> &JsValue {
        self.request.as_ref()
    }

    /// All headers as lines, see [`HeaderLines`].
    pub(crate) fn lines(&self, host: &Host) -> Result<HeaderLines, JsValue> {
        HeaderLines::of(host, self.request.headers()?.as_ref())
    }

    /// The whole URL, as it was sent.
    pub(crate) fn url(&self) -> &str {
        self.part(&self.url)
    }

    /// The method as it was sent.
    pub(crate) fn method(&self) -> &str {
        self.part(&self.method)
    }

    /// `name[:port]`, in its [normal form](host::normal); `None` when it is no host.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.host {
            NormalHost::AsSent => Some(self.raw_host()),
            NormalHost::Other(host) => Some(host),
            NormalHost::NoHost => None,
        }
    }

    /// `name[:port]`, as in the URL.
    pub(crate) fn raw_host(&self) -> &str {
        self.part(&self.raw_host)
    }

    /// `scheme://host[:port]`, as in the URL.
    pub(crate) fn origin(&self) -> &str {
        self.part(&(self.url.start..self.path.start))
    }

    /// The path, without the query.
    pub(crate) fn path(&self) -> &str {
        self.part(&self.path)
    }

    /// What follows `?`; empty when nothing does.
    pub(crate) fn query(&self) -> &str {
        self.part(&self.query)
    }

    /// `Authorization`; one that is empty says as much as none.
    pub(crate) fn authorization(&self) -> Option<&str> {
        Some(self.part(&self.authorization)).filter(|value| !value.is_empty())
    }

    /// `Cookie`; one that is empty says as much as none.
    pub(crate) fn cookie(&self) -> Option<&str> {
        Some(self.part(&self.cookie)).filter(|value| !value.is_empty())
    }

    /// A header's value; values of a repeated header are joined with a comma.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.request.headers().ok()?.get(name).ok().flatten()
    }

    /// The body, of at most `limit` bytes.
    pub(crate) async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyFault> {
        body::read(self.request.body()?, limit).await
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.facts.get(range.clone()).unwrap_or_default()
    }
}

impl LoggedRequest for Incoming {
    fn id(&self) -> &str {
        self.id
            .get_or_init(|| request_id(&|name| self.header(name)))
    }

    fn method(&self) -> &str {
        self.method()
    }

    fn path(&self) -> Option<&str> {
        Some(self.path())
    }
}

/// The id of a request: Cloudflare's, or one that is made here.
pub(crate) fn request_id(header: &dyn Fn(&str) -> Option<String>) -> String {
    let ray = header("cf-ray");
    if let Some(id) = ray.as_deref().and_then(error_page::request_id) {
        return id.to_owned();
    }
    let random: [u8; 12] = random::random().unwrap_or_default();
    // One word, which a double click selects.
    BASE64URL_NOPAD.encode(&random).replace(['-', '_'], "x")
}

/// The normal form of the host of a URL.
enum NormalHost {
    /// It came in that form.
    AsSent,
    /// It came in another.
    Other(String),
    /// What stands in its place is no host.
    NoHost,
}

fn normal_host(url: &str, raw: &str) -> NormalHost {
    let host = match host::normal(raw) {
        Some(Cow::Borrowed(_)) => return NormalHost::AsSent,
        Some(Cow::Owned(host)) => Some(host),
        // An international name has the form that URLs give it.
        None if !raw.is_ascii() => js::Url::new(url).and_then(|url| url.host()).ok(),
        None => None,
    };
    let normal = host.and_then(|host| host::normal(&host).map(Cow::into_owned));
    normal.map_or(NormalHost::NoHost, NormalHost::Other)
}

/// The place of the first byte from `start` on that is `wanted`, or the end. A pattern of the standard library takes ten
/// times as long to set up.
fn find(text: &str, start: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let found = text.bytes().skip(start).position(wanted);
    found.map_or(text.len(), |at| start.saturating_add(at))
}

/// The places of lines that end with a line break.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let end = start.saturating_add(self.text.get(start..)?.find('\n')?);
        self.at = end.saturating_add(1);
        Some(start..end)
    }
}

/// A property that is there.
fn member(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &JsValue::from_str(name))
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}
