//! HTTP as plain values: routing, bearer tokens, cookies, replies.
//!
//! Request lines and headers are read and replies are written here, as plain values without a JS type.

pub mod bearer;
pub mod cookie;
pub mod credential_names;
pub mod credentials;
pub mod date;
pub(crate) mod form;
pub mod host;
pub mod reply;
pub mod route;
pub mod token_places;
