//! Sending a request to an origin, up to the head of its answer. Bodies stream past: they never enter Wasm.
//!
//! Owns the transport and what its failures mean. Refuses to know which headers go which way.

use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use super::{
    js::{self, FetchedResponse, Fetcher, OutgoingRequest},
    promise,
};
use crate::{gateway::Target, time::Millis};

/// Why an origin gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendFault {
    /// No connection, or one that broke before the answer began: 502.
    Unreachable,
    /// Nothing within the origin's time-out: 504.
    TimedOut,
    /// The binding that the rules name does not exist: 502, and for the log.
    NoBinding,
}

impl SendFault {
    /// The status of our answer.
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Unreachable | Self::NoBinding => 502,
            Self::TimedOut => 504,
        }
    }

    /// For the log.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Unreachable => "the origin cannot be reached",
            Self::TimedOut => "the origin did not begin its answer in time",
            Self::NoBinding => "there is no service binding of the name in the rules",
        }
    }
}

thread_local! {
    /// Cloudflare's cache lies between us and an origin, and knows only URLs: what was made for one user must not be
    /// kept for the next, whatever the origin says.
    static UNCACHED: JsValue = js::object(&[("cacheTtl", JsValue::from_f64(-1.0))])
        .and_then(|cf| js::object(&[("cf", cf.into())]))
        .map_or(JsValue::UNDEFINED, JsValue::from);
}

/// Sends `request`, and waits at most `timeout` for the answer to begin; then it may take as long as it likes.
pub(super) async fn send(
    env: &Env,
    target: &Target,
    request: &OutgoingRequest,
    may_be_cached: bool,
    timeout: Millis,
) -> Result<FetchedResponse, SendFault> {
    let call = match target {
        Target::Url(_) | Target::Route if may_be_cached => {
            js::global_forward(request, &JsValue::UNDEFINED)
        }
        Target::Url(_) | Target::Route => {
            UNCACHED.with(|uncached| js::global_forward(request, uncached))
        }
        Target::Binding(name) => {
            let service: Fetcher = js::binding(env, name).ok_or(SendFault::NoBinding)?;
            service.forward(request)
        }
    };
    let response: FetchedResponse = match promise::within(call, timeout).await {
        None => return Err(SendFault::TimedOut),
        // What JS threw is dropped: its text may hold the origin's address.
        Some(Err(_)) => return Err(SendFault::Unreachable),
        Some(Ok(response)) => response.unchecked_into(),
    };
    match response.status() {
        Ok(status) => spoken_for(status).map_or(Ok(response), Err),
        Err(_) => Err(SendFault::Unreachable),
    }
}

/// In production the platform answers for an origin that it cannot reach, with statuses of its own.
const fn spoken_for(status: u16) -> Option<SendFault> {
    match status {
        522 | 524 => Some(SendFault::TimedOut),
        520 | 521 | 523 | 525 | 526 | 527 | 530 => Some(SendFault::Unreachable),
        _ => None,
    }
}
