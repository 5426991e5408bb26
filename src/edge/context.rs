//! What every use case works with: the environment, the settings, the key ring's copy, and the one time of the request.

use std::rc::Rc;

use worker::Env;

use super::{clock, js::ExecutionContext, key_ring, log, promise, settings};
use crate::{
    keys::RingCopy,
    location::Location,
    session::{
        handle::{CheckedHandle, HandleKeys},
        model::Refusal,
    },
    settings::Settings,
    time::UnixMillis,
};

/// A request's surroundings.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) env: Env,
    execution: ExecutionContext,
    pub(super) settings: Rc<Settings>,
    pub(super) ring: Rc<RingCopy>,
    pub(super) now: UnixMillis,
    /// Where a user's object is to be made that does not exist yet.
    pub(super) location: Option<Location>,
}

/// The refusal while the settings are bad: said to nobody but the log.
pub(super) const MISCONFIGURED: Refusal = Refusal::GeneralError("the service is misconfigured");
/// The refusal of a deployment whose storage cannot serve.
pub(super) const NOT_READY: Refusal = Refusal::GeneralError("keys, KV or objects cannot serve");
const NO_KEYS: Refusal = Refusal::GeneralError("the key ring is out of reach");

impl Context {
    /// Opens the context of a request, with a copy of the key ring in hand.
    pub(super) async fn open(env: &Env, execution: &ExecutionContext) -> Result<Self, Refusal> {
        let now = clock::now();
        let settings = settings::current(env).map_err(|settings::Misconfigured| MISCONFIGURED)?;
        let ring = key_ring::current(env, now)
            .await
            .map_err(|key_ring::Outage| {
                log::fault("key_ring", "no usable copy of the key ring");
                NO_KEYS
            })?;
        Ok(Self {
            location: settings.user_location,
            env: env.clone(),
            execution: execution.clone(),
            settings,
            ring,
            now,
        })
    }

    /// The same surroundings at another time.
    pub(super) fn at(&self, now: UnixMillis) -> Self {
        Self {
            now,
            ..self.clone()
        }
    }

    /// The same surroundings, for a user who is near `location`, if that is known.
    pub(super) fn near(&self, location: Option<Location>) -> Self {
        Self {
            location: location.or(self.location),
            ..self.clone()
        }
    }

    /// Goes on with `work` after the request was answered. The platform ends what it does not know of.
    pub(super) fn in_background(&self, work: impl Future<Output = ()> + 'static) {
        let promise = promise::of_end(work);
        if self.execution.wait_until(&promise).is_err() {
            log::fault("background", "the platform takes no work in the background");
        }
    }

    /// The keys behind session handles.
    pub(super) fn handle_keys(&self) -> HandleKeys {
        self.ring.handle_keys()
    }

    /// Checks a handle without any I/O: bytes that we did not issue go no further.
    pub(super) fn checked(&self, handle: &str) -> Result<CheckedHandle, Refusal> {
        self.handle_keys()
            .check(handle)
            .ok_or(Refusal::Unauthorised("Session does not exist."))
    }
}
