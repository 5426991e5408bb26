//! The ring in a file of the operator's, sealed to the operator's key: a JWE in compact form (RFC 7516), by RSA-OAEP-256 and
//! AES-256-GCM (RFC 7518 sections 4.3 and 5.3), so that any library for these opens it with the private key. Here is what is
//! sealed, what a restore takes and what it refuses; the ciphers are the Worker's.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::{KeyRing, Unreadable, stored::Kept};
use postern_jwt::{
    compact,
    json::{self, Object, ObjectWriter},
    proof::Thumbprint,
    secret::Secret,
    time::UnixMillis,
};

/// What a backup is of.
const TYPE: &str = "postern-keys";
const ALGORITHM: &str = "RSA-OAEP-256";
const ENCRYPTION: &str = "A256GCM";

/// The shortest and the longest modulus of a key that a backup is sealed to, in bytes: 2048 to 4096 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// The longest text of a backup that is looked at, in bytes.
pub const MAX_BACKUP_BYTES: usize = 1024 * 1024;

/// By how much the version of a restored ring is ahead at least: isolates may still hold, for a day, a copy of a lost ring that had
/// changed more often than its backup, and must take the restored one for the newer. The lost one may have been restored from the
/// same backup; so it is no less than the time in milliseconds either, by which a ring does not change as often.
const VERSION_LEAP: u64 = 1_000_000;

/// A public key (RFC 7517, RFC 7518 section 6.3.1) that content keys are wrapped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientKey(String);

impl RecipientKey {
    /// Reads a JWK; `None` unless it is the public part, and nothing but that, of an RSA key of 2048 to 4096 bits.
    pub fn read(jwk: &Object<'_>) -> Option<Self> {
        let text = |name| jwk.string(name).ok().flatten();
        let (modulus, exponent) = (text("n")?, text("e")?);
        let bytes = decoded(&modulus)?;
        let is_long_enough = MODULUS_BYTES.contains(&bytes.len()) && bytes.first() != Some(&0);
        let is_private = ["d", "p", "q", "dp", "dq", "qi", "oth"]
            .iter()
            .any(|name| jwk.contains(name));
        if text("kty")? != "RSA" || !is_long_enough || is_private {
            return None;
        }
        decoded(&exponent)?;
        let mut read = ObjectWriter::new();
        read.text("e", &exponent);
        read.text("kty", "RSA");
        read.text("n", &modulus);
        Some(Self(read.finish()))
    }

    /// The name of the key.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of_canonical(&self.0)
    }

    /// The text of the JWK: the required members as they were read, in the order of RFC 7638.
    pub fn jwk(&self) -> &str {
        &self.0
    }
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(part).ok()
}

/// What is sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backup {
    /// When it was made, by the ring's clock.
    pub made: UnixMillis,
    /// The whole ring.
    pub ring: KeyRing,
    /// What another release has noted.
    #[serde(flatten)]
    pub kept: Kept,
}

impl Backup {
    /// Of the ring as it is.
    pub fn of(ring: KeyRing, made: UnixMillis) -> Self {
        Self {
            made,
            ring,
            kept: Kept::default(),
        }
    }

    /// Reads what was opened.
    ///
    /// # Errors
    /// It is no backup, or of a release that is too new.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let backup = Self::from_json(text)?;
        let secrets = &backup.ring.head.secrets;
        let is_whole = backup.ring.head.is_readable() && !secrets.refresh_secrets.is_empty();
        is_whole.then_some(backup).ok_or(Unreadable)
    }

    /// The protected header of its JWE, which is authenticated with the content. `key` is what it is sealed to.
    pub fn header(&self, key: Thumbprint) -> String {
        let mut header = ObjectWriter::new();
        header.text("alg", ALGORITHM);
        header.text("enc", ENCRYPTION);
        header.text("typ", TYPE);
        header.text("kid", &key.to_string());
        header.number("iat", self.made.as_seconds());
        compact::encode(header.finish().as_bytes())
    }
}

/// The parts of a backup's JWE. Texts are base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBackup<'a> {
    /// The protected header as it stands there: the additional authenticated data.
    pub header: &'a str,
    /// The content key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The nonce: 12 bytes.
    pub nonce: [u8; 12],
    /// The sealed content with its tag, as WebCrypto has it.
    pub content: Vec<u8>,
}

/// How long the tag of AES-GCM is.
const TAG_BYTES: usize = 16;

