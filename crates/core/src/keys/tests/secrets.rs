//! Rotation of the secrets beside the signing keys.

use super::{START, policy, ring_at};
use crate::keys::{KeyRing, RANDOM_NEEDED, SCHEMA, TooManySecrets};
use postern_jwt::time::{Millis, UnixMillis};

const DAY: u64 = 24 * 60 * 60 * 1000;
const LIFE: Millis = Millis(100 * DAY);
const OVERLAP: Millis = Millis(60_000);

fn ring() -> KeyRing {
    ring_at(policy(7 * DAY, 3_600_000), START)
}

fn rotate(ring: &mut KeyRing, byte: u8, now: UnixMillis) -> Result<(), TooManySecrets> {
    let rotated = ring.rotate_secrets(policy(7 * DAY, 3_600_000), [[byte; 32]; RANDOM_NEEDED], now);
    ring.settle_secrets(LIFE, now);
    rotated
}

/// The numbers and the first bytes of both kinds, the one that makes last.
fn known(ring: &KeyRing, now: UnixMillis) -> (Vec<(u32, u8)>, Vec<u8>) {
    let copy = ring.copy(policy(7 * DAY, 3_600_000), now);
    let first = |secret: &postern_jwt::secret::Secret| secret.expose()[0];
    let refresh = copy.refresh_secrets(now);
    let refresh = refresh.iter().map(|(number, key)| (*number, first(key)));
    let anti_csrf = copy.anti_csrf_keys(now);
    (
        refresh.collect(),
        anti_csrf.iter().map(|(_, key)| first(key)).collect(),
    )
}

#[test]
fn a_new_secret_is_known_before_it_makes_and_the_old_one_is_kept_while_anything_of_it_lives() {
    let mut ring = ring();
    let version = ring.head.key_set_version;
    rotate(&mut ring, 8, START).unwrap();
    assert!(ring.head.key_set_version > version);
    let takes_over = START.plus(OVERLAP);
    let just_before = takes_over.minus(Millis(1));
    // The last makes: the old one until the overlap is over.
    assert_eq!(known(&ring, START), (vec![(2, 8), (1, 7)], vec![8, 7]));
    assert_eq!(
        known(&ring, just_before),
        (vec![(2, 8), (1, 7)], vec![8, 7])
    );
    assert_eq!(known(&ring, takes_over), (vec![(1, 7), (2, 8)], vec![7, 8]));
    let until = takes_over.plus(LIFE).plus(Millis(DAY + 60_000));
    assert_eq!(ring.next_secret_drop(), Some(until));
    let last = until.minus(Millis(1));
    assert!(!ring.settle_secrets(LIFE, last));
    assert_eq!(known(&ring, last), (vec![(1, 7), (2, 8)], vec![7, 8]));
    assert!(ring.settle_secrets(LIFE, until));
    assert_eq!(known(&ring, until), (vec![(2, 8)], vec![8]));
    assert_eq!(ring.next_secret_drop(), None);
    assert!(!ring.settle_secrets(LIFE, until));
}

#[test]
fn a_release_from_before_reads_a_ring_with_one_secret_of_each_kind_only() {
    let mut ring = ring();
    assert_eq!(ring.head.schema, 1);
    let before = ring.to_json().unwrap();
    assert!(!before.contains("anti_csrf_keys") && !before.contains("\"from\""));
    rotate(&mut ring, 8, START).unwrap();
    assert_eq!((ring.head.schema, SCHEMA), (2, 2));
    let text = ring.to_json().unwrap();
    let mut ring = KeyRing::from_json(&text).unwrap();
    assert_eq!(ring.to_json().unwrap(), text);
    ring.settle_secrets(LIFE, START.plus(Millis(102 * DAY)));
    assert_eq!(ring.head.schema, 1);
    assert_eq!(ring.head.secrets.anti_csrf_key.expose(), [8; 32]);
    assert!(ring.head.secrets.anti_csrf_keys.is_empty());
}

#[test]
fn a_repeated_rotation_adds_nothing_while_the_new_secret_waits() {
    let mut ring = ring();
    rotate(&mut ring, 8, START).unwrap();
    let text = ring.to_json().unwrap();
    rotate(&mut ring, 9, START.plus(Millis(59_999))).unwrap();
    assert_eq!(ring.to_json().unwrap(), text);
    rotate(&mut ring, 9, START.plus(OVERLAP)).unwrap();
    let (refresh, anti_csrf) = known(&ring, START.plus(Millis(120_000)));
    assert_eq!(refresh, [(1, 7), (2, 8), (3, 9)]);
    assert_eq!(anti_csrf, [7, 8, 9]);
}

#[test]
fn eight_of_a_kind_are_kept_at_most() {
    let mut ring = ring();
    let at = |n: u64| START.plus(Millis(n * DAY));
    for n in 1..8 {
        rotate(&mut ring, 10, at(n)).unwrap();
    }
    let text = ring.to_json().unwrap();
    assert_eq!(rotate(&mut ring, 11, at(8)), Err(TooManySecrets));
    assert_eq!(ring.to_json().unwrap(), text);
    // The first one was followed on the first day.
    ring.settle_secrets(LIFE, at(103));
    rotate(&mut ring, 11, at(103)).unwrap();
    assert_eq!(known(&ring, at(104)).0.last(), Some(&(9, 11)));
}

#[test]
fn a_longer_lifetime_keeps_the_old_secret_longer_and_a_shorter_one_not_less() {
    let mut ring = ring();
    rotate(&mut ring, 8, START).unwrap();
    let until = ring.next_secret_drop().unwrap();
    assert!(!ring.settle_secrets(Millis(DAY), START.plus(Millis(DAY))));
    assert_eq!(ring.next_secret_drop(), Some(until));
    assert!(ring.settle_secrets(Millis(200 * DAY), START.plus(Millis(DAY))));
    assert_eq!(ring.next_secret_drop(), Some(until.plus(Millis(100 * DAY))));
}

#[test]
fn a_digest_in_log_lines_and_tickets_go_with_the_key_that_makes() {
    let mut ring = ring();
    let digest = |ring: &KeyRing, now| ring.copy(policy(7 * DAY, 1), now).session_digest("h");
    let before = digest(&ring, START);
    rotate(&mut ring, 8, START).unwrap();
    assert_eq!(digest(&ring, START), before);
    let after = START.plus(OVERLAP);
    assert_ne!(digest(&ring, after), before);
    let copy = ring.copy(policy(7 * DAY, 1), after);
    assert_eq!(copy.ticket_keys(after).count(), 2);
    assert_eq!(copy.console_keys(after).count(), 2);
}
