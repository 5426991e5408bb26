//! The ring's records between storage and use: opened when they are read, sealed before they are written, as `KEY_ENCRYPTION_KEYS`
//! says. The form of a sealed record is `postern_core::keys::SealedRecord`.
//!
//! Sealing awaits, and SQLite does not: whoever changes the ring reads it, seals the changed one, and has it written only if
//! what is stored is still what was read ([`Records::replace`]).

use std::{cell::RefCell, rc::Rc};

use worker::Env;

use super::{
    fault::Fault,
    store::{self, Stored, StoredKey},
};
use crate::{
    objects::events,
    runtime::{
        clock,
        crypto::cipher::ContentKey,
        js::{ObjectState, ObjectStorage},
        log,
        random::{self, CryptoFault},
        settings,
    },
};
use postern_core::{
    encryption_key::EncryptionKey,
    keys::{KeyRing, RingHead, SealedRecord, SigningKey, additional_data, changes},
    message::Unread,
    settings::Settings,
};
use postern_jwt::{secret::Secret, time::UnixMillis};

/// How often a change is begun anew that another one has overtaken.
pub(super) const ATTEMPTS: usize = 8;

/// What the head is called where the keys have their `kid`.
const HEAD: &str = "head";

/// The ring, and what it was read from.
pub(super) struct Opened {
    pub(super) records: Stored,
    pub(super) ring: KeyRing,
    /// Whether every record is sealed as one would be that is written now.
    pub(super) is_sealed_anew: bool,
}

/// The records of one object.
pub(super) struct Records {
    state: ObjectState,
    env: Env,
    /// What was opened last: it is asked for often, and changes rarely.
    opened: RefCell<Option<Rc<Opened>>>,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Records(..)")
    }
}

impl Records {
    pub(super) const fn new(state: ObjectState, env: Env) -> Self {
        Self {
            state,
            env,
            opened: RefCell::new(None),
        }
    }

    pub(super) fn storage(&self) -> Result<ObjectStorage, Fault> {
        self.state.storage().map_err(|_| Fault::Storage)
    }

    /// What is stored, as it is; `None` in an object that was never used.
    pub(super) fn stored(&self) -> Result<Option<Stored>, Fault> {
        store::read(&self.storage()?)
    }

    /// The stored ring; `None` in an object that was never used.
    pub(super) async fn load(&self) -> Result<Option<Rc<Opened>>, Fault> {
        match self.stored()? {
            Some(stored) => self.open(stored).await.map(Some),
            None => Ok(None),
        }
    }

    /// The ring that is in these records.
    pub(super) async fn open(&self, records: Stored) -> Result<Rc<Opened>, Fault> {
        let known = self.opened.borrow().clone();
        if let Some(known) = known.filter(|known| known.records == records) {
            return Ok(known);
        }
        let settings = self.settings()?;
        let wanted = wanted(&settings).and_then(EncryptionKey::name);
        let mut is_sealed_anew = true;
        let mut sealed_records: usize = 0;
        let mut text = async |name: &str, record: &str| {
            let found = sealed(record)?;
            is_sealed_anew &= found.as_ref().map(|found| found.key.as_str()) == wanted;
            let Some(found) = found else {
                return Ok(record.to_owned());
            };
            sealed_records = sealed_records.saturating_add(1);
            let opened = self.unsealed(&settings, name, &found).await?;
            // What was sealed may be of a release to come, as what was not.
            match sealed(&opened)? {
                None => Ok(opened),
                Some(_) => Err(Fault::Storage),
            }
        };
        let head = text(HEAD, &records.head).await?;
        let head = RingHead::from_json(&head).map_err(|_| Fault::Storage)?;
        if !head.is_readable() {
            return Err(Fault::NewerSchema);
        }
        let mut keys = Vec::with_capacity(records.keys.len());
        for StoredKey { kid, record, .. } in &records.keys {
            let key = text(kid, record).await?;
            let key = SigningKey::from_json(&key).map_err(|_| Fault::Storage)?;
            if key.kid != *kid {
                return Err(damaged());
            }
            keys.push(key);
        }
        // All are written alike, and a release that does not seal leaves a sealed head alone: one in the clear beside it was put there.
        if ![0, records.keys.len().saturating_add(1)].contains(&sealed_records) {
            return Err(damaged());
        }
        let opened = Rc::new(Opened {
            ring: KeyRing { head, keys },
            records,
            is_sealed_anew,
        });
        self.opened.replace(Some(Rc::clone(&opened)));
        Ok(opened)
    }

