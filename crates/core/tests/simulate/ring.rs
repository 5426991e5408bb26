//! The key ring, and what isolates and users' objects hold of it: the product's ring, copies, and rules when to ask.

use std::rc::Rc;

use postern_core::{
    keys::{
        CopyStatus, KeyKind, KeyMaterial, KeyPolicy, KeyRing, Questions, RingCopy, SECRETS_NEEDED,
        Secrets, ShardsWanted, SharedValues,
    },
    relay,
    settings::SigningAlgorithm,
};
use postern_jwt::{
    secret::Secret,
    time::{Millis, UnixMillis},
};

use super::plan::{Mistake, Plan, Variables};

const HOUR: u64 = 3_600_000;
const REFRESH_TOKEN: Millis = Millis(100 * 24 * HOUR);
/// How long after its announcement a number of shards is polled takes more than a day: longer than this it does not take.
const LONG_BEFORE: u64 = 400 * HOUR;

/// The key ring, as its object keeps and gives it.
pub struct Ring {
    interval: Millis,
    variables: Variables,
    /// What is wanted of the shards may have been deployed before.
    shards: u32,
    keys: KeyRing,
    /// It is of a release that does not keep when a cut-off was recorded.
    pub is_older: bool,
    /// By a mistake, keys are kept for this long.
    kept_for: Option<u64>,
}

/// What a release's variables say.
pub fn shared(variables: Variables) -> SharedValues {
    SharedValues {
        bound: Some(Millis(variables.bound)),
        access_token: Millis(variables.access_token),
        refresh_token: REFRESH_TOKEN,
        clock_tolerance: Millis(variables.clock_tolerance),
    }
}

impl Ring {
    pub fn new(plan: &Plan, now: u64) -> Self {
        let [first, next] = plan.variables;
        let mut ring = Self {
            interval: Millis(plan.key_interval),
            variables: first,
            shards: first.shards,
            keys: KeyRing::new(Secrets::new([[7; 32]; SECRETS_NEEDED])),
            is_older: false,
            kept_for: (plan.mistake == Some(Mistake::OwnLifetime)).then_some(first.access_token),
        };
        if let Some(at) = plan.shards_change {
            ring.settle_shards(now - LONG_BEFORE);
            ring.shards = next.shards;
            // How long it takes, as the rule has it.
            let before = ring.keys.clone();
            ring.settle_shards(now - LONG_BEFORE);
            let takes = ring.shards_next() - (now - LONG_BEFORE);
            ring.keys = before;
            ring.settle_shards(now + at - takes);
            assert_eq!(ring.shards_next(), now + at);
        }
        ring.change(now, |_| {});
        ring
    }

    fn shards_next(&self) -> u64 {
        let shards = self.keys.head.shards.as_ref().unwrap();
        shards.value.next.unwrap().moment.0
    }

    fn settle_shards(&mut self, now: u64) {
        let wanted = ShardsWanted {
            count: self.shards,
            longest_entry: Millis(self.variables.access_token + HOUR),
        };
        self.keys.settle_shards(wanted, UnixMillis(now));
    }

    fn policy(&self, now: u64) -> KeyPolicy {
        let own = KeyPolicy {
            interval: self.interval,
            access_token_validity: Millis(self.variables.access_token),
            signing_algorithm: SigningAlgorithm::RS256,
        };
        let policy = self.keys.policy(own, UnixMillis(now));
        KeyPolicy {
            access_token_validity: self.kept_for.map_or(policy.access_token_validity, Millis),
            ..policy
        }
    }

    /// Its object starts again with these variables.
    pub fn deploy(&mut self, variables: Variables, now: u64) {
        (self.variables, self.shards) = (variables, variables.shards);
        self.change(now, |_| {});
    }

