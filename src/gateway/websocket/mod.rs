//! Sessions behind open WebSockets: whether one is still active, and when to check again.
//!
//! Frames are copied between both sockets by `websocket.mjs`, which keeps the id of the session check.

pub(crate) mod ticket;

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    auth::{authenticate, verified_session::VerifiedToken, verifier},
    objects::context::Context,
    runtime::{
        js::{self, ExecutionContext},
        number::{number, whole_number},
    },
};
use postern_core::{refusal::Refusal, revocation::copy::Age, settings::Freshness};
use postern_jwt::time::{Millis, UnixMillis};

/// The longest pause between two checks.
const LONGEST: Millis = Millis::from_seconds(30);
/// The shortest: `strict` asks the user's object as often, and no bound is below one second.
const SHORTEST: Millis = Millis(500);
/// What the pump understands as closing: the close code, negative.
const EXPIRED: f64 = -4401.0;
const REVOKED: f64 = -4403.0;
/// Nobody can tell at the moment.
const UNKNOWN: f64 = 0.0;

/// The ticket of a session with its token, if it has one, and how many milliseconds to wait before the first check.
pub(crate) fn ticket(
    context: &Context,
    known: &VerifiedToken,
    token: Option<&str>,
    freshness: Freshness,
) -> (JsValue, JsValue) {
    let bound = match freshness {
        Freshness::Stateless => JsValue::NULL,
        Freshness::Strict => number(0),
        Freshness::Within(bound) => number(bound.0),
    };
    let ticket = match token {
        Some(token) => js::object(&[("token", JsValue::from_str(token)), ("bound", bound)]),
        None => js::object(&[
            ("handle", JsValue::from_str(&known.liveness_handle)),
            ("until", number(known.good_until.0)),
            ("bound", bound),
        ]),
    };
    let wait = number(wait(freshness, known.good_until, context.now).0);
    (ticket.unwrap_or_default().into(), wait)
}

/// What the pump is to do next: wait so many milliseconds, or close.
pub(crate) async fn recheck(ticket: &JsValue, env: &Env, execution: &ExecutionContext) -> JsValue {
    let member = |name: &str| Reflect::get(ticket, &JsValue::from_str(name)).unwrap_or_default();
    let holder = match member("handle").as_string() {
        Some(handle) => Holder::Handle {
            handle,
            until: UnixMillis(whole_number(&member("until")).unwrap_or_default()),
        },
        None => Holder::Token(member("token").as_string().unwrap_or_default()),
    };
    let bound = member("bound");
    let freshness = match whole_number(&bound) {
        None => Freshness::Stateless,
        Some(0) => Freshness::Strict,
        // Half of it passes between two checks.
        Some(bound) => Freshness::Within(Millis(bound / 2)),
    };
    let verdict = match Context::open(env, execution).await {
        Ok(context) => verdict(&context, &holder, freshness).await,
        Err(_) => UNKNOWN,
    };
    JsValue::from_f64(verdict)
}

/// What opened the socket.
enum Holder {
    /// An access token.
    Token(String),
    /// What stood for a session of ours once, and until when that counts.
    Handle { handle: String, until: UnixMillis },
}

async fn verdict(context: &Context, holder: &Holder, freshness: Freshness) -> f64 {
    let (checked, good_until) = match holder {
        Holder::Token(token) => match verifier::verify(context, token).await {
            Ok(known) => (
                authenticate::check_revocation(context, &known, freshness).await,
                known.good_until,
            ),
            Err(Refusal::GeneralError(_)) => return UNKNOWN,
            Err(_) => return EXPIRED,
        },
        Holder::Handle { until, .. } if *until <= context.now => return EXPIRED,
        Holder::Handle { handle, until } => (
            authenticate::check_revocation_of(context, handle, Age::Unknown, None, freshness).await,
            *until,
        ),
    };
    match checked {
        Ok(()) => {
            let freshness = match freshness {
                Freshness::Within(half) => Freshness::Within(Millis(half.0.saturating_mul(2))),
                other => other,
            };
            let wait = wait(freshness, good_until, context.now);
            number(wait.0).as_f64().unwrap_or(UNKNOWN)
        }
        Err(Refusal::GeneralError(_)) => UNKNOWN,
        Err(_) => REVOKED,
    }
}

/// Half the bound, so that a revocation is felt within the whole of it; never beyond the token's end.
fn wait(freshness: Freshness, good_until: UnixMillis, now: UnixMillis) -> Millis {
    let by_bound = match freshness {
        Freshness::Stateless => LONGEST,
        Freshness::Strict => SHORTEST,
        Freshness::Within(bound) => Millis(bound.0 / 2),
    };
    let left = good_until.since(now).max(Millis(1));
    by_bound.clamp(SHORTEST, LONGEST).min(left)
}
