//! An authority under test, handles of ours to revoke, and what an isolate asks of its copy.

use postern_core::{
    message::{self, Answered, NEWEST},
    revocation::{
        Entry,
        call::{AuthorityReply, PollAnswer, Report},
        copy::{Age, LivenessQuery, RevocationCopy},
        journal::{Journal, Recorded},
        segment::Segment,
    },
    session::handle::HandleKeys,
};
use postern_jwt::{
    secret::Secret,
    time::{Millis, UnixMillis},
};

use super::{handles::handle_of, memory_journal::MemoryJournal};

pub const HOUR: u64 = 3_600_000;

/// Session `n`, each of a user of its own.
pub fn handle(n: u64) -> String {
    handle_of(&format!("u{n}"), n)
}

pub fn keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
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

    pub fn take(&mut self, report: &Report, now: u64) -> Recorded {
        let now = UnixMillis(now);
        self.journal.report(&self.store, report, now).unwrap()
    }

    pub fn try_report(&mut self, live: u64, entries: Vec<Entry>, now: u64) -> Recorded {
        self.take(&Report { live, entries }, now)
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
        let said = Answered {
            protocol: NEWEST,
            reply: AuthorityReply::Answer(answer.clone()),
        };
        assert_eq!(message::decode(&message::encode(&said).unwrap()), Ok(said));
        answer
    }

    pub fn fetch(&self, name: &str) -> Option<Segment> {
        let bytes = self.journal.segment(&self.store, name).unwrap()?;
        Some(Segment::parse(name, bytes).unwrap())
    }

    /// Polls, and fetches what the copy lacks, so that it holds everything. Gives how far that is.
    pub fn bring_up_to_date(&self, copy: &mut RevocationCopy, since: u64, now: u64) -> u64 {
        let answer = self.poll(since, now);
        let seq = answer.seq;
        let fetched = copy.missing(0, &answer);
        let fetched = fetched
            .iter()
            .map(|name| self.fetch(name).unwrap())
            .collect();
        assert!(copy.apply(0, answer, fetched, UnixMillis(now)));
        seq
    }

    pub fn tidy(&mut self, now: u64) {
        self.journal.tidy(&self.store, UnixMillis(now)).unwrap();
    }

    /// The alarm, if it is due.
    pub fn alarm(&mut self, now: u64) {
        if self
            .journal
            .next_due()
            .is_some_and(|due| due <= UnixMillis(now))
        {
            self.tidy(now);
        }
    }

    /// Another that holds the same.
    pub fn copied(&self) -> Self {
        let store = MemoryJournal::default();
        *store.tables.borrow_mut() = self.store.tables.borrow().clone();
        let journal = Journal::load(&store, self.shards).unwrap();
        Self {
            store,
            journal,
            shards: self.shards,
        }
    }
}

/// May a session go on that was created just now?
pub fn question(handle: &str, bound: Millis, now: u64) -> LivenessQuery<'_> {
    LivenessQuery {
        handle,
        age: Age::Token(UnixMillis(now)),
        bound,
        now: UnixMillis(now),
    }
}

pub fn entries(handles: &[String], expires: u64) -> Vec<Entry> {
    let entry = |handle: &String| Entry {
        handle: handle.clone(),
        expires: UnixMillis(expires),
    };
    handles.iter().map(entry).collect()
}
