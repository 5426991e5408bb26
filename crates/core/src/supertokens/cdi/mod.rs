//! The backend protocol (SuperTokens CDI): what a backend SDK asks its core, and what the core answers.
//!
//! Owns versions (one table), paths, request bodies and response bodies, as plain values. Refuses to know storage,
//! signing and sockets: [`request::admit`] turns HTTP into a [`call::CoreCall`], a use case elsewhere turns that
//! into a [`crate::supertokens::cdi::outcome::Outcome`] or a refusal, and [`response::render`] turns that back into HTTP.

pub mod admission;
pub mod reply;
pub mod request;
pub mod response;

#[cfg(test)]
mod tests;
