//! The authority, and its failures.

use postern::{
    revocation::{
        Entry,
        call::{PollAnswer, Report},
        journal::{Journal, Recorded},
        segment::Segment,
    },
    time::UnixMillis,
};

use super::plan::{Mistake, Plan};
use crate::{handles::handle_of, memory_journal::MemoryJournal};

pub struct Authority {
    store: MemoryJournal,
    journal: Journal,
    /// What it was when it froze, and when that was.
    frozen: Option<(MemoryJournal, Journal, UnixMillis)>,
    mistake: Option<Mistake>,
}

impl Authority {
    pub fn new(plan: &Plan, now: UnixMillis) -> Self {
        let store = MemoryJournal::default();
        let mut authority = Self {
            journal: Journal::load(&store, 1).unwrap(),
            store,
            frozen: None,
            mistake: plan.mistake,
        };
        let all: Vec<u64> = (0..plan.revoked_before).collect();
        for some in all.chunks(1_000) {
            let user = format!("before{}", some[0]);
            let entry = |n: &u64| Entry {
                handle: handle_of(&user, *n),
                // Some of them expire at any time during the run.
                expires: UnixMillis(now.0 + plan.length * (n % 100 + 1) / 90),
            };
            let report = Report {
                live: some.len() as u64,
                entries: some.iter().map(entry).collect(),
            };
            authority.report(&report, now);
        }
        authority
    }

    pub fn report(&mut self, report: &Report, now: UnixMillis) {
        let mut report = report.clone();
        if self.mistake == Some(Mistake::ShortEntries) {
            for entry in &mut report.entries {
                entry.expires = UnixMillis(now.0 + 1);
            }
        }
        let recorded = self.journal.report(&self.store, &report, now).unwrap();
        assert_eq!(recorded, Recorded::Yes);
    }

    pub fn cut_off(&mut self, moment: UnixMillis) {
        self.journal.set_not_before(&self.store, moment).unwrap();
    }

    pub fn keys_changed(&mut self, version: u64) {
        self.journal
            .set_key_set_version(&self.store, version)
            .unwrap();
    }

    pub fn restart(&mut self) {
        self.journal = Journal::load(&self.store, 1).unwrap();
    }

    /// The alarm.
    pub fn tidy(&mut self, now: UnixMillis) {
        if self.journal.next_due().is_some_and(|due| due <= now) {
            self.journal.tidy(&self.store, now).unwrap();
        }
    }

    pub fn freeze(&mut self, now: UnixMillis) {
        let store = MemoryJournal::default();
        *store.tables.borrow_mut() = self.store.tables.borrow().clone();
        let journal = Journal::load(&store, 1).unwrap();
        self.frozen = Some((store, journal, now));
    }

    pub fn thaw(&mut self) {
        self.frozen = None;
    }

    pub fn poll(&self, since: u64, now: UnixMillis) -> PollAnswer {
        match &self.frozen {
            Some((_, journal, then)) => journal.poll(since, *then),
            None => self.journal.poll(since, now),
        }
    }

    pub fn segment(&self, name: &str) -> Option<Segment> {
        let bytes = match &self.frozen {
            Some((store, journal, _)) => journal.segment(store, name),
            None => self.journal.segment(&self.store, name),
        };
        Some(Segment::parse(name, bytes.unwrap()?).unwrap())
    }

    pub fn bytes(&self) -> usize {
        self.journal.bytes()
    }
}
