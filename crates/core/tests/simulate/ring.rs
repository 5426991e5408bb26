//! The key ring, and what isolates and users' objects hold of it: the product's ring, copies, and rules when to ask.

use std::rc::Rc;

use postern_core::{
    keys::{
        CopyStatus, KeyMaterial, KeyPolicy, KeyRing, Questions, RingCopy, SECRETS_NEEDED, Secrets,
    },
    settings::Settings,
};
use postern_jwt::{secret::Secret, time::UnixMillis};

pub struct Ring {
    policy: KeyPolicy,
    ring: KeyRing,
}

impl Ring {
    pub fn new(settings: &Settings, now: u64) -> Self {
        let mut ring = Self {
            policy: KeyPolicy::from(settings),
            ring: KeyRing::new(Secrets::new([[7; 32]; SECRETS_NEEDED])),
        };
        ring.change(now, |_| {});
        ring
    }

    /// New keys on demand.
    pub fn rotate(&mut self, now: u64) {
        let policy = self.policy;
        self.change(now, |ring| {
            for need in KeyRing::needed_for_rotation(policy) {
                ring.add_key(policy, need, material(), UnixMillis(now))
                    .unwrap();
            }
        });
    }

    pub fn cut_off(&mut self, moment: UnixMillis, now: u64) {
        self.change(now, |ring| ring.cut_off(moment, UnixMillis(now)));
    }

    pub fn version(&self) -> u64 {
        self.ring.head.key_set_version
    }

    /// A change, and every key that is due.
    fn change(&mut self, now: u64, change: impl FnOnce(&mut KeyRing)) {
        let ring = &mut self.ring;
        change(ring);
        let needed = ring.needed(self.policy, UnixMillis(now));
        let generated = needed.into_iter().map(|need| (need, material())).collect();
        ring.add_needed(self.policy, generated, UnixMillis(now))
            .unwrap();
        ring.settle(self.policy, UnixMillis(now));
    }
}

/// Keys are names here: nothing looks inside.
fn material() -> KeyMaterial {
    KeyMaterial {
        public_jwk: r#"{"kty":"x","n":"AQ","e":"AQAB","x":"Ag","y":"Aw","d":"never"}"#.to_owned(),
        private_jwk: Secret::new(vec![1]),
        random: [1; 16],
    }
}

/// The copy of an isolate: what `objects::key_ring` of the Worker does.
#[derive(Default)]
pub struct RingHolder {
    copy: Option<Rc<RingCopy>>,
    questions: Questions,
    /// When a question got no answer, by the authority's clock.
    pub failed: Option<u64>,
}

impl RingHolder {
    /// What it held is gone; what was asked is still known to the judge.
    pub fn restart(&mut self) {
        (self.copy, self.questions) = (None, Questions::default());
    }

    /// Whether the request has to ask first.
    pub fn must_ask(&self, clock: UnixMillis) -> bool {
        self.copy
            .as_ref()
            .is_none_or(|copy| copy.status(self.questions, clock) != CopyStatus::Good)
    }

    /// Whether what a poll told is newer than what is held.
    pub fn is_older_than(&self, version: u64) -> bool {
        self.copy
            .as_ref()
            .is_none_or(|copy| copy.key_set_version() < version)
    }

    /// Asks, and has the answer as of now, or none.
    pub fn ask(&mut self, ring: &Ring, is_answered: bool, clock: UnixMillis, now: u64) {
        self.questions.asked = Some(clock);
        if !is_answered {
            self.questions.failed = Some(clock);
            self.failed = Some(now);
            return;
        }
        self.questions.failed = None;
        let copy = ring.ring.copy(ring.policy, UnixMillis(now));
        if self.copy.as_ref().is_none_or(|held| copy.supersedes(held)) {
            self.copy = Some(Rc::new(copy));
            self.questions.answered = Some(clock);
        }
    }

    /// The copy to use, if there is one that may be used.
    pub fn held(&self, clock: UnixMillis) -> Option<Rc<RingCopy>> {
        self.copy
            .clone()
            .filter(|copy| copy.status(self.questions, clock) != CopyStatus::Unusable)
    }
}
