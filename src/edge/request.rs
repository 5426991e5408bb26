//! An incoming request: what the doors read of it.

use std::ops::Range;

use wasm_bindgen::{JsCast, JsValue};

use super::{
    body::{self, BodyFault},
    js::IncomingRequest,
};

/// A request, with its URL taken apart.
///
/// What every answer depends on comes as one text: method, URL, `Authorization` and `Cookie`, with a line for each. Other
/// headers are read when asked for: each one crosses from JS.
pub(super) struct Incoming {
    request: IncomingRequest,
    facts: String,
    method: Range<usize>,
    host: Range<usize>,
    path: Range<usize>,
    query: Range<usize>,
    authorization: Range<usize>,
    cookie: Range<usize>,
}

impl Incoming {
    /// Takes a request; `None` when it is none.
    pub(super) fn new(facts: String, request: JsValue) -> Option<Self> {
        let mut lines = Lines {
            text: &facts,
            at: 0,
        };
        let method = lines.next()?;
        let url = lines.next()?;
        let authorization = lines.next()?;
        let cookie = lines.at..facts.len();
        let url_text = facts.get(url.clone())?;
        let within = |at: usize| url.start.saturating_add(at);
        let host_start = url_text.find("://")?.saturating_add(3);
        let path_start = url_text
            .get(host_start..)?
            .find(['/', '?', '#'])
            .map_or(url_text.len(), |at| host_start.saturating_add(at));
        let path_end = url_text
            .get(path_start..)?
            .find(['?', '#'])
            .map_or(url_text.len(), |at| path_start.saturating_add(at));
        let query_start = if url_text.get(path_end..)?.starts_with('?') {
            path_end.saturating_add(1)
        } else {
            url_text.len()
        };
        Some(Self {
            method,
            host: within(host_start)..within(path_start),
            path: within(path_start)..within(path_end),
            query: within(query_start)..url.end,
            authorization,
            cookie,
            request: request.unchecked_into(),
            facts,
        })
    }

    /// The method as it was sent.
    pub(super) fn method(&self) -> &str {
        self.part(&self.method)
    }

    /// `name[:port]`, as in the URL.
    pub(super) fn host(&self) -> &str {
        self.part(&self.host)
    }

    /// The path, without the query.
    pub(super) fn path(&self) -> &str {
        self.part(&self.path)
    }

    /// What follows `?`; empty when nothing does.
    pub(super) fn query(&self) -> &str {
        self.part(&self.query)
    }

    /// `Authorization`; one that is empty says as much as none.
    pub(super) fn authorization(&self) -> Option<&str> {
        Some(self.part(&self.authorization)).filter(|value| !value.is_empty())
    }

    /// `Cookie`; one that is empty says as much as none.
    pub(super) fn cookie(&self) -> Option<&str> {
        Some(self.part(&self.cookie)).filter(|value| !value.is_empty())
    }

    /// A header's value; values of a repeated header are joined with a comma.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.request.headers().ok()?.get(name).ok().flatten()
    }

    /// The body, of at most `limit` bytes.
    pub(super) async fn body(&self, limit: usize) -> Result<Vec<u8>, BodyFault> {
        body::read(self.request.body()?, limit).await
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.facts.get(range.clone()).unwrap_or_default()
    }
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
