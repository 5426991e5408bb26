use super::{START, material, policy, ring_at, secrets};
use crate::{
    events::{Event, EventType},
    keys::{KeyRing, changes},
};
use postern_jwt::time::{Millis, UnixMillis};

fn types(events: &[Event]) -> Vec<EventType> {
    events.iter().map(|event| event.of).collect()
}

#[test]
fn what_changes_in_the_ring_is_told_once() {
    let policy = policy(1_000_000, 100_000);
    let ring = ring_at(policy, START);
    let made = changes(Some(&KeyRing::new(secrets())), &ring);
    assert_eq!(types(&made), vec![EventType::KeyCreated; ring.keys.len()]);
    assert_eq!(changes(None, &ring), made);
    assert_eq!(changes(Some(&ring), &ring), []);

    let later = START.plus(Millis(1_000));
    let mut next = ring.clone();
    let need = KeyRing::needed_for_rotation(policy)[0];
    next.add_key(policy, need, material(), later).unwrap();
    let rotated = changes(Some(&ring), &next);
    assert_eq!(types(&rotated), [EventType::KeyCreated]);
    let kid = &next.keys.last().unwrap().kid;
    assert!(rotated[0].data.contains(&format!("\"kid\":\"{kid}\"")));

    let mut without = next.clone();
    without.withdraw(policy, kid, later).unwrap();
    let withdrawn = changes(Some(&next), &without);
    assert_eq!(types(&withdrawn), [EventType::KeyWithdrawn]);
    without.withdraw(policy, kid, later).unwrap();
    assert_eq!(changes(Some(&without.clone()), &without), []);

    let mut cut_off = without.clone();
    cut_off.cut_off(UnixMillis(7), later);
    let told = changes(Some(&without), &cut_off);
    assert_eq!(types(&told), [EventType::SessionsEndedBefore]);
    assert_eq!(told[0].data, r#"{"moment":7}"#);
    // What holds already is no change.
    let mut again = cut_off.clone();
    again.cut_off(UnixMillis(6), later);
    assert_eq!(changes(Some(&cut_off), &again), []);
}
