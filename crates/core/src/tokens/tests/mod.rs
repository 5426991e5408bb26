//! Tokens of SuperTokens and of trusted issuers, against jwt-compact as an independent signer.

mod access_token;
mod candidate;
mod exchanged;
mod limits;
mod properties;
#[path = "../../../../jwt/src/tests/support.rs"]
#[allow(dead_code, reason = "shared with the tests of postern-jwt")]
mod support;
mod table;
mod trusted_issuer;
mod work;
