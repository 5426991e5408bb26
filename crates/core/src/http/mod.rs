//! HTTP as plain values: endpoints, bearer tokens, cookies, replies.
//!
//! Headers are read and replies are written here, as plain values without a JS type and without settings.

pub mod bearer;
pub mod cookie;
pub mod credential_names;
pub mod date;
pub mod endpoints;
pub(crate) mod form;
pub mod host;
pub mod reply;
pub mod token_places;
