//! Backup and restore in the object: what is sealed and opened, so that no key crosses to an isolate for it. The rules and the form
//! are `postern_core::keys::Backup`.
//!
//! A backup comes sealed to a key of this object's, which it makes for the purpose and holds in memory only: whoever restores opens the
//! wrapping with the operator's key, where that is, and wraps it anew. A key that is gone, because the object was ended
//! meanwhile or time has passed, is asked for again.

use std::cell::RefCell;

use super::{
    fault::Fault,
    records::{ATTEMPTS, Records},
};
use crate::runtime::{
    crypto::cipher::{self, ContentKey, UnwrappingKey},
    random::{self, CryptoFault},
};
use postern_core::keys::{Backup, KeyRing, OtherRing, RecipientKey, Restored, SealedBackup};
use postern_jwt::{
    json::{self, ObjectWriter},
    proof::Thumbprint,
    secret::Secret,
    time::{Millis, UnixMillis},
};

/// How long a backup may be sealed to a key that was made for it.
const RESTORE_KEY_LIFE: Millis = Millis(600_000);

/// The key that was made last, and when.
#[derive(Debug, Default)]
pub(super) struct RestoreKey(RefCell<Option<(UnixMillis, UnwrappingKey)>>);

impl RestoreKey {
    /// Makes a new one: what is answered.
    pub(super) async fn renew(&self, now: UnixMillis) -> Result<String, Fault> {
        let (key, public) = UnwrappingKey::generate().await?;
        self.0.replace(Some((now, key)));
        let mut answer = ObjectWriter::new();
        answer.json("publicKey", &public);
        Ok(answer.finish())
    }

    fn current(&self, now: UnixMillis) -> Result<UnwrappingKey, Fault> {
        let held = self.0.borrow();
        let young = held
            .as_ref()
            .filter(|(made, _)| now.since(*made) < RESTORE_KEY_LIFE);
        young.map(|(_, key)| key.clone()).ok_or(Fault::Unopened)
    }

    /// The backup in a text, which must name the key that backups are sealed to.
    pub(super) async fn opened(
        &self,
        text: &str,
        sealed_to: Thumbprint,
        now: UnixMillis,
    ) -> Result<Backup, Fault> {
        let sealed = SealedBackup::read(text, sealed_to).ok_or(Fault::Unopened)?;
        let key = self.current(now)?.unwrap(&sealed.wrapped_key).await?;
        let key = ContentKey::new(&key).await?;
        let opened = key.open(sealed.nonce, sealed.header.as_bytes(), &sealed.content);
        let opened = opened.await?;
        let text = std::str::from_utf8(opened.expose()).map_err(|_| Fault::Unopened)?;
        Backup::read(text).map_err(|_| Fault::Unopened)
    }
}

/// The ring sealed to a key, the text of a JWK, which must be the one that backups are sealed to: what is answered.
pub(super) async fn sealed(
    ring: KeyRing,
    jwk: &str,
    sealed_to: Thumbprint,
    now: UnixMillis,
) -> Result<String, Fault> {
    let recipient = json::parse_object(jwk).ok();
    let recipient = recipient.as_ref().and_then(RecipientKey::read);
    let recipient = recipient.filter(|key| key.thumbprint() == sealed_to);
    let recipient = recipient.ok_or(Fault::BadRequest)?;
    let backup = Backup::of(ring, now);
    let text = Secret::new(backup.to_json().map_err(|_| Fault::Storage)?.into_bytes());
    let key = Secret::new(random::random::<32>()?.to_vec());
    let header = backup.header(sealed_to);
    let nonce = random::random()?;
    let content = ContentKey::new(&key).await?;
    let sealed = SealedBackup {
        content: content
            .seal(nonce, header.as_bytes(), text.expose())
            .await?,
        header: &header,
        wrapped_key: cipher::wrapped(recipient.jwk(), &key).await?,
        nonce,
    };
    let mut answer = ObjectWriter::new();
    answer.text("backup", &sealed.text());
    Ok(answer.finish())
}

/// Puts a backup in the place of what is stored. True when that changed something.
pub(super) async fn restore(
    records: &Records,
    backup: Backup,
    replace: bool,
    now: UnixMillis,
) -> Result<bool, Fault> {
    for _ in 0..ATTEMPTS {
        let stored = records.stored()?;
        let before = match records.load().await {
            // What cannot be read is of no use to anybody.
            Err(Fault::Storage | Fault::Sealed) if replace => None,
            opened => opened?,
        };
        let before = before.as_ref().map(|opened| &opened.ring);
        match KeyRing::restored(backup.clone(), before, replace, now) {
            Ok(Restored::Ring(ring)) => {
                if records.replace(stored.as_ref(), before, &ring, now).await? {
                    return Ok(true);
                }
            }
            Ok(Restored::Already) => return Ok(false),
            Err(OtherRing) => return Err(Fault::OtherRing),
        }
    }
    Err(Fault::Busy)
}

impl From<CryptoFault> for Fault {
    fn from(fault: CryptoFault) -> Self {
        match fault {
            CryptoFault::BadKey => Self::Unopened,
            CryptoFault::Backend => Self::Crypto,
        }
    }
}
