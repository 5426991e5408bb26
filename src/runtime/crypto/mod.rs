//! Signatures by WebCrypto: RSA, ECDSA, Ed25519, ML-DSA where the runtime has it, and HMAC with the larger hashes.
//!
//! The names that WebCrypto gives to algorithms, and the imported keys.
//! HS256 is not here: the core checks it without leaving Wasm.

pub(crate) mod cipher;

use super::random::CryptoFault;
use std::cell::RefCell;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    js::{self, CryptoKey, CryptoKeyPair},
    promise,
};
use postern_jwt::{
    Algorithm, KeyMaterial, MlDsa, SigningAlgorithm, VerificationKey, secret::Secret,
};

/// How many imported keys of each use an isolate keeps. A full cache is emptied: the keys in use are imported again.
const MAX_IMPORTED_KEYS: usize = 256;

/// What WebCrypto needs to know about an algorithm, as JSON: for `importKey`, and for `sign` and `verify`.
struct Parameters {
    import: &'static str,
    operate: &'static str,
}

/// A key as WebCrypto holds it, and the parameters to use it with.
#[derive(Clone)]
struct Imported {
    key: CryptoKey,
    operate: JsValue,
}

thread_local! {
    // `CryptoKey`s are not bound to a request. Few, so lists will do.
    /// Keys that verify, each with the one algorithm that it was imported for.
    static VERIFIERS: RefCell<Vec<(Algorithm, KeyMaterial, Imported)>> = const { RefCell::new(Vec::new()) };
    /// Keys that sign, by name: no two keys of a ring ever share one.
    static SIGNERS: RefCell<Vec<(String, Imported)>> = const { RefCell::new(Vec::new()) };
}

/// Whether `signature` over `data` is good for this key. ECDSA signatures are `r || s` (RFC 7518 section 3.4).
pub(crate) async fn verify(
    key: &VerificationKey,
    algorithm: Algorithm,
    signature: &[u8],
    data: &[u8],
) -> Result<bool, CryptoFault> {
    let material = key.material();
    let known = VERIFIERS.with_borrow(|keys| {
        let mut keys = keys.iter();
        let found = keys.find(|(for_algorithm, known, _)| {
            *for_algorithm == algorithm && known.is_same_key(material)
        })?;
        Some(found.2.clone())
    });
    let Imported { key, operate } = if let Some(known) = known {
        known
    } else {
        let imported = import(&key.jwk(), algorithm, "verify").await?;
        VERIFIERS.with_borrow_mut(|keys| {
            keep(keys, (algorithm, material.clone(), imported.clone()));
        });
        imported
    };
    // Some implementations throw at another length, which would look like a fault of ours.
    if signature_bytes(algorithm).is_some_and(|length| signature.len() != length) {
        return Ok(false);
    }
    promise::computed(js::verify(&operate, &key, signature, data))
        .await
        .map(|verdict| verdict.is_truthy())
        .map_err(|_| CryptoFault::Backend)
}

/// Whether this runtime verifies signatures of an algorithm: ML-DSA is there behind a compatibility flag only.
pub(crate) fn can_verify(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::MlDsa(set) => js::supports("verify", set.name()).unwrap_or_default(),
        _ => true,
    }
}

/// The signature of a key of our own over `data`, in the form that JWS has it. The private key stays non-extractable
/// inside WebCrypto.
pub(crate) async fn sign(
    key_id: &str,
    private_jwk: &Secret,
    algorithm: SigningAlgorithm,
    data: &[u8],
) -> Result<Vec<u8>, CryptoFault> {
    let known = SIGNERS.with_borrow(|keys| {
        let found = keys.iter().find(|(known, _)| known == key_id)?;
        Some(found.1.clone())
    });
    let Imported { key, operate } = if let Some(known) = known {
        known
    } else {
        let jwk = std::str::from_utf8(private_jwk.expose()).map_err(|_| CryptoFault::BadKey)?;
        let imported = import(jwk, Algorithm::signed_with(algorithm), "sign").await?;
        SIGNERS.with_borrow_mut(|keys| keep(keys, (key_id.to_owned(), imported.clone())));
        imported
    };
    promise::computed(js::sign(&operate, &key, data))
        .await
        .map(|signature| Uint8Array::new(&signature).to_vec())
        .map_err(|_| CryptoFault::Backend)
}

