//! HS256 (RFC 7518 section 3.2), checked synchronously by jwt-compact: 6 µs, and no hop into JavaScript. Its longer
//! siblings are rare, and their hash is large: WebCrypto has both.

use jwt_compact::{
    Algorithm as Scheme, AlgorithmSignature,
    alg::{Hs256, Hs256Key},
};

use crate::secret::Secret;

const MAC_BYTES: usize = 32;

/// True when `signature` is the MAC of `data`; compared in constant time.
pub fn verify(secret: &Secret, data: &[u8], signature: &[u8]) -> bool {
    // jwt-compact leaves the length of a signature to its caller, and panics on a wrong one.
    signature.len() == MAC_BYTES
        && <Hs256 as Scheme>::Signature::try_from_slice(signature).is_ok_and(|signature| {
            let key = Hs256Key::new(secret.expose());
            Hs256.verify_signature(&signature, &key, data)
        })
}
