//! Postern: a session service at the edge.
//!
//! The crate has two halves. The **pure core** (everything but [`edge`]) holds the rules: it knows no JS type, takes
//! `now` as an argument, and is tested natively. The **wasm shell** (`edge`, compiled for wasm32 only) is thin: it
//! reads requests, calls the core, and talks to KV, Durable Objects and WebCrypto.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::string_slice
    )
)]

pub mod core_driver;
pub mod error;
pub mod frontend;
pub mod gateway;
pub mod http;
pub mod json;
pub mod keys;
pub mod location;
pub mod message;
pub mod revocation;
pub mod secret;
pub mod session;
pub mod settings;
pub mod time;
pub mod token;
pub mod waiting;

#[cfg(target_arch = "wasm32")]
pub mod edge;
