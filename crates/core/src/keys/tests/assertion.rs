//! The keys of assertions: a life like that of dynamic keys, and never among session keys.

use super::{ES256, START, maintain, material, policy, ring_at};
use crate::keys::{KeyKind, KeyPolicy, KeyRing, RingCopy};
use postern_jwt::time::{Millis, UnixMillis};

fn signer(ring: &KeyRing, policy: KeyPolicy, now: UnixMillis) -> Option<String> {
    ring.signer(policy, ES256, KeyKind::Assertion, now)
        .map(|key| key.kid.clone())
}

#[test]
fn an_assertion_key_is_in_its_own_document_and_in_no_other() {
    // Also where ES256 signs sessions.
    for algorithm in [super::RS256, ES256] {
        let policy = KeyPolicy {
            signing_algorithm: algorithm,
            ..policy(604_800_000, 3_600_000)
        };
        let ring = ring_at(policy, START);
        let kid = signer(&ring, policy, START).unwrap();
        assert_eq!(kid, "a-1800000000000");
        let sessions = ring.document(policy, START).json;
        let assertions = ring.assertion_document(policy, START).json;
        assert!(!sessions.contains(&kid) && !sessions.contains("\"a-"));
        assert!(assertions.contains(&kid));
        assert!(!assertions.contains("\"d-") && !assertions.contains("\"s-"));
        assert!(ring.verifier(&kid, START).is_none());
        assert!(ring.verifiers(START).iter().all(|key| key.kid != kid));
    }
}

#[test]
fn the_next_one_is_published_before_it_signs_and_the_old_one_until_its_assertions_are_dead() {
    let policy = policy(10_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let first = signer(&ring, policy, START).unwrap();
    let published =
        |ring: &KeyRing, kid: &str, now| ring.assertion_document(policy, now).json.contains(kid);
    let due = ring.next_change(policy);
    assert_eq!(due, START.plus(Millis(8_000)));
    maintain(&mut ring, policy, due);
    assert_eq!(
        signer(&ring, policy, START.plus(Millis(9_999))),
        Some(first.clone())
    );
    let second = signer(&ring, policy, START.plus(Millis(10_000))).unwrap();
    assert_ne!(first, second);
    assert!(published(&ring, &first, due) && published(&ring, &second, due));
    maintain(&mut ring, policy, START.plus(Millis(129_999)));
    assert!(published(&ring, &first, START.plus(Millis(129_999))));
    maintain(&mut ring, policy, START.plus(Millis(130_000)));
    assert!(!published(&ring, &first, START.plus(Millis(130_000))));
}

#[test]
fn rotation_on_demand_and_withdrawal_reach_it() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let first = signer(&ring, policy, START).unwrap();
    let now = START.plus(Millis(1_000));
    for need in KeyRing::needed_for_rotation(policy) {
        ring.add_key(policy, need, material(), now).unwrap();
    }
    assert_eq!(signer(&ring, policy, now), Some(first.clone()));
    let second = signer(&ring, policy, now.plus(Millis(60_000))).unwrap();
    assert_ne!(first, second);
    ring.withdraw(policy, &first, now).unwrap();
    maintain(&mut ring, policy, now);
    assert!(!ring.assertion_document(policy, now).json.contains(&first));
    assert!(signer(&ring, policy, now).is_some_and(|kid| kid != first));
}

#[test]
fn a_ring_without_assertion_keys_reads_and_gets_one_and_its_copy_asks_no_more_often() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    ring.keys.retain(|key| key.kind != KeyKind::Assertion);
    // As code from before wrote it.
    let text = ring
        .to_json()
        .unwrap()
        .replace(",\"assertion_keys\":[]", "");
    assert!(!text.contains("assertion"));
    let mut ring = KeyRing::from_json(&text).unwrap();
    let copy: RingCopy = ring.copy(policy, START);
    assert_eq!(copy.next_change(), START.plus(policy.successor_due_after()));
    assert_eq!(signer(&ring, policy, START), None);
    maintain(&mut ring, policy, START);
    assert!(signer(&ring, policy, START).is_some());
}
