//! The authority's shards, and their failures.

use postern_core::revocation::{
    Entry,
    call::{PollAnswer, Report},
    journal::Recorded,
    key,
    segment::Segment,
};
use postern_jwt::time::UnixMillis;

use super::plan::{Mistake, Plan};
use crate::support::{authority, handles::handle_of};

struct Shard {
    actual: authority::Authority,
    /// What it was when it froze, and when that was.
    frozen: Option<(authority::Authority, UnixMillis)>,
}

pub struct Authority {
    shards: Vec<Shard>,
    mistake: Option<Mistake>,
}

impl Authority {
    pub fn new(plan: &Plan, now: UnixMillis) -> Self {
        let shard = |_| Shard {
            actual: authority::Authority::one_of(plan.shards),
            frozen: None,
        };
        let mut authority = Self {
            shards: (0..plan.shards).map(shard).collect(),
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
        let (_, route) = key::keys(&report.entries[0].handle).unwrap();
        let shard = key::shard(route, self.shards.len() as u32);
        let shard = &mut self.shards[shard as usize].actual;
        assert_eq!(shard.take(&report, now.0), Recorded::Yes);
    }

    /// The first shard is told, as it is told of new keys.
    pub fn cut_off(&mut self, moment: UnixMillis, now: UnixMillis) {
        let authority::Authority { store, journal, .. } = &mut self.shards[0].actual;
        journal.set_not_before(store, moment, now).unwrap();
    }

    pub fn keys_changed(&mut self, version: u64) {
        let authority::Authority { store, journal, .. } = &mut self.shards[0].actual;
        journal.set_key_set_version(store, version).unwrap();
    }

    pub fn restart(&mut self) {
        for shard in &mut self.shards {
            shard.actual.restart();
        }
    }

    /// The alarm, when it is due.
    pub fn tidy(&mut self, shard: u32, now: UnixMillis) {
        self.shards[shard as usize].actual.alarm(now.0);
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
        match &shard.frozen {
            Some((frozen, then)) => frozen.journal.poll(since, *then),
            None => shard.actual.journal.poll(since, now),
        }
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
