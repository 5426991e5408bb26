//! HTTP as plain values: routing, bearer tokens, cookies, replies.
//!
//! Owns the reading of request lines and headers and the writing of replies. Refuses to know the JS types that carry
//! them, and what a token means.

pub mod bearer;
pub mod cookie;
pub mod credential_names;
pub mod credentials;
pub mod date;
pub mod host;
pub mod reply;
pub mod route;
