//! The ring itself: the stored shape of keys and secrets, and what can be read from it.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{
    KeyPolicy, Shards, SharedSettings,
    stored::{Kept, Noted, RingText, is_epoch, optional_secret, secret},
};
use crate::revocation::cut_off::CutOff;
use postern_jwt::{
    SigningAlgorithm,
    secret::Secret,
    time::{Millis, UnixMillis},
};

/// The version of the stored shape that this code reads and writes. Members that are added do not raise it.
///
/// 1 is what every release reads. 2 is a ring with several secrets of a kind: a release that knows only 1 takes a session's older
/// tokens for none of ours, so it must not use such a ring.
pub const SCHEMA: u32 = 2;

/// The version of a record that lies sealed in storage, whatever version the ring in it has; see [`super::SealedRecord`].
pub(super) const SEALED_SCHEMA: u32 = 3;

/// The version of a ring with one secret of each kind.
pub(super) const PLAIN_SCHEMA: u32 = 1;

/// How many random 32-byte values [`Secrets::new`] takes.
pub const SECRETS_NEEDED: usize = 4;

/// What a key is for, and with that whether it is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Rotated by interval; `kid` starts with `d-`.
    Dynamic,
    /// Never rotated, for sessions made with `useDynamicSigningKey: false`; `kid` starts with `s-`.
    Static,
    /// Signs what the gateway tells origins about a session, and nothing else; rotated like a dynamic key. `kid`
    /// starts with `a-`. In no document of session keys, and no session token is verified with it.
    Assertion,
}

impl KeyKind {
    /// The name in storage, and for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
            Self::Assertion => "assertion",
        }
    }

    /// True when a key of this kind is followed by another.
    pub(super) const fn rotates(self) -> bool {
        !matches!(self, Self::Static)
    }

    /// True when session tokens are signed with keys of this kind.
    const fn signs_sessions(self) -> bool {
        !matches!(self, Self::Assertion)
    }
}

/// Keys that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// What they are for.
    pub kind: KeyKind,
    /// Their algorithm.
    pub algorithm: SigningAlgorithm,
}

impl Chain {
    /// The chain that a key belongs to.
    pub(super) const fn of(key: &SigningKey) -> Self {
        Self {
            kind: key.kind,
            algorithm: key.algorithm,
        }
    }
}

/// One key pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    #[serde(
        default,
        with = "optional_secret",
        skip_serializing_if = "Option::is_none"
    )]
    pub private_jwk: Option<Secret>,
    /// True when the key was withdrawn: it neither signs nor verifies, and is in no document.
    #[serde(default)]
    pub withdrawn: bool,
    /// What another release has noted.
    #[serde(flatten)]
    pub kept: Kept,
}

impl SigningKey {
    /// True while tokens of this key are to be accepted.
    pub fn verifies(&self, now: UnixMillis) -> bool {
        !self.withdrawn && self.verify_until.is_none_or(|end| now < end)
    }
}

/// A secret that is followed by others of its kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NumberedSecret {
    /// Its number.
    pub number: u32,
    /// The secret.
    #[serde(with = "secret")]
    pub key: Secret,
    /// From when on it makes what its kind makes; before that it is only known. The epoch = as soon as it exists.
    #[serde(default, skip_serializing_if = "is_epoch")]
    pub from: UnixMillis,
    /// When nothing that it made can live any more, of one that was followed by another; absent = not yet followed. Only ever
    /// moves later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMillis>,
    /// What another release has noted.
    #[serde(flatten)]
    pub kept: Kept,
}

/// The secrets beside the signing keys. None of them ever leaves the Worker's own objects and isolates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Makes the part of a handle that names the user's object. Never rotates: data would no longer be found.
    #[serde(with = "secret")]
    pub route_key: Secret,
    /// Makes the tag by which a handle is recognised as ours.
    #[serde(with = "secret")]
    pub handle_tag_key: Secret,
    /// Makes anti-CSRF tokens, tickets, sessions of the console and the digests in log lines, unless there is a list.
    #[serde(with = "secret")]
    pub anti_csrf_key: Secret,
    /// The keys in its place while there are several, this one among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anti_csrf_keys: Vec<NumberedSecret>,
    /// Make the MACs of refresh tokens. Numbered, so that a session can say which one it was made with; the last whose time has
    /// come makes.
    pub refresh_secrets: Vec<NumberedSecret>,
    /// What another release has noted.
    #[serde(flatten)]
    pub kept: Kept,
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
            anti_csrf_keys: Vec::new(),
            refresh_secrets: vec![NumberedSecret::first(refresh)],
            kept: Kept::default(),
        }
    }
}

