//! `npm run simulate`: revocation in virtual time, at length.
//!
//! `simulate run [SEED]` runs the long form with that seed, or with eight that nobody chose, and `simulate seeds FROM TO
//! [short]` with all of these; they print what happened, and last one line of JSON. `simulate scale DIRECTORY` measures the
//! real journal and copy at the sizes of `docs/scale.md` and draws its plots; `simulate day DIRECTORY` does of it the day of a
//! large deployment.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub
)]

#[path = "charts.rs"]
mod charts;
#[path = "deployment/mod.rs"]
mod deployment;
#[path = "plot.rs"]
mod plot;
#[path = "scale.rs"]
mod scale;
#[path = "mod.rs"]
mod simulate;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::BTreeMap,
    env,
    ops::RangeInclusive,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use simulate::{
    judge::{BY_DEFAULT, Judge, Level},
    plan::Plan,
    world::World,
};

const USAGE: &str =
    "error: simulate run [SEED], simulate seeds FROM TO [short], simulate scale|day DIRECTORY";
/// How many seeds that nobody chose one run tries.
const SEEDS: u64 = 8;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match *arguments.as_slice() {
        ["run"] => {
            let first = Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id());
            let first = support::random::Random(first ^ clock()).next() >> 24;
            several(first..=first + SEEDS - 1, Plan::long, true)
        }
        ["run", seed] if number(seed).is_some() => {
            let seed = number(seed).unwrap();
            several(seed..=seed, Plan::long, true)
        }
        ["seeds", from, to] => between(number(from), number(to), Plan::long),
        ["seeds", from, to, "short"] => between(number(from), number(to), Plan::short),
        ["scale", directory] => {
            scale::report(directory);
            deployment::report(directory);
            ExitCode::SUCCESS
        }
        ["day", directory] => {
            deployment::report(directory);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// The time of day: only to choose seeds.
fn clock() -> u64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

fn between(from: Option<u64>, to: Option<u64>, plan: fn(u64) -> Plan) -> ExitCode {
    match from.zip(to) {
        Some((from, to)) if from <= to => several(from..=to, plan, false),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// What came of one seed.
struct Run {
    judge: Judge,
    enough: bool,
    polls: u64,
    relayed: u64,
    fetched: u64,
    bytes: usize,
    hits: u64,
}

fn run(plan: Plan) -> Run {
    let is_long = plan.length >= 10_000_000;
    let mut world = World::new(plan);
    world.run();
    let judge = world.judge;
    let enough = !is_long || (judge.verifications >= 1_000_000 && judge.revocations >= 10_000);
    Run {
        enough,
        judge,
        polls: world.polls,
        relayed: world.relayed,
        fetched: world.segments_fetched,
        bytes: world.most_bytes,
        hits: world.hits,
    }
}

/// Runs all seeds, as many at a time as there are cores, and prints what came of them together.
fn several(seeds: RangeInclusive<u64>, plan: fn(u64) -> Plan, tells_each: bool) -> ExitCode {
    let began = Instant::now();
    let example = plan(0);
    let (first, last) = (*seeds.start(), *seeds.end());
    println!(
        "Native, virtual time: {:.1} h, {} isolates; seeds {first} to {last} (give one as an argument to repeat it).",
        example.length as f64 / 3_600_000.0,
        example.isolates,
    );
    println!(
        "Planned: the authority frozen for {:?} s, out for {:?} s; the key ring out for {:?} s; objects out for {:?} s; cut-offs of {:?} s before.",
        spans(&example.frozen),
        spans(&example.out),
        spans(&example.ring_out),
        spans(&example.objects_out),
        example
            .cut_offs
            .iter()
            .map(|one| one.back / 1_000)
            .collect::<Vec<_>>(),
    );
    let next = AtomicU64::new(first);
    let runs = Mutex::new(BTreeMap::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > last {
                        return;
                    }
                    let run = run(plan(seed));
                    let bad = run.judge.faults() > 0 || !run.enough;
                    if bad || tells_each {
                        println!("{}", line(seed, &run));
                    }
                    runs.lock().unwrap().insert(seed, run);
                }
            });
        }
    });
    let runs = runs.into_inner().unwrap();
    summary(&runs);
    println!("Took {:.1} s.", began.elapsed().as_secs_f64());
    let total = |of: fn(&Run) -> u64| runs.values().map(of).sum::<u64>();
    let (late, refusals) = (
        total(|run| run.judge.late),
        total(|run| run.judge.false_refusals),
    );
    println!(
        r#"{{"verifications":{},"revocations":{},"late":{late},"falseRefusals":{refusals},"worstDelayMs":{}}}"#,
        total(|run| run.judge.verifications),
        total(|run| run.judge.revocations),
        runs.values().map(|run| run.judge.worst).max().unwrap_or(0),
    );
    if late == 0 && refusals == 0 && runs.values().all(|run| run.enough) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn line(seed: u64, run: &Run) -> String {
    let judge = &run.judge;
    let mut line = format!(
        "seed {seed}: {} verifications, {} revocations, {} sessions cut off, late {}, false refusals {}, worst delay {} ms",
        judge.verifications,
        judge.revocations,
        judge.cut_off,
        judge.late,
        judge.false_refusals,
        judge.worst
    );
    if !run.enough {
        line.push_str("; too little happened for it to count");
    }
    if let Some(fault) = &judge.first_fault {
        line.push_str("; first fault: ");
        line.push_str(fault);
    }
    line
}

fn summary(runs: &BTreeMap<u64, Run>) {
    println!(
        "\n      bound  verifications   honoured    refused   503   asked an object   worst delay"
    );
    let mut levels: BTreeMap<u64, Level> = BTreeMap::new();
    for run in runs.values() {
        for (bound, one) in &run.judge.levels {
            let level = levels.entry(*bound).or_default();
            level.verifications += one.verifications;
            level.honoured += one.honoured;
            level.refused += one.refused;
            level.unavailable += one.unavailable;
            level.asked += one.asked;
            level.worst = level.worst.max(one.worst);
        }
    }
    for (bound, level) in &levels {
        let name = match bound {
            0 => "strict".to_owned(),
            &BY_DEFAULT => "FRESHNESS".to_owned(),
            _ => format!("{} s", bound / 1_000),
        };
        println!(
            "{name:>11}  {:>13}  {:>9}  {:>9}  {:>4}  {:>15.1} %  {:>8} ms",
            level.verifications,
            level.honoured,
            level.refused,
            level.unavailable,
            100.0 * level.asked as f64 / level.verifications as f64,
            level.worst,
        );
    }
    let total = |of: fn(&Run) -> u64| runs.values().map(of).sum::<u64>();
    println!(
        "\n{} seeds. Polls {}, of which relays had an answer at hand for {}, segments fetched {}, largest copy {} bytes, filter hits settled by an object {}.",
        runs.len(),
        total(|run| run.polls),
        total(|run| run.relayed),
        total(|run| run.fetched),
        runs.values().map(|run| run.bytes).max().unwrap_or(0),
        total(|run| run.hits),
    );
    println!(
        "Let in where neither the isolate nor the object had reached anybody who could tell of a cut-off: {} (docs/freshness.md).",
        total(|run| run.judge.untold)
    );
}

fn spans(windows: &[simulate::plan::Window]) -> Vec<u64> {
    windows
        .iter()
        .map(|window| (window.end - window.start) / 1_000)
        .collect()
}
