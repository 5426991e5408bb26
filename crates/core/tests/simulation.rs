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
        assert_eq!(judge.faults(), 0);
        // It was a real test: there was much to be late for.
        assert!(judge.verifications > 12_000, "{}", judge.verifications);
        assert!(judge.revocations > 400, "{}", judge.revocations);
        assert!(judge.cut_off > 500, "{}", judge.cut_off);
        assert!(judge.worst > 40_000, "{}", judge.worst);
        assert_eq!(judge.levels[&0].worst, 0);
    }
}

const LATE: &str = "was let in";
const CUT_OFF: &str = "a session from before a cut-off was let in";
const REFUSED: &str = "a live session was refused";

/// Every mistake that can be made, and what the judge says of it.
const MISTAKES: [(Mistake, &str); 21] = [
    (Mistake::AgeByFetchTime, LATE),
    (Mistake::NoSegments, LATE),
    (Mistake::FactsForEver, LATE),
    (Mistake::OpenOnOutage, LATE),
    (Mistake::EarlyOk, LATE),
    (Mistake::ShortEntries, LATE),
    (Mistake::OldKeys, "an old key set was used"),
    (Mistake::OneShard, LATE),
    (Mistake::RefuseHits, REFUSED),
    (Mistake::DeafToRing, CUT_OFF),
    (Mistake::DoubtFromMoment, CUT_OFF),
    (Mistake::AbsentIsMoment, CUT_OFF),
    (Mistake::MintUnheard, CUT_OFF),
    (Mistake::SilentCutOff, "was reported to nobody"),
    (Mistake::NoSecondLook, CUT_OFF),
    (Mistake::OwnBound, LATE),
    (Mistake::OwnTolerance, LATE),
    (
        Mistake::OwnLifetime,
        "the key that signed its token is not kept",
    ),
    (Mistake::OwnShards, LATE),
    (Mistake::OldShardsOnly, LATE),
    (Mistake::AgelessRelays, LATE),
];
/// Some mistakes matter seldom: so many seeds are tried until one shows it.
const MOST_SEEDS: u64 = 30;

/// The first fault that the judge finds in the short form.
fn fault_of(mistake: Mistake) -> String {
    let mut seeds = 1..=MOST_SEEDS;
    let found = seeds.find_map(|seed| {
        let judge = judged(seed, Some(mistake));
        assert_eq!(judge.faults() > 0, judge.first_fault.is_some());
        judge.first_fault
    });
    found.unwrap_or_else(|| panic!("nobody noticed {mistake:?}"))
}

#[test]
fn every_mistake_is_noticed_and_named() {
    let all: Vec<_> = MISTAKES
        .iter()
        .map(|&(mistake, expected)| {
            std::thread::spawn(move || {
                let fault = fault_of(mistake);
                assert!(fault.contains(expected), "{mistake:?}: {fault}");
            })
        })
        .collect();
    let failed = all.into_iter().filter_map(|thread| thread.join().err());
    assert_eq!(failed.count(), 0);
}
