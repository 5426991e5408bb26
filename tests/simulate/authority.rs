//! The authority, and its failures.

use postern::{
    revocation::{
        Entry,
        call::{PollAnswer, Report},
        journal::Recorded,
        segment::Segment,
    },
    time::UnixMillis,
};

use super::plan::{Mistake, Plan};
use crate::support::{authority, handles::handle_of};

pub struct Authority {
    actual: authority::Authority,
    /// What it was when it froze, and when that was.
    frozen: Option<(authority::Authority, UnixMillis)>,
    mistake: Option<Mistake>,
}

impl Authority {
    pub fn new(plan: &Plan, now: UnixMillis) -> Self {
        let mut authority = Self {
            actual: authority::Authority::new(),
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
        assert_eq!(self.actual.take(&report, now.0), Recorded::Yes);
    }

    pub fn cut_off(&mut self, moment: UnixMillis, now: UnixMillis) {
        let authority::Authority { store, journal, .. } = &mut self.actual;
        journal.set_not_before(store, moment, now).unwrap();
    }

    pub fn keys_changed(&mut self, version: u64) {
        let authority::Authority { store, journal, .. } = &mut self.actual;
        journal.set_key_set_version(store, version).unwrap();
    }

    pub fn restart(&mut self) {
        self.actual.restart();
    }

    /// The alarm, when it is due.
    pub fn tidy(&mut self, now: UnixMillis) {
        self.actual.alarm(now.0);
    }

    pub fn freeze(&mut self, now: UnixMillis) {
        self.frozen = Some((self.actual.copied(), now));
    }

    pub fn thaw(&mut self) {
        self.frozen = None;
    }

    pub fn poll(&self, since: u64, now: UnixMillis) -> PollAnswer {
        match &self.frozen {
            Some((frozen, then)) => frozen.journal.poll(since, *then),
            None => self.actual.journal.poll(since, now),
        }
    }

    pub fn segment(&self, name: &str) -> Option<Segment> {
        match &self.frozen {
            Some((frozen, _)) => frozen.fetch(name),
            None => self.actual.fetch(name),
        }
    }

    pub fn bytes(&self) -> usize {
        self.actual.journal.bytes()
    }
}
