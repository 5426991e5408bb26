//! HMAC signatures (RFC 7518 section 3.2), checked synchronously by jwt-compact: 6 µs, and no hop into JavaScript.

use jwt_compact::{
    Algorithm as Scheme, AlgorithmSignature,
    alg::{Hs256, Hs256Key, Hs384, Hs384Key, Hs512, Hs512Key},
};

use super::Algorithm;
use crate::secret::Secret;

/// True when `signature` is the MAC of `data`; compared in constant time. False for any other algorithm.
pub fn verify(algorithm: Algorithm, secret: &Secret, data: &[u8], signature: &[u8]) -> bool {
    let key = secret.expose();
    match algorithm {
        Algorithm::HS256 => check(&Hs256, &Hs256Key::new(key), data, signature),
        Algorithm::HS384 => check(&Hs384, &Hs384Key::new(key), data, signature),
        Algorithm::HS512 => check(&Hs512, &Hs512Key::new(key), data, signature),
        _ => false,
    }
}

/// jwt-compact leaves the length of a signature to its caller, and panics on a wrong one.
fn check<S: Scheme>(scheme: &S, key: &S::VerifyingKey, data: &[u8], bytes: &[u8]) -> bool {
    let expected = S::Signature::LENGTH.map(std::num::NonZeroUsize::get);
    if expected != Some(bytes.len()) {
        return false;
    }
    S::Signature::try_from_slice(bytes)
        .is_ok_and(|signature| scheme.verify_signature(&signature, key, data))
}
