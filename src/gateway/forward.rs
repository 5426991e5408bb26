//! Sending a request to an origin: where to, for how long, and what its failures mean. Bodies stream past: they never
//! enter Wasm. The sending itself is `proxy.mjs`.

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::runtime::{
    js::{self, FetchedResponse, Host},
    promise,
};
use postern_core::{
    gateway::{Origin, Target},
    http::reply::Reply,
};

/// A request, ready to be sent.
pub(crate) struct Outbound<'a> {
    /// The request as it came: its method, body and headers are those to be sent.
    pub(crate) request: &'a JsValue,
    /// Where to.
    pub(crate) url: &'a str,
    /// What to change about its headers, as lines.
    pub(crate) edits: &'a str,
    /// Names and values of headers to set, a JS array; undefined for none.
    pub(crate) identity_headers: &'a JsValue,
    /// The origin.
    pub(crate) origin: &'a Origin,
    /// Whether a cache may keep the answer.
    pub(crate) may_be_cached: bool,
}

thread_local! {
    /// Cloudflare's cache lies between us and an origin, and knows only URLs: what was made for one user must not be
    /// kept for the next, nor looked for there, whatever the origin says. This is what `cache: "no-store"` comes to on the
    /// platform, without the `Cache-Control: no-cache` and `Pragma` that it adds to the request: to origins they mean
    /// that the client wants no 304.
    static UNCACHED: JsValue = js::object(&[
        ("cacheTtl", JsValue::from_f64(-1.0)),
        ("cacheLevel", JsValue::from_str("bypass")),
    ])
    .and_then(|cf| js::object(&[("cf", cf.into())]))
    .map_or(JsValue::UNDEFINED, JsValue::from);
}

impl Outbound<'_> {
    /// Sends it; the answer is made fit for the client without coming back here, by rule `rule`.
    pub(crate) fn forward(&self, env: &Env, host: &Host, rule: u32) -> Result<Promise, JsValue> {
        self.with_init(|init| {
            let (binding, ms) = (self.binding(env)?, self.milliseconds());
            host.forward(
                self.request,
                self.url,
                self.edits,
                self.identity_headers,
                &binding,
                ms,
                init,
                rule,
                env.as_ref(),
            )
        })
    }

    /// Sends it, and waits for the answer to begin.
    pub(crate) async fn send(&self, env: &Env, host: &Host) -> Result<FetchedResponse, SendFault> {
        let sent = self.with_init(|init| {
            let (binding, ms) = (self.binding(env)?, self.milliseconds());
            host.send(
                self.request,
                self.url,
                self.edits,
                self.identity_headers,
                &binding,
                ms,
                init,
            )
        });
        // What JS threw is dropped: its text may hold the origin's address.
        let answer = promise::of(sent)
            .await
            .map_err(|_| SendFault::Unreachable)?;
        let answer: FetchedResponse = answer.unchecked_into();
        let status = match answer.as_f64() {
            Some(_) => None,
            None => answer.status().ok(),
        };
        match status {
            None if answer.as_f64() == Some(504.0) => Err(SendFault::TimedOut),
            None => Err(SendFault::Unreachable),
            Some(status) => SendFault::spoken_for(status).map_or(Ok(answer), Err),
        }
    }

    fn with_init<T>(&self, call: impl FnOnce(&JsValue) -> T) -> T {
        if self.may_be_cached {
            call(&JsValue::UNDEFINED)
        } else {
            UNCACHED.with(call)
        }
    }

    fn binding(&self, env: &Env) -> Result<JsValue, JsValue> {
        match &self.origin.target {
            Target::Url(_) | Target::Route => Ok(JsValue::UNDEFINED),
            // Never missing: rules that name a binding which does not exist are refused at start.
            Target::Binding(name) => js::binding(env, name).ok_or(JsValue::UNDEFINED),
        }
    }

    fn milliseconds(&self) -> u32 {
        u32::try_from(self.origin.timeout.0).unwrap_or(u32::MAX)
    }
}

/// Why an origin gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendFault {
    /// No connection, or one that broke before the answer began: 502.
    Unreachable,
    /// Nothing within the origin's time-out: 504.
    TimedOut,
}

impl SendFault {
    /// In production the platform answers for an origin that it cannot reach, with statuses of its own.
    pub(crate) const fn spoken_for(status: u16) -> Option<Self> {
        match status {
            522 | 524 => Some(Self::TimedOut),
            520 | 521 | 523 | 525 | 526 | 527 | 530 => Some(Self::Unreachable),
            _ => None,
        }
    }

    /// Our answer.
    pub(crate) fn reply(self) -> Reply {
        match self {
            Self::Unreachable => postern_core::error::bad_gateway(),
            Self::TimedOut => postern_core::error::gateway_timeout(),
        }
    }

    /// For metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
        }
    }

    /// For the log.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Unreachable => "the origin cannot be reached",
            Self::TimedOut => "the origin did not begin its answer in time",
        }
    }
}
