//! The plots of `docs/scale.md`, of what `scale.rs` has measured.

use std::{fs, path::Path};

use postern_core::revocation::MAX_COPY_BYTES;

use crate::{
    plot::{Chart, Line},
    scale::{HOUR, Measured},
};

pub fn draw(directory: &Path, measured: &[Measured]) {
    fs::create_dir_all(directory).unwrap();
    let save = |name: &str, chart: &Chart| fs::write(directory.join(name), chart.svg()).unwrap();
    let kept = |seconds: u64| {
        let point = |at: &Measured| {
            let rate = at.rate as f64 * HOUR as f64 / seconds as f64;
            (rate, at.copy_bytes as f64)
        };
        let points = measured.iter().filter(|at| at.full_percent == 0).map(point);
        points.filter(|(rate, _)| *rate <= 10_000.0).collect()
    };
    save(
        "copy-size.svg",
        &Chart {
            title: "An isolate's copy at a steady rate of revocations",
            x_name: "revocations a second",
            y_name: "bytes",
            x: (0, 4),
            y: (4, 7),
            y_labels: &["10 kB", "100 kB", "1 MB", "10 MB"],
            limit: Some((
                MAX_COPY_BYTES as f64,
                "cap: beyond it, within runs at the cost of strict",
            )),
            lines: vec![
                Line {
                    name: "tokens of 1 h",
                    points: kept(HOUR),
                },
                Line {
                    name: "tokens of 15 min",
                    points: kept(900),
                },
                Line {
                    name: "tokens of 5 min",
                    points: kept(300),
                },
            ],
        },
    );
    let not_full = || measured.iter().filter(|at| at.full_percent == 0);
    let taken = |bytes: fn(&Measured) -> u64| {
        not_full()
            .map(|at| (at.rate as f64, bytes(at) as f64))
            .collect()
    };
    save(
        "taken-by-an-isolate.svg",
        &Chart {
            title: "What one busy isolate takes in an hour, at a bound of 60 s",
            x_name: "revocations a second (tokens of 1 h)",
            y_name: "bytes an hour",
            x: (0, 3),
            y: (4, 8),
            y_labels: &["10 kB", "100 kB", "1 MB", "10 MB", "100 MB"],
            limit: None,
            lines: vec![
                Line {
                    name: "poll answers",
                    points: taken(|at| at.answers),
                },
                Line {
                    name: "segments",
                    points: taken(|at| at.fetched),
                },
            ],
        },
    );
    let polls = |bound: f64, isolates: f64| isolates / ((bound - 2.0) / 3.0);
    let isolates = [100.0, 1_000.0, 10_000.0, 100_000.0];
    let line = |name, bound| Line {
        name,
        points: isolates.map(|count| (count, polls(bound, count))).to_vec(),
    };
    save(
        "polls.svg",
        &Chart {
            title: "Polls that reach the authority, all isolates busy",
            x_name: "isolates",
            y_name: "polls a second",
            x: (2, 5),
            y: (0, 5),
            y_labels: &["1", "10", "100", "1,000", "10,000", "100,000"],
            limit: Some((500.0, "what one object is counted on for")),
            lines: vec![
                line("bound of 10 s", 10.0),
                line("bound of 60 s", 60.0),
                line("bound of 300 s", 300.0),
            ],
        },
    );
}
