//! What isolates and users' objects ask of the authority, and what it answers. The ends may be of two releases: how a
//! member or a call is added is said in [`crate::message`]. A segment's bytes are fetched by name in a request of their own: the answer's body is the
//! [published form](super::segment), nothing else.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Entry;
use crate::message::Unread;
use postern_jwt::time::UnixMillis;

/// A question or an order to the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityCall {
    /// An isolate asks for what is new.
    Poll {
        /// The `seq` of the newest answer that was applied; 0 = none.
        since: u64,
    },
    /// A user's object reports ended sessions. Repeating a report changes nothing.
    Report(Report),
    /// Nobody's session from before this moment stands any more. Only ever moves forward.
    NotBefore {
        /// The moment, by the authority's clock; `None` = now.
        moment: Option<UnixMillis>,
    },
    /// The key ring has changed. Only ever moves forward.
    KeySetVersion {
        /// Its new version.
        version: u64,
    },
    /// As [`Self::Poll`], of the next release.
    #[cfg(postern_next)]
    PollNext {
        /// As there.
        since: u64,
    },
}

/// Ended sessions of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How many entries of this user have not expired, those in `entries` included. His object knows.
    pub live: u64,
    /// At most [`super::MAX_REPORT`], all of one route.
    pub entries: Vec<Entry>,
}

/// The authority's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityReply {
    /// To [`AuthorityCall::Poll`].
    Answer(PollAnswer),
    /// It is recorded: every later poll answer holds it.
    Recorded {
        /// The authority's clock; for [`AuthorityCall::NotBefore`] the moment that counts.
        at: UnixMillis,
    },
    /// The call is malformed; nothing was changed.
    Refused {},
    /// The call was not read; nothing was changed.
    Unread {
        /// Why.
        why: Unread,
    },
}

/// What holds as of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollAnswer {
    /// The authority's clock: every revocation recorded before this is in `segments`, `tail` or `strict_routes`, or the
    /// answer is `full`.
    pub as_of: UnixMillis,
    /// Grows with every entry.
    pub seq: u64,
    /// Up to this `seq` every entry that still counts is in `segments`.
    pub sealed: u64,
    /// The `seq` after which `tail` begins.
    pub tail_after: u64,
    /// The keys of the handles from `tail_after` to `seq`.
    pub tail: Keys,
    /// The names of the segments; none while the answer is `full`.
    pub segments: Vec<String>,
    /// Users whose sessions are settled by their objects.
    pub strict_routes: Keys,
    /// Nobody's session from before this moment stands; zero = never said.
    pub not_before: UnixMillis,
    /// When that was recorded, by the authority's clock; an authority of older code does not say it.
    #[serde(default)]
    pub not_before_recorded: Option<UnixMillis>,
    /// The key ring's version, as far as it was reported to the authority.
    pub key_set_version: u64,
    /// There were more entries than fit: what is not held may have been revoked all the same.
    pub full: bool,
}

impl PollAnswer {
    /// What the authority would have answered to [`AuthorityCall::Poll`] with `since`, of its whole answer (to 0).
    #[must_use]
    pub fn cut_to(&self, since: u64) -> Self {
        let known = if since > self.seq {
            0
        } else {
            since.saturating_sub(self.tail_after)
        };
        let skip = usize::try_from(known).unwrap_or(usize::MAX);
        Self {
            tail_after: self.tail_after.saturating_add(known),
            tail: Keys(self.tail.0.iter().skip(skip).copied().collect()),
            segments: self.segments.clone(),
            strict_routes: self.strict_routes.clone(),
            ..*self
        }
    }
}

/// Keys in a message: base64url of their bytes, 11 letters each in place of up to 20 digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(pub Vec<u64>);

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(8));
        for key in &self.0 {
            bytes.extend_from_slice(&key.to_be_bytes());
        }
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(D::Error::custom)?;
        let (keys, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(D::Error::custom("a part of a key"));
        }
        Ok(Self(
            keys.iter().map(|key| u64::from_be_bytes(*key)).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn damaged_keys_are_refused() {
        let read = |text: &str| serde_json::from_str::<Keys>(&format!("\"{text}\"")).ok();
        assert_eq!(read("AAAAAAAAAAA"), Some(Keys(vec![0])));
        for damaged in ["AAAAAAAAAA", "AAAAAAAAAAA=", "AAAAAAAAAAB", "AAAAAAAAAA+"] {
            assert_eq!(read(damaged), None, "{damaged}");
        }
        let keys = Keys(vec![0, u64::MAX, 1 << 33]);
        let text = serde_json::to_string(&keys).unwrap();
        assert_eq!(serde_json::from_str::<Keys>(&text).unwrap(), keys);
    }
}
