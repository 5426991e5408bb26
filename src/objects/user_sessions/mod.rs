//! One user's sessions: the object, its storage, and how it is called.

pub(crate) mod client;
pub(crate) mod object;
pub(crate) mod store;

pub(crate) use client::{ask, ask_object, object_of_id, object_of_route};
