//! Rotation of the secrets beside the signing keys: a new one is known everywhere before it makes anything, and an old one is
//! recognised until nothing that it made can live any more.
//!
//! Of two kinds: the refresh-token secrets (behind refresh tokens, device challenges and bound cookies, and nonces of DPoP), and the
//! keys behind anti-CSRF tokens (and tickets, sessions of the console, and digests in log lines). The longest-lived thing of both
//! is a refresh token, with its anti-CSRF token: it dies with the lifetime of a session that is not refreshed, because every
//! refresh makes its successor with the newest secret. The keys behind handles do not rotate: handles name what is stored.

use super::{
    Kept, KeyPolicy, KeyRing, RingCopy,
    ring::{LONGEST_OUTAGE, NumberedSecret, PLAIN_SCHEMA, SCHEMA},
};
use postern_jwt::{
    secret::Secret,
    time::{Millis, UnixMillis},
};

/// How many random 32-byte values [`KeyRing::rotate_secrets`] takes.
pub const RANDOM_NEEDED: usize = 2;

/// The most secrets of a kind.
const MOST: usize = 8;

/// For clocks that differ, and answers that are on their way.
const MARGIN: Millis = Millis(60_000);

/// There are as many secrets as may be; the oldest has to be dropped first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManySecrets;

impl NumberedSecret {
    /// The first of its kind.
    pub(super) fn first(key: Secret) -> Self {
        Self {
            number: 1,
            key,
            from: UnixMillis(0),
            until: None,
            kept: Kept::default(),
        }
    }
}

impl KeyRing {
    /// Adds a secret of each kind, which makes after the overlap. Where one waits for that already, nothing is added: a call
    /// whose answer was lost may be repeated.
    ///
    /// # Errors
    /// There are too many; nothing was added.
    pub fn rotate_secrets(
        &mut self,
        policy: KeyPolicy,
        random: [[u8; 32]; RANDOM_NEEDED],
        now: UnixMillis,
    ) -> Result<(), TooManySecrets> {
        let secrets = &mut self.head.secrets;
        if secrets
            .refresh_secrets
            .last()
            .is_some_and(|last| now < last.from)
        {
            return Ok(());
        }
        if secrets
            .refresh_secrets
            .len()
            .max(secrets.anti_csrf_keys.len())
            >= MOST
        {
            return Err(TooManySecrets);
        }
        if secrets.anti_csrf_keys.is_empty() {
            let first = NumberedSecret::first(secrets.anti_csrf_key.clone());
            secrets.anti_csrf_keys.push(first);
        }
        let lists = [&mut secrets.refresh_secrets, &mut secrets.anti_csrf_keys];
        for (list, bytes) in lists.into_iter().zip(random) {
            let newest = list.iter().map(|known| known.number).max().unwrap_or(0);
            list.push(NumberedSecret {
                number: newest.saturating_add(1),
                key: Secret::new(bytes.to_vec()),
                from: now.plus(policy.overlap()),
                until: None,
                kept: Kept::default(),
            });
        }
        self.head.schema = SCHEMA;
        self.bump();
        Ok(())
    }

    /// Drops secrets whose time is over. `refresh_token` is how long a session lives that is not refreshed. True when
    /// something changed.
    pub fn settle_secrets(&mut self, refresh_token: Millis, now: UnixMillis) -> bool {
        let secrets = &mut self.head.secrets;
        let mut changed = settle(&mut secrets.refresh_secrets, refresh_token, now);
        changed |= settle(&mut secrets.anti_csrf_keys, refresh_token, now);
        if let [only] = secrets.anti_csrf_keys.as_slice() {
            secrets.anti_csrf_key = only.key.clone();
            secrets.anti_csrf_keys.clear();
            changed = true;
        }
        let is_plain = secrets.anti_csrf_keys.is_empty() && secrets.refresh_secrets.len() < 2;
        if is_plain && self.head.schema != PLAIN_SCHEMA {
            self.head.schema = PLAIN_SCHEMA;
            changed = true;
        }
        if changed {
            self.bump();
        }
        changed
    }

    /// When the next secret is dropped.
    pub fn next_secret_drop(&self) -> Option<UnixMillis> {
        let secrets = &self.head.secrets;
        let lists = [&secrets.refresh_secrets, &secrets.anti_csrf_keys];
        lists
            .into_iter()
            .flatten()
            .filter_map(|one| one.until)
            .min()
    }
}

/// Says of each secret that is followed until when it is kept, and drops those whose time is over.
fn settle(list: &mut Vec<NumberedSecret>, refresh_token: Millis, now: UnixMillis) -> bool {
    let mut changed = false;
    let mut successor: Option<UnixMillis> = None;
    for secret in list.iter_mut().rev() {
        if let Some(from) = successor {
            // A copy of the ring may be in use for a day that does not know of the successor.
            let spans = [LONGEST_OUTAGE, refresh_token, MARGIN];
            let until = Some(spans.into_iter().fold(from, UnixMillis::plus));
            if until > secret.until {
                secret.until = until;
                changed = true;
            }
        }
        successor = Some(secret.from);
    }
    let before = list.len();
    list.retain(|secret| secret.until.is_none_or(|until| now < until));
    changed || list.len() != before
}

/// By number, so that the last one makes: those whose time has not come are the first.
fn in_force(list: &[NumberedSecret], now: UnixMillis) -> Vec<(u32, Secret)> {
    let (waiting, begun): (Vec<_>, Vec<_>) = list.iter().partition(|secret| now < secret.from);
    let both = waiting.into_iter().chain(begun);
    both.map(|secret| (secret.number, secret.key.clone()))
        .collect()
}

impl RingCopy {
    /// The refresh-token secrets by number: all recognise, the last makes.
    pub fn refresh_secrets(&self, now: UnixMillis) -> Vec<(u32, Secret)> {
        in_force(&self.ring.head.secrets.refresh_secrets, now)
    }

    /// The keys behind anti-CSRF tokens, and what else is made from them, by number: all recognise, the last makes.
    pub fn anti_csrf_keys(&self, now: UnixMillis) -> Vec<(u32, Secret)> {
        let secrets = &self.ring.head.secrets;
        if secrets.anti_csrf_keys.is_empty() {
            return vec![(1, secrets.anti_csrf_key.clone())];
        }
        in_force(&secrets.anti_csrf_keys, now)
    }

    /// From when on the newest secrets make, and until when older ones are kept, which is absent where there are none.
    pub fn secrets_change(&self) -> (UnixMillis, Option<UnixMillis>) {
        let list = &self.ring.head.secrets.refresh_secrets;
        let from = list.last().map_or(UnixMillis(0), |last| last.from);
        (from, list.iter().filter_map(|secret| secret.until).max())
    }
}
