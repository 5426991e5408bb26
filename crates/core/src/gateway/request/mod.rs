//! What an origin receives: the request's own headers without anything that claims an identity, and ours.

pub mod assertion;
pub mod headers;
pub mod identity;
pub mod socket_token;
pub mod ticket_query;
pub mod trace_context;
pub mod upgrade;

pub(crate) mod claimed;