fn keep<T>(keys: &mut Vec<T>, key: T) {
    if keys.len() >= MAX_IMPORTED_KEYS {
        keys.clear();
    }
    keys.push(key);
}

/// A new key pair: public and private JWK. Takes up to a tenth of a second of CPU for RSA, so only objects call it.
pub(crate) async fn generate(algorithm: SigningAlgorithm) -> Result<(String, Secret), CryptoFault> {
    let parameters = parse(match algorithm {
        SigningAlgorithm::RS256 => {
            r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256","modulusLength":2048}"#
        }
        SigningAlgorithm::ES256 => r#"{"name":"ECDSA","namedCurve":"P-256"}"#,
        SigningAlgorithm::EdDSA => r#"{"name":"Ed25519"}"#,
    })?;
    let pair = pair(&parameters, ["sign", "verify"], true).await?;
    let [public, private] = [pair.public_key(), pair.private_key()];
    let public = exported(public.map_err(|_| CryptoFault::Backend)?).await?;
    let private = exported(private.map_err(|_| CryptoFault::Backend)?).await?;
    Ok((public, Secret::new(private.into_bytes())))
}

/// A new key pair for these uses. The public key can always be exported, the private one if it is to be `extractable`.
async fn pair(
    parameters: &JsValue,
    usages: [&str; 2],
    extractable: bool,
) -> Result<CryptoKeyPair, CryptoFault> {
    let backend = |_| CryptoFault::Backend;
    // Of RSA, and passed over by the others: 65537, big-endian; JSON has no byte arrays.
    let exponent = Uint8Array::from([1, 0, 1].as_slice());
    set(parameters, "publicExponent", &exponent)?;
    let [one, other] = usages.map(JsValue::from_str);
    let usages = Array::of2(&one, &other);
    let pair = promise::of(js::generate_key(parameters, extractable, &usages));
    Ok(pair.await.map_err(backend)?.unchecked_into())
}

fn set(object: &JsValue, name: &str, value: &JsValue) -> Result<(), CryptoFault> {
    js_sys::Reflect::set(object, &JsValue::from_str(name), value)
        .map(drop)
        .map_err(|_| CryptoFault::Backend)
}

async fn exported(key: CryptoKey) -> Result<String, CryptoFault> {
    let jwk = promise::of(js::export_key("jwk", &key))
        .await
        .map_err(|_| CryptoFault::Backend)?;
    js_sys::JSON::stringify(&jwk)
        .map(String::from)
        .map_err(|_| CryptoFault::Backend)
}

async fn import(
    jwk: &str,
    algorithm: Algorithm,
    usage: &'static str,
) -> Result<Imported, CryptoFault> {
    let parameters = parameters(algorithm).ok_or(CryptoFault::BadKey)?;
    let usages = Array::of1(&JsValue::from_str(usage));
    let key = imported(jwk, parameters.import, &usages).await?;
    let operate = parse(parameters.operate)?;
    Ok(Imported { key, operate })
}

async fn imported(jwk: &str, parameters: &str, usages: &Array) -> Result<CryptoKey, CryptoFault> {
    let jwk = js_sys::JSON::parse(jwk).map_err(|_| CryptoFault::BadKey)?;
    let key = promise::of(js::import_key(
        "jwk",
        &jwk,
        &parse(parameters)?,
        false,
        usages,
    ));
    let key = key.await.map_err(|error| import_fault(&error))?;
    Ok(key.unchecked_into())
}

