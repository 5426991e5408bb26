//! ML-DSA (FIPS 204) by the crate `ml-dsa`: an independent signer, with one key for each parameter set.

use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, SigningKey, VerifyingKey};
use postern_jwt::{MlDsa, compact};

fn key<P: MlDsaParams>() -> SigningKey<P> {
    SigningKey::from_seed(&[7; 32].into())
}

/// The public key as a JWK (RFC 9964 section 4), with nothing but the key in it.
pub(crate) fn jwk(set: MlDsa) -> String {
    fn public<P: MlDsaParams>() -> Vec<u8> {
        let key = key::<P>();
        key.expanded_key().verifying_key().encode().to_vec()
    }
    let public = match set {
        MlDsa::MlDsa44 => public::<MlDsa44>(),
        MlDsa::MlDsa65 => public::<MlDsa65>(),
        MlDsa::MlDsa87 => public::<MlDsa87>(),
    };
    let name = set.name();
    format!(
        r#"{{"kty":"AKP","alg":"{name}","pub":"{}"}}"#,
        compact::encode(&public)
    )
}

/// A signature with the empty context, as JWS has it (RFC 9964 section 5).
pub(crate) fn sign(set: MlDsa, message: &[u8]) -> Vec<u8> {
    fn signed<P: MlDsaParams>(message: &[u8]) -> Vec<u8> {
        let key = key::<P>();
        let signature = key.expanded_key().sign_deterministic(message, &[]);
        signature.unwrap().encode().to_vec()
    }
    match set {
        MlDsa::MlDsa44 => signed::<MlDsa44>(message),
        MlDsa::MlDsa65 => signed::<MlDsa65>(message),
        MlDsa::MlDsa87 => signed::<MlDsa87>(message),
    }
}

/// Whether a signature is good for a public key of this parameter set.
pub(crate) fn verify(set: MlDsa, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    fn is_good<P: MlDsaParams>(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let signature = signature
            .try_into()
            .ok()
            .and_then(|bytes| Signature::<P>::decode(bytes));
        let key = public.try_into().map(VerifyingKey::<P>::decode);
        signature.is_some_and(|signature| {
            key.is_ok_and(|key| key.verify_with_context(message, &[], &signature))
        })
    }
    match set {
        MlDsa::MlDsa44 => is_good::<MlDsa44>(public, message, signature),
        MlDsa::MlDsa65 => is_good::<MlDsa65>(public, message, signature),
        MlDsa::MlDsa87 => is_good::<MlDsa87>(public, message, signature),
    }
}
