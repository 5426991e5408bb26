//! Tokens: strict parsing, keys and JWK rules, claims policy, and the pipeline that alone can build a verified token.
//!
//! Owns the JWS compact form (RFC 7515), JWK selection (RFC 7517) and JWT claims (RFC 7519). Refuses to know storage.

use serde::{Deserialize, Serialize};

/// JWS algorithms that can be verified (RFC 7518 section 3.1, RFC 8037, RFC 9864).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// ECDSA with P-384 and SHA-384.
    ES384,
    /// ECDSA with P-521 and SHA-512.
    ES512,
    /// Ed25519, under its RFC 8037 name.
    EdDSA,
    /// Ed25519, under its RFC 9864 name.
    Ed25519,
}
