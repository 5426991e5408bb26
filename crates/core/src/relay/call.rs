//! What isolates ask a relay, and what it answers. The ends may be of two releases: how a member or a call is added is said in
//! [`crate::message`]. An object of a release that knows no relays refuses every call, by the path.

use serde::{Deserialize, Serialize};

use crate::{
    message::{Unread, raw},
    revocation::{call::PollAnswer, copy::Poll},
};
use postern_jwt::time::Millis;

/// A question to a relay. None changes anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayCall {
    /// A copy of the key ring.
    Ring {
        /// How old it may be.
        longest_age: Millis,
        /// The version of the ring that it has at least.
        version: u64,
    },
    /// What is new at some shards of the authority.
    Polls {
        /// How old the answers may be.
        longest_age: Millis,
        /// Which shards, and what to ask each.
        polls: Vec<Poll>,
    },
    /// The bytes of a segment: answered with nothing else, or 404.
    Segment {
        /// Of which shard.
        shard: u32,
        /// Its name.
        name: String,
    },
}

/// A relay's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayReply {
    /// To [`RelayCall::Ring`].
    Ring {
        /// How long before this answer the relay began to ask for the copy, at most.
        age: Millis,
        /// What the ring answered: the text of a [`RingCopy`](crate::keys::RingCopy), private keys included.
        #[serde(with = "raw")]
        copy: String,
    },
    /// To [`RelayCall::Polls`].
    Answers {
        /// One for each poll, in their order; `None` = the shard gave no answer.
        answers: Vec<Option<PollAnswer>>,
    },
    /// The call was not read.
    Unread {
        /// Why.
        why: Unread,
    },
}