/// Web Cryptography section 14.3: a key that cannot be imported is a `DataError`, `SyntaxError`, `TypeError` or
/// `NotSupportedError`. Anything else is no statement about the key.
fn import_fault(error: &JsValue) -> CryptoFault {
    let name = js_sys::Reflect::get(error, &JsValue::from_str("name"))
        .ok()
        .and_then(|name| name.as_string());
    match name.as_deref() {
        Some("DataError" | "SyntaxError" | "TypeError" | "NotSupportedError") => {
            CryptoFault::BadKey
        }
        _ => CryptoFault::Backend,
    }
}

fn parse(json: &str) -> Result<JsValue, CryptoFault> {
    js_sys::JSON::parse(json).map_err(|_| CryptoFault::Backend)
}

/// The one length a signature has (RFC 7518 section 3.4, RFC 8032 section 5.1.6, FIPS 204 table 2); `None` = it depends on the key.
const fn signature_bytes(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::ES256 | Algorithm::EdDSA | Algorithm::Ed25519 => Some(64),
        Algorithm::ES384 => Some(96),
        Algorithm::ES512 => Some(132),
        Algorithm::MlDsa(set) => Some(set.signature_bytes()),
        _ => None,
    }
}

/// WebCrypto's parameters for an algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9964 section 5); none for HS256.
fn parameters(algorithm: Algorithm) -> Option<Parameters> {
    let (import, operate) = match algorithm {
        Algorithm::HS256 => return None,
        Algorithm::HS384 => (r#"{"name":"HMAC","hash":"SHA-384"}"#, r#"{"name":"HMAC"}"#),
        Algorithm::HS512 => (r#"{"name":"HMAC","hash":"SHA-512"}"#, r#"{"name":"HMAC"}"#),
        Algorithm::RS256 => (
            r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
            r#"{"name":"RSASSA-PKCS1-v1_5"}"#,
        ),
        Algorithm::RS384 => (
            r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-384"}"#,
            r#"{"name":"RSASSA-PKCS1-v1_5"}"#,
        ),
        Algorithm::RS512 => (
            r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-512"}"#,
            r#"{"name":"RSASSA-PKCS1-v1_5"}"#,
        ),
        // The salt is as long as the hash (RFC 7518 section 3.5).
        Algorithm::PS256 => (
            r#"{"name":"RSA-PSS","hash":"SHA-256"}"#,
            r#"{"name":"RSA-PSS","saltLength":32}"#,
        ),
        Algorithm::PS384 => (
            r#"{"name":"RSA-PSS","hash":"SHA-384"}"#,
            r#"{"name":"RSA-PSS","saltLength":48}"#,
        ),
        Algorithm::PS512 => (
            r#"{"name":"RSA-PSS","hash":"SHA-512"}"#,
            r#"{"name":"RSA-PSS","saltLength":64}"#,
        ),
        Algorithm::ES256 => (
            r#"{"name":"ECDSA","namedCurve":"P-256"}"#,
            r#"{"name":"ECDSA","hash":"SHA-256"}"#,
        ),
        Algorithm::ES384 => (
            r#"{"name":"ECDSA","namedCurve":"P-384"}"#,
            r#"{"name":"ECDSA","hash":"SHA-384"}"#,
        ),
        Algorithm::ES512 => (
            r#"{"name":"ECDSA","namedCurve":"P-521"}"#,
            r#"{"name":"ECDSA","hash":"SHA-512"}"#,
        ),
        Algorithm::EdDSA | Algorithm::Ed25519 => (r#"{"name":"Ed25519"}"#, r#"{"name":"Ed25519"}"#),
        Algorithm::MlDsa(set) => {
            let name = match set {
                MlDsa::MlDsa44 => r#"{"name":"ML-DSA-44"}"#,
                MlDsa::MlDsa65 => r#"{"name":"ML-DSA-65"}"#,
                MlDsa::MlDsa87 => r#"{"name":"ML-DSA-87"}"#,
            };
            (name, name)
        }
    };
    Some(Parameters { import, operate })
}