    async fn unsealed(
        &self,
        settings: &Settings,
        name: &str,
        sealed: &SealedRecord,
    ) -> Result<String, Fault> {
        let mut keys = settings.key_encryption_keys.iter();
        let key = keys.find_map(|known| match known {
            EncryptionKey::Key { name, key } if *name == sealed.key => Some(key),
            _ => None,
        });
        let Some(key) = key else {
            let what = "lacks the key that the key ring is sealed with: put it back. Nothing is changed meanwhile, and nobody is served";
            let setting = [(log::Member::Setting, "KEY_ENCRYPTION_KEYS")];
            log::write_at_times_with(log::Event::BadSetting, &setting, what, clock::now());
            return Err(Fault::Sealed);
        };
        let nonce = sealed.nonce().ok_or(Fault::Storage)?;
        let additional = self.additional_data(name)?;
        let opened = async {
            let key = ContentKey::new(key).await?;
            key.open(nonce, additional.as_bytes(), sealed.content())
                .await
        };
        let opened = opened.await.map_err(|fault| match fault {
            CryptoFault::Backend => Fault::Crypto,
            CryptoFault::BadKey => damaged(),
        })?;
        let text = std::str::from_utf8(opened.expose()).map_err(|_| Fault::Storage)?;
        Ok(text.to_owned())
    }

    /// Puts `ring`, which was `before`, in the place of what is stored, if that still is `records`: false when it is not, and
    /// nothing was changed. The events of the change are written with it.
    pub(super) async fn replace(
        &self,
        records: Option<&Stored>,
        before: Option<&KeyRing>,
        ring: &KeyRing,
        now: UnixMillis,
    ) -> Result<bool, Fault> {
        let sealed = self.sealed(ring).await?;
        let to = events::destinations(&self.env);
        let events = if to.any() {
            changes(before, ring)
        } else {
            Vec::new()
        };
        store::replace(&self.storage()?, records, &sealed, (&events, to, now))
    }

    async fn sealed(&self, ring: &KeyRing) -> Result<Stored, Fault> {
        let settings = self.settings()?;
        let key = match wanted(&settings) {
            Some(EncryptionKey::Key { name, key }) => Some((name, ContentKey::new(key).await?)),
            _ => None,
        };
        let written = async |name: &str, record: String| {
            let Some((key_name, key)) = &key else {
                return Ok(record);
            };
            let (nonce, text) = (random::random()?, Secret::new(record.into_bytes()));
            let additional = self.additional_data(name)?;
            let content = key.seal(nonce, additional.as_bytes(), text.expose());
            let sealed = SealedRecord::new(key_name, nonce, content.await?);
            sealed.text().ok_or(Fault::Storage)
        };
        let head = ring.head.to_json().map_err(|_| Fault::Storage)?;
        let mut sealed = Stored {
            head: written(HEAD, head).await?,
            keys: Vec::with_capacity(ring.keys.len()),
        };
        for key in &ring.keys {
            let record = key.to_json().map_err(|_| Fault::Storage)?;
            sealed.keys.push(StoredKey {
                table: store::table_of(key.kind),
                record: written(&key.kid, record).await?,
                kid: key.kid.clone(),
            });
        }
        Ok(sealed)
    }

    /// The object's id is the ring's identity: no two objects ever have the same.
    fn additional_data(&self, name: &str) -> Result<String, Fault> {
        let id = self.state.id().and_then(|id| id.text());
        let id = id.map_err(|_| Fault::Storage)?;
        Ok(additional_data(&id, name))
    }

    fn settings(&self) -> Result<Rc<Settings>, Fault> {
        settings::current(&self.env).map_err(|settings::Misconfigured| Fault::Settings)
    }
}

/// The sealed record in what is stored; `None` when it is in the clear.
fn sealed(record: &str) -> Result<Option<SealedRecord>, Fault> {
    SealedRecord::read(record).map_err(|why| match why {
        Unread::Unsupported => Fault::NewerSchema,
        Unread::Damaged => Fault::Storage,
    })
}

fn damaged() -> Fault {
    let what = "a record of the key ring is damaged, or one of another ring";
    log::write_at_times(log::Event::KeyRing, what, clock::now());
    Fault::Storage
}

fn wanted(settings: &Settings) -> Option<&EncryptionKey> {
    settings.key_encryption_keys.first()
}
