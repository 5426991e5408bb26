//! The platform's rate limiter, where the binding `RATE_LIMIT` is there (docs/rate-limits.md).
//!
//! What is limited is what costs something and can be asked for without end: refreshes of one session from one network, tickets
//! of one session, and wrong API keys of one network. A right API key is never counted: whoever shares a network with somebody who guesses is not
//! locked out.

use js_sys::Reflect;
use worker::Env;

use crate::{
    objects::context::Context,
    runtime::{
        clock,
        http::request::Incoming,
        js::{self, RateLimiter},
        log,
        number::message_of,
        promise, settings,
    },
};
use postern_core::{error, http::reply::Reply, refusal::Refusal, settings::DeviceIp};
use postern_jwt::time::Millis;

/// How long an answer is waited for: the platform counts on the machine that asks.
const PATIENCE: Millis = Millis(1_000);

/// Of what there may be too much.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Refreshes of a session.
    Refresh,
    /// Tickets of a session.
    Ticket,
    /// Requests of a network without a right API key.
    ApiKey,
}

impl Kind {
    /// What its keys begin with.
    const fn name(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Ticket => "ticket",
            Self::ApiKey => "api_key",
        }
    }

    const fn too_many(self) -> &'static str {
        match self {
            Self::Refresh => "too many refreshes of one session from one network",
            Self::Ticket => "too many tickets of one session",
            Self::ApiKey => "too many requests of one network without a right API key",
        }
    }
}

/// Refuses one refresh too many of the session with this handle from the client's network. The handle proves nothing yet: counted
/// for the session alone, somebody elsewhere who knows it could use up what its owner may ask for.
pub(super) async fn of_refresh(
    context: &Context,
    handle: &str,
    client_address: Option<&str>,
) -> Result<(), Refusal> {
    of(context, Kind::Refresh, handle, &network(client_address)).await
}

/// Refuses one ticket too many of the session with this handle, whose token was verified.
pub(super) async fn of_ticket(context: &Context, handle: &str) -> Result<(), Refusal> {
    of(context, Kind::Ticket, handle, "").await
}

/// The limiter is told a keyed digest of the handle only.
async fn of(context: &Context, kind: Kind, handle: &str, network: &str) -> Result<(), Refusal> {
    let Some(limiter) = js::binding(&context.env, settings::RATE_LIMIT) else {
        return Ok(());
    };
    let session = context.ring.session_digest(handle);
    if is_within(&limiter, kind, &[&session, " ", network].concat()).await {
        Ok(())
    } else {
        Err(Refusal::TooManyRequests)
    }
}

/// The network of an address, as sessions keep it; empty for none.
pub(super) fn network(client_address: Option<&str>) -> String {
    let kept = client_address.and_then(|address| DeviceIp::Coarse.kept(address));
    kept.unwrap_or_default()
}

/// The answer to a request without a right API key: that one is needed, or that there were too many of this network.
pub(super) async fn of_wrong_api_key(request: &Incoming, env: &Env) -> Result<(), Refusal> {
    log::wrong_api_key();
    let Some(limiter) = js::binding(env, settings::RATE_LIMIT) else {
        return Ok(());
    };
    let network = network(request.header("cf-connecting-ip").as_deref());
    if is_within(&limiter, Kind::ApiKey, &network).await {
        Ok(())
    } else {
        Err(Refusal::TooManyRequests)
    }
}

/// The same as a reply, with the one that is given in place of a 429.
pub(super) async fn reply_to_wrong_api_key(request: &Incoming, env: &Env, reply: Reply) -> Reply {
    match of_wrong_api_key(request, env).await {
        Ok(()) => reply,
        Err(_) => error::too_many_requests(),
    }
}

/// Counts one more. A limiter that fails lets everything through: it guards what has its own defences.
async fn is_within(limiter: &RateLimiter, kind: Kind, of: &str) -> bool {
    let key = [kind.name(), " ", of].concat();
    let Some(options) = js::object(&[("key", key.into())]) else {
        return true;
    };
    let fault = match promise::within(limiter.limit(&options), PATIENCE).await {
        Some(Ok(outcome)) => {
            let success = Reflect::get(&outcome, &"success".into()).ok();
            match success.and_then(|success| success.as_bool()) {
                Some(true) => return true,
                Some(false) => {
                    log::write_at_times(log::Event::RateLimited, kind.too_many(), clock::now());
                    return false;
                }
                None => "its answer does not say whether there were too many".to_owned(),
            }
        }
        Some(Err(thrown)) => message_of(&thrown),
        None => "it gave no answer in time".to_owned(),
    };
    log::write_at_times(log::Event::RateLimiter, &fault, clock::now());
    true
}
