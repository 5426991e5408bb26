//! The life of keys, by example; `timelines` has the same as properties.

mod assertion;
mod changes;
mod copies;
mod secrets;
mod timelines;

use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    KeyKind, KeyMaterial, KeyNeeded, KeyPolicy, KeyRing, RingCopy, RingHead, SECRETS_NEEDED,
    Secrets, ShardsWanted, SigningKey, UnknownKid, Unreadable,
};
use postern_jwt::{
    SigningAlgorithm,
    secret::Secret,
    time::{Millis, UnixMillis},
};

const RS256: SigningAlgorithm = SigningAlgorithm::RS256;
const ES256: SigningAlgorithm = SigningAlgorithm::ES256;
const START: UnixMillis = UnixMillis(1_800_000_000_000);

/// Key pairs here are names: the rules never look inside a key.
fn material() -> KeyMaterial {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0xff; 16];
    random[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    KeyMaterial {
        public_jwk: r#"{"kty":"x","n":"AQ","e":"AQAB","x":"Ag","y":"Aw","d":"never"}"#.to_owned(),
        private_jwk: Secret::new(b"private".to_vec()),
        random,
    }
}

fn secrets() -> Secrets {
    Secrets::new([[7; 32]; SECRETS_NEEDED])
}

fn policy(interval: u64, validity: u64) -> KeyPolicy {
    KeyPolicy {
        interval: Millis(interval),
        access_token_validity: Millis(validity),
        signing_algorithm: RS256,
    }
}

/// What the ring does before each answer.
fn maintain(ring: &mut KeyRing, policy: KeyPolicy, now: UnixMillis) {
    let generated = ring
        .needed(policy, now)
        .into_iter()
        .map(|need| (need, material()))
        .collect();
    ring.add_needed(policy, generated, now).unwrap();
    ring.settle(policy, now);
}

fn ring_at(policy: KeyPolicy, now: UnixMillis) -> KeyRing {
    let mut ring = KeyRing::new(secrets());
    maintain(&mut ring, policy, now);
    ring
}

fn kids(ring: &KeyRing, now: UnixMillis) -> Vec<String> {
    ring.verifiers(now)
        .iter()
        .map(|key| key.kid.clone())
        .collect()
}

fn signer(ring: &KeyRing, policy: KeyPolicy, now: UnixMillis) -> Option<String> {
    ring.signer(policy, RS256, KeyKind::Dynamic, now)
        .map(|key| key.kid.clone())
}

#[test]
fn the_first_ring_has_a_dynamic_and_a_static_rs256_key_that_sign_at_once() {
    let policy = policy(604_800_000, 3_600_000);
    let ring = ring_at(policy, START);
    let kids = kids(&ring, START);
    assert_eq!((kids.len(), kids[0].as_str()), (2, "d-1800000000000"));
    // A UUID of version 4.
    assert!(
        kids[1].starts_with("s-ffffffff-ffff-4fff-8000-"),
        "{}",
        kids[1]
    );
    assert_eq!(
        signer(&ring, policy, START).as_deref(),
        Some("d-1800000000000")
    );
    // An isolate whose clock is behind the ring's can sign as well.
    assert!(signer(&ring, policy, START.minus(Millis(50))).is_some());
    let of_static = ring.signer(policy, RS256, KeyKind::Static, START).unwrap();
    assert!(of_static.kid.starts_with("s-"));
}

#[test]
fn another_signing_algorithm_adds_keys_and_keeps_rs256() {
    let policy = KeyPolicy {
        signing_algorithm: ES256,
        ..policy(604_800_000, 3_600_000)
    };
    let ring = ring_at(policy, START);
    assert_eq!(ring.verifiers(START).len(), 4);
    for algorithm in [RS256, ES256] {
        let key = ring
            .signer(policy, algorithm, KeyKind::Dynamic, START)
            .unwrap();
        assert!(key.kid.starts_with("d-") && key.algorithm == algorithm);
        assert!(
            ring.signer(policy, algorithm, KeyKind::Static, START)
                .is_some()
        );
    }
}