    /// New keys on demand.
    pub fn rotate(&mut self, now: u64) {
        let policy = self.policy(now);
        self.change(now, |ring| {
            for need in KeyRing::needed_for_rotation(policy) {
                ring.add_key(policy, need, material(), UnixMillis(now))
                    .unwrap();
            }
        });
    }

    pub fn cut_off(&mut self, moment: UnixMillis, now: u64) {
        let is_older = self.is_older;
        self.change(now, |ring| {
            let before = ring.head.dated_cut_off.clone();
            ring.cut_off(moment, UnixMillis(now));
            if is_older {
                ring.head.dated_cut_off = before;
            }
        });
    }

    pub fn version(&self) -> u64 {
        self.keys.head.key_set_version
    }

    /// Until when an ended session may be let in at most where nothing is said, by what is published.
    pub fn bound(&self, now: u64) -> u64 {
        let shared = self.keys.head.shared.as_ref().unwrap();
        shared.value.accepted(UnixMillis(now)).bound.unwrap().0
    }

    /// The name of the key that signs now.
    pub fn signer(&self, now: u64) -> String {
        self.copy(now)
            .signer(SigningAlgorithm::RS256, KeyKind::Dynamic, UnixMillis(now))
            .unwrap()
            .kid
            .clone()
    }

    /// What is due is done whenever it is asked.
    fn asked(&mut self, now: u64) {
        let policy = self.policy(now);
        let mut settled = self.keys.clone();
        let changed = settled.settle_shared(shared(self.variables), UnixMillis(now))
            || !self.keys.needed(policy, UnixMillis(now)).is_empty()
            || settled.settle(policy, UnixMillis(now));
        if changed {
            self.change(now, |_| {});
        } else {
            self.settle_shards(now);
        }
    }

    /// What it answers, once what is due is done.
    pub fn answer(&mut self, now: u64) -> RingCopy {
        self.asked(now);
        self.copy(now)
    }

    fn copy(&self, now: u64) -> RingCopy {
        let mut copy = self.keys.copy(self.policy(now), UnixMillis(now));
        if self.is_older {
            copy.ring.head.dated_cut_off = None;
        }
        copy
    }

    /// A change, and every key that is due.
    fn change(&mut self, now: u64, change: impl FnOnce(&mut KeyRing)) {
        self.settle_shards(now);
        self.keys
            .settle_shared(shared(self.variables), UnixMillis(now));
        let policy = self.policy(now);
        let ring = &mut self.keys;
        change(ring);
        let needed = ring.needed(policy, UnixMillis(now));
        let generated = needed.into_iter().map(|need| (need, material())).collect();
        ring.add_needed(policy, generated, UnixMillis(now)).unwrap();
        ring.settle(policy, UnixMillis(now));
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
    pub fn ask(&mut self, ring: &mut Ring, is_answered: bool, clock: UnixMillis, now: u64) {
        self.questions.asked = Some(clock);
        if !is_answered {
            self.questions.failed = Some(clock);
            self.failed = Some(now);
            return;
        }
        self.take(ring.answer(now), clock, Millis(0));
    }

    /// Has an answer that was as old as this when it was asked for.
    pub fn take(&mut self, copy: RingCopy, clock: UnixMillis, age: Millis) {
        (self.questions.asked, self.questions.heard) = (Some(clock), Some(clock));
        self.questions.failed = None;
        if self.copy.as_ref().is_none_or(|held| copy.supersedes(held)) {
            self.copy = Some(Rc::new(copy));
            self.questions.answered = Some(clock.minus(age));
        }
    }

    /// How old the answer of a relay may be.
    pub fn longest_relayed_age(&self, clock: UnixMillis) -> Millis {
        relay::longest_age_of_ring(self.copy.as_deref(), clock)
    }

    /// The copy to use, if there is one that may be used.
    pub fn held(&self, clock: UnixMillis) -> Option<Rc<RingCopy>> {
        self.copy
            .clone()
            .filter(|copy| copy.status(self.questions, clock) != CopyStatus::Unusable)
    }
}
