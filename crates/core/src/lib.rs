//! The rules of Postern: sessions, revocation, keys, the gateway, settings and the two SuperTokens protocols.
//!
//! No JavaScript type and no clock: the time is an argument. The Worker reads requests, calls this crate, and talks to KV,
//! Durable Objects and WebCrypto.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::string_slice
    )
)]

pub mod console;
pub mod device;
pub mod dpop;
pub mod encryption_key;
pub mod error;
pub mod events;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod key_sets;
pub mod keys;
pub mod location;
pub mod log_events;
pub mod message;
pub mod metrics;
pub mod pages;
pub mod refusal;
pub mod relay;
pub mod request;
pub mod revocation;
pub mod sealed;
pub mod session;
pub mod settings;
pub mod shown;
pub mod store_fault;
pub mod supertokens;
pub mod tenant;
pub mod tokens;
pub mod waiting;
