//! A record of the ring as it lies in storage when the deployment has a key for it (`KEY_ENCRYPTION_KEYS`): its name in the clear,
//! and all else sealed by AES-256-GCM. The cipher is the Worker's.
//!
//! A sealed record is told by its `schema`, which releases from before there were any refuse as one that is too new.

use serde::{Deserialize, Serialize};

use super::{ring::SEALED_SCHEMA, stored::secret};
use crate::message::{self, Unread};
use postern_jwt::{json, secret::Secret};

/// A sealed record.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealedRecord {
    schema: u32,
    /// The name of the key that it was sealed with.
    pub key: String,
    /// The nonce: 12 bytes.
    #[serde(with = "secret")]
    nonce: Secret,
    /// The sealed text with its tag, as WebCrypto has it.
    #[serde(with = "secret")]
    content: Secret,
}

impl SealedRecord {
    /// Of what was sealed with the key of that name.
    pub fn new(key: &str, nonce: [u8; 12], content: Vec<u8>) -> Self {
        Self {
            schema: SEALED_SCHEMA,
            key: key.to_owned(),
            nonce: Secret::new(nonce.to_vec()),
            content: Secret::new(content),
        }
    }

    /// The sealed record in a text; `None` when the record is not sealed.
    ///
    /// # Errors
    /// The record is of a release that is too new, or damaged.
    pub fn read(text: &str) -> Result<Option<Self>, Unread> {
        let record = json::parse_object(text).map_err(|_| Unread::Damaged)?;
        let schema = record.unsigned("schema").map_err(|_| Unread::Damaged)?;
        match schema.unwrap_or(0).cmp(&u64::from(SEALED_SCHEMA)) {
            std::cmp::Ordering::Less => Ok(None),
            std::cmp::Ordering::Greater => Err(Unread::Unsupported),
            std::cmp::Ordering::Equal => message::read(text).map(Some),
        }
    }

    /// The text that is stored; `None` when it cannot be written.
    pub fn text(&self) -> Option<String> {
        message::encode(self)
    }

    /// The nonce; `None` when it is damaged.
    pub fn nonce(&self) -> Option<[u8; 12]> {
        self.nonce.expose().try_into().ok()
    }

    /// The sealed text with its tag.
    pub fn content(&self) -> &[u8] {
        self.content.expose()
    }
}

/// What is authenticated beside a record: which ring and which record of it it is, so that none is taken for another. `ring` is
/// the id of the ring's object, `record` the `kid` of a key, or `head`.
pub fn additional_data(ring: &str, record: &str) -> String {
    ["postern key ring", ring, record].join("\n")
}

#[cfg(test)]
mod tests;