/// Everything of the ring but its keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RingHead {
    /// Which version of the stored shape a release must know to use it; see [`SCHEMA`].
    pub schema: u32,
    /// Grows with every change of the ring. What was verified under a lower number must be verified again.
    pub key_set_version: u64,
    /// The cut-off: sessions created before it have ended, whoever they belong to. Zero = there never was one.
    #[serde(default)]
    pub not_before: UnixMillis,
    /// The same with when it was recorded; see [`CutOff::of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated_cut_off: Option<Noted<CutOff>>,
    /// How many shards the authority on revocations has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Noted<Shards>>,
    /// The other settings that isolates and objects must share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Noted<SharedSettings>>,
    /// The secrets.
    pub secrets: Secrets,
    /// What another release has noted.
    #[serde(flatten)]
    pub kept: Kept,
}

impl RingHead {
    /// True when this code understands the ring. False during a roll-back: it was written by newer code.
    pub const fn is_readable(&self) -> bool {
        self.schema >= PLAIN_SCHEMA && self.schema <= SCHEMA
    }
}

/// All keys and secrets of one deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "RingText", into = "RingText")]
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
                schema: PLAIN_SCHEMA,
                key_set_version: 0,
                not_before: UnixMillis(0),
                dated_cut_off: None,
                shards: None,
                shared: None,
                secrets,
                kept: Kept::default(),
            },
            keys: Vec::new(),
        }
    }

    /// The keys of one chain that were not withdrawn.
    pub(super) fn chain(&self, chain: Chain) -> impl Iterator<Item = &SigningKey> {
        self.keys
            .iter()
            .filter(move |key| chain == Chain::of(key) && !key.withdrawn)
    }

    /// The newest key of a chain.
    pub(super) fn newest_in_chain(&self, chain: Chain) -> Option<&SigningKey> {
        self.chain(chain).max_by_key(|key| key.created)
    }

    /// The static key of one algorithm.
    pub(super) fn static_key(&self, algorithm: SigningAlgorithm) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|key| key.kind == KeyKind::Static && key.algorithm == algorithm && !key.withdrawn)
    }

    /// The key of a chain whose turn it is, whether or not its time is over: the newest that signs yet.
    pub(super) fn current_in_chain(&self, chain: Chain, now: UnixMillis) -> Option<&SigningKey> {
        self.chain(chain)
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
            KeyKind::Dynamic | KeyKind::Assertion => {
                let chain = Chain { kind, algorithm };
                self.current_in_chain(chain, now).filter(|key| {
                    now < key.created.plus(policy.interval)
                        || self
                            .chain(chain)
                            .any(|other| other.created > key.created && other.signs_from > now)
                })
            }
        }
    }

    /// The keys whose session tokens are accepted: dynamic ones, newest first, then static ones.
    pub fn verifiers(&self, now: UnixMillis) -> Vec<&SigningKey> {
        self.published(now, KeyKind::signs_sessions)
    }

    /// The keys whose assertions are good, newest first.
    pub(super) fn assertion_verifiers(&self, now: UnixMillis) -> Vec<&SigningKey> {
        self.published(now, |kind| kind == KeyKind::Assertion)
    }

    fn published(&self, now: UnixMillis, is_wanted: impl Fn(KeyKind) -> bool) -> Vec<&SigningKey> {
        let mut keys: Vec<&SigningKey> = self
            .keys
            .iter()
            .filter(|key| is_wanted(key.kind) && key.verifies(now))
            .collect();
        let rank = |key: &SigningKey| (key.kind == KeyKind::Static, Reverse(key.created));
        keys.sort_unstable_by(|left, right| {
            rank(left)
                .cmp(&rank(right))
                .then_with(|| left.kid.cmp(&right.kid))
        });
        keys
    }

    /// The key of this name, if its session tokens are accepted.
    pub fn verifier(&self, kid: &str, now: UnixMillis) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|key| key.kid == kid && key.kind.signs_sessions() && key.verifies(now))
    }

    /// When the next key is made: the earliest time at which [`KeyRing::needed`] is not empty.
    pub fn next_change(&self, policy: KeyPolicy) -> UnixMillis {
        policy
            .chains()
            .filter_map(|chain| match self.newest_in_chain(chain) {
                Some(last) => Some(last.created.plus(policy.successor_due_after())),
                // The copy of an object that is older than this code: it will never have one.
                None if chain.kind == KeyKind::Assertion => None,
                None => Some(UnixMillis(0)),
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
