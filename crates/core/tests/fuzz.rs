//! The fuzz targets on stable: every seed and every input that ever broke one, and some seconds of mutations.
//!
//! What cargo-fuzz does for hours (docs/fuzzing.md) this does for `FUZZ_SECONDS` (1) for each target, without coverage.
//! A failure names the file with the input; `FUZZ_SEED=n` repeats a run.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub
)]

#[path = "../../../fuzz/bodies/mod.rs"]
#[expect(
    dead_code,
    reason = "the programs of cargo-fuzz run a body by its name"
)]
mod bodies;
#[path = "support/mutation.rs"]
mod mutation;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bodies::{TARGETS, Target};
use mutation::Mutator;

fn directory(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(kind)
        .join(target)
}

/// The files of a directory, in the order of their names.
fn inputs(directory: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Runs a body; what it does not survive is written down before the test fails.
fn survives(target: &Target, input: &[u8], note: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.body)(input))).is_err() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
        fs::write(&file, input).unwrap();
        panic!(
            "{} broke on {} ({note}); keep it in fuzz/regressions/{0}/",
            target.name,
            file.display()
        );
    }
}

#[test]
fn every_target_has_seeds_and_a_program() {
    for target in TARGETS {
        assert!(
            inputs(&directory("seeds", target.name)).len() >= 3,
            "{}",
            target.name
        );
        let program = directory("fuzz_targets", &format!("{}.rs", target.name));
        assert!(
            fs::read_to_string(program)
                .unwrap()
                .contains(&format!("bodies::run(\"{}\"", target.name))
        );
    }
}

#[test]
fn seeds_and_regressions_are_survived() {
    for target in TARGETS {
        for kind in ["seeds", "regressions"] {
            for input in inputs(&directory(kind, target.name)) {
                survives(target, &input, kind);
            }
        }
    }
}

#[test]
fn mutations_are_survived() {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let span = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(1));
    let seed = number("FUZZ_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        now.as_nanos() as u64
    });
    for target in TARGETS {
        let mut corpus = inputs(&directory("seeds", target.name));
        corpus.extend(inputs(&directory("regressions", target.name)));
        let mut mutator = Mutator::new(seed, target.dictionary, corpus);
        let started = Instant::now();
        let mut runs: u64 = 0;
        while started.elapsed() < span {
            for _ in 0..64 {
                survives(target, &mutator.next(), &format!("FUZZ_SEED={seed}"));
            }
            runs += 64;
        }
        println!(
            "{}: {runs} runs in {:.1} s",
            target.name,
            started.elapsed().as_secs_f64()
        );
    }
}
