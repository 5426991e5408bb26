//! When an isolate asks the ring again.

use super::{START, maintain, policy, ring_at, signer};
use crate::{
    keys::{
        Claim, CopyStatus, KeyRing, Questions, RingCopy, RingHead, SCHEMA, ShardsWanted, UnknownKey,
    },
    message::{NEWEST, OLDEST},
    revocation::cut_off::CutOff,
};
use postern_jwt::time::{Millis, UnixMillis};

fn copy() -> RingCopy {
    let policy = policy(604_800_000, 3_600_000);
    ring_at(policy, START).copy(policy, START)
}

fn at(seconds: u64) -> UnixMillis {
    START.plus(Millis::from_seconds(seconds))
}

fn questions(answered: u64, asked: u64, failed: Option<u64>) -> Questions {
    Questions {
        answered: Some(at(answered)),
        asked: Some(at(asked)),
        heard: None,
        failed: failed.map(at),
    }
}

#[test]
fn one_request_asks_from_20_seconds_on_and_all_from_60() {
    let copy = copy();
    assert_eq!(copy.status(questions(0, 0, None), at(19)), CopyStatus::Good);
    assert_eq!(copy.status(questions(0, 0, None), at(20)), CopyStatus::Ask);
    // Another request has asked already.
    assert_eq!(
        copy.status(questions(0, 20, None), at(21)),
        CopyStatus::Good
    );
    assert_eq!(copy.status(questions(0, 59, None), at(60)), CopyStatus::Ask);
}

#[test]
fn a_copy_of_a_relays_is_asked_for_anew_20_seconds_after_the_relay_asked() {
    let copy = copy();
    let relayed = Questions {
        heard: Some(at(5)),
        ..questions(0, 5, None)
    };
    assert_eq!(copy.status(relayed, at(19)), CopyStatus::Good);
    assert_eq!(copy.status(relayed, at(20)), CopyStatus::Ask);
    // Another request has asked, and there is no answer yet.
    let asked_again = Questions {
        asked: Some(at(20)),
        ..relayed
    };
    assert_eq!(copy.status(asked_again, at(21)), CopyStatus::Good);
}

#[test]
fn in_an_outage_the_copy_serves_for_a_day_and_is_asked_for_every_20_seconds() {
    let copy = copy();
    assert_eq!(
        copy.status(questions(0, 100, Some(100)), at(119)),
        CopyStatus::Good
    );
    assert_eq!(
        copy.status(questions(0, 100, Some(100)), at(120)),
        CopyStatus::Ask
    );
    assert_eq!(
        copy.status(questions(0, 86_400, Some(86_400)), at(86_400)),
        CopyStatus::Good
    );
    assert_eq!(
        copy.status(questions(0, 86_400, Some(86_400)), at(86_401)),
        CopyStatus::Unusable
    );
}

#[test]
fn a_copy_is_asked_for_once_the_next_key_is_made() {
    let policy = policy(3_600, 3_600_000);
    let copy = ring_at(policy, START).copy(policy, START);
    let shortly_before = Questions {
        answered: Some(START.plus(Millis(2_879))),
        asked: Some(START.plus(Millis(2_879))),
        heard: None,
        failed: None,
    };
    assert_eq!(
        copy.status(shortly_before, START.plus(Millis(2_879))),
        CopyStatus::Good
    );
    assert_eq!(
        copy.status(shortly_before, START.plus(Millis(2_880))),
        CopyStatus::Ask
    );
}

#[test]
fn an_unknown_kid_asks_once_in_10_seconds() {
    let copy = copy();
    assert_eq!(
        copy.unknown_key(questions(0, 0, None), at(10)),
        UnknownKey::Refuse
    );
    assert_eq!(
        copy.unknown_key(questions(0, 0, None), at(11)),
        UnknownKey::Ask
    );
    // Asked, and no answer yet; an earlier failure says nothing about this question.
    for failed in [None, Some(3)] {
        assert_eq!(
            copy.unknown_key(questions(0, 11, failed), at(12)),
            UnknownKey::Wait
        );
    }
    // Asked, and no answer: nobody can tell.
    assert_eq!(
        copy.unknown_key(questions(0, 11, Some(11)), at(12)),
        UnknownKey::Outage
    );
    assert_eq!(
        copy.unknown_key(questions(0, 11, Some(11)), at(22)),
        UnknownKey::Ask
    );
    // Asked and answered, by a relay: the copy is older than the question, and too old to refuse.
    let relayed = Questions {
        heard: Some(at(11)),
        ..questions(6, 11, None)
    };
    assert_eq!(copy.unknown_key(relayed, at(16)), UnknownKey::Refuse);
    assert_eq!(copy.unknown_key(relayed, at(17)), UnknownKey::Ask);
    // Asked and answered.
    assert_eq!(
        copy.unknown_key(questions(11, 11, None), at(12)),
        UnknownKey::Refuse
    );
}

