//! Ending sessions beside everything else that may happen to them, in thousands of interleavings: what has ended stays
//! ended (I7), in every tenant, at the object, in KV and in every isolate's copy; and nothing else ends.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub
)]

#[path = "revocation_races/race.rs"]
mod race;
mod support;

use race::Race;
use support::{schedule::check, user::User};

const SHORT: u64 = 2_000;
const LONG: u64 = 300_000;

fn race(runs: u64) {
    let settings = User::new().settings;
    check(runs, |random| {
        let mut race = Race::new(&settings, random);
        for _ in 0..40 {
            race.step(random);
            race.agrees(random);
        }
        race.comes_to_rest();
    });
}

#[test]
fn what_has_ended_stays_ended_and_nothing_else_ends() {
    race(SHORT);
}

#[test]
#[ignore = "hundreds of thousands of interleavings"]
fn what_has_ended_stays_ended_in_many_interleavings() {
    race(LONG);
}
