//! Revocation in virtual time, in little; and the judge, who must notice every mistake that is made on purpose.
//! `npm run simulate` runs the same at length.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub
)]

#[path = "simulate/mod.rs"]
mod simulate;
mod support;

use simulate::{
    judge::Judge,
    plan::{Mistake, Plan},
    world::World,
};

fn judged(mistake: Option<Mistake>) -> Judge {
    let mut world = World::new(Plan {
        mistake,
        ..Plan::short(1)
    });
    world.run();
    world.judge
}

#[test]
fn no_revocation_is_felt_late_and_no_live_session_is_refused() {
    let judge = judged(None);
    assert_eq!(judge.first_fault, None);
    assert_eq!((judge.late, judge.false_refusals), (0, 0));
    // It was a real test: there was much to be late for.
    assert!(judge.verifications > 20_000, "{}", judge.verifications);
    assert!(judge.revocations > 500, "{}", judge.revocations);
    assert!(judge.worst > 40_000, "{}", judge.worst);
    assert_eq!(judge.levels[&0].worst, 0);
}

fn is_late(mistake: Mistake) {
    let judge = judged(Some(mistake));
    assert!(judge.late > 0, "nobody noticed {mistake:?}");
}

#[test]
fn age_by_fetch_time_is_noticed() {
    is_late(Mistake::AgeByFetchTime);
}

#[test]
fn segments_that_are_not_fetched_are_noticed() {
    is_late(Mistake::NoSegments);
}

#[test]
fn facts_that_hold_for_ever_are_noticed() {
    is_late(Mistake::FactsForEver);
}

#[test]
fn letting_in_during_an_outage_is_noticed() {
    is_late(Mistake::OpenOnOutage);
}

#[test]
fn an_early_ok_is_noticed() {
    is_late(Mistake::EarlyOk);
}

#[test]
fn entries_that_are_dropped_early_are_noticed() {
    is_late(Mistake::ShortEntries);
}

#[test]
fn an_overlooked_key_set_is_noticed() {
    is_late(Mistake::OldKeys);
}

#[test]
fn refusing_whatever_looks_revoked_is_noticed() {
    let judge = judged(Some(Mistake::RefuseHits));
    assert!(judge.false_refusals > 0);
}
