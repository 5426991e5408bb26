//! What a user's object answers.

use serde::{Deserialize, Serialize};

use crate::{
    message::{Unread, raw},
    refusal::ReuseSubtype,
    session::{
        listing::{Cursor, ListedSession},
        minting::AccessGrant,
        model::{Device, SessionView, TokenInfo},
    },
};
use postern_jwt::{proof::Thumbprint, time::UnixMillis};

/// The object's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserReply {
    /// A session was created or refreshed.
    Issued {
        /// The session.
        session: SessionView,
        /// Permission for its access token.
        access: AccessGrant,
        /// Its refresh token.
        refresh: TokenInfo,
    },
    /// The session is live; perhaps with permission for a new access token.
    Live {
        /// The session, with the payload that counts.
        session: SessionView,
        /// Permission for a new access token.
        access: Option<AccessGrant>,
        /// The stored payload differs from the token's (protocol 5.6).
        payload_update_available: bool,
        /// The sequence number of its newest data.
        data_seq: u64,
    },
    /// The session has not ended.
    #[serde(rename = "standing")]
    NotEnded {
        /// The sequence number of its newest data.
        data_seq: u64,
        /// Of a trusted issuer's session: the handle was ended then, and tokens of up to that moment are refused; zero =
        /// never. `None` = the object is of a release that does not say, or there is nothing to say.
        #[serde(default)]
        ended: Option<UnixMillis>,
    },
    /// The session data.
    Data {
        /// The text of one JSON object.
        #[serde(with = "raw")]
        session_data: String,
        /// Its sequence number; 0 = none was ever stored.
        seq: u64,
    },
    /// The data was overwritten.
    Written {
        /// Its sequence number.
        seq: u64,
    },
    /// The object has the new data, but KV has not taken it in time: readers see the old or the new value, and soon
    /// all the new one.
    CopyPending {},
    /// Done.
    Done {},
    /// Everything about a session.
    Information {
        /// The session, with its stored payload.
        session: SessionView,
        /// The text of one JSON object.
        #[serde(with = "raw")]
        session_data: String,
        /// When it ends unless refreshed.
        expiry: UnixMillis,
        /// When it was created.
        created: UnixMillis,
        /// When it was last refreshed.
        last_refreshed: Option<UnixMillis>,
        /// Device facts.
        device: Option<Device>,
        /// When it was bound to a device; `None` = it is not, or the object is of a release that does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bound: Option<UnixMillis>,
        /// The key that it is bound to by DPoP; `None` = none, or the object is of a release that does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dpop_key: Option<Thumbprint>,
    },
    /// The key that a session is bound to.
    Device {
        /// Its thumbprint.
        thumbprint: Thumbprint,
        /// The public key, as a JWK.
        key: String,
    },
    /// Handles listed, or ended.
    Handles {
        /// Which.
        handles: Vec<String>,
    },
    /// A page of sessions.
    Sessions {
        /// The sessions, newest first.
        sessions: Vec<ListedSession>,
        /// Where the next page begins; `None` = this is the last.
        next: Option<Cursor>,
    },
    /// Sessions of a person were ended and forgotten.
    Erased {
        /// Which this call has ended.
        handles: Vec<String>,
        /// There is more to erase: the call is to be made again.
        goes_on: bool,
    },
    /// The sessions have ended here, but the authority on revocations has not recorded it: an isolate that does not ask
    /// here may go on honouring them. It will be recorded; a repeated call reports the same handles.
    RevocationPending {},
    /// There is no such session (any more).
    Unauthorised {
        /// Why.
        reason: Gone,
    },
    /// Reuse of a refresh token; the session has ended.
    Theft {
        /// Which session.
        handle: String,
        /// Whose.
        user_id: String,
        /// How it was recognised.
        subtype: ReuseSubtype,
        /// The country that the session was made from, if it is known.
        #[serde(default)]
        country: Option<String>,
    },
    /// The new payload is refused; nothing was changed.
    PayloadRefused {
        /// The first claim in it that an access token protects.
        claim: Option<String>,
        /// The length of the access token that it would make, in bytes, when that is too long.
        token_bytes: Option<u64>,
    },
    /// The call was not read; nothing was changed.
    Unread {
        /// Why.
        why: Unread,
    },
}

/// Why the answer is `UNAUTHORISED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// Unknown, expired or ended.
    NoSession,
    /// Not a refresh token of ours.
    NotOurs,
    /// The anti-CSRF token is missing or another one.
    AntiCsrf,
    /// The access token belongs to a branch that lost.
    RotatedOut,
    /// The stored payload holds a claim that the new token's version protects.
    ProtectedClaim,
    /// The ticket was used before.
    TicketUsed,
    /// The ticket's time is over.
    TicketExpired,
    /// The session has used as many tickets as are remembered at a time.
    TooManyTickets,
    /// The session is bound to another key, or cannot be bound.
    NotBindable,
    /// The session is bound to no device, or to another one.
    NotBound,
    /// The session is bound to a device that was not shown, and the browser has a reason for that.
    DeviceUnproven,
    /// The session is bound to a key (RFC 9449), of which there was no proof. Nothing was changed.
    KeyUnproven,
    /// The proof of its key was used before, or as many were as are remembered at a time. Nothing was changed.
    ProofUsed,
}

impl Gone {
    /// The reason as a message for callers we trust.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoSession => "Session does not exist.",
            Self::NotOurs => "Refresh token is not valid.",
            Self::AntiCsrf => "Anti-CSRF token does not match.",
            Self::RotatedOut => "rotated-out token branch; refresh required",
            Self::ProtectedClaim => "The user payload contains protected field",
            Self::TicketUsed => "used before",
            Self::TicketExpired => "expired by the clock of its session",
            Self::TooManyTickets => "too many tickets of its session at a time",
            Self::NotBindable => "the session cannot be bound to this key",
            Self::NotBound => "the session is not bound to this key",
            Self::DeviceUnproven => "the device of the session was not shown",
            Self::KeyUnproven => "the session is bound to a key, of which there is no proof",
            Self::ProofUsed => {
                "the proof was used before, or too many of the session were at a time"
            }
        }
    }
}
