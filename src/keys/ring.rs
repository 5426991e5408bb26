//! The ring itself: the stored shape of keys and secrets, and what can be read from it.

use std::cmp::Reverse;

use super::KeyPolicy;
use crate::{
    secret::Secret,
    settings::SigningAlgorithm,
    time::{Millis, UnixMillis},
};

/// The version of the stored shape that this code reads and writes.
pub const SCHEMA: u32 = 1;

/// How many random 32-byte values [`Secrets::new`] takes.
pub const SECRETS_NEEDED: usize = 4;

/// Whether a key is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Rotated by interval; `kid` starts with `d-`.
    Dynamic,
    /// Never rotated, for sessions made with `useDynamicSigningKey: false`; `kid` starts with `s-`.
    Static,
}

impl KeyKind {
    /// The name in storage.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
        }
    }
}

/// One key pair.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// The key's name in token headers and in the JWK Set (RFC 7517 section 4.5).
    pub kid: String,
    /// The one algorithm this key is used with.
    pub algorithm: SigningAlgorithm,
    /// Whether the key is rotated.
    pub kind: KeyKind,
    /// When the key was made.
    pub created: UnixMillis,
    /// When the key takes over from the ones made before it. The epoch = as soon as it exists, because no other could
    /// sign meanwhile; so it signs at once also by a clock that is a little behind the ring's.
    pub signs_from: UnixMillis,
    /// When the last token signed by it is dead; absent = never (a static key). Only ever moves later.
    pub verify_until: Option<UnixMillis>,
    /// The public key: the text of one JWK, as the JWK Set shows it.
    pub public_jwk: String,
    /// The private key: the text of one JWK. Absent once the key signs no more.
    pub private_jwk: Option<Secret>,
    /// True when the key was withdrawn: it neither signs nor verifies, and is in no document.
    pub withdrawn: bool,
}

impl SigningKey {
    /// True while tokens of this key are to be accepted.
    pub fn verifies(&self, now: UnixMillis) -> bool {
        !self.withdrawn && self.verify_until.is_none_or(|end| now < end)
    }
}

/// The secrets beside the signing keys. None of them ever leaves the Worker's own objects and isolates.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Makes the part of a handle that names the user's object. Never rotates: data would no longer be found.
    pub route_key: Secret,
    /// Makes the tag by which a handle is recognised as ours.
    pub handle_tag_key: Secret,
    /// Makes anti-CSRF tokens.
    pub anti_csrf_key: Secret,
    /// Make the MACs of refresh tokens. Numbered, so that a session can say which one it was made with; new sessions use
    /// the last.
    pub refresh_secrets: Vec<(u32, Secret)>,
}

impl Secrets {
    /// Secrets from fresh random values.
    pub fn new(random: [[u8; 32]; SECRETS_NEEDED]) -> Self {
        let [route_key, handle_tag_key, anti_csrf_key, refresh] =
            random.map(|bytes| Secret::new(bytes.to_vec()));
        Self {
            route_key,
            handle_tag_key,
            anti_csrf_key,
            refresh_secrets: vec![(1, refresh)],
        }
    }
}

/// Everything of the ring but its keys.
#[derive(Debug, Clone)]
pub struct RingHead {
    /// The version of the stored shape; see [`SCHEMA`].
    pub schema: u32,
    /// Grows with every change of the ring. What was verified under a lower number must be verified again.
    pub key_set_version: u64,
    /// The cut-off: sessions created before it have ended, whoever they belong to. Zero = there never was one.
    pub not_before: UnixMillis,
    /// The secrets.
    pub secrets: Secrets,
}

/// All keys and secrets of one deployment.
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// Everything but the keys.
    pub head: RingHead,
    /// The keys, in no particular order.
    pub keys: Vec<SigningKey>,
}

impl KeyRing {
    /// A ring without any signing key.
    pub fn new(secrets: Secrets) -> Self {
        Self {
            head: RingHead {
                schema: SCHEMA,
                key_set_version: 0,
                not_before: UnixMillis(0),
                secrets,
            },
            keys: Vec::new(),
        }
    }

    /// The dynamic keys of one algorithm that were not withdrawn.
    pub(super) fn chain(&self, algorithm: SigningAlgorithm) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().filter(move |key| {
            key.kind == KeyKind::Dynamic && key.algorithm == algorithm && !key.withdrawn
        })
    }

    /// The newest dynamic key.
    pub(super) fn newest_in_chain(&self, algorithm: SigningAlgorithm) -> Option<&SigningKey> {
        self.chain(algorithm).max_by_key(|key| key.created)
    }

    /// The static key of one algorithm.
    pub(super) fn static_key(&self, algorithm: SigningAlgorithm) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|key| key.kind == KeyKind::Static && key.algorithm == algorithm && !key.withdrawn)
    }

    /// The dynamic key whose turn it is, whether or not its time is over: the newest that signs yet.
    pub(super) fn current_in_chain(
        &self,
        algorithm: SigningAlgorithm,
        now: UnixMillis,
    ) -> Option<&SigningKey> {
        self.chain(algorithm)
            .filter(|key| key.private_jwk.is_some() && key.signs_from <= now)
            .max_by_key(|key| key.created)
    }

    /// The key to sign with now. None = ask for a new copy of the ring, or make the keys that are due.
    ///
    /// A dynamic key signs for one interval; past it only until a successor that already exists takes over, so that
    /// a deployment that slept through a rotation never signs with a key that nobody has seen yet.
    pub fn signer(
        &self,
        policy: KeyPolicy,
        algorithm: SigningAlgorithm,
        kind: KeyKind,
        now: UnixMillis,
    ) -> Option<&SigningKey> {
        match kind {
            KeyKind::Static => self
                .static_key(algorithm)
                .filter(|key| key.private_jwk.is_some()),
            KeyKind::Dynamic => self.current_in_chain(algorithm, now).filter(|key| {
                now < key.created.plus(policy.interval)
                    || self
                        .chain(algorithm)
                        .any(|other| other.created > key.created && other.signs_from > now)
            }),
        }
    }

    /// The keys whose tokens are accepted: dynamic ones, newest first, then static ones.
    pub fn verifiers(&self, now: UnixMillis) -> Vec<&SigningKey> {
        let mut keys: Vec<&SigningKey> = self.keys.iter().filter(|key| key.verifies(now)).collect();
        let rank = |key: &SigningKey| (key.kind == KeyKind::Static, Reverse(key.created));
        keys.sort_unstable_by(|left, right| {
            rank(left)
                .cmp(&rank(right))
                .then_with(|| left.kid.cmp(&right.kid))
        });
        keys
    }

    /// The key of this name, if its tokens are accepted.
    pub fn verifier(&self, kid: &str, now: UnixMillis) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|key| key.kid == kid && key.verifies(now))
    }

    /// When the next key is made: the earliest time at which [`KeyRing::needed`] is not empty.
    pub fn next_change(&self, policy: KeyPolicy) -> UnixMillis {
        policy
            .algorithms()
            .map(|algorithm| {
                self.newest_in_chain(algorithm)
                    .map_or(UnixMillis(0), |last| {
                        last.created.plus(policy.successor_due_after())
                    })
            })
            .min()
            .unwrap_or(UnixMillis(0))
    }

    /// Marks a change.
    pub(super) fn bump(&mut self) {
        self.head.key_set_version = self.head.key_set_version.saturating_add(1);
    }
}

/// How long a copy of the ring is used for verification while the ring cannot be reached.
pub(super) const LONGEST_OUTAGE: Millis = Millis::from_seconds(24 * 60 * 60);