#[test]
fn a_copy_that_was_overtaken_does_not_supersede_a_newer_one() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let older = ring.copy(policy, START);
    let same_later = ring.copy(policy, at(1));
    assert!(same_later.supersedes(&older) && !older.supersedes(&same_later));
    let kid = ring.verifiers(START)[0].kid.clone();
    ring.withdraw(policy, &kid, at(1)).unwrap();
    let withdrawn = ring.copy(policy, at(1));
    assert!(withdrawn.supersedes(&same_later) && !same_later.supersedes(&withdrawn));
    assert!(withdrawn.verifier(&kid, at(1)).is_none());
    assert!(withdrawn.ring.keys.iter().all(|key| key.kid != kid));
}

#[test]
fn a_copy_tells_what_the_ring_holds() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let first = ring.copy(policy, START);
    assert_eq!((first.not_before(), first.shards()), (UnixMillis(0), None));
    let wanted = ShardsWanted {
        count: 3,
        longest_entry: Millis(3_600_000),
    };
    assert!(ring.settle_shards(wanted, START));
    assert!(!ring.settle_shards(wanted, START), "it is settled");
    ring.cut_off(START, at(1));
    let copy = ring.copy(policy, at(1));
    assert!(copy.key_set_version() > first.key_set_version());
    assert_eq!(copy.not_before(), START);
    assert_eq!(copy.shards().unwrap().polled(at(1)), 3);
    let kid = &ring.verifiers(at(1))[0].kid;
    assert_eq!(&copy.verifier(kid, at(1)).unwrap().kid, kid);
}

#[test]
fn a_copy_of_a_number_that_is_out_of_reach_is_not_readable() {
    for (protocol, is_readable) in [(OLDEST - 1, false), (OLDEST, true), (NEWEST, true)] {
        assert_eq!(copy().given_in(protocol).is_readable(), is_readable);
    }
}

#[test]
fn operators_see_which_key_signs() {
    let policy = policy(3_600_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    let due = ring.next_change(policy);
    maintain(&mut ring, policy, due);
    let copy = ring.copy(policy, due);
    let text = copy.overview(due);
    assert!(!text.contains("private"));
    let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(seen["version"], copy.key_set_version());
    assert_eq!(seen["nextChange"], copy.next_change().0);
    assert_eq!(seen["asOf"], due.0);
    let signs = |key: &&serde_json::Value| key["kind"] == "dynamic" && key["signs"] == true;
    let listed = seen["list"].as_array().unwrap();
    assert_eq!(listed.len(), ring.keys.len());
    let signing: Vec<_> = listed.iter().filter(signs).map(|key| &key["kid"]).collect();
    // The successor is published and does not sign yet.
    assert_eq!(signing, [&signer(&ring, policy, due).unwrap()]);
}

#[test]
fn a_cut_off_keeps_when_it_was_recorded_also_over_code_that_does_not() {
    let policy = policy(604_800_000, 3_600_000);
    let mut ring = ring_at(policy, START);
    assert_eq!(ring.copy(policy, at(1)).cut_off(), CutOff::NONE);
    let moment = UnixMillis(START.0 - 1_000_000);
    ring.cut_off(moment, at(1));
    let recorded = |ring: &KeyRing, now| {
        let copy = ring.copy(policy, now);
        let read = serde_json::from_str::<RingCopy>(&serde_json::to_string(&copy).unwrap())
            .unwrap()
            .cut_off();
        assert_eq!((read, read.moment), (copy.cut_off(), moment));
        read.recorded
    };
    assert_eq!(recorded(&ring, at(9)), at(1));
    ring.cut_off(moment, at(2));
    assert_eq!(recorded(&ring, at(9)), at(1));
    // Older code drops the member, or moves the moment beside it: then it may have been at any time.
    let text = serde_json::to_string(&ring).unwrap();
    let dropped = text.replace("\"dated_cut_off\"", "\"unknown\"");
    let moved = text.replace(
        &format!("\"moment\":{}", moment.0),
        &format!("\"moment\":{}", moment.0 - 1),
    );
    for text in [dropped, moved] {
        let ring = serde_json::from_str::<KeyRing>(&text).unwrap();
        assert_eq!(recorded(&ring, at(9)), at(9));
    }
}

#[test]
fn what_stands_in_the_place_of_a_ring_is_one_for_no_release() {
    let claim = Claim {
        jurisdiction: "eu".to_owned(),
    };
    assert_eq!(
        Claim::from_json(&claim.to_json().unwrap()),
        Ok(claim.clone())
    );
    let text = claim.in_place_of_a_ring().unwrap();
    // Releases compare this member first, and read a head after that.
    let schema = serde_json::from_str::<serde_json::Value>(&text).unwrap()["schema"].as_u64();
    assert!(schema.unwrap() > u64::from(SCHEMA));
    assert!(RingHead::from_json(&text).is_err());
}
