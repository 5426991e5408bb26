//! WebCrypto.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// A key that WebCrypto holds. Not bound to a request, so it may be kept.
    #[derive(Debug, Clone)]
    pub(crate) type CryptoKey;

    /// The pair that `generateKey` makes.
    pub(crate) type CryptoKeyPair;

    /// `pair.privateKey`
    #[wasm_bindgen(method, catch, getter, js_name = privateKey)]
    pub(crate) fn private_key(this: &CryptoKeyPair) -> Result<CryptoKey, JsValue>;

    /// `pair.publicKey`
    #[wasm_bindgen(method, catch, getter, js_name = publicKey)]
    pub(crate) fn public_key(this: &CryptoKeyPair) -> Result<CryptoKey, JsValue>;

    /// `crypto.subtle.importKey("jwk", jwk, …)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = importKey)]
    pub(crate) fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    /// `SubtleCrypto.supports(operation, algorithm)` (WICG, Modern Algorithms in the Web Cryptography API): absent where
    /// nothing of that is there.
    #[wasm_bindgen(catch, js_namespace = SubtleCrypto, js_name = supports)]
    pub(crate) fn supports(operation: &str, algorithm: &str) -> Result<bool, JsValue>;

    /// `crypto.subtle.exportKey("jwk", key)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = exportKey)]
    pub(crate) fn export_key(format: &str, key: &CryptoKey) -> Result<Promise, JsValue>;

    /// `crypto.subtle.generateKey(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = generateKey)]
    pub(crate) fn generate_key(
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.sign(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = sign)]
    pub(crate) fn sign(
        algorithm: &JsValue,
        key: &CryptoKey,
        data: &[u8],
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.verify(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = verify)]
    pub(crate) fn verify(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.encrypt(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = encrypt)]
    pub(crate) fn encrypt(
        algorithm: &JsValue,
        key: &CryptoKey,
        data: &[u8],
    ) -> Result<Promise, JsValue>;

    /// `crypto.subtle.decrypt(…)`
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = decrypt)]
    pub(crate) fn decrypt(
        algorithm: &JsValue,
        key: &CryptoKey,
        data: &[u8],
    ) -> Result<Promise, JsValue>;
}
