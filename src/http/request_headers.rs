//! The request headers that the browser API reads (SuperTokens frontend protocol).

use crate::runtime::http::request::Incoming;
use postern_core::http::bearer::{Authorization, authorization};
use postern_core::request::token_places::{self, Placed};
use postern_core::settings::Settings;
use postern_core::supertokens::fdi::request::BrowserRequest;

/// The headers that the protocol reads, as they were sent.
pub(crate) struct Headers<'a> {
    url: &'a str,
    pub(crate) authorization: Option<&'a str>,
    proof: Option<String>,
    pub(crate) cookie: Option<&'a str>,
    rid: Option<String>,
    anti_csrf: Option<String>,
    auth_mode: Option<String>,
    host: &'a str,
    origin: Option<String>,
    sec_fetch_site: Option<String>,
    client_address: Option<String>,
    placed: Vec<Placed<'a>>,
    skipped: Option<String>,
}

impl<'a> Headers<'a> {
    /// Those that verifying reads. `GET` is never checked for anti-CSRF; each header not read is a crossing saved.
    pub(crate) fn to_verify(request: &'a Incoming, settings: &'a Settings) -> Self {
        let changing = request.method() != "GET";
        let read = |name| if changing { request.header(name) } else { None };
        Self {
            url: request.url(),
            authorization: request.authorization(),
            proof: proof(request),
            cookie: request.cookie(),
            rid: read("rid"),
            anti_csrf: read("anti-csrf"),
            auth_mode: None,
            host: request.host().unwrap_or_default(),
            origin: read("origin"),
            sec_fetch_site: read("sec-fetch-site"),
            client_address: None,
            // No WebSocket ends here.
            placed: token_places::placed(settings, false, |name| match name {
                "cookie" => request.cookie().map(str::to_owned),
                name => request.header(name),
            }),
            skipped: None,
        }
    }

    pub(crate) fn of(request: &'a Incoming) -> Self {
        Self {
            url: request.url(),
            authorization: request.authorization(),
            // A refresh token comes with any scheme.
            proof: request.authorization().and_then(|_| request.header("dpop")),
            cookie: request.cookie(),
            rid: request.header("rid"),
            anti_csrf: request.header("anti-csrf"),
            auth_mode: request.header("st-auth-mode"),
            host: request.host().unwrap_or_default(),
            origin: request.header("origin"),
            sec_fetch_site: request.header("sec-fetch-site"),
            client_address: request.header("cf-connecting-ip"),
            placed: Vec::new(),
            skipped: request.header("secure-session-skipped"),
        }
    }

    pub(crate) fn request<'b>(&'b self, method: &'b str) -> BrowserRequest<'b> {
        BrowserRequest {
            method,
            url: self.url,
            authorization: self.authorization,
            proof: self.proof.as_deref(),
            cookie: self.cookie,
            rid: self.rid.as_deref(),
            anti_csrf: self.anti_csrf.as_deref(),
            auth_mode: self.auth_mode.as_deref(),
            host: self.host,
            origin: self.origin.as_deref(),
            sec_fetch_site: self.sec_fetch_site.as_deref(),
            client_address: self.client_address.as_deref(),
            placed: &self.placed,
            skipped: self.skipped.as_deref(),
            ..BrowserRequest::default()
        }
    }
}

/// The proof of possession, which counts beside a token of that scheme only.
fn proof(request: &Incoming) -> Option<String> {
    matches!(
        authorization(request.authorization()),
        Authorization::Dpop(_)
    )
    .then(|| request.header("dpop"))?
}
