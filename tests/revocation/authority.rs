//! An authority under test, and handles of ours to revoke.

use postern::{
    revocation::{
        Entry,
        call::{PollAnswer, Report},
        copy::RevocationCopy,
        journal::{Journal, Recorded},
        segment::Segment,
    },
    secret::Secret,
    session::handle::HandleKeys,
    time::UnixMillis,
};

pub use crate::handles::handle_of;
use crate::memory_journal::MemoryJournal;

pub const START: u64 = 1_800_000_000_000;
pub const HOUR: u64 = 3_600_000;

/// Session `n`, each of a user of its own.
pub fn handle(n: u64) -> String {
    handle_of(&format!("u{n}"), n)
}

pub fn keys() -> HandleKeys {
    HandleKeys {
        route: Secret::new(vec![1; 32]),
        tag: Secret::new(vec![2; 32]),
    }
}

pub struct Authority {
    pub store: MemoryJournal,
    pub journal: Journal,
    pub shards: u32,
}

impl Authority {
    pub fn new() -> Self {
        Self::one_of(1)
    }

    pub fn one_of(shards: u32) -> Self {
        let store = MemoryJournal::default();
        let journal = Journal::load(&store, shards).unwrap();
        Self {
            store,
            journal,
            shards,
        }
    }

    /// The object is evicted and starts again from its storage.
    pub fn restart(&mut self) {
        self.journal = Journal::load(&self.store, self.shards).unwrap();
    }

    pub fn try_report(&mut self, live: u64, entries: Vec<Entry>, now: u64) -> Recorded {
        let report = Report { live, entries };
        self.journal
            .report(&self.store, &report, UnixMillis(now))
            .unwrap()
    }

    /// One user ends these sessions.
    pub fn report(&mut self, handles: &[String], expires: u64, now: u64) {
        let entries = entries(handles, expires);
        let live = entries.len() as u64;
        assert_eq!(
            self.try_report(live.min(1_000), entries, now),
            Recorded::Yes
        );
    }

    /// Many users end a session each: as one report, for speed. Only their numbers count.
    pub fn fill(&mut self, range: std::ops::Range<u64>, expires: u64, now: u64) {
        let numbers: Vec<u64> = range.collect();
        for some in numbers.chunks(5_000) {
            let handles: Vec<String> = some.iter().map(|n| handle_of("many", *n)).collect();
            self.report(&handles, expires, now);
        }
    }

    pub fn poll(&self, since: u64, now: u64) -> PollAnswer {
        let answer = self.journal.poll(since, UnixMillis(now));
        // What crosses the wire is what was meant.
        let message = postern::wire::encode(&answer);
        assert_eq!(postern::wire::decode(&message), Some(answer.clone()));
        answer
    }

    pub fn fetch(&self, name: &str) -> Option<Segment> {
        let bytes = self.journal.segment(&self.store, name).unwrap()?;
        Some(Segment::parse(name, bytes).unwrap())
    }

    /// Polls until the copy holds everything.
    pub fn bring_up_to_date(&self, copy: &mut RevocationCopy, since: u64, now: u64) {
        let answer = self.poll(since, now);
        let fetched = copy.missing(0, &answer);
        let fetched = fetched
            .iter()
            .map(|name| self.fetch(name).unwrap())
            .collect();
        assert!(copy.apply(0, answer, fetched, UnixMillis(now)));
    }

    pub fn tidy(&mut self, now: u64) {
        self.journal.tidy(&self.store, UnixMillis(now)).unwrap();
    }
}

pub fn entries(handles: &[String], expires: u64) -> Vec<Entry> {
    let entry = |handle: &String| Entry {
        handle: handle.clone(),
        expires: UnixMillis(expires),
    };
    handles.iter().map(entry).collect()
}
