//! What a request is for, and which credentials it carries.
//!
//! Reads requests by the settings; the grammars of HTTP are in [`crate::http`].

pub mod credentials;
pub mod route;
pub mod token_places;
