//! The copy of one shard.

use super::UncertainReason;
use crate::revocation::{
    call::PollAnswer,
    key::{HandleKey, RouteKey},
    segment::Segment,
};
use postern_jwt::time::{Millis, UnixMillis};

/// What one shard said, whole, as of a moment; and when it was last asked.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// `None` until the first answer was applied.
    held: Option<LoadedShard>,
    /// How many milliseconds this isolate's clock was seen to lie behind the authority's.
    lag: u64,
    asked: Option<UnixMillis>,
    /// Where in 80 % to 120 % of the time between polls this one comes.
    percent: u64,
}

#[derive(Debug)]
struct LoadedShard {
    as_of: UnixMillis,
    seq: u64,
    sealed: u64,
    /// Sorted.
    tail: Vec<u64>,
    segments: Vec<Segment>,
    /// Sorted.
    strict_routes: Vec<u64>,
    full: bool,
}

impl Shard {
    pub(super) fn tail_holds(&self, key: HandleKey) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.tail.binary_search(&key.0).is_ok())
    }

    pub(super) fn uncertain_reason(
        &self,
        key: HandleKey,
        route: RouteKey,
    ) -> Option<UncertainReason> {
        let held = self.held.as_ref()?;
        if held.full {
            return Some(UncertainReason::Full);
        }
        if held.strict_routes.binary_search(&route.0).is_ok() {
            return Some(UncertainReason::StrictRoute);
        }
        let hit = held.segments.iter().any(|segment| segment.contains(key));
        hit.then_some(UncertainReason::Hit)
    }

    /// How many entries of the tail are held, and how many segments.
    pub(super) fn entries(&self) -> (usize, usize) {
        let held = self.held.as_ref();
        held.map_or((0, 0), |held| (held.tail.len(), held.segments.len()))
    }

    /// How old what is held is by the authority's clock, as far as this isolate can tell.
    pub(super) fn age(&self, now: UnixMillis) -> Option<Millis> {
        let held = self.held.as_ref()?;
        Some(now.plus(Millis(self.lag)).since(held.as_of))
    }

    pub(super) fn is_poll_due(&self, every: Millis, guard: Millis, now: UnixMillis) -> bool {
        let spread = every.0.saturating_mul(self.percent) / 100;
        let is_due = self.age(now).is_none_or(|age| age.0 >= spread);
        is_due && !self.was_just_asked(guard, now)
    }

    pub(super) fn was_just_asked(&self, guard: Millis, now: UnixMillis) -> bool {
        self.asked.is_some_and(|asked| now.since(asked) < guard)
    }

    pub(super) fn start_poll(
        &mut self,
        every: Millis,
        guard: Millis,
        now: UnixMillis,
        random: u32,
    ) -> Option<u64> {
        self.is_poll_due(every, guard, now)
            .then(|| self.start(now, random))
    }

    /// What to ask the shard, which counts as asked now.
    pub(super) fn start(&mut self, now: UnixMillis, random: u32) -> u64 {
        self.asked = Some(now);
        self.percent = u64::from(random % 41).saturating_add(80);
        self.held.as_ref().map_or(0, |held| held.seq)
    }

    pub(super) fn holds_segment(&self, name: &str) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.segments.iter().any(|segment| segment.name() == name))
    }

    pub(super) fn apply(
        &mut self,
        answer: PollAnswer,
        mut fetched: Vec<Segment>,
        now: UnixMillis,
    ) -> bool {
        let goes_on = answer.tail_after > answer.sealed;
        let fits = match &self.held {
            Some(held) if answer.as_of < held.as_of => false,
            // A part of the tail: it goes on from what is held, or is of no use.
            Some(held) if goes_on => answer.sealed == held.sealed && answer.tail_after <= held.seq,
            Some(_) => true,
            None => !goes_on,
        };
        if !fits {
            return false;
        }
        // Everything is here before anything is taken.
        let here = |name: &String| {
            self.holds_segment(name) || fetched.iter().any(|segment| segment.name() == name)
        };
        if !answer.segments.iter().all(here) {
            return false;
        }
        let mut tail = Vec::new();
        if let Some(held) = &mut self.held {
            fetched.append(&mut held.segments);
            tail = std::mem::take(&mut held.tail);
        }
        if goes_on {
            add(&mut tail, answer.tail.0);
        } else {
            tail = answer.tail.0;
            tail.sort_unstable();
            tail.dedup();
        }
        let mut segments: Vec<Segment> = Vec::with_capacity(answer.segments.len());
        for segment in fetched {
            let named = answer.segments.iter().any(|name| name == segment.name());
            if named && segments.iter().all(|taken| taken.name() != segment.name()) {
                segments.push(segment);
            }
        }
        let mut strict_routes = answer.strict_routes.0;
        strict_routes.sort_unstable();
        self.lag = self.lag.max(answer.as_of.since(now).0);
        self.held = Some(LoadedShard {
            as_of: answer.as_of,
            seq: answer.seq,
            sealed: answer.sealed,
            tail,
            segments,
            strict_routes,
            full: answer.full,
        });
        true
    }

    pub(super) fn bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| {
            let exact = held.tail.len().saturating_add(held.strict_routes.len());
            let segments = held.segments.iter().map(|segment| segment.bytes().len());
            segments.fold(exact.saturating_mul(8), usize::saturating_add)
        })
    }
}

/// With how many new keys it is better to sort everything again.
const MANY: usize = 64;

/// Adds to what is sorted. Most answers bring a few keys to thousands that are held.
fn add(sorted: &mut Vec<u64>, keys: Vec<u64>) {
    if keys.len() > MANY {
        sorted.extend_from_slice(&keys);
        sorted.sort_unstable();
        sorted.dedup();
        return;
    }
    for key in keys {
        if let Err(place) = sorted.binary_search(&key) {
            sorted.insert(place, key);
        }
    }
}
