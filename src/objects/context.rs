//! What every use case works with: the environment, the settings, the key ring's copy, and the one time of the request.

use std::rc::Rc;

use worker::Env;

use super::{key_ring, shared_settings};
use crate::runtime::{clock, js::ExecutionContext, log, log_context, promise, settings};
use postern_core::{
    keys::RingCopy,
    location::{Location, Place},
    refusal::Refusal,
    session::handle::{CheckedHandle, HandleKeys},
    settings::Settings,
};
use postern_jwt::time::UnixMillis;

/// A request's context.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) env: Env,
    execution: ExecutionContext,
    /// With the values that all isolates share in place of this release's own.
    pub(crate) settings: Rc<Settings>,
    pub(crate) ring: Rc<RingCopy>,
    pub(crate) now: UnixMillis,
    /// Where a user's object is to be made that does not exist yet.
    pub(crate) location: Option<Location>,
}

/// The refusal while the settings are bad: said to nobody but the log.
pub(crate) const MISCONFIGURED: Refusal = Refusal::GeneralError("the service is misconfigured");
/// The refusal of a deployment whose storage cannot serve.
pub(crate) const NOT_READY: Refusal = Refusal::GeneralError("keys, KV or objects cannot serve");
const NO_KEYS: Refusal = Refusal::GeneralError("the key ring is out of reach");

impl Context {
    /// Opens the context of a request, with a copy of the key ring in hand.
    pub(crate) async fn open(env: &Env, execution: &ExecutionContext) -> Result<Self, Refusal> {
        let now = clock::now();
        let settings = settings::current(env).map_err(|settings::Misconfigured| MISCONFIGURED)?;
        let ring = key_ring::current(env, now)
            .await
            .map_err(|key_ring::Outage| {
                log::write(log::Event::KeyRing, "no usable copy of the key ring");
                NO_KEYS
            })?;
        Ok(Self {
            location: settings.user_location,
            env: env.clone(),
            execution: execution.clone(),
            settings: shared_settings::of_isolate(&settings, &ring, now),
            ring,
            now,
        })
    }

    /// The same context at another time.
    pub(crate) fn at(&self, now: UnixMillis) -> Self {
        Self {
            now,
            ..self.clone()
        }
    }

    /// The same context, for a user who is near `location`, if that is known.
    pub(crate) fn near(&self, location: Option<Location>) -> Self {
        Self {
            location: location.or(self.location),
            ..self.clone()
        }
    }

    /// Goes on with `work` after the request was answered. The platform ends what it does not know of.
    pub(crate) fn in_background(&self, work: impl Future<Output = ()> + 'static) {
        let promise = promise::of_end(log_context::continued(work));
        if self.execution.wait_until(&promise).is_err() {
            log::write(
                log::Event::Background,
                "the platform takes no work in the background",
            );
        }
    }

    /// Where users' objects are.
    pub(crate) fn place(&self) -> Place {
        Place {
            jurisdiction: self.settings.jurisdiction,
            location: self.location,
        }
    }

    /// The keys behind session handles.
    pub(crate) fn handle_keys(&self) -> &HandleKeys {
        self.ring.handle_keys()
    }

    /// Checks a handle without any I/O: bytes that we did not issue go no further.
    pub(crate) fn checked(&self, handle: &str) -> Result<CheckedHandle, Refusal> {
        self.handle_keys()
            .check(handle)
            .ok_or(Refusal::Unauthorised("Session does not exist."))
    }
}
