//! Signing keys and the other long-lived secrets: when they are made, published, used, withdrawn and forgotten.
//!
//! Every rule about the life of a key (docs/protocol/cdi.md), and the JWK Set document (RFC 7517 section 5). The Worker
//! generates keys, stores them and signs.
//!
//! A dynamic key lives like this, with I = rotation interval, O = overlap, A = access-token validity:
//!
//! ```text
//! predecessor  |---------------- signs ----------------|
//!              created                        I-O      I            the next key exists and is published from I-O on
//! successor                                    |-------|-------------- signs -----------...
//!                                              created +O                       created+I: its own successor signs
//! ```
//!
//! It verifies until `created + I + 2A`, later if its successor came late. A static key signs and verifies until it is
//! withdrawn. An assertion key lives like a dynamic one, with A = 60 s, and has a document of its own: what the gateway
//! tells an origin must never pass for a session token.

mod backup;
mod call;
mod changes;
mod copy;
mod document;
mod overview;
mod policy;
mod ring;
mod rotation;
mod sealed;
mod secrets;
mod shards;
mod shared;
mod stored;

pub use backup::{Backup, MAX_BACKUP_BYTES, OtherRing, RecipientKey, Restored, SealedBackup};
pub use call::{RingCall, Sealing};
pub use changes::changes;
pub use copy::{CopyStatus, Questions, RingCopy, UnknownKey};
pub use document::{KeySetDocument, public_jwk};
pub use policy::{ASSERTION_LIFE, KeyPolicy};
pub use ring::{
    Chain, KeyKind, KeyRing, NumberedSecret, RingHead, SCHEMA, SECRETS_NEEDED, Secrets, SigningKey,
};
pub use rotation::{KeyMaterial, KeyNeeded, UnknownKid};
pub use sealed::{SealedRecord, additional_data};
pub use secrets::{RANDOM_NEEDED, TooManySecrets};
pub use shards::{Shards, ShardsThen, ShardsWanted};
pub use shared::{KNOWN_WITHIN, SharedSettings, SharedThen, SharedValues};
pub use stored::{Claim, Kept, Noted, Unreadable};

#[cfg(test)]
mod tests;
