//! Tokens: strict parsing, keys and JWK rules, claims policy, and the pipeline that alone can build a verified token.
//!
//! Owns the JWS compact form (RFC 7515), JWK selection (RFC 7517) and JWT claims (RFC 7519). Refuses to know storage.
//!
//! The way of a token: [`claimant::claimant`] says whose it claims to be and gives an [`Unverified`];
//! [`Unverified::choose_keys`] a [`Pending`]; [`Pending::verify_here`] or a backend a [`SignatureVerdict`];
//! [`Pending::finish`] a [`Verified`].

pub mod access_token;
pub mod cache;
pub mod candidate;
pub mod claimant;
pub mod compact;
pub mod issuer;
pub mod jwk;
pub mod jwks_cache;
pub mod key;
pub mod legacy;
pub mod parties;
pub mod policy;
pub mod symmetric;

mod algorithm;
mod fault;
mod origin;
mod pipeline;
mod unverified;
mod weak_key;

pub use access_token::{AccessClaims, AccessTokenVersion};
pub use algorithm::{Algorithm, Curve, Family, UnknownAlgorithm};
pub use fault::TokenFault;
pub use key::{KeyMaterial, VerificationKey};
pub use origin::TokenOrigin;
pub use parties::Parties;
pub use pipeline::{Pending, SignatureVerdict, Verified};
pub use policy::{Policy, Types};
pub use unverified::{Form, MAX_KEY_ID_BYTES, MAX_TOKEN_BYTES, Unverified};

#[cfg(test)]
mod tests;
