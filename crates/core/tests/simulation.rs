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

/// The seeds of the short form that `cargo test` runs. Others are tried by `npm run simulate`.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

fn judged(seed: u64, mistake: Option<Mistake>) -> Judge {
    let mut world = World::new(Plan {
        mistake,
        ..Plan::short(seed)
    });
    world.run();
    world.judge
}

#[test]
fn no_revocation_is_felt_late_and_no_live_session_is_refused() {
    for seed in SEEDS {
        let judge = judged(seed, None);
        assert_eq!(judge.first_fault, None, "seed {seed}");
        assert_eq!((judge.late, judge.false_refusals), (0, 0));
        // It was a real test: there was much to be late for.
        assert!(judge.verifications > 12_000, "{}", judge.verifications);
        assert!(judge.revocations > 400, "{}", judge.revocations);
        assert!(judge.cut_off > 500, "{}", judge.cut_off);
        assert!(judge.worst > 40_000, "{}", judge.worst);
        assert_eq!(judge.levels[&0].worst, 0);
    }
}

/// The first fault that the judge finds in the short form.
fn fault_of(mistake: Mistake) -> String {
    let mut seeds = SEEDS;
    let found = seeds.find_map(|seed| {
        let judge = judged(seed, Some(mistake));
        let counted = judge.late + judge.false_refusals;
        assert_eq!(counted > 0, judge.first_fault.is_some());
        judge.first_fault
    });
    found.unwrap_or_else(|| panic!("nobody noticed {mistake:?}"))
}

fn is_late(mistake: Mistake) {
    let fault = fault_of(mistake);
    assert!(!fault.contains("refused"), "{mistake:?}: {fault}");
}

fn lets_in_the_cut_off(mistake: Mistake) {
    let fault = fault_of(mistake);
    assert!(
        fault.contains("from before a cut-off"),
        "{mistake:?}: {fault}"
    );
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
fn a_shard_that_is_not_heard_is_noticed() {
    is_late(Mistake::OneShard);
}

#[test]
fn refusing_whatever_looks_revoked_is_noticed() {
    assert!(fault_of(Mistake::RefuseHits).contains("refused"));
}

#[test]
fn a_cut_off_that_only_the_authority_tells_of_is_noticed() {
    lets_in_the_cut_off(Mistake::DeafToRing);
}

#[test]
fn doubt_that_counts_from_a_moment_of_the_past_is_noticed() {
    lets_in_the_cut_off(Mistake::DoubtFromMoment);
}
