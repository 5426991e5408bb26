//! A user's object against an independent model, over random interleavings of everything that may happen to it.
//!
//! `cargo test` runs some thousands of each; a million with
//! `cargo test --profile model --test rotation_model -- --ignored --test-threads 1` (see CONTRIBUTING.md).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    dead_code,
    missing_docs,
    unreachable_pub
)]

#[path = "rotation_model/jars.rs"]
mod jars;
#[path = "rotation_model/reference.rs"]
mod reference;
#[path = "rotation_model/sleepers.rs"]
mod sleepers;
mod support;
#[path = "rotation_model/world/mod.rs"]
mod world;

use support::{random::Random, schedule::check, user::User};

const SHORT: u64 = 2_000;
const LONG: u64 = 1_000_000;
/// Whole lives of sessions are long.
const LIVES: u64 = 300;

fn object_agrees_with_the_model(runs: u64) {
    let settings = User::new().settings;
    check(runs, |random: &mut Random| {
        let mut world = world::World::new(&settings, random);
        for _ in 0..8 + random.below(17) {
            world.step(random);
        }
        world.run_out(random);
    });
}

fn one_jar(runs: u64) {
    let settings = User::new().settings;
    check(runs, |random| {
        jars::one_jar_is_never_logged_out(&settings, random);
    });
}

fn two_jars(runs: u64) {
    let settings = User::new().settings;
    check(runs, |random| {
        jars::two_jars_part_and_are_found(&settings, random);
    });
}

fn one_sleeper(runs: u64) {
    let settings = User::new().settings;
    check(runs, |random| {
        sleepers::one_holder_is_never_taken_for_two(&settings, random);
    });
}

fn sleeper_and_thief(runs: u64) {
    let settings = User::new().settings;
    check(runs, |random| {
        sleepers::a_thief_is_found_with_the_next_refresh_of_the_other(&settings, random);
    });
}

#[test]
fn a_lost_answer_logs_nobody_out_however_late_it_is_asked_for_again() {
    one_sleeper(LIVES);
}

#[test]
fn a_thief_is_found_whenever_he_comes() {
    sleeper_and_thief(LIVES);
}

/// The rule by time is what the rule by use is compared with: there lost answers do log people out.
#[test]
fn where_time_supersedes_lost_answers_are_taken_for_theft() {
    let mut settings = User::new().settings;
    settings.refresh_token_superseded_by = postern_core::settings::SupersededBy::Time;
    let mut random = Random(1);
    let ended = (0..60).filter(|_| sleepers::life_of_one(&settings, &mut random).is_some());
    assert!(ended.count() > 6);
}

#[test]
#[ignore = "a million interleavings"]
fn in_a_million_lives_one_holder_is_never_taken_for_two() {
    one_sleeper(LONG);
}

#[test]
#[ignore = "a million interleavings"]
fn in_a_million_lives_a_thief_is_found_whenever_he_comes() {
    sleeper_and_thief(LONG);
}

#[test]
fn whatever_happens_the_object_agrees_with_the_model() {
    object_agrees_with_the_model(SHORT);
}

#[test]
fn one_jar_is_never_logged_out() {
    one_jar(SHORT);
}

#[test]
fn two_jars_with_one_token_never_both_go_on() {
    two_jars(SHORT);
}

#[test]
#[ignore = "a million interleavings: most of a minute, with optimisation"]
fn a_million_interleavings_agree_with_the_model() {
    object_agrees_with_the_model(LONG);
}

#[test]
#[ignore = "a million interleavings"]
fn in_a_million_interleavings_one_jar_is_never_logged_out() {
    one_jar(LONG);
}

#[test]
#[ignore = "a million interleavings"]
fn in_a_million_interleavings_two_jars_never_both_go_on() {
    two_jars(LONG);
}
