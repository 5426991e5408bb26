//! `getSessionForRequest`: the session of a request that an edge route got, verified as our own endpoints verify theirs.

use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::arguments::Arguments;
use crate::{
    auth::dpop::Proofs,
    auth::{
        authenticate::{self, AuthError, Demands},
        device::DeviceDemand,
        verified_session::VerifiedToken,
    },
    objects::context::Context,
};
use postern_core::gateway::request::upgrade::is_websocket;
use postern_core::identity::Issuers;
use postern_core::refusal::Refusal;
use postern_core::request::token_places::{self, Placed};
use postern_core::settings::{Freshness, Settings};
use postern_core::supertokens::fdi::request::BrowserRequest;
use postern_core::supertokens::fdi::request_origin::OtherSites;

/// The most headers of one request.
const MAX_HEADERS: u32 = 256;

/// The parts of a request that say whose it is, and where it comes from.
pub(super) struct GivenRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

impl GivenRequest {
    /// Reads the member `request`: `{method, url, headers: [name, value][]}`.
    pub(super) fn of(arguments: &Arguments<'_>) -> Result<Self, JsValue> {
        let request = arguments.optional_object("request")?.ok_or_else(|| {
            arguments.wrong(
                "request",
                "must be an object with \"method\", \"url\" and \"headers\"",
            )
        })?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in request.pairs("headers", MAX_HEADERS)? {
            let name = name.to_ascii_lowercase();
            match headers.iter_mut().find(|(known, _)| *known == name) {
                // As runtimes join what is sent twice.
                Some((_, known)) => {
                    known.push_str(if name == "cookie" { "; " } else { ", " });
                    known.push_str(&value);
                }
                None => headers.push((name, value)),
            }
        }
        Ok(Self {
            method: request.string("method")?,
            url: request.string("url")?,
            headers,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// `name[:port]`, without what a URL may say about a user.
    fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host)
    }

    /// What stands where tokens of trusted issuers may be.
    fn placed<'s>(&self, settings: &'s Settings) -> Vec<Placed<'s>> {
        token_places::placed(settings, self.is_websocket(), |name| {
            self.header(name).map(str::to_owned)
        })
    }

    fn is_websocket(&self) -> bool {
        is_websocket(self.header("upgrade"))
    }

    fn browser_request<'a>(&'a self, placed: &'a [Placed<'a>]) -> BrowserRequest<'a> {
        BrowserRequest {
            placed,
            method: &self.method,
            url: &self.url,
            proof: self.header("dpop"),
            authorization: self.header("authorization"),
            cookie: self.header("cookie"),
            rid: self.header("rid"),
            anti_csrf: self.header("anti-csrf"),
            host: self.host(),
            origin: self.header("origin"),
            sec_fetch_site: self.header("sec-fetch-site"),
            is_websocket: self.is_websocket(),
            ..BrowserRequest::default()
        }
    }
}

/// The session of the request. `check_anti_csrf` overrides that every method but `GET` is checked.
pub(super) async fn session(
    context: &Context,
    request: &GivenRequest,
    freshness: Freshness,
    check_anti_csrf: Option<bool>,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let demands = Demands {
        freshness,
        check_anti_csrf,
        others: &OtherSites::None,
        device: DeviceDemand::AsSet,
        issuers: &Issuers::Any,
        proofs: Proofs::UsedUp,
    };
    let placed = request.placed(&context.settings);
    match authenticate::verified(context, &request.browser_request(&placed), &demands).await {
        Ok((known, _)) => Ok(known),
        // A stranger's mistake, and not the calling Worker's.
        Err(AuthError {
            refusal: Refusal::BadInput(_),
            ..
        }) => Err(Refusal::Unauthorised(
            "the Authorization header holds more than one credential",
        )),
        Err(AuthError { refusal, .. }) => Err(refusal),
    }
}
