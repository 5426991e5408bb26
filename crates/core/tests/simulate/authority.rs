//! The authority's shards, and their failures.

use postern_core::revocation::{
    Entry,
    call::{PollAnswer, Report},
    journal::{Head, JournalStore, Recorded},
    key,
    segment::Segment,
};
use postern_jwt::time::UnixMillis;

use super::plan::{Mistake, Plan};
use crate::support::{authority, handles::handle_of};

struct Shard {
    actual: authority::Authority,
    /// When its alarm is due.
    due: Option<UnixMillis>,
    /// What it was when it froze, and when that was.
    frozen: Option<(authority::Authority, UnixMillis)>,
}

pub struct Authority {
    shards: Vec<Shard>,
    /// It is of a release that does not keep when a cut-off was recorded.
    pub is_older: bool,
    mistake: Option<Mistake>,
}

impl Shard {
    fn restart(&mut self) {
        self.actual.restart();
        self.due = self.actual.journal.next_due();
    }
}

impl Authority {
    pub fn new(plan: &Plan, now: UnixMillis) -> Self {
        let counts = plan.variables.map(|variables| variables.shards);
        let most = counts.into_iter().max().unwrap();
        let shard = |_| Shard {
            actual: authority::Authority::one_of(most),
            due: None,
            frozen: None,
        };
        let mut authority = Self {
            shards: (0..most).map(shard).collect(),
            is_older: false,
            mistake: plan.mistake,
        };
        let all: Vec<u64> = (0..plan.revoked_before).collect();
        for some in all.chunks(10) {
            let user = format!("before{}", some[0]);
            let entry = |n: &u64| Entry {
                handle: handle_of(&user, *n),
                // Some of them expire at any time in the second half of the run.
                expires: UnixMillis(now.0 + plan.length * (n % 100 + 60) / 120),
            };
            let report = Report {
                live: some.len() as u64,
                entries: some.iter().map(entry).collect(),
            };
            for shard in shards_of(&report, &counts) {
                authority.report(&report, shard, now);
            }
        }
        authority
    }

    pub fn report(&mut self, report: &Report, shard: u32, now: UnixMillis) {
        let mut report = report.clone();
        if self.mistake == Some(Mistake::ShortEntries) {
            for entry in &mut report.entries {
                entry.expires = UnixMillis(now.0 + 1);
            }
        }
        let shard = &mut self.shards[shard as usize];
        assert_eq!(shard.actual.take(&report, now.0), Recorded::Yes);
        shard.due = shard.actual.journal.next_due();
    }

    /// The first shard is told, as it is told of new keys.
    pub fn cut_off(&mut self, moment: UnixMillis, now: UnixMillis) {
        let is_older = self.is_older;
        let authority::Authority { store, journal, .. } = &mut self.shards[0].actual;
        let before = store.head().unwrap().and_then(|head| head.dated_cut_off);
        journal.set_not_before(store, moment, now).unwrap();
        if is_older {
            let head = store.head().unwrap().unwrap();
            let undated = Head {
                dated_cut_off: before,
                ..head
            };
            store.set_head(&undated).unwrap();
            self.shards[0].restart();
        }
    }

    pub fn keys_changed(&mut self, version: u64) {
        let authority::Authority { store, journal, .. } = &mut self.shards[0].actual;
        journal.set_key_set_version(store, version).unwrap();
    }

    pub fn restart(&mut self) {
        for shard in &mut self.shards {
            shard.restart();
        }
    }

    /// The alarm, when it is due.
    pub fn tidy(&mut self, shard: u32, now: UnixMillis) {
        let shard = &mut self.shards[shard as usize];
        if shard.due.is_some_and(|due| due <= now) {
            shard.actual.alarm(now.0);
            shard.due = shard.actual.journal.next_due();
        }
    }

    pub fn freeze(&mut self, now: UnixMillis) {
        for shard in &mut self.shards {
            shard.frozen = Some((shard.actual.copied(), now));
        }
    }

    pub fn thaw(&mut self) {
        for shard in &mut self.shards {
            shard.frozen = None;
        }
    }

    pub fn is_frozen(&self) -> bool {
        self.shards[0].frozen.is_some()
    }

    pub fn poll(&self, shard: u32, since: u64, now: UnixMillis) -> PollAnswer {
        let shard = &self.shards[shard as usize];
        let mut answer = match &shard.frozen {
            Some((frozen, then)) => frozen.journal.poll(since, *then),
            None => shard.actual.journal.poll(since, now),
        };
        if self.is_older {
            answer.not_before_recorded = None;
        }
        answer
    }

    pub fn segment(&self, shard: u32, name: &str) -> Option<Segment> {
        let shard = &self.shards[shard as usize];
        match &shard.frozen {
            Some((frozen, _)) => frozen.fetch(name),
            None => shard.actual.fetch(name),
        }
    }

    pub fn bytes(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| shard.actual.journal.bytes()).sum()
    }
}

/// The shards that are told, where there are so many.
pub fn shards_of(report: &Report, counts: &[u32]) -> Vec<u32> {
    let (_, route) = key::keys(&report.entries[0].handle).unwrap();
    let mut shards: Vec<u32> = counts
        .iter()
        .map(|count| key::shard(route, *count))
        .collect();
    shards.sort_unstable();
    shards.dedup();
    shards
}
