//! The pipeline against jwt-compact as an independent signer and verifier, and against hostile tokens.

mod hostile;
mod jwk;
mod oracle;
mod proof;
mod rfc;
mod support;
mod wycheproof;

use self::support::NOW;
use self::support::ask_backend;

use crate::time::Millis;
use crate::{MAX_TOKEN_BYTES, Parties, Policy, TokenFault, Types, VerificationKey, compact};

/// What is found about a JWS before anybody reads its payload: a good signature, or why it is refused.
fn verify_jws(token: &str, keys: &[VerificationKey]) -> Result<Vec<u8>, TokenFault> {
    let any = Policy {
        algorithms: None,
        typ: Types::Access,
        issuer: None,
        parties: Parties::default(),
        needs_expiry: true,
        max_lifetime: None,
        checks_confirmation: true,
        tolerance: Millis(0),
        not_before_allowance: Millis(0),
        issued_at_allowance: Millis(0),
    };
    let mut payload = Vec::new();
    let token = compact::parse_jws(token, MAX_TOKEN_BYTES, |bytes| {
        payload = bytes;
        Ok(crate::json::ObjectText::default())
    })?;
    let pending = token.choose_keys(keys, &any)?;
    let verdict = pending
        .verify_here()
        .unwrap_or_else(|| ask_backend(&pending));
    // The pipeline verifies no token whose payload was not parsed.
    let refused = pending.finish(verdict, NOW).unwrap_err();
    if refused == TokenFault::BadPayload {
        assert!(verdict.is_good());
        Ok(payload)
    } else {
        Err(refused)
    }
}
