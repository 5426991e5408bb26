//! Key sets (RFC 7517 section 5): which keys of one can be used, and why the others cannot.

use super::{KeyFault, KeySetSource, read};
use crate::json::{self, JsonFault, Object};
use crate::{Algorithm, VerificationKey};

/// The largest key set that is read, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// How many keys a set may have.
pub const MAX_KEYS: usize = 100;

/// Why a key set document was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySetFault {
    /// Larger than [`MAX_KEY_SET_BYTES`].
    TooLarge,
    /// More than [`MAX_KEYS`] keys.
    TooManyKeys,
    /// Not a JSON object with an array `keys` of objects.
    Malformed(JsonFault),
    /// Another document than a key set.
    NotASet(OtherDocument),
    /// No key that can be used; all of these were left out.
    NoUsableKey(Vec<LeftOut>),
}

/// What is found in a key set's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherDocument {
    /// An issuer's metadata (OpenID Connect Discovery, RFC 8414): it has a `jwks_uri`.
    Metadata,
    /// X.509 certificates by their `kid`, as some issuers serve them beside their key set.
    Certificates,
    /// An object without `keys`.
    Unknown,
}

impl OtherDocument {
    fn of(document: &Object<'_>) -> Self {
        if document.contains("jwks_uri") {
            return Self::Metadata;
        }
        let mut members = document.members();
        if members.any(|member| member.value().starts_with("\"-----BEGIN CERTIFICATE")) {
            return Self::Certificates;
        }
        Self::Unknown
    }
}

impl std::fmt::Display for OtherDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metadata => {
                "the issuer's metadata and no JWK Set: what its jwks_uri says is the address"
            }
            Self::Certificates => {
                "X.509 certificates by name and no JWK Set: the issuer has another address for that"
            }
            Self::Unknown => "no JWK Set: it has no member \"keys\"",
        })
    }
}

impl std::fmt::Display for KeySetFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "larger than {MAX_KEY_SET_BYTES} bytes"),
            Self::TooManyKeys => write!(f, "more than {MAX_KEYS} keys"),
            Self::Malformed(fault) => write!(f, "not a JWK Set: {fault}"),
            Self::NotASet(found) => write!(f, "{found}"),
            Self::NoUsableKey(left_out) => {
                f.write_str("no usable key")?;
                for key in left_out.iter().take(MAX_NAMED) {
                    write!(f, "; {key}")?;
                }
                match left_out.len().saturating_sub(MAX_NAMED) {
                    0 => Ok(()),
                    others => write!(f, "; {others} others"),
                }
            }
        }
    }
}

/// How many keys a text names that were left out, and how many characters of a `kid`.
const MAX_NAMED: usize = 8;
const MAX_NAMED_KEY_ID: usize = 48;

/// A key set that was read.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// The keys that can be used, in the order of the document; at least one.
    pub keys: Vec<VerificationKey>,
    /// The others.
    pub left_out: Vec<LeftOut>,
}

/// A key that cannot be used. As text it is fit for a log, whatever the issuer called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place in the set, from 1.
    pub place: usize,
    /// Its `kid`, if that is a string.
    pub key_id: Option<String>,
    /// Why.
    pub fault: KeyFault,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key {}", self.place)?;
        if let Some(key_id) = &self.key_id {
            let is_plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
            let key_id: String = key_id
                .chars()
                .filter(is_plain)
                .take(MAX_NAMED_KEY_ID)
                .collect();
            write!(f, " ({key_id})")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for KeySetFault {}

/// Reads a key set. `algorithms` are those that keys may be used with, in order of preference: a key whose `alg` names none
/// is for the first that it fits, and for no other.
pub fn parse_set(
    text: &str,
    source: KeySetSource,
    algorithms: &[Algorithm],
) -> Result<KeySet, KeySetFault> {
    if text.len() > MAX_KEY_SET_BYTES {
        return Err(KeySetFault::TooLarge);
    }
    // Some servers put a byte order mark in front, which a reader may ignore (RFC 8259 section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = json::parse_object(text).map_err(KeySetFault::Malformed)?;
    let elements = document.array("keys").map_err(KeySetFault::Malformed)?;
    let elements = elements.ok_or_else(|| KeySetFault::NotASet(OtherDocument::of(&document)))?;
    if elements.len() > MAX_KEYS {
        return Err(KeySetFault::TooManyKeys);
    }
    let mut set = KeySet::default();
    for (place, element) in (1_usize..).zip(elements) {
        // One odd element must not cost the issuer's users the others.
        let jwk = json::parse_object(element).ok();
        let key = jwk
            .as_ref()
            .ok_or(KeyFault::Malformed)
            .and_then(|jwk| read(jwk, source, algorithms));
        match key {
            Ok(key) => set.keys.push(key),
            Err(fault) => {
                let key_id = jwk
                    .as_ref()
                    .and_then(|jwk| jwk.string("kid").ok().flatten());
                set.left_out.push(LeftOut {
                    place,
                    key_id: key_id.map(Into::into),
                    fault,
                });
            }
        }
    }
    if set.keys.is_empty() {
        return Err(KeySetFault::NoUsableKey(set.left_out));
    }
    Ok(set)
}
