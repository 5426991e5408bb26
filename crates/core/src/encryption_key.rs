//! The keys that seal the key ring at rest, as `KEY_ENCRYPTION_KEYS` lists them. What is sealed, and how, is `keys::SealedRecord`.

use base64ct::{Base64UrlUnpadded, Encoding};

use postern_jwt::{
    compact,
    secret::{Secret, mac},
};

/// How long a key is, in bytes: AES-256.
const KEY_BYTES: usize = 32;

/// How much of a digest names a key, in bytes.
const NAME_BYTES: usize = 12;

/// What `KEY_ENCRYPTION_KEYS` names: the first one seals, each opens what it has sealed.
#[derive(Debug, Clone)]
pub enum EncryptionKey {
    /// Records are written as they are.
    None,
    /// They are sealed.
    Key {
        /// The name that records have of it: a digest.
        name: String,
        /// The key itself: 32 bytes.
        key: Secret,
    },
}

impl EncryptionKey {
    /// Reads `none`, or 32 bytes in base64url without padding; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::None);
        }
        let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
        let key = (bytes.len() == KEY_BYTES).then(|| Secret::new(bytes))?;
        let digest = mac(&key, &[b"the name of a key that seals the key ring"]);
        let name: Vec<u8> = digest.expose().iter().copied().take(NAME_BYTES).collect();
        let name = compact::encode(&name);
        Some(Self::Key { name, key })
    }

    /// The name that records have of it; `None` of those that are not sealed.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Key { name, .. } => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EncryptionKey;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn a_key_has_32_bytes_and_a_name_that_is_its_own() {
        let one = EncryptionKey::parse(KEY).unwrap();
        let other = EncryptionKey::parse(&KEY.replacen('A', "B", 1)).unwrap();
        // For ever: stored records have it.
        assert_eq!(one.name(), Some("QHI8dj-LALnwG5VD"));
        assert_ne!(one.name(), other.name());
        assert!(!format!("{one:?}").contains(KEY));
        assert!(matches!(
            EncryptionKey::parse("none"),
            Some(EncryptionKey::None)
        ));
        let (short, long) = (KEY.get(2..).unwrap(), format!("{KEY}AA"));
        let padded = format!("{KEY}=");
        // The last character of 43 has two bits that must be zero.
        let loose = KEY.replace("Hh8", "Hh9");
        for text in ["", "None", "all", short, &long, &padded, &loose] {
            assert!(EncryptionKey::parse(text).is_none(), "{text}");
        }
    }
}
