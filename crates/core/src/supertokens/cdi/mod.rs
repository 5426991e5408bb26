//! The backend protocol (SuperTokens CDI): what a backend SDK asks its core, and what the core answers.
//!
//! Versions (one table), paths, request bodies and response bodies are plain values, without storage, signatures and
//! sockets: [`admission::admit`] turns HTTP into a [`request::call::CoreCall`], a use case elsewhere turns that
//! into a [`response::outcome::Outcome`] or a refusal, and [`response::render`] turns that back into HTTP.

pub mod admission;
pub mod reply;
pub mod request;
pub mod response;

#[cfg(test)]
mod tests;