#[test]
fn an_interval_of_3_6_seconds_behaves_as_sdk_tests_expect() {
    let policy = policy(3_600, 3_600_000);
    let mut ring = ring_at(policy, START);
    let first = signer(&ring, policy, START).unwrap();
    let first_document = ring.document(policy, START).json;
    // The object's alarm makes the successor when it is due, and it is not in the first document.
    let due = ring.next_change(policy);
    assert_eq!(due, START.plus(Millis(2_880)));
    maintain(&mut ring, policy, due);
    assert_eq!(
        signer(&ring, policy, START.plus(Millis(3_599))),
        Some(first.clone())
    );
    let later = START.plus(Millis(6_000));
    let lone = ring_at(policy, START);
    assert_eq!(
        signer(&lone, policy, START.plus(Millis(3_600))),
        None,
        "its time is over, and there is no other"
    );
    maintain(&mut ring, policy, later);
    let second = signer(&ring, policy, later).unwrap();
    assert_ne!(first, second);
    assert!(!first_document.contains(&second));
    let document = ring.document(policy, later).json;
    assert!(document.contains(&first) && document.contains(&second));
}

#[test]
fn a_ring_that_slept_lets_the_old_key_sign_until_the_new_one_was_published_long_enough() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let old = signer(&ring, policy, START);
    let awake = START.plus(Millis(10 * policy.interval.0));
    assert_eq!(signer(&ring, policy, awake), None);
    maintain(&mut ring, policy, awake);
    assert_eq!(signer(&ring, policy, awake.plus(Millis(59_999))), old);
    assert_ne!(signer(&ring, policy, awake.plus(Millis(60_000))), old);
    assert!(
        ring.verifier(&old.unwrap(), awake.plus(Millis(60_000 + 7_199_999)))
            .is_some()
    );
}

#[test]
fn rotation_on_demand_publishes_before_it_signs() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let old = signer(&ring, policy, START);
    let now = START.plus(Millis(1_000));
    for need in KeyRing::needed_for_rotation(policy) {
        ring.add_key(policy, need, material(), now).unwrap();
    }
    assert_eq!(kids(&ring, now).len(), 3);
    assert_eq!(signer(&ring, policy, now), old);
    assert_eq!(
        signer(&ring, policy, now.plus(Millis(60_000))).as_deref(),
        Some("d-1800000001000")
    );
}

#[test]
fn a_withdrawn_signer_is_gone_and_replaced_at_once() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let now = START.plus(Millis(5_000));
    for kid in kids(&ring, START) {
        let version = ring.head.key_set_version;
        ring.withdraw(policy, &kid, now).unwrap();
        assert!(ring.verifier(&kid, now).is_none());
        assert!(!ring.document(policy, now).json.contains(&kid));
        assert!(ring.head.key_set_version > version);
        // Again: nothing changes.
        let version = ring.head.key_set_version;
        assert_eq!(ring.withdraw(policy, &kid, now), Ok(()));
        assert_eq!(ring.head.key_set_version, version);
    }
    let needed = ring.needed(policy, now);
    assert_eq!(needed.len(), 2);
    maintain(&mut ring, policy, now);
    assert_eq!(
        signer(&ring, policy, now).as_deref(),
        Some("d-1800000005000")
    );
    assert!(ring.signer(policy, RS256, KeyKind::Static, now).is_some());
    assert_eq!(ring.withdraw(policy, "d-1", now), Err(UnknownKid));
    assert!(ring.needed(policy, now).is_empty());
}

#[test]
fn withdrawing_the_successor_too_leaves_a_quiet_ring() {
    let policy = policy(10_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    for _ in 0..6 {
        let now = ring.next_change(policy).plus(Millis(4_500));
        maintain(&mut ring, policy, now);
        let kid = signer(&ring, policy, now).unwrap();
        ring.withdraw(policy, &kid, now).unwrap();
        maintain(&mut ring, policy, now);
        assert!(signer(&ring, policy, now).is_some());
        assert!(ring.needed(policy, now).is_empty());
    }
}

#[test]
fn keys_generated_for_the_same_need_at_the_same_time_make_one_set() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = KeyRing::new(secrets());
    let needed: Vec<KeyNeeded> = ring.needed(policy, START);
    for _ in 0..20 {
        let generated = needed.iter().map(|need| (*need, material())).collect();
        ring.add_needed(policy, generated, START).unwrap();
    }
    assert_eq!(ring.keys.len(), 3);
}

