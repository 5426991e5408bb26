//! The log of revocations: its object, the object's storage, and how it is called.

pub(crate) mod client;
pub(crate) mod object;
pub(crate) mod store;

pub(crate) use client::{Outage, announce_keys, ask, cut_off, recorded, request};