impl<'a> SealedBackup<'a> {
    /// Takes a text apart; `None` when it has not the form of a backup, or names another key than `key` as the one that it was
    /// made for.
    pub fn read(text: &'a str, key: Thumbprint) -> Option<Self> {
        if text.len() > MAX_BACKUP_BYTES {
            return None;
        }
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let (header, wrapped_key, nonce, sealed, tag) =
            (next()?, next()?, next()?, next()?, next()?);
        if next().is_some() {
            return None;
        }
        let told = compact::decode_text(header).ok()?;
        let told = json::parse_object(&told).ok()?;
        let is = |name, value| matches!(told.string(name), Ok(Some(told)) if told == value);
        let is_known = is("alg", ALGORITHM) && is("enc", ENCRYPTION) && is("typ", TYPE);
        let is_known = is_known && is("kid", &key.to_string());
        if !is_known || told.contains("crit") || told.contains("zip") {
            return None;
        }
        let tag = decoded(tag).filter(|tag| tag.len() == TAG_BYTES)?;
        let mut content = decoded(sealed)?;
        content.extend(tag);
        Some(Self {
            header,
            wrapped_key: decoded(wrapped_key)?,
            nonce: decoded(nonce)?.try_into().ok()?,
            content,
        })
    }

    /// The text.
    pub fn text(&self) -> String {
        let content = self.content.as_slice();
        let at = content.len().saturating_sub(TAG_BYTES);
        let (sealed, tag) = content.split_at_checked(at).unwrap_or((content, &[]));
        let encode = compact::encode;
        [
            self.header,
            &encode(&self.wrapped_key),
            &encode(&self.nonce),
            &encode(sealed),
            &encode(tag),
        ]
        .join(".")
    }
}

/// What a restore makes of the ring.
#[derive(Debug)]
pub enum Restored {
    /// This ring takes the place of what is there.
    Ring(Box<KeyRing>),
    /// All that the backup could bring is there.
    Already,
}

/// There is a ring that lacks secrets of the backup: what was made with its own would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherRing;

impl KeyRing {
    /// The ring after a restore over what is stored, which may be nothing. `replace`: even if that is another ring.
    ///
    /// What a backup brings are keys and secrets. Of a ring that is there stays what it says of the deployment, its cut-off unless
    /// that of the backup is later, and which keys were withdrawn.
    ///
    /// # Errors
    /// There is another ring, and it is not to be replaced.
    pub fn restored(
        backup: Backup,
        stored: Option<&Self>,
        replace: bool,
        now: UnixMillis,
    ) -> Result<Restored, OtherRing> {
        let mut ring = backup.ring;
        let Some(stored) = stored else {
            ring.leap(0, now);
            return Ok(Restored::Ring(Box::new(ring)));
        };
        if !replace {
            return if stored.has_secrets_of(&ring) {
                Ok(Restored::Already)
            } else {
                Err(OtherRing)
            };
        }
        let mut head = stored.head.clone();
        head.secrets = ring.head.secrets;
        head.schema = ring.head.schema;
        if ring.head.not_before > head.not_before {
            head.not_before = ring.head.not_before;
            head.dated_cut_off = ring.head.dated_cut_off;
        }
        let version = ring.head.key_set_version;
        ring.head = head;
        for withdrawn in stored.keys.iter().filter(|key| key.withdrawn) {
            ring.keys.retain(|key| key.kid != withdrawn.kid);
            ring.keys.push(withdrawn.clone());
        }
        ring.leap(version, now);
        Ok(Restored::Ring(Box::new(ring)))
    }

    fn leap(&mut self, other: u64, now: UnixMillis) {
        let version = self.head.key_set_version.max(other);
        let version = version.saturating_add(VERSION_LEAP);
        self.head.key_set_version = version.max(now.0);
    }

    /// Whether whatever was made with the secrets of the other is recognised by this one.
    fn has_secrets_of(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.head.secrets, &other.head.secrets);
        let knows = |key: &Secret| {
            let listed = own.anti_csrf_keys.iter().map(|listed| &listed.key);
            let mut known = listed.chain([&own.anti_csrf_key]);
            known.any(|known| known.equals(key.expose()))
        };
        own.route_key.equals(theirs.route_key.expose())
            && own.handle_tag_key.equals(theirs.handle_tag_key.expose())
            && knows(&theirs.anti_csrf_key)
            && theirs
                .anti_csrf_keys
                .iter()
                .all(|listed| knows(&listed.key))
            && theirs.refresh_secrets.iter().all(|secret| {
                own.refresh_secrets.iter().any(|known| {
                    known.number == secret.number && known.key.equals(secret.key.expose())
                })
            })
    }
}

#[cfg(test)]
mod tests;