#[test]
fn a_private_key_is_erased_once_it_signs_no_more_and_a_public_one_when_its_tokens_are_dead() {
    let policy = policy(10_000, 30_000);
    let mut ring = ring_at(policy, START);
    let first = signer(&ring, policy, START).unwrap();
    let held = |ring: &KeyRing| ring.keys.iter().find(|key| key.kid == first).cloned();
    for step in [8_000, 12_000] {
        maintain(&mut ring, policy, START.plus(Millis(step)));
    }
    assert!(held(&ring).unwrap().private_jwk.is_none());
    maintain(&mut ring, policy, START.plus(Millis(69_999)));
    assert!(held(&ring).is_some());
    maintain(&mut ring, policy, START.plus(Millis(70_000)));
    assert!(held(&ring).is_none());
}

#[test]
fn a_longer_token_validity_keeps_keys_longer_and_a_shorter_one_does_not_cut_them() {
    let mut ring = ring_at(policy(10_000, 30_000), START);
    let kid = signer(&ring, policy(10_000, 30_000), START).unwrap();
    assert!(ring.settle(policy(10_000, 90_000), START));
    assert!(!ring.settle(policy(10_000, 30_000), START));
    assert!(ring.verifier(&kid, START.plus(Millis(189_999))).is_some());
}

#[test]
fn a_key_is_good_until_its_end_and_no_longer() {
    let ring = ring_at(policy(604_800_000, 3_600_000), START);
    let mut key = ring.verifiers(START)[0].clone();
    key.verify_until = Some(START);
    assert!(key.verifies(START.minus(Millis(1))) && !key.verifies(START));
}

#[test]
fn the_document_has_the_protocols_form() {
    let policy = KeyPolicy {
        signing_algorithm: ES256,
        ..policy(604_800_000, 3_600_000)
    };
    let document = ring_at(policy, START).document(policy, START);
    assert_eq!(document.cache_control(), "max-age=60, must-revalidate");
    assert!(document.json.contains(
        r#"{"kty":"RSA","kid":"d-1800000000000","n":"AQ","e":"AQAB","alg":"RS256","use":"sig"}"#
    ));
    assert!(document.json.contains(
        r#"{"kty":"EC","kid":"d-1800000000000-es256","crv":"P-256","x":"Ag","y":"Aw","alg":"ES256","use":"sig"}"#
    ));
    assert!(!document.json.contains("never"));
}

#[test]
fn max_age_ends_with_the_next_key_and_is_never_zero() {
    let policy = policy(100_000, 3_600_000);
    let ring = ring_at(policy, START);
    let at = |ms| {
        ring.document(policy, START.plus(Millis(ms)))
            .max_age_seconds
    };
    assert_eq!((at(0), at(50_000), at(79_999), at(200_000)), (60, 30, 1, 1));
}

#[test]
fn the_stored_text_reads_back_and_debug_shows_no_secret() {
    let ring = ring_at(policy(10_000, 30_000), START);
    let text = ring.to_json().unwrap();
    let back: KeyRing = KeyRing::from_json(&text).unwrap();
    assert_eq!(back.to_json().unwrap(), text);
    assert_eq!(format!("{back:?}"), format!("{ring:?}"));
    let copy = ring.copy(policy(10_000, 30_000), START);
    let copy = copy.to_json().unwrap();
    assert_eq!(RingCopy::from_json(&copy).unwrap().to_json().unwrap(), copy);
    assert_eq!(KeyRing::from_json("{}").unwrap_err(), Unreadable);
    assert!(
        back.keys
            .iter()
            .all(|key| key.private_jwk.as_ref().unwrap().equals(b"private"))
    );
    assert!(!format!("{ring:?}").contains("private\""));
    assert!(format!("{ring:?}").contains("Secret(..)"));
}

