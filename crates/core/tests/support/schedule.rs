//! Deterministic schedules: each seed is one interleaving, and a seed that fails is named.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::random::Random;

/// Runs `property` for `runs` seeds on every core. `MODEL_SEED` repeats one seed.
pub fn check(runs: u64, property: impl Fn(&mut Random) + Sync) {
    let only = std::env::var("MODEL_SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    let (first, end) = only.map_or((0, runs), |seed| (seed, seed + 1));
    let next = AtomicU64::new(first);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            // Spread, so that neighbouring seeds share no numbers.
            let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95));
            if let Err(failure) = catch_unwind(AssertUnwindSafe(|| property(&mut random))) {
                eprintln!("the interleaving of seed {seed} fails; MODEL_SEED={seed} repeats it");
                next.store(end, Ordering::Relaxed);
                resume_unwind(failure);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 1..cores {
            scope.spawn(work);
        }
        work();
    });
}
