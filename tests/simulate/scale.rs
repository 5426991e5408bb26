//! The figures and plots of `docs/scale.md`: the real journal and the real copy, in virtual time, at steady rates.
//!
//! What the authority keeps depends on how many revoked handles are alive at a time, which is their rate times how long
//! each is kept. So one measured curve serves every life of access tokens.

use std::{fs, path::Path, time::Instant};

use postern::{
    revocation::{
        Entry, MAX_COPY_BYTES,
        call::Report,
        copy::{Decision, Question, RevocationCopy},
        journal::Journal,
        segment::Segment,
    },
    session::facts::Facts,
    time::{Millis, UnixMillis},
    wire,
};

use crate::{
    handles::handle_of,
    memory_journal::MemoryJournal,
    plot::{Chart, Line, thousands},
    random::Random,
};

const START: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600;
/// The mean time between two polls at a bound of 60 s.
const POLL_SECONDS: u64 = 20;
const BOUND: Millis = Millis(60_000);

struct Measured {
    /// Revocations a second, each kept for an hour.
    rate: u64,
    copy_bytes: usize,
    /// While segments are exchanged, the old and the new ones are held.
    most_bytes: usize,
    segments: usize,
    full_percent: u64,
    /// Bytes that one isolate takes in an hour.
    answers: u64,
    fetched: u64,
    rows_read: u64,
    rows_written: u64,
    stored: usize,
    false_positives: f64,
}

pub fn report(directory: &str) {
    println!(
        "Native, virtual time: the journal and one isolate's copy, tokens of one hour, polls each {POLL_SECONDS} s."
    );
    println!("Only the times further below depend on the machine.\n");
    println!(
        "| revocations/s | live revoked | copy, bytes | while exchanging | segments | full | taken by an isolate in an hour | rows read, written for each | stored, bytes | false positives |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let rates = [1, 3, 10, 30, 100, 200, 278, 400, 450, 490, 1_000, 10_000];
    let measured: Vec<Measured> = rates.into_iter().map(measure).collect();
    draw(Path::new(directory), &measured);
    rebuilding();
    lookups();
}

fn measure(rate: u64) -> Measured {
    let store = MemoryJournal::default();
    let mut journal = Journal::load(&store, 1).unwrap();
    let mut copy = RevocationCopy::new(1);
    let mut result = Measured {
        rate,
        copy_bytes: 0,
        most_bytes: 0,
        segments: 0,
        full_percent: 0,
        answers: 0,
        fetched: 0,
        rows_read: 0,
        rows_written: 0,
        stored: 0,
        false_positives: 0.0,
    };
    let mut seq = 0;
    let mut reported = 0;
    let mut full_polls = 0;
    // An hour to fill up, an hour that counts. What is full is full: no need to go on for long.
    let end = if rate > 500 {
        HOUR + HOUR / 4
    } else {
        2 * HOUR
    };
    for second in 0..end {
        let counts = second >= HOUR;
        if second == HOUR {
            store.rows_read.set(0);
            store.rows_written.set(0);
        }
        let now = UnixMillis(START + second * 1_000);
        let numbers: Vec<u64> = (reported..reported + rate).collect();
        reported += rate;
        for some in numbers.chunks(1_000) {
            let entry = |n: &u64| Entry {
                handle: handle_of("many", *n),
                expires: now.plus(Millis(HOUR * 1_000)),
            };
            let report = Report {
                live: 1,
                entries: some.iter().map(entry).collect(),
            };
            journal.report(&store, &report, now).unwrap();
        }
        if journal.next_due().is_some_and(|due| due <= now) {
            journal.tidy(&store, now).unwrap();
        }
        if second % POLL_SECONDS != 0 {
            continue;
        }
        let answer = journal.poll(seq, now);
        seq = answer.seq;
        let answer_bytes = wire::encode(&answer).len() as u64;
        full_polls += u64::from(answer.full && counts);
        let names = copy.missing(0, &answer);
        let fetched: Vec<Segment> = names
            .iter()
            .map(|name| {
                let bytes = journal.segment(&store, name).unwrap().unwrap();
                Segment::parse(name, bytes).unwrap()
            })
            .collect();
        let bytes: usize = fetched.iter().map(|segment| segment.bytes().len()).sum();
        let most = copy.bytes() + bytes;
        assert!(copy.apply(0, answer.clone(), fetched, now));
        if counts {
            result.answers += answer_bytes;
            result.fetched += bytes as u64;
            result.copy_bytes = result.copy_bytes.max(copy.bytes());
            result.most_bytes = result.most_bytes.max(most);
            result.segments = result.segments.max(answer.segments.len());
            result.stored = result.stored.max(store.stored_bytes());
        }
    }
    let counted = end - HOUR;
    let scale = |value: u64| value * HOUR / counted;
    (result.answers, result.fetched) = (scale(result.answers), scale(result.fetched));
    (result.rows_read, result.rows_written) = (store.rows_read.get(), store.rows_written.get());
    result.full_percent = 100 * full_polls / (counted / POLL_SECONDS);
    result.false_positives = false_positives(&mut copy, UnixMillis(START + end * 1_000));
    let each = |rows: u64| rows as f64 / (rate * counted) as f64;
    println!(
        "| {} | {} | {} | {} | {} | {} % | {} answers, {} segments | {:.2}, {:.2} | {} | {:.2} % |",
        thousands(rate),
        thousands(rate * HOUR),
        thousands(result.copy_bytes as u64),
        thousands(result.most_bytes as u64),
        result.segments,
        result.full_percent,
        thousands(result.answers),
        thousands(result.fetched),
        each(result.rows_read),
        each(result.rows_written),
        thousands(result.stored as u64),
        100.0 * result.false_positives,
    );
    result
}

/// The share of live sessions that a copy takes for revoked ones by chance.
fn false_positives(copy: &mut RevocationCopy, now: UnixMillis) -> f64 {
    let count = 100_000;
    let mut facts = Facts::default();
    let asked = (0..count).filter(|n| {
        let decision = copy.decide(&mut facts, &question(&handle_of("live", *n), now));
        decision != Decision::Live
    });
    asked.count() as f64 / count as f64
}

fn question(handle: &str, now: UnixMillis) -> Question<'_> {
    Question {
        handle,
        created: Some(now),
        bound: BOUND,
        now,
    }
}