/// What another release may have written: members that this one does not know, at every level.
#[test]
fn what_another_release_has_noted_outlives_every_change() {
    let policy = policy(10_000, 30_000);
    let mut text: serde_json::Value =
        serde_json::from_str(&ring_at(policy, START).to_json().unwrap()).unwrap();
    let noted =
        serde_json::json!({"n": [1, 18_446_744_073_709_551_615_u64, null], "secret": "abc"});
    text["head"]["noted"] = noted.clone();
    text["head"]["secrets"]["noted"] = noted.clone();
    text["head"]["secrets"]["refresh_secrets"][0]["noted"] = noted.clone();
    text["keys"][0]["noted"] = noted.clone();
    text["assertion_keys"][0]["noted"] = noted.clone();
    text["head"]["shards"] = serde_json::json!({"polled": 1, "noted": noted});
    let mut ring = KeyRing::from_json(&text.to_string()).unwrap();
    assert!(!format!("{ring:?}").contains("abc"));
    maintain(&mut ring, policy, START.plus(Millis(8_000)));
    ring.settle_shards(
        ShardsWanted {
            count: 4,
            longest_entry: Millis(1),
        },
        START,
    );
    ring.cut_off(START, START);
    let head: serde_json::Value = serde_json::from_str(&ring.head.to_json().unwrap()).unwrap();
    assert_eq!(head["shards"]["noted"], noted);
    assert_eq!(head["noted"], noted);
    assert_eq!(head["secrets"]["noted"], noted);
    assert_eq!(head["secrets"]["refresh_secrets"][0]["noted"], noted);
    let keys = ring.keys.iter().map(|key| key.to_json().unwrap());
    assert_eq!(keys.filter(|key| key.contains("\"noted\"")).count(), 2);
}

/// The text of a ring as the releases before wrote it, letter by letter.
#[test]
fn what_earlier_releases_stored_is_read() {
    let key = r#"{"kid":"d-1","algorithm":"RS256","kind":"dynamic","created":1,"signs_from":0,"verify_until":9,"public_jwk":"{}","private_jwk":"AQ","withdrawn":false}"#;
    let key = SigningKey::from_json(key).unwrap();
    assert!(key.private_jwk.as_ref().unwrap().equals(&[1]));
    let old = r#"{"kid":"s-1","algorithm":"EdDSA","kind":"static","created":1,"signs_from":0,"verify_until":null,"public_jwk":"{}"}"#;
    let old = SigningKey::from_json(old).unwrap();
    assert_eq!((old.verify_until, old.withdrawn), (None, false));
    let head = r#"{"schema":1,"key_set_version":7,"secrets":{"route_key":"AQ","handle_tag_key":"Ag","anti_csrf_key":"Aw","refresh_secrets":[{"number":1,"key":"BA"}]}}"#;
    let head = RingHead::from_json(head).unwrap();
    assert_eq!((head.key_set_version, head.not_before), (7, UnixMillis(0)));
    for damaged in [
        r#"{"schema":1}"#,
        r#"{"schema":-1,"key_set_version":7,"secrets":{}}"#,
        "[]",
        "",
    ] {
        assert_eq!(RingHead::from_json(damaged).unwrap_err(), Unreadable);
    }
    assert!(SigningKey::from_json(&key.to_json().unwrap().replace("\"AQ\"", "\"A\"")).is_err());
}

/// A ring that has long signed with RS256 is given another algorithm.
#[test]
fn a_new_algorithm_is_published_before_it_signs() {
    let before = policy(10_000, 30_000);
    let after = KeyPolicy {
        signing_algorithm: ES256,
        ..before
    };
    let mut ring = ring_at(before, START);
    let changed = START.plus(Millis(5_000));
    maintain(&mut ring, after, changed);
    let at = |ms: u64| changed.plus(Millis(ms));
    let algorithm =
        |ring: &KeyRing, now| ring.copy(after, now).own_algorithm(KeyKind::Dynamic, now);
    assert!(ring.document(after, changed).json.contains("ES256"));
    assert_eq!(algorithm(&ring, at(0)), RS256);
    assert_eq!(algorithm(&ring, at(1_999)), RS256);
    // Nothing more is due meanwhile: one key is announced, not one with every question.
    maintain(&mut ring, after, at(1_000));
    let count = |ring: &KeyRing| {
        let keys = ring.keys.iter();
        keys.filter(|key| key.algorithm == ES256 && key.kind == KeyKind::Dynamic)
            .count()
    };
    assert_eq!(count(&ring), 1);
    assert_eq!(algorithm(&ring, at(2_000)), ES256);
    // A ring that is new has nobody to wait for.
    let new = ring_at(after, START);
    assert_eq!(algorithm(&new, START), ES256);
}
