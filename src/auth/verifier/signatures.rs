//! Whether a signature is good: HS256 is checked in the core, everything else by WebCrypto.

use crate::runtime::{crypto, log, random};
use postern_core::refusal::Refusal;
use postern_jwt::{Algorithm, Pending, SignatureVerdict, VerificationKey, proof::PendingProof};

const SIGNATURE_OUTAGE: Refusal =
    Refusal::GeneralError("signatures cannot be checked at the moment");

/// HS256 is checked in the core; everything else by WebCrypto.
pub(crate) async fn verdict(pending: &Pending<'_, '_>) -> Result<SignatureVerdict, Refusal> {
    if let Some(verdict) = pending.verify_here() {
        return Ok(verdict);
    }
    let signed = (pending.algorithm(), pending.signature());
    for key in pending.keys() {
        if asked(key, signed, pending.signing_input()).await? {
            return Ok(SignatureVerdict::from_backend(true));
        }
    }
    Ok(SignatureVerdict::from_backend(false))
}

/// The same of a proof of possession.
pub(crate) async fn proof_verdict(pending: &PendingProof<'_>) -> Result<SignatureVerdict, Refusal> {
    let signed = (pending.algorithm(), pending.signature());
    let is_good = asked(pending.key(), signed, pending.signing_input()).await?;
    Ok(SignatureVerdict::from_backend(is_good))
}

async fn asked(
    key: &VerificationKey,
    (algorithm, signature): (Algorithm, &[u8]),
    input: &str,
) -> Result<bool, Refusal> {
    match crypto::verify(key, algorithm, signature, input.as_bytes()).await {
        Ok(is_good) => Ok(is_good),
        Err(random::CryptoFault::BadKey) => Ok(false),
        Err(random::CryptoFault::Backend) => {
            log::write(log::Event::Signature, "WebCrypto failed");
            Err(SIGNATURE_OUTAGE)
        }
    }
}
