//! The copy of the ring that an isolate holds, and when it has to ask for a new one.

use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

use super::{
    KeyKind, KeyPolicy, KeyRing, KeySetDocument, RingHead, Shards, SigningKey, call::first,
    ring::LONGEST_OUTAGE,
};
use crate::{
    console::session::ConsoleKey,
    message::{NEWEST, OLDEST},
    revocation::cut_off::CutOff,
    session::{handle::HandleKeys, ticket::TicketKey},
};
use postern_jwt::{
    SigningAlgorithm,
    secret::{Secret, mac},
    time::UnixMillis,
};

/// What the ring answers to an isolate. Holds private keys: it is never written anywhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RingCopy {
    /// The protocol number that the copy is given in.
    #[serde(default = "first")]
    pub protocol: u32,
    /// When the ring gave this answer, by the ring's clock.
    pub as_of: UnixMillis,
    /// The policy the ring goes by.
    pub policy: KeyPolicy,
    /// The keys in use, and the secrets.
    pub ring: KeyRing,
    /// The keys behind session handles, once they were asked for.
    #[serde(skip)]
    pub(crate) handle_keys: OnceLock<HandleKeys>,
}

/// Whether a held copy may be used, and whether to ask for a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStatus {
    /// Use it.
    Good,
    /// Ask for a newer one; use this one if there is no answer.
    Ask,
    /// Too old to be used at all: ask, and without an answer this is an outage.
    Unusable,
}

/// What to do about a token whose `kid` is not in the held copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownKey {
    /// The copy is new enough: there is no such key.
    Refuse,
    /// Ask for a newer copy and look again.
    Ask,
    /// Another request has just asked: look again once it has its answer, or none.
    Wait,
    /// The copy is old and a newer one is not to be had: nobody can tell. A fault of ours, not of the token.
    Outage,
}

/// What an isolate remembers of its questions to the ring, by its own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Questions {
    /// The copy is at least as new as this: when the question was asked that it answers, less its age if a relay answered.
    pub answered: Option<UnixMillis>,
    /// When the last question was asked that got an answer.
    pub heard: Option<UnixMillis>,
    /// When the last question was asked.
    pub asked: Option<UnixMillis>,
    /// When the last question was asked that got no answer, unless a later one did.
    pub failed: Option<UnixMillis>,
}

impl KeyRing {
    /// The copy for isolates: without what was withdrawn.
    pub fn copy(&self, policy: KeyPolicy, now: UnixMillis) -> RingCopy {
        let mut ring = self.clone();
        ring.keys.retain(|key| key.verifies(now));
        RingCopy {
            protocol: NEWEST,
            as_of: now,
            policy,
            ring,
            handle_keys: OnceLock::new(),
        }
    }
}

impl RingCopy {
    /// The same, given in another protocol number.
    #[must_use]
    pub fn given_in(self, protocol: u32) -> Self {
        Self { protocol, ..self }
    }

    /// True when this code understands the copy. False during a roll-back: the ring was written by newer code.
    pub fn is_readable(&self) -> bool {
        self.ring.head.is_readable() && self.protocol >= OLDEST
    }

    /// True when this copy is not older than `other`: answers may overtake each other.
    pub fn supersedes(&self, other: &Self) -> bool {
        (self.ring.head.key_set_version, self.as_of)
            >= (other.ring.head.key_set_version, other.as_of)
    }

    /// Grows with every change of the ring.
    pub fn key_set_version(&self) -> u64 {
        self.ring.head.key_set_version
    }

    /// The moment of the cut-off: sessions created before it have ended. Zero = there never was one.
    pub fn not_before(&self) -> UnixMillis {
        self.ring.head.not_before
    }

    /// The cut-off. If nobody has kept when it was recorded, that may have been until the ring gave this answer.
    pub fn cut_off(&self) -> CutOff {
        let RingHead {
            not_before,
            dated_cut_off,
            ..
        } = &self.ring.head;
        let dated = dated_cut_off.as_ref().map(|noted| noted.value);
        CutOff::of(*not_before, dated, self.as_of)
    }

    /// How many shards the authority on revocations has; `None` from a ring that does not say.
    pub fn shards(&self) -> Option<Shards> {
        self.ring.head.shards.as_ref().map(|noted| noted.value)
    }

    /// When the ring makes its next key.
    pub fn next_change(&self) -> UnixMillis {
        self.ring.next_change(self.policy)
    }

    /// The key to sign with now.
    pub fn signer(
        &self,
        algorithm: SigningAlgorithm,
        kind: KeyKind,
        now: UnixMillis,
    ) -> Option<&SigningKey> {
        self.ring.signer(self.policy, algorithm, kind, now)
    }

