//! Events of an object: written with the change that they are of, and delivered afterwards.
//!
//! `store` keeps them beside the object's own tables, `delivery` sends them to the queue and the webhook. Every rule is in
//! `postern_core::events`. Where neither is set up, nothing of this reads or writes anything.

mod delivery;
mod store;

pub(crate) use delivery::Delivery;
pub(crate) use store::{SqlEvents, next_due, publish};

use worker::Env;

use crate::runtime::{
    js::{self, Queue},
    settings,
};
use postern_core::events::Destinations;

const QUEUE: &str = "EVENTS";

/// Where this deployment's events go.
pub(crate) fn destinations(env: &Env) -> Destinations {
    Destinations {
        queue: queue(env).is_some(),
        webhook: settings::current(env).is_ok_and(|settings| settings.events_webhook_url.is_some()),
    }
}

fn queue(env: &Env) -> Option<Queue> {
    js::binding(env, QUEUE)
}
