//! `npm run simulate`: revocation in virtual time, at length.
//!
//! `simulate run [SEED]` prints what happened, and last one line of JSON; `simulate scale DIRECTORY` measures the real
//! journal and copy at the sizes of `docs/scale.md` and draws its plots.
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
#[path = "plot.rs"]
mod plot;
#[path = "scale.rs"]
mod scale;
#[path = "mod.rs"]
mod simulate;
#[path = "../support/mod.rs"]
mod support;

use std::{env, process::ExitCode, time::Instant};

use simulate::{plan::Plan, world::World};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["run"] => run(Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id())),
        ["run", seed] if seed.parse::<u64>().is_ok() => run(seed.parse().unwrap()),
        ["scale", directory] => {
            scale::report(directory);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("error: simulate run [SEED], or simulate scale DIRECTORY");
            ExitCode::FAILURE
        }
    }
}

fn run(seed: u64) -> ExitCode {
    let plan = Plan::long(seed);
    let began = Instant::now();
    println!(
        "Native, virtual time: {} isolates, seed {seed} (give it as an argument to repeat the run).",
        plan.isolates
    );
    let hours = plan.length as f64 / 3_600_000.0;
    println!(
        "Planned: {hours:.0} h; the authority frozen for {} s, out for {:?} s; objects out for {:?} s.",
        (plan.frozen.end - plan.frozen.start) / 1_000,
        spans(&plan.out),
        spans(&plan.objects_out),
    );
    let mut world = World::new(plan);
    world.run();
    let judge = &world.judge;
    println!(
        "\n      bound  verifications   honoured    refused   503   asked an object   worst delay"
    );
    for (bound, level) in &judge.levels {
        let name = match bound {
            0 => "strict".to_owned(),
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
    println!(
        "\nPolls {}, segments fetched {}, largest copy {} bytes, filter hits settled by an object {}.",
        world.polls, world.segments_fetched, world.most_bytes, world.hits
    );
    println!(
        "Sessions from before the cut-off let in by objects that nobody had told of it yet: {} (docs/freshness.md).",
        judge.untold
    );
    println!("Took {:.1} s.", began.elapsed().as_secs_f64());
    if let Some(fault) = &judge.first_fault {
        println!("First fault: {fault}.");
    }
    let enough = judge.verifications >= 1_000_000 && judge.revocations >= 10_000;
    if !enough {
        println!("Too little happened for the run to count.");
    }
    println!(
        r#"{{"verifications":{},"revocations":{},"late":{},"falseRefusals":{},"worstDelayMs":{}}}"#,
        judge.verifications, judge.revocations, judge.late, judge.false_refusals, judge.worst
    );
    if enough && judge.late == 0 && judge.false_refusals == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn spans(windows: &[simulate::plan::Window]) -> Vec<u64> {
    windows
        .iter()
        .map(|window| (window.end - window.start) / 1_000)
        .collect()
}