    /// The algorithm of sessions made through our own endpoints: what the ring goes by, whatever the variables of an isolate say,
    /// and RS256 until a key for it signs.
    pub fn own_algorithm(&self, kind: KeyKind, now: UnixMillis) -> SigningAlgorithm {
        let wanted = self.policy.signing_algorithm;
        self.signer(wanted, kind, now)
            .map_or(SigningAlgorithm::RS256, |_| wanted)
    }

    /// The key of this name, if its tokens are accepted.
    pub fn verifier(&self, kid: &str, now: UnixMillis) -> Option<&SigningKey> {
        self.ring.verifier(kid, now)
    }

    /// The JWK Set of session tokens to serve.
    pub fn document(&self, now: UnixMillis) -> KeySetDocument {
        self.ring.document(self.policy, now)
    }

    /// The JWK Set of assertions to serve.
    pub fn assertion_document(&self, now: UnixMillis) -> KeySetDocument {
        self.ring.assertion_document(self.policy, now)
    }

    /// What log lines call a session: a keyed digest of its handle, so that the lines of one session can be joined and nobody can be
    /// looked up from outside. Another one once the key behind it is followed by another.
    pub fn session_digest(&self, handle: &str) -> String {
        let keys = self.anti_csrf_keys(self.as_of);
        let none = Secret::new(Vec::new());
        let key = keys.last().map_or(&none, |(_, key)| key);
        let digest = mac(key, &[b"log digest 1", handle.as_bytes()]);
        let bytes: [u8; 8] =
            std::array::from_fn(|at| digest.expose().get(at).copied().unwrap_or(0));
        format!("{:016x}", u64::from_be_bytes(bytes))
    }

    /// The keys behind sessions of the operator's console, the one that makes them first.
    pub fn console_keys(&self, now: UnixMillis) -> impl Iterator<Item = ConsoleKey> {
        let keys = self.anti_csrf_keys(now).into_iter().rev();
        keys.map(|(_, key)| ConsoleKey::derived_from(&key))
    }

    /// The keys behind session tickets, the one that makes them first.
    pub fn ticket_keys(&self, now: UnixMillis) -> impl Iterator<Item = TicketKey> {
        let keys = self.anti_csrf_keys(now).into_iter().rev();
        keys.map(|(_, key)| TicketKey::derived_from(&key))
    }

    /// The keys behind session handles.
    pub fn handle_keys(&self) -> &HandleKeys {
        let secrets = &self.ring.head.secrets;
        self.handle_keys
            .get_or_init(|| HandleKeys::new(&secrets.route_key, &secrets.handle_tag_key))
    }

    /// Whether this copy is new enough.
    ///
    /// From O/3 on one request at a time asks for a newer one and the others go on. From O on, and once the next key
    /// is made, every request asks, unless the last answer failed to come less than O/3 ago: then there is an outage,
    /// and the copy is used for up to 24 h. (It signs no longer than [`KeyRing::signer`] allows.)
    pub fn status(&self, questions: Questions, now: UnixMillis) -> CopyStatus {
        let age = now.since(questions.answered.unwrap_or(UnixMillis(0)));
        let recently = |time: Option<UnixMillis>| {
            time.is_some_and(|time| now.since(time) < self.policy.copy_refresh_age())
        };
        if age > LONGEST_OUTAGE {
            return CopyStatus::Unusable;
        }
        let all_ask = age >= self.policy.overlap() || now >= self.next_change();
        let one_asks = age >= self.policy.copy_refresh_age();
        // A copy of a relay's is older than the question that brought it, so that the question says nothing of when to ask anew.
        let is_open = questions.asked != questions.heard;
        let ask = (all_ask && !recently(questions.failed))
            || (one_asks && !(is_open && recently(questions.asked)));
        if ask {
            CopyStatus::Ask
        } else {
            CopyStatus::Good
        }
    }

    /// What to do about a `kid` that this copy does not hold. Bounds what an outsider who invents `kid`s can cause:
    /// one question in [`KeyPolicy::unknown_key_age`] for each isolate, and one more if it has an answer of a relay's, which is
    /// older than the question.
    pub fn unknown_key(&self, questions: Questions, now: UnixMillis) -> UnknownKey {
        let within = |time: Option<UnixMillis>| {
            time.is_some_and(|time| now.since(time) <= self.policy.unknown_key_age())
        };
        if within(questions.answered) {
            UnknownKey::Refuse
        } else if !within(questions.asked) || questions.heard == questions.asked {
            UnknownKey::Ask
        } else if questions.failed < questions.asked {
            UnknownKey::Wait
        } else {
            UnknownKey::Outage
        }
    }
}
