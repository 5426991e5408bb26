//! WebCrypto.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// A key that WebCrypto holds. Not bound to a request, so it may be kept.
    #[derive(Debug, Clone)]
    pub(in crate::edge) type CryptoKey;

    /// The pair that `generateKey` makes.
    pub(in crate::edge) type CryptoKeyPair;

    /// `pair.privateKey`
    #[wasm_bindgen(method, catch, getter, js_name = privateKey)]
    pub(in crate::edge) fn private_key(this: &CryptoKeyPair) -> Result<CryptoKey, JsValue>;

    /// `pair.publicKey`
    #[wasm_bindgen(method, catch, getter, js_name = publicKey)]
    pub(in crate::edge) fn public_key(this: &CryptoKeyPair) -> Result<CryptoKey, JsValue>;

    /// `crypto.subtle.importKey("jwk", jwk, …)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    pub(in crate::edge) fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.exportKey("jwk", key)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = exportKey)]
    pub(in crate::edge) fn export_key(format: &str, key: &CryptoKey) -> Result<Promise, JsValue>;

    /// `crypto.subtle.generateKey(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = generateKey)]
    pub(in crate::edge) fn generate_key(
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.sign(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = sign)]
    pub(in crate::edge) fn sign(
        algorithm: &JsValue,
        key: &CryptoKey,
        data: &[u8],
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.verify(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = verify)]
    pub(in crate::edge) fn verify(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<Promise, JsValue>;
}
