//! How the ring changes: which keys are due, how a new one joins, rotation on demand, withdrawal, clean-up.

use super::{Chain, Kept, KeyKind, KeyPolicy, KeyRing, SigningKey};
use crate::revocation::cut_off::CutOff;
use postern_jwt::{
    SigningAlgorithm,
    secret::Secret,
    time::{Millis, UnixMillis},
};

/// A key that has to be generated: what it is for, and its algorithm.
pub type KeyNeeded = Chain;

/// A freshly generated key pair, as WebCrypto exports it, and randomness for its name.
#[derive(Debug)]
pub struct KeyMaterial {
    /// The public key: the text of one JWK.
    pub public_jwk: String,
    /// The private key: the text of one JWK.
    pub private_jwk: Secret,
    /// Random bytes for the UUID in the `kid` of a static key.
    pub random: [u8; 16],
}

/// There is no key of this name in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownKid;

impl KeyRing {
    /// The keys that have to be generated now. Empty after each of them was handed to [`KeyRing::add_key`].
    pub fn needed(&self, policy: KeyPolicy, now: UnixMillis) -> Vec<KeyNeeded> {
        let mut needed = Vec::new();
        for algorithm in policy.algorithms() {
            if self.static_key(algorithm).is_none() {
                needed.push(KeyNeeded {
                    kind: KeyKind::Static,
                    algorithm,
                });
            }
        }
        for chain in policy.chains() {
            let due = self
                .newest_in_chain(chain)
                .is_none_or(|newest| now >= newest.created.plus(policy.successor_due_after()));
            let waits = self.current_in_chain(chain, now).is_none() && !self.is_announced(chain);
            if due || waits {
                needed.push(chain);
            }
        }
        needed
    }

    /// The keys that have to be generated for a rotation on demand: the next of every chain.
    ///
    /// The new keys sign after the overlap, like any other, so that every isolate and every cached JWK Set knows them by
    /// then and no good token is refused. To stop a stolen key at once, withdraw it.
    pub fn needed_for_rotation(policy: KeyPolicy) -> Vec<KeyNeeded> {
        policy.chains().collect()
    }

    /// Adds a generated key.
    ///
    /// It signs after the overlap if another key can sign until then, at once if not. `None` when the material is not
    /// what WebCrypto exports for this algorithm.
    pub fn add_key(
        &mut self,
        policy: KeyPolicy,
        needed: KeyNeeded,
        material: KeyMaterial,
        now: UnixMillis,
    ) -> Option<()> {
        let created = self.creation_time(needed, now);
        let kid = match needed.kind {
            KeyKind::Dynamic => dynamic_kid(needed.algorithm, created),
            KeyKind::Static => static_kid(material.random),
            KeyKind::Assertion => format!("a-{}", created.0),
        };
        let signs_from = match self.current_in_chain(needed, now) {
            Some(_) if needed.kind.rotates() => created.plus(policy.overlap()),
            None if self.is_new_algorithm(policy, needed, now) => created.plus(policy.overlap()),
            _ => UnixMillis(0),
        };
        let public_jwk = super::public_jwk(&kid, needed.algorithm, &material.public_jwk)?;
        self.keys.push(SigningKey {
            kid,
            algorithm: needed.algorithm,
            kind: needed.kind,
            created,
            signs_from,
            verify_until: needed.kind.rotates().then_some(created),
            public_jwk,
            private_jwk: Some(material.private_jwk),
            withdrawn: false,
            kept: Kept::default(),
        });
        self.bump();
        self.settle(policy, now);
        Some(())
    }

    /// Whether a chain is that of an algorithm that an established ring is only now to sign with: its first key is published
    /// before it signs, like any other, and RS256 signs until then.
    fn is_new_algorithm(&self, policy: KeyPolicy, chain: Chain, now: UnixMillis) -> bool {
        let rs256 = Chain {
            algorithm: SigningAlgorithm::RS256,
            ..chain
        };
        let is_established = self
            .current_in_chain(rs256, now)
            .is_some_and(|key| key.created.plus(policy.overlap()) <= now);
        let has_none = !self.keys.iter().any(|key| Chain::of(key) == chain);
        chain.kind == KeyKind::Dynamic && chain != rs256 && is_established && has_none
    }

    /// Whether a chain has its first key, which does not sign yet.
    fn is_announced(&self, chain: Chain) -> bool {
        let mut keys = self.keys.iter().filter(|key| Chain::of(key) == chain);
        let first = keys.next();
        chain.kind == KeyKind::Dynamic
            && chain.algorithm != SigningAlgorithm::RS256
            && first.is_some_and(|key| !key.withdrawn)
            && keys.next().is_none()
    }

