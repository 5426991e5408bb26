//! Strict JOSE: the JWS compact form (RFC 7515), JWK selection (RFC 7517), algorithms (RFC 7518) and JWT claims (RFC 7519).
//!
//! The way of a token: [`compact::parse`] gives an [`Unverified`]; [`Unverified::choose_keys`] a [`Pending`];
//! [`Pending::verify_here`] or a backend a [`SignatureVerdict`]; [`Pending::finish`] a [`Verified`]. Nothing else can make a
//! [`Verified`]. Depends on no storage, no HTTP and no framework.
//!
//! ```
//! use postern_jwt::{MAX_TOKEN_BYTES, TokenFault, compact};
//!
//! // Three parts of canonical base64url, or it is refused before anything in it is read.
//! assert_eq!(compact::parse("a.b", MAX_TOKEN_BYTES).unwrap_err(), TokenFault::NotThreeParts);
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::string_slice
    )
)]

#[cfg(test)]
extern crate self as postern_jwt;

pub mod cache;
pub mod compact;
pub mod json;
pub mod jwks_cache;
pub mod keys;
pub mod parties;
pub mod policy;
pub mod proof;
pub mod secret;
pub mod time;

mod fault;
mod origin;
mod pipeline;
mod unverified;

pub use crate::fault::TokenFault;
pub use crate::keys::algorithm::{
    Algorithm, Curve, Family, MlDsa, SigningAlgorithm, UnknownAlgorithm,
};
pub use crate::keys::key::{KeyMaterial, VerificationKey};
pub use crate::origin::TokenOrigin;
pub use crate::parties::Parties;
pub use crate::pipeline::{Pending, SignatureVerdict, Verified};
pub use crate::policy::{Policy, Types};
pub use crate::unverified::{Form, MAX_KEY_ID_BYTES, MAX_TOKEN_BYTES, Unverified};

#[cfg(test)]
mod tests;
