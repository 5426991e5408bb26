//! Properties over random timelines: the ring is asked, sleeps, rotates on demand, loses keys, changes its settings.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{RS256, START, maintain, material, policy, ring_at};
use crate::keys::{Chain, KeyKind, KeyRing, RingCopy};
use postern_jwt::{
    SigningAlgorithm,
    time::{Millis, UnixMillis},
};

const DYNAMIC: Chain = Chain {
    kind: KeyKind::Dynamic,
    algorithm: RS256,
};
const ASSERTION: Chain = Chain {
    kind: KeyKind::Assertion,
    algorithm: SigningAlgorithm::ES256,
};

#[derive(Debug, Clone)]
enum Step {
    /// Time passes, in thousandths of the interval, and the ring is asked.
    Ask(u64),
    /// As above, as often as the alarm and busy isolates would.
    Busy(u64),
    Rotate,
    /// Withdraws the n-th verifying key.
    Withdraw(usize),
    /// Access-token validity, seconds.
    Validity(u64),
    /// Rotation interval, milliseconds.
    Interval(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..2_500).prop_map(Step::Ask),
        4 => (0_u64..4_000).prop_map(Step::Busy),
        1 => Just(Step::Rotate),
        1 => (0_usize..6).prop_map(Step::Withdraw),
        1 => (1_u64..100_000).prop_map(Step::Validity),
        1 => (1_000_u64..10_000_000).prop_map(Step::Interval),
    ]
}

/// What an onlooker knows.
#[derive(Default)]
struct Onlooker {
    /// Tokens: name of the key, expiry.
    tokens: Vec<(String, UnixMillis)>,
    withdrawn: BTreeSet<String>,
    /// When each dynamic key was first in the document.
    first_seen: BTreeMap<String, UnixMillis>,
    /// Keys that appeared when nothing else could sign.
    without_alternative: BTreeSet<String>,
    /// The last copy that an isolate took, and when.
    copy: Option<(RingCopy, UnixMillis)>,
    /// The overlap of each key's birth.
    overlap: BTreeMap<String, Millis>,
}

impl Onlooker {
    fn look(&mut self, before: &KeyRing, ring: &KeyRing, copy: RingCopy, now: UnixMillis) {
        let policy = copy.policy;
        let document = ring.document(policy, now).json;
        let could_sign = before
            .chain(DYNAMIC)
            .any(|key| key.private_jwk.is_some() && key.signs_from <= now);
        for key in ring.chain(DYNAMIC) {
            if !self.first_seen.contains_key(&key.kid) {
                self.first_seen.insert(key.kid.clone(), now);
                self.overlap.insert(key.kid.clone(), policy.overlap());
                if !could_sign {
                    self.without_alternative.insert(key.kid.clone());
                }
            }
        }
        let names: Vec<&str> = ring
            .verifiers(now)
            .iter()
            .map(|key| key.kid.as_str())
            .collect();
        assert!(names.len() >= 2, "two RS256 keys at any time");
        assert!(
            names
                .iter()
                .all(|kid| document.contains(&format!("\"{kid}\"")))
        );
        self.tokens.retain(|(_, expiry)| *expiry > now);
        for (kid, _) in &self.tokens {
            assert!(
                self.withdrawn.contains(kid) || names.contains(&kid.as_str()),
                "a good token of {kid} is refused"
            );
        }
        assert!(names.iter().all(|kid| !self.withdrawn.contains(*kid)));
        let assertion = ring
            .signer(policy, ASSERTION.algorithm, ASSERTION.kind, now)
            .expect("a ring that was asked can sign assertions");
        assert!(!names.contains(&assertion.kid.as_str()));
        for kind in [KeyKind::Dynamic, KeyKind::Static] {
            let signer = ring
                .signer(policy, RS256, kind, now)
                .expect("a ring that was asked can sign");
            assert!(names.contains(&signer.kid.as_str()));
            if kind == KeyKind::Dynamic && !self.without_alternative.contains(&signer.kid) {
                let published = now.since(self.first_seen[&signer.kid]);
                assert!(
                    published >= self.overlap[&signer.kid],
                    "{} signs too early",
                    signer.kid
                );
            }
            self.tokens
                .push((signer.kid.clone(), now.plus(policy.access_token_validity)));
        }
        self.compare_with_older_copy(&copy, now);
        self.copy = Some((copy, now));
    }

    /// An isolate with an older copy signs with the same key, or with none.
    fn compare_with_older_copy(&mut self, copy: &RingCopy, now: UnixMillis) {
        let Some((older, taken)) = &self.copy else {
            return;
        };
        let Some(by_older) = older.signer(RS256, KeyKind::Dynamic, now) else {
            return;
        };
        self.tokens.push((
            by_older.kid.clone(),
            now.plus(older.policy.access_token_validity),
        ));
        let same_rules = older.policy == copy.policy && !self.withdrawn.contains(&by_older.kid);
        if same_rules && now.since(*taken) < copy.policy.overlap() {
            let by_newer = copy.signer(RS256, KeyKind::Dynamic, now).unwrap();
            assert_eq!(by_older.kid, by_newer.kid, "two signers at one instant");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_token_verifies_for_its_whole_life_and_no_key_signs_unseen(
        interval in 1_000_u64..1_000_000_000,
        validity in 1_u64..100_000,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut policy = policy(interval, validity * 1000);
        let mut now = START;
        let mut ring = ring_at(policy, now);
        let mut onlooker = Onlooker::default();
        onlooker.look(&KeyRing::new(super::secrets()), &ring, ring.copy(policy, now), now);
        for step in steps {
            let before = ring.clone();
            match step {
                Step::Ask(share) => now = now.plus(Millis(policy.interval.0 / 1000 * share)),
                Step::Busy(share) => {
                    let until = now.plus(Millis(policy.interval.0 / 1000 * share));
                    let tick = Millis(policy.overlap().0 / 3);
                    for _ in 0..30 {
                        let due = ring.next_change(policy);
                        let next = if due > now { due.min(now.plus(Millis(tick.0 * 7))) } else { now.plus(tick) };
                        if next > until { break; }
                        now = next;
                        let before = ring.clone();
                        maintain(&mut ring, policy, now);
                        onlooker.look(&before, &ring, ring.copy(policy, now), now);
                    }
                    continue;
                }
                Step::Rotate => for need in KeyRing::needed_for_rotation(policy) {
                    ring.add_key(policy, need, material(), now).unwrap();
                },
                Step::Withdraw(nth) => {
                    let kid = ring.verifiers(now).get(nth).map(|key| key.kid.clone());
                    if let Some(kid) = kid {
                        ring.withdraw(policy, &kid, now).unwrap();
                        onlooker.withdrawn.insert(kid);
                    }
                }
                Step::Validity(seconds) => policy.access_token_validity = Millis(seconds * 1000),
                Step::Interval(ms) => policy.interval = Millis(ms),
            }
            let before = if matches!(step, Step::Withdraw(_)) { ring.clone() } else { before };
            maintain(&mut ring, policy, now);
            onlooker.look(&before, &ring, ring.copy(policy, now), now);
            prop_assert!(ring.needed(policy, now).is_empty());
        }
    }
}