    /// Adds generated keys as far as they are still needed: of keys that were generated at the same time for the same
    /// purpose, only the first is taken. True when one was added, `None` as [`KeyRing::add_key`].
    pub fn add_needed(
        &mut self,
        policy: KeyPolicy,
        generated: Vec<(KeyNeeded, KeyMaterial)>,
        now: UnixMillis,
    ) -> Option<bool> {
        let mut added = false;
        for (need, material) in generated {
            if self.needed(policy, now).contains(&need) {
                self.add_key(policy, need, material, now)?;
                added = true;
            }
        }
        Some(added)
    }

    /// Takes a key out of use at once: it is published, signs and verifies no more. Sessions whose tokens it signed
    /// go on with their next refresh. Follow with [`KeyRing::needed`]: the key may have to be replaced.
    ///
    /// Withdrawing a key twice changes nothing.
    pub fn withdraw(
        &mut self,
        policy: KeyPolicy,
        kid: &str,
        now: UnixMillis,
    ) -> Result<(), UnknownKid> {
        let key = self
            .keys
            .iter_mut()
            .find(|key| key.kid == kid)
            .ok_or(UnknownKid)?;
        if !key.withdrawn {
            key.withdrawn = true;
            key.private_jwk = None;
            // The name is remembered until every token that bears it is dead.
            let dead = now.plus(policy.retention(key.kind));
            key.verify_until = key.verify_until.max(Some(dead));
            self.bump();
        }
        Ok(())
    }

    /// Ends everybody's sessions that were created before `moment`. Only ever moves forward.
    pub fn cut_off(&mut self, moment: UnixMillis, now: UnixMillis) {
        if moment > self.head.not_before {
            self.head.not_before = moment;
            self.head.dated_cut_off = Some(
                CutOff {
                    moment,
                    recorded: now,
                }
                .into(),
            );
            self.bump();
        }
    }

    /// Brings the ring in line with the policy and the clock: extends how long keys verify, erases private keys that
    /// sign no more, forgets dead keys. True when something changed.
    pub fn settle(&mut self, policy: KeyPolicy, now: UnixMillis) -> bool {
        let takeovers: Vec<(Chain, UnixMillis, UnixMillis)> = self
            .keys
            .iter()
            .filter(|key| key.kind.rotates() && !key.withdrawn)
            .map(|key| (Chain::of(key), key.created, key.signs_from))
            .collect();
        let mut changed = false;
        for key in &mut self.keys {
            if !key.kind.rotates() || key.withdrawn {
                continue;
            }
            let own_chain = Chain::of(key);
            let successor = takeovers
                .iter()
                .filter(|(chain, created, _)| *chain == own_chain && *created > key.created)
                .map(|(_, _, signs_from)| *signs_from)
                .min();
            let signs_until = key
                .created
                .plus(policy.interval)
                .max(successor.unwrap_or(UnixMillis(0)));
            let verify_until = Some(signs_until.plus(policy.retention(key.kind)));
            if verify_until > key.verify_until {
                key.verify_until = verify_until;
                changed = true;
            }
            // One overlap more, for an isolate whose clock is a little behind ours.
            let erase =
                successor.is_some_and(|takes_over| now >= takes_over.plus(policy.overlap()));
            if erase && key.private_jwk.take().is_some() {
                changed = true;
            }
        }
        let before = self.keys.len();
        // The newest key stays even past its time: it bridges the time until a late successor signs.
        let kept: Vec<String> = policy
            .chains()
            .filter_map(|chain| self.newest_in_chain(chain))
            .map(|key| key.kid.clone())
            .collect();
        self.keys
            .retain(|key| key.verify_until.is_none_or(|end| now < end) || kept.contains(&key.kid));
        changed |= self.keys.len() != before;
        if changed {
            self.bump();
        }
        changed
    }

    /// `now`, or the millisecond after the newest key's creation: it is the order of the keys, and in the `kid`.
    fn creation_time(&self, needed: KeyNeeded, now: UnixMillis) -> UnixMillis {
        self.keys
            .iter()
            .filter(|key| key.kind.rotates() && Chain::of(key) == needed)
            .map(|key| key.created.plus(Millis(1)))
            .fold(now, UnixMillis::max)
    }
}

/// `d-<creation ms>` (protocol: clients tell dynamic keys by the `d-`), with the algorithm appended unless it is RS256.
fn dynamic_kid(algorithm: SigningAlgorithm, created: UnixMillis) -> String {
    match algorithm {
        SigningAlgorithm::RS256 => format!("d-{}", created.0),
        SigningAlgorithm::ES256 => format!("d-{}-es256", created.0),
        SigningAlgorithm::EdDSA => format!("d-{}-eddsa", created.0),
    }
}

/// `s-<uuid>` with a version 4 UUID (RFC 9562 section 5.4).
fn static_kid(random: [u8; 16]) -> String {
    format!("s-{}", uuid::Builder::from_random_bytes(random).into_uuid())
}