/// What it costs to make a segment.
fn rebuilding() {
    println!("\n| handles | making their segment, native |\n| ---: | ---: |");
    for count in [4_096, 100_000, 1_000_000, 1_700_000] {
        let mut random = Random(1);
        let keys: Vec<u64> = (0..count).map(|_| random.next()).collect();
        let mut best = f64::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            let mut keys = keys.clone();
            keys.sort_unstable();
            std::hint::black_box(Segment::build(&keys));
            best = best.min(began.elapsed().as_secs_f64());
        }
        println!("| {} | {:.1} ms |", thousands(count), best * 1e3);
    }
}

/// What a decision costs, with nobody revoked and with a million.
fn lookups() {
    println!("\n| revoked | one decision, native |\n| ---: | ---: |");
    let now = UnixMillis(START);
    for revoked in [0_u64, 4_096, 1_000_000] {
        let store = MemoryJournal::default();
        let mut journal = Journal::load(&store, 1).unwrap();
        let all: Vec<u64> = (0..revoked).collect();
        for some in all.chunks(5_000) {
            let entry = |n: &u64| Entry {
                handle: handle_of("many", *n),
                expires: now.plus(Millis(HOUR * 1_000)),
            };
            let report = Report {
                live: 1,
                entries: some.iter().map(entry).collect(),
            };
            journal.report(&store, &report, now).unwrap();
        }
        let mut copy = RevocationCopy::new(1);
        let answer = journal.poll(0, now);
        let fetched = copy.missing(0, &answer).into_iter().map(|name| {
            let bytes = journal.segment(&store, name).unwrap().unwrap();
            Segment::parse(name, bytes).unwrap()
        });
        let fetched = fetched.collect();
        copy.apply(0, answer, fetched, now);
        let handles: Vec<String> = (0..10_000).map(|n| handle_of("live", n)).collect();
        let mut facts = Facts::default();
        let mut best = f64::MAX;
        for _ in 0..20 {
            let began = Instant::now();
            for handle in &handles {
                std::hint::black_box(copy.decide(&mut facts, &question(handle, now)));
            }
            best = best.min(began.elapsed().as_secs_f64() / handles.len() as f64);
        }
        println!("| {} | {:.0} ns |", thousands(revoked), best * 1e9);
    }
}

fn draw(directory: &Path, measured: &[Measured]) {
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
