//! The URL of a request to an origin: made first, so that the rules see the very text that is sent.

use std::borrow::Cow;

use crate::runtime::js;
use postern_core::gateway::Target;
use postern_core::gateway::matching::path;
use postern_core::gateway::request::ticket_query::{self, Offered};

/// The URL that will be sent, as the platform writes it: what the rules see is what the origin gets.
pub(crate) struct Outgoing<'r> {
    url: Cow<'r, str>,
    path_start: usize,
    path_end: usize,
}

impl<'r> Outgoing<'r> {
    /// Of a URL as it came, with its path and host.
    pub(crate) fn of(raw: &'r str, path: &str, host: &str) -> Option<Self> {
        // Most paths are their own normal form; then the query may stay as it is, too: no rule looks at it.
        let is_kept = path::is_kept_by_urls(path) && is_plain_host(host);
        let url = if is_kept {
            raw.into()
        } else {
            Cow::Owned(js::Url::new(raw).ok()?.href().ok()?)
        };
        let path_start = url.find("://")?.saturating_add(3);
        let path_start = path_start.saturating_add(url.get(path_start..)?.find('/')?);
        let end = url.get(path_start..)?.find(['?', '#']);
        let path_end = end.map_or(url.len(), |at| path_start.saturating_add(at));
        Some(Self {
            url,
            path_start,
            path_end,
        })
    }

    /// Takes session tickets out of the query: from then on nothing shows them.
    pub(crate) fn take_tickets(&mut self) -> Offered {
        let Some((left, offered)) = ticket_query::taken(self.query()) else {
            return Offered::None;
        };
        let before = self.url.get(..self.path_end).unwrap_or_default();
        let mark = if left.is_empty() { "" } else { "?" };
        self.url = Cow::Owned([before, mark, &left].concat());
        offered
    }

    /// `scheme://host[:port]` of a URL as it came.
    pub(crate) fn address_of(raw: &str) -> Option<String> {
        let url = js::Url::new(raw).ok()?.href().ok()?;
        let host_start = url.find("://")?.saturating_add(3);
        let length = url.get(host_start..)?.find('/')?;
        let origin = url.get(..host_start.saturating_add(length))?;
        Some(origin.to_owned())
    }

    /// `scheme://host[:port]`
    pub(crate) fn origin(&self) -> &str {
        self.url.get(..self.path_start).unwrap_or_default()
    }

    pub(crate) fn scheme(&self) -> &str {
        self.url.split(':').next().unwrap_or_default()
    }

    pub(crate) fn host(&self) -> &str {
        self.origin().split("://").nth(1).unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.url
            .get(self.path_start..self.path_end)
            .unwrap_or_default()
    }

    pub(crate) fn query(&self) -> &str {
        let behind = self.url.get(self.path_end..).unwrap_or_default();
        behind.strip_prefix('?').unwrap_or_default()
    }

    /// The same at an origin.
    pub(crate) fn url(&self, target: &Target) -> String {
        let behind = self.url.get(self.path_start..).unwrap_or_default();
        match target {
            Target::Url(base) => [base, behind].concat(),
            // The Worker that is bound sees the URL that was asked for.
            Target::Binding(_) | Target::Route => self.url.clone().into_owned(),
        }
    }
}

/// What may stand in a `Host` header (RFC 9110 section 7.2): no path, no user, no second host.
pub(crate) fn is_host(host: &str) -> bool {
    host.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte) || !byte.is_ascii())
}

/// A host that URLs keep as it is: lower case, without user information or escapes.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte)
        })
}
