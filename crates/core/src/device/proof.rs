//! What a browser signs: a JWT of `typ` `dbsc+jwt` whose `jti` is the challenge.

use super::proof_text;
use postern_jwt::{
    Algorithm, TokenFault, VerificationKey,
    json::Object,
    keys::jwk::{self, KeySetSource},
    proof::{Proof, ProofPolicy},
};

/// The algorithms that are offered, and no others.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

/// An RSA key of 8,192 bits and its signature take 3 KB.
const POLICY: ProofPolicy = ProofPolicy {
    typ: "dbsc+jwt",
    algorithms: &ALGORITHMS,
    max_bytes: 6 * 1024,
};

/// Takes the proof of `Secure-Session-Response` apart.
///
/// # Errors
/// It is none.
pub fn parse_proof(header: &str) -> Result<Proof<'_>, TokenFault> {
    POLICY.parse(proof_text(header))
}

/// The challenge that a proof answers.
///
/// # Errors
/// It names none.
pub fn challenge_of(claims: &Object<'_>) -> Result<String, TokenFault> {
    let challenge = claims.string("jti").map_err(|_| TokenFault::BadClaim)?;
    let challenge = challenge.ok_or(TokenFault::ClaimMissing)?;
    Ok(challenge.into_owned())
}

/// A key as it was stored; `None` when it is none of those that are offered.
pub fn known_key(jwk: &str) -> Option<VerificationKey> {
    jwk::parse_key(jwk, KeySetSource::Fetched, &ALGORITHMS).ok()
}
