//! The Durable Objects and how the rest of the Worker calls them: `user_sessions`, `key_ring` with
//! `key_sets` beside it, `revocations`; and `events`, which they tell.

pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod key_ring;
pub(crate) mod key_sets;
pub(crate) mod relays;
pub(crate) mod revocation_copy;
pub(crate) mod revocation_report;
pub(crate) mod revocations;
pub(crate) mod seen_signals;
pub(crate) mod shared_settings;
pub(crate) mod user_sessions;
