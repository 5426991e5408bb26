//! The backend protocol (SuperTokens CDI): what a backend SDK asks its core, and what the core answers.
//!
//! Owns versions (one table), paths, request bodies and response bodies, as plain values. Refuses to know storage,
//! signing and sockets: [`request::admit`] turns HTTP into a [`call::CoreCall`], a use case elsewhere turns that
//! into a [`response::Outcome`] or a refusal, and [`response::render`] turns that back into HTTP.

pub(crate) mod api_key;
mod body;
pub mod call;
mod cookies;
mod fields;
pub mod jwt;
mod legacy_keys;
pub mod path;
mod query;
pub mod reply;
pub mod request;
pub mod response;
mod standing;
mod tokens;
pub mod version;
mod writer;

#[cfg(test)]
mod tests;
