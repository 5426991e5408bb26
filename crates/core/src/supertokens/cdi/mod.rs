//! The backend protocol (SuperTokens CDI): what a backend SDK asks its core, and what the core answers.
//!
//! Owns versions (one table), paths, request bodies and response bodies, as plain values. Refuses to know storage,
//! signing and sockets: [`request::admit`] turns HTTP into a [`call::CoreCall`], a use case elsewhere turns that
//! into a [`crate::supertokens::cdi::outcome::Outcome`] or a refusal, and [`response::render`] turns that back into HTTP.

pub mod call;
pub mod jwt;
pub mod outcome;
pub mod path;
pub mod reply;
pub mod request;
pub mod response;
pub mod version;

pub mod api_key;

mod body;
mod cookies;
mod fields;
mod legacy_keys;
mod query;
mod standing;
mod tenant;
mod tokens;
mod writer;

#[cfg(test)]
mod tests;
