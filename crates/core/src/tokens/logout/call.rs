//! What isolates ask the object that remembers which signals of an issuer were taken in, and what it answers. The ends may be
//! of two releases: how a member or a call is added is said in [`crate::message`].

use crate::message::Unread;
use postern_jwt::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// A question or an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalCall {
    /// Was a signal of this name taken in?
    WasTaken {
        /// A keyed digest of `jti`.
        name: String,
    },
    /// It was: its effect is recorded.
    Take {
        /// A keyed digest of `jti`.
        name: String,
        /// Until when it is to be remembered: from then on it is refused for its age.
        until: UnixMillis,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalReply {
    /// Whether it was taken in before this call.
    Known {
        /// True for a signal that is repeated.
        before: bool,
    },
    /// The call was not read; nothing was changed.
    Unread {
        /// Why.
        why: Unread,
    },
}
