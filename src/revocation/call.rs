//! What isolates and users' objects ask of the authority, and what it answers. Both ends are the same bundle, so the
//! shapes need no version. A segment's bytes are fetched by name in a request of their own: the answer's body is the
//! [published form](super::segment), nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::Entry;
use crate::{
    time::UnixMillis,
    wire::{Reader, Wire, wire_enum, wire_struct},
};

/// A question or an order to the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// Ended sessions of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many entries of this user have not expired, those in `entries` included. His object knows.
    pub live: u64,
    /// At most [`super::MAX_REPORT`], all of one route.
    pub entries: Vec<Entry>,
}

/// The authority's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorityReply {
    /// To [`AuthorityCall::Poll`].
    Answer(PollAnswer),
    /// It is recorded: every later poll answer holds it.
    Recorded {
        /// The authority's clock; for [`AuthorityCall::NotBefore`] the moment that counts.
        at: UnixMillis,
    },
    /// The call is malformed; nothing was changed.
    Refused,
}

/// What holds as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The key ring's version, as far as the authority was told.
    pub key_set_version: u64,
    /// There were more entries than fit: what is not held may have been revoked all the same.
    pub full: bool,
}

/// Keys in a message: base64url of their bytes, 11 letters each in place of up to 20 digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(pub Vec<u64>);

impl Wire for Keys {
    fn write(&self, to: &mut String) {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(8));
        for key in &self.0 {
            bytes.extend_from_slice(&key.to_be_bytes());
        }
        Base64UrlUnpadded::encode_string(&bytes).write(to);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        let text = String::read(from);
        let bytes = Base64UrlUnpadded::decode_vec(&text).unwrap_or_else(|_| {
            from.damaged();
            Vec::new()
        });
        let (keys, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            from.damaged();
        }
        Self(keys.iter().map(|key| u64::from_be_bytes(*key)).collect())
    }
}

wire_enum! { AuthorityCall {
    0 => Poll { since },
    1 => Report(report),
    2 => NotBefore { moment },
    3 => KeySetVersion { version },
    else Self::Poll { since: 0 },
} }

wire_enum! { AuthorityReply {
    0 => Answer(answer),
    1 => Recorded { at },
    2 => Refused,
    else Self::Refused,
} }

wire_struct! {
    Entry { handle, expires }
    Report { live, entries }
    PollAnswer {
        as_of, seq, sealed, tail_after, tail, segments, strict_routes, not_before, key_set_version, full,
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthorityCall, AuthorityReply, Keys, PollAnswer, Report};
    use crate::{
        revocation::Entry,
        time::UnixMillis,
        wire::{Wire, decode, encode},
    };

    fn round_trips<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
        let message = encode(value);
        assert_eq!(decode::<T>(&message).as_ref(), Some(value));
        for end in (0..message.len()).filter(|end| message.is_char_boundary(*end)) {
            assert_eq!(decode::<T>(&message[..end]), None, "{end} of {message}");
        }
    }

    #[test]
    fn calls_and_replies_are_read_as_they_were_written() {
        round_trips(&AuthorityCall::Poll { since: 7 });
        round_trips(&AuthorityCall::NotBefore { moment: None });
        round_trips(&AuthorityCall::NotBefore {
            moment: Some(UnixMillis(5)),
        });
        round_trips(&AuthorityCall::KeySetVersion { version: 3 });
        round_trips(&AuthorityCall::Report(Report {
            live: 2,
            entries: vec![Entry {
                handle: "h".to_owned(),
                expires: UnixMillis(9),
            }],
        }));
        round_trips(&AuthorityReply::Refused);
        round_trips(&AuthorityReply::Recorded { at: UnixMillis(1) });
        round_trips(&AuthorityReply::Answer(PollAnswer {
            as_of: UnixMillis(1),
            seq: 2,
            sealed: 3,
            tail_after: 4,
            tail: Keys(vec![0, u64::MAX, 1 << 33]),
            segments: vec!["ab".to_owned()],
            strict_routes: Keys(Vec::new()),
            not_before: UnixMillis(5),
            key_set_version: 6,
            full: true,
        }));
    }

    #[test]
    fn damaged_keys_are_refused() {
        assert_eq!(decode::<Keys>("11 AAAAAAAAAAA"), Some(Keys(vec![0])));
        assert_eq!(decode::<Keys>("10 AAAAAAAAAA"), None);
        assert_eq!(decode::<Keys>("11 AAAAAAAAAA="), None);
        assert_eq!(decode::<Keys>("11 AAAAAAAAAAB"), None);
    }
}
