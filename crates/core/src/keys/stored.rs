//! The ring as JSON text: what its storage holds, and what isolates get.
//!
//! Both are read by the releases before and after. Members may be added, with a default; one that is missing where it is
//! needed makes the whole unreadable. What is stored keeps the members that it does not know ([`Kept`]): an older release
//! that changes the ring must not drop what a newer one wrote.

use std::borrow::Cow;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value};

use super::{Backup, KeyKind, KeyRing, RingCopy, RingHead, SigningKey};
use crate::message;
use postern_jwt::{secret::Secret, time::UnixMillis};

/// The text is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// The members of a stored object that this release does not know. They may be secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(Map<String, Value>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} more", self.0.len())
    }
}

/// A value among the members of a record, with what another release has noted beside its own members.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Noted<T> {
    /// The value.
    #[serde(flatten)]
    pub value: T,
    #[serde(flatten)]
    kept: Kept,
}

impl<T> From<T> for Noted<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            kept: Kept::default(),
        }
    }
}

/// For a time whose absence means the epoch.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls; whether that is trivial depends on the target"
)]
pub(super) const fn is_epoch(time: &UnixMillis) -> bool {
    time.0 == 0
}

/// Secret bytes as base64url, for `#[serde(with = "secret")]`.
pub(super) mod secret {
    use super::{
        Base64UrlUnpadded, Cow, Deserialize, Deserializer, Encoding, Error, Secret, Serializer,
    };

    pub(in crate::keys) fn serialize<S: Serializer>(
        secret: &Secret,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64UrlUnpadded::encode_string(secret.expose()))
    }

    pub(in crate::keys) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Secret, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes = Base64UrlUnpadded::decode_vec(&text);
        // Without the error's text, which might show a part of it.
        bytes
            .map(Secret::new)
            .map_err(|_| D::Error::custom("not base64url"))
    }
}

/// The same for one that may be absent.
pub(super) mod optional_secret {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer, secret};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Text(#[serde(with = "secret")] Secret);

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(in crate::keys) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.clone().map(Text).serialize(serializer)
    }

    pub(in crate::keys) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        let text: Option<Text> = Option::deserialize(deserializer)?;
        Ok(text.map(|Text(secret)| secret))
    }
}

/// A ring as it is written: code from before there were assertion keys reads `keys` whole, and passes over a member that it
/// does not know.
#[derive(Serialize, Deserialize)]
pub(super) struct RingText {
    head: RingHead,
    keys: Vec<SigningKey>,
    #[serde(default)]
    assertion_keys: Vec<SigningKey>,
}

impl From<KeyRing> for RingText {
    fn from(ring: KeyRing) -> Self {
        let (assertion_keys, keys) = ring
            .keys
            .into_iter()
            .partition(|key| key.kind == KeyKind::Assertion);
        Self {
            head: ring.head,
            keys,
            assertion_keys,
        }
    }
}

impl From<RingText> for KeyRing {
    fn from(mut text: RingText) -> Self {
        text.keys.append(&mut text.assertion_keys);
        Self {
            head: text.head,
            keys: text.keys,
        }
    }
}

/// Reading and writing the whole text of each.
macro_rules! texts {
    ($($name:ident)*) => {$(
        impl $name {
            /// The text.
            pub fn to_json(&self) -> Result<String, Unreadable> {
                message::encode(self).ok_or(Unreadable)
            }

            /// Reads what [`Self::to_json`] wrote, in this release or another.
            pub fn from_json(text: &str) -> Result<Self, Unreadable> {
                message::read(text).map_err(|_| Unreadable)
            }
        }
    )*};
}
texts! { SigningKey RingHead KeyRing RingCopy Backup Claim }

/// What the ring of a jurisdiction tells the one outside of all: that the deployment has its keys there, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The platform's name of the jurisdiction.
    pub jurisdiction: String,
}

impl Claim {
    /// What stands in the place of a ring outside: of a schema that no release has, so that each of them refuses it.
    pub fn in_place_of_a_ring(&self) -> Result<String, Unreadable> {
        #[derive(Serialize)]
        struct InPlace<'a> {
            schema: u32,
            jurisdiction: &'a str,
        }
        let in_place = InPlace {
            schema: u32::MAX,
            jurisdiction: &self.jurisdiction,
        };
        message::encode(&in_place).ok_or(Unreadable)
    }
}
