//! JSON Web Keys and key sets, from the settings and from a server.

use postern_jwt::keys::jwk::{self, KeySetSource, MAX_KEY_SET_BYTES, MAX_KEYS};
use postern_jwt::{Algorithm, KeyMaterial};

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
        match jwk::parse_set(document, source, &Algorithm::ALL) {
            Ok(set) => {
                assert!(document.len() <= MAX_KEY_SET_BYTES);
                let read = set.keys.len() + set.left_out.len();
                assert!(!set.keys.is_empty() && read <= MAX_KEYS);
                for key in &set.keys {
                    is_fit(key, source);
                }
            }
            // What a log says of it is short, and one line.
            Err(fault) => {
                let said = fault.to_string();
                assert!(
                    said.len() < 2_000 && !said.contains(char::is_control),
                    "{said}"
                );
            }
        }
        if let Ok(key) = jwk::parse_key(document, source, &Algorithm::ALL) {
            is_fit(&key, source);
        }
    }
}

fn is_fit(key: &postern_jwt::VerificationKey, source: KeySetSource) {
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
    let listed = [key.algorithm()];
    let again = jwk::parse_key(&jwk, source, &listed).expect("a key of ours reads");
    assert_eq!(again.jwk(), jwk);
}
