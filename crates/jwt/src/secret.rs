//! Secret bytes: key material, MACs and tokens that must never be compared by `==`, printed or logged.
//!
//! They are compared in constant time, and no formatting shows them.

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes that are compared in constant time only and whose `Debug` form shows nothing: keys, MACs and digests.
///
/// `==` does not exist for them, neither between two nor with plain bytes:
/// ```compile_fail,E0369
/// use postern_jwt::secret::{Secret, mac};
/// let key = Secret::new(vec![1; 32]);
/// assert!(mac(&key, &[b"a"]) == mac(&key, &[b"a"]));
/// ```
/// ```compile_fail,E0369
/// use postern_jwt::secret::digest;
/// assert!(digest(b"key") == [0; 32]);
/// ```
/// and they cannot be printed:
/// ```compile_fail,E0277
/// use postern_jwt::secret::digest;
/// println!("{}", digest(b"key"));
/// ```
/// What does exist:
/// ```
/// use postern_jwt::secret::{Secret, mac};
/// let key = Secret::new(vec![1; 32]);
/// assert!(mac(&key, &[b"a"]).equals(mac(&key, &[b"a"]).expose()));
/// ```
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes ownership of secret bytes.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for use as key material. Never log them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// True when both hold the same bytes. Time depends on the length only.
    pub fn equals(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The anti-CSRF token of a session: text that goes to browsers, and is compared in constant time only.
///
/// Not with a text by `==`, which would stop at the first difference:
/// ```compile_fail,E0277
/// let token = postern_jwt::secret::AntiCsrfToken::new("token".to_owned());
/// assert!(token == "token");
/// ```
/// but by a method that says what it does:
/// ```
/// let token = postern_jwt::secret::AntiCsrfToken::new("token".to_owned());
/// assert!(token.equals("token"));
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AntiCsrfToken(String);

impl AntiCsrfToken {
    /// Takes a token that was made here, or read from an access token.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be handed out. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when a request presents this token; never for an empty one. Time depends on the length only.
    pub fn equals(&self, presented: &str) -> bool {
        let is_equal: bool = self.0.as_bytes().ct_eq(presented.as_bytes()).into();
        is_equal & !presented.is_empty()
    }
}

/// In constant time, for the comparison of whole records.
impl PartialEq for AntiCsrfToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for AntiCsrfToken {}

impl std::fmt::Debug for AntiCsrfToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AntiCsrfToken(..)")
    }
}

/// A key of HMAC-SHA-256 (RFC 2104) in its expanded form: hashing the key is half of what a short MAC costs.
#[derive(Clone)]
pub struct MacKey(Option<Hmac<Sha256>>);

impl MacKey {
    /// Expands a key of any length.
    pub fn new(key: &Secret) -> Self {
        // HMAC takes a key of any length, so this cannot fail.
        Self(Hmac::new_from_slice(key.expose()).ok())
    }

    /// The MAC of `parts`, each preceded by its length so that no two lists of parts share a MAC.
    pub fn mac(&self, parts: &[&[u8]]) -> Secret {
        // An empty MAC would equal nothing of ours.
        let Some(mut mac) = self.0.clone() else {
            return Secret(Vec::new());
        };
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        Secret(mac.finalize().into_bytes().to_vec())
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// The same with a key that is used once, see [`MacKey::mac`].
pub fn mac(key: &Secret, parts: &[&[u8]]) -> Secret {
    MacKey::new(key).mac(parts)
}

/// HMAC-SHA-256 of `message` as RFC 2104 has it, for those who go by another format than ours.
pub fn hmac_sha256(key: &Secret, message: &[u8]) -> Secret {
    // HMAC takes a key of any length, so this cannot fail.
    let mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok();
    Secret(mac.map_or_else(Vec::new, |mac| {
        mac.chain_update(message).finalize().into_bytes().to_vec()
    }))
}

/// SHA-256 of `bytes`, used to compare long-lived credentials by digest.
pub fn digest(bytes: &[u8]) -> Secret {
    Secret(Sha256::digest(bytes).to_vec())
}

/// Lower-case hexadecimal SHA-256 of a string: the protocol's `hash1` and, applied twice, `hash2`.
pub fn sha256_hex(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{AntiCsrfToken, MacKey, Secret, mac, sha256_hex};

    #[test]
    fn parts_are_length_prefixed() {
        let key = Secret::new(vec![1; 32]);
        let joined = mac(&key, &[b"ab", b"c"]);
        assert!(!joined.equals(mac(&key, &[b"a", b"bc"]).expose()));
        assert!(joined.equals(mac(&key, &[b"ab", b"c"]).expose()));
    }

    #[test]
    fn an_expanded_key_makes_the_same_mac_again_and_again() {
        // RFC 4231 section 4.2 says what HMAC-SHA-256 of "Hi There" is; here each part has its length before it.
        let key = Secret::new(vec![0x0b; 20]);
        let expanded = MacKey::new(&key);
        for parts in [[b"Hi There".as_slice(), b""], [b"", b"Hi There"]] {
            let first = expanded.mac(&parts);
            assert!(first.equals(expanded.mac(&parts).expose()));
            assert!(first.equals(mac(&key, &parts).expose()));
        }
        let other = MacKey::new(&Secret::new(vec![0x0c; 20]));
        assert!(
            !other
                .mac(&[b"Hi There"])
                .equals(expanded.mac(&[b"Hi There"]).expose())
        );
        assert_eq!(format!("{expanded:?}"), "MacKey(..)");
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new(vec![65; 4])), "Secret(..)");
        let token = AntiCsrfToken::new("token".to_owned());
        assert_eq!(format!("{token:?}"), "AntiCsrfToken(..)");
    }

    #[test]
    fn an_anti_csrf_token_equals_itself_and_nothing_else() {
        let token = AntiCsrfToken::new("token".to_owned());
        assert!(token.equals("token"));
        for other in ["", "toke", "tokens", "tokem", "TOKEN"] {
            assert!(!token.equals(other), "{other}");
        }
        assert!(!AntiCsrfToken::new(String::new()).equals(""));
    }

    #[test]
    fn sha256_hex_is_lower_case() {
        assert_eq!(
            sha256_hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
