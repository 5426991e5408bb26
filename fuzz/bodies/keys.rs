//! JSON Web Keys and key sets, from the settings and from a server.

use postern::token::{
    KeyMaterial,
    jwk::{self, KeySetSource, MAX_KEY_SET_BYTES, MAX_KEYS},
};

use super::text;

pub const DICTIONARY: &[&str] = &[
    "{\"keys\":[",
    "]}",
    "\"kty\":",
    "\"RSA\"",
    "\"EC\"",
    "\"OKP\"",
    "\"oct\"",
    "\"crv\":\"P-256\"",
    "\"x\":",
    "\"y\":",
    "\"n\":",
    "\"e\":\"AQAB\"",
    "\"k\":",
    "\"kid\":",
    "\"use\":\"sig\"",
    "\"alg\":\"RS256\"",
    "\"key_ops\":[\"verify\"]",
    "\"d\":",
];

pub fn jwks(input: &[u8]) {
    let Some(document) = text(input) else { return };
    for source in [KeySetSource::Settings, KeySetSource::Fetched] {
        if let Ok(keys) = jwk::parse_set(document, source) {
            assert!(document.len() <= MAX_KEY_SET_BYTES);
            assert!((1..=MAX_KEYS).contains(&keys.len()));
            for key in &keys {
                is_fit(key, source);
            }
        }
        if let Ok(key) = jwk::parse_key(document, source) {
            is_fit(&key, source);
        }
    }
}

fn is_fit(key: &postern::token::VerificationKey, source: KeySetSource) {
    assert!(!key.algorithms().is_empty());
    let families: Vec<_> = key
        .algorithms()
        .iter()
        .map(|algorithm| algorithm.family())
        .collect();
    assert!(
        families.windows(2).all(|pair| pair[0] == pair[1]),
        "one key, one family"
    );
    let jwk = key.jwk();
    let is_secret = matches!(key.material(), KeyMaterial::Symmetric(_));
    assert!(
        !is_secret || source == KeySetSource::Settings,
        "a symmetric key that was fetched"
    );
    // Only what the key needs is read, and what is given to WebCrypto means the same key.
    assert_eq!(jwk.contains("\"k\":"), is_secret, "{jwk}");
    for private in ["\"d\":", "\"p\":", "\"q\":"] {
        assert!(!jwk.contains(private), "{jwk}");
    }
    let again = jwk::parse_key(&jwk, source).expect("a key of ours reads");
    assert_eq!(again.jwk(), jwk);
}
