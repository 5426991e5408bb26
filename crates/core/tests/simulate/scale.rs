//! The figures and plots of `docs/scale.md`: the real journal and the real copy, in virtual time, at steady rates.
//!
//! What the authority keeps depends on how many revoked handles are alive at a time, which is their rate times how long
//! each is kept. So one measured curve serves every life of access tokens.

use std::{ops::Range, path::Path, time::Instant};

use postern_core::{
    message,
    revocation::{
        copy::{Decision, RevocationCopy},
        segment::Segment,
    },
    session::facts::LivenessCache,
};
use postern_jwt::time::{Millis, UnixMillis};

use crate::{
    charts,
    plot::thousands,
    support::{
        START,
        authority::{self, Authority, question},
        handles::handle_of,
        random::Random,
    },
};

/// In seconds.
pub const HOUR: u64 = 3_600;
/// The mean time between two polls at a bound of 60 s.
const POLL_SECONDS: u64 = 20;
const BOUND: Millis = Millis(60_000);

pub struct Measured {
    /// Revocations a second, each kept for an hour.
    pub rate: u64,
    pub copy_bytes: usize,
    /// While segments are exchanged, the old and the new ones are held.
    most_bytes: usize,
    segments: usize,
    pub full_percent: u64,
    /// Bytes that one isolate takes in an hour.
    pub answers: u64,
    pub fetched: u64,
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
    charts::draw(Path::new(directory), &measured);
    rebuilding();
    lookups();
}

fn measure(rate: u64) -> Measured {
    let mut authority = Authority::new();
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
            authority.store.rows_read.set(0);
            authority.store.rows_written.set(0);
        }
        let now = START + second * 1_000;
        revoke(&mut authority, reported..reported + rate, 1_000, now);
        reported += rate;
        authority.alarm(now);
        if second % POLL_SECONDS != 0 {
            continue;
        }
        let answer = authority.journal.poll(seq, UnixMillis(now));
        seq = answer.seq;
        let answer_bytes = message::encode(&answer).unwrap().len() as u64;
        full_polls += u64::from(answer.full && counts);
        let segments = answer.segments.len();
        let names = copy.missing(0, &answer);
        let fetched: Vec<Segment> = names
            .iter()
            .map(|name| authority.fetch(name).unwrap())
            .collect();
        let bytes: usize = fetched.iter().map(|segment| segment.bytes().len()).sum();
        let most = copy.bytes() + bytes;
        assert!(copy.apply(0, answer, fetched, UnixMillis(now)));
        if counts {
            result.answers += answer_bytes;
            result.fetched += bytes as u64;
            result.copy_bytes = result.copy_bytes.max(copy.bytes());
            result.most_bytes = result.most_bytes.max(most);
            result.segments = result.segments.max(segments);
            result.stored = result.stored.max(authority.store.stored_bytes());
        }
    }
    let counted = end - HOUR;
    let scale = |value: u64| value * HOUR / counted;
    (result.answers, result.fetched) = (scale(result.answers), scale(result.fetched));
    let store = &authority.store;
    (result.rows_read, result.rows_written) = (store.rows_read.get(), store.rows_written.get());
    result.full_percent = 100 * full_polls / (counted / POLL_SECONDS);
    result.false_positives = false_positives(&mut copy, START + end * 1_000);
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
fn false_positives(copy: &mut RevocationCopy, now: u64) -> f64 {
    let count = 100_000;
    let mut facts = LivenessCache::default();
    let asked = (0..count).filter(|n| {
        let decision = copy.decide(&mut facts, &question(&handle_of("live", *n), BOUND, now));
        decision != Decision::Live
    });
    asked.count() as f64 / count as f64
}

/// Many users revoke a session each, which is kept for an hour; as few reports as `in_one` allows.
fn revoke(authority: &mut Authority, numbers: Range<u64>, in_one: usize, now: u64) {
    let handles: Vec<String> = numbers.map(|n| handle_of("many", n)).collect();
    for some in handles.chunks(in_one) {
        let entries = authority::entries(some, now + HOUR * 1_000);
        authority.try_report(1, entries, now);
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
    for revoked in [0_u64, 4_096, 1_000_000] {
        let mut authority = Authority::new();
        revoke(&mut authority, 0..revoked, 5_000, START);
        let mut copy = RevocationCopy::new(1);
        authority.bring_up_to_date(&mut copy, 0, START);
        let handles: Vec<String> = (0..10_000).map(|n| handle_of("live", n)).collect();
        let mut facts = LivenessCache::default();
        let mut best = f64::MAX;
        for _ in 0..20 {
            let began = Instant::now();
            for handle in &handles {
                std::hint::black_box(copy.decide(&mut facts, &question(handle, BOUND, START)));
            }
            best = best.min(began.elapsed().as_secs_f64() / handles.len() as f64);
        }
        println!("| {} | {:.0} ns |", thousands(revoked), best * 1e9);
    }
}
