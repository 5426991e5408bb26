//! Encryption by WebCrypto: AES-256-GCM with a key at hand, and RSA-OAEP-256 (RFC 7518 section 4.3) for keys that travel.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;

use super::{CryptoFault, exported, imported, pair, parse, set};
use crate::runtime::{
    js::{self, CryptoKey},
    promise,
};
use postern_jwt::{compact, json::ObjectWriter, secret::Secret};

/// RSA of 2048 bits is for a key that is used within minutes.
const OAEP: &str = r#"{"name":"RSA-OAEP","hash":"SHA-256","modulusLength":2048}"#;

/// How long a key of AES-256-GCM is. WebCrypto takes shorter ones, for other strengths.
const KEY_BYTES: usize = 32;

/// A key of AES-256-GCM, as WebCrypto holds it. Not to be had back.
#[derive(Debug, Clone)]
pub(crate) struct ContentKey(CryptoKey);

impl ContentKey {
    /// Imports 32 bytes; [`CryptoFault::BadKey`] when there are more or fewer.
    pub(crate) async fn new(key: &Secret) -> Result<Self, CryptoFault> {
        if key.expose().len() != KEY_BYTES {
            return Err(CryptoFault::BadKey);
        }
        let mut jwk = ObjectWriter::new();
        jwk.text("kty", "oct");
        jwk.text("k", &compact::encode(key.expose()));
        let key = imported(&jwk.finish(), r#"{"name":"AES-GCM"}"#, &both()).await;
        key.map(Self)
    }

    /// The sealed text with its tag. `nonce` must never have been used with this key before.
    pub(crate) async fn seal(
        &self,
        nonce: [u8; 12],
        additional: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, CryptoFault> {
        let algorithm = gcm(nonce, additional)?;
        done(promise::of(js::encrypt(&algorithm, &self.0, text)).await)
    }

    /// The text that was sealed; [`CryptoFault::BadKey`] when it was not sealed with this key, nonce and additional data.
    pub(crate) async fn open(
        &self,
        nonce: [u8; 12],
        additional: &[u8],
        sealed: &[u8],
    ) -> Result<Secret, CryptoFault> {
        let algorithm = gcm(nonce, additional)?;
        let opened = promise::of(js::decrypt(&algorithm, &self.0, sealed)).await;
        done(opened)
            .map(Secret::new)
            .map_err(|_| CryptoFault::BadKey)
    }
}

/// `key` for whoever has the private part of a public RSA key: the text of a JWK.
pub(crate) async fn wrapped(jwk: &str, key: &Secret) -> Result<Vec<u8>, CryptoFault> {
    let usages = Array::of1(&JsValue::from_str("encrypt"));
    let public = imported(jwk, OAEP, &usages).await?;
    done(promise::of(js::encrypt(&parse(OAEP)?, &public, key.expose())).await)
}

/// A key pair whose private part stays here.
#[derive(Debug, Clone)]
pub(crate) struct UnwrappingKey(CryptoKey);

impl UnwrappingKey {
    /// A new one, and its public part: the text of a JWK.
    pub(crate) async fn generate() -> Result<(Self, String), CryptoFault> {
        let pair = pair(&parse(OAEP)?, ["encrypt", "decrypt"], false).await?;
        let [public, private] = [pair.public_key(), pair.private_key()];
        let public = exported(public.map_err(|_| CryptoFault::Backend)?).await?;
        let private = private.map_err(|_| CryptoFault::Backend)?;
        Ok((Self(private), public))
    }

    /// What was wrapped; [`CryptoFault::BadKey`] when it was not wrapped for this key.
    pub(crate) async fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, CryptoFault> {
        let key = promise::of(js::decrypt(&parse(OAEP)?, &self.0, wrapped)).await;
        done(key).map(Secret::new).map_err(|_| CryptoFault::BadKey)
    }
}

fn both() -> Array {
    Array::of2(&JsValue::from_str("encrypt"), &JsValue::from_str("decrypt"))
}

fn gcm(nonce: [u8; 12], additional: &[u8]) -> Result<JsValue, CryptoFault> {
    let algorithm = parse(r#"{"name":"AES-GCM"}"#)?;
    set(&algorithm, "iv", &Uint8Array::from(nonce.as_slice()))?;
    set(&algorithm, "additionalData", &Uint8Array::from(additional))?;
    Ok(algorithm)
}

fn done(outcome: Result<JsValue, JsValue>) -> Result<Vec<u8>, CryptoFault> {
    outcome
        .map(|bytes| Uint8Array::new(&bytes).to_vec())
        .map_err(|_| CryptoFault::Backend)
}
