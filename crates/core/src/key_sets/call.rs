//! What isolates ask the keeper of a key set, and what it answers. The ends may be of two releases: how a member or a call is
//! added is said in [`crate::message`].

use crate::message::Unread;
use postern_jwt::time::Millis;
use serde::{Deserialize, Serialize};

/// Where a key set is fetched: whose keeper is asked, and whom the keeper asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At this address, which serves a JWK Set.
    Uri(String),
    /// Behind this service binding.
    Binding(String),
    /// Where the discovery document of this issuer says.
    Discovery(String),
}

impl Place {
    /// The name of the keeper's object. Another address has another keeper, so that two releases with different settings
    /// never answer for each other.
    pub fn keeper(&self) -> String {
        match self {
            Self::Uri(uri) => format!("key-set uri {uri}"),
            Self::Binding(binding) => format!("key-set binding {binding}"),
            Self::Discovery(issuer) => format!("key-set issuer {issuer}"),
        }
    }
}

/// A question to a keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeeperCall {
    /// The set as it is now.
    Current {
        /// Where it is fetched.
        place: Place,
        /// The version that the isolate has; `None` = none.
        #[serde(default)]
        version: Option<u64>,
        /// A token names a key that this version lacks.
        #[serde(default)]
        lacks_key: bool,
    },
}

/// The keeper's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeeperReply {
    /// A set.
    Set {
        /// Its text; `None` = the isolate has it.
        #[serde(default)]
        text: Option<String>,
        /// Its version.
        version: u64,
        /// How long ago the issuer said that it is as it is.
        age: Millis,
        /// How long it is good from then on.
        lifetime: Millis,
        /// False when the issuer could not be asked for what the set lacks.
        settled: bool,
    },
    /// There is none, and the issuer has none to give at the moment.
    Unavailable {
        /// What is wrong, fit for a log: nothing that the issuer sent.
        trouble: String,
    },
    /// The keeper's release has not the service binding that is named.
    NoBinding {},
    /// The call was not read; nothing was changed.
    Unread {
        /// Why.
        why: Unread,
    },
}
