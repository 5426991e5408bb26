//! The key sets of trusted issuers: how one is fetched, the object that keeps it for all isolates, and how that is asked.

pub(crate) mod client;
mod discovery;
pub(crate) mod fetch;
pub(crate) mod object;
pub(crate) mod store;
