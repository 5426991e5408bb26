//! The authority's journal: which sessions have ended lately, published to whoever polls.
//!
//! New entries stand in an exact *tail*. A tail that has grown too long is *sealed* into a [segment](super::segment),
//! merged with the smaller ones that are there, so that there are at most four, each several times the size of the one
//! before: an entry is rewritten about a dozen times in all, and nothing is ever rebuilt for an entry's sake alone.
//! Expired entries go when their segment is merged, which is due at the latest when an eighth of it has expired, and whole
//! segments when their last entry has expired. What does not
//! fit under the cap is not kept: the answers say `full` until the last such entry has expired, and isolates ask the
//! users' objects meanwhile.
//!
//! Polls are answered from memory: what is stored is read once, when the object starts. Depends on neither
//! SQL nor the clock.

mod merge;
mod store;

pub use merge::PART_BYTES;
pub use store::{Head, JournalStore, PartKind, RouteRow, SegmentRow, TailRow};

use super::{
    CLOCK_ALLOWANCE, MAX_COPY_BYTES, MAX_REPORT, MAX_STRICT_ROUTES, MAX_TAIL, MAX_USER_ENTRIES,
    call::{Keys, PollAnswer, Report},
    cut_off::CutOff,
    key,
};
use crate::session::record::StoreFault;
use merge::Merge;
use postern_jwt::time::{Millis, UnixMillis};

/// How long a segment is kept after another took its place.
const KEEP_RETIRED: Millis = Millis(120_000);
/// Expired entries stand in the tail no longer than this.
const TIDY_AFTER: Millis = Millis(600_000);
/// At the cap, everything is merged at most this often to make room.
const CLEAR_AGAIN_AFTER: Millis = Millis(60_000);
/// The same while the answers say `full` already.
const CLEAR_WHEN_FULL: Millis = Millis(600_000);
/// `expires` of entries beyond this saturates: the year 2106.
const LAST_SECOND: u64 = 0xffff_ffff;

/// The journal in memory, as it is stored.
#[derive(Debug)]
pub struct Journal {
    head: Head,
    tail: Vec<TailRow>,
    routes: Vec<RouteRow>,
    segments: Vec<SegmentRow>,
    max_bytes: usize,
    /// When everything was last merged to make room.
    cleared: UnixMillis,
}

/// Whether a report was well formed and is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Every later answer holds it.
    Yes,
    /// It holds too many entries, a handle that is none, or two users' handles. Nothing was changed.
    Malformed,
}

impl Journal {
    /// Reads what is stored. `shards` authorities share the bytes that an isolate has for its copy.
    pub fn load<S: JournalStore>(store: &S, shards: u32) -> Result<Self, StoreFault> {
        let shards = usize::try_from(shards.max(1)).unwrap_or(1);
        Ok(Self {
            head: store.head()?.unwrap_or(Head {
                seq: 0,
                sealed: 0,
                not_before: UnixMillis(0),
                dated_cut_off: None,
                key_set_version: 0,
                full_until: UnixMillis(0),
            }),
            tail: store.tail()?,
            routes: store.routes()?,
            segments: store.segments()?,
            max_bytes: MAX_COPY_BYTES.checked_div(shards).unwrap_or(0),
            cleared: UnixMillis(0),
        })
    }

    /// What an isolate gets that has applied everything up to `since`.
    pub fn poll(&self, since: u64, now: UnixMillis) -> PollAnswer {
        let Head { seq, sealed, .. } = self.head;
        // An isolate may know of more than there is when the storage was put back to an earlier state.
        let tail_after = if since > seq {
            sealed
        } else {
            since.max(sealed)
        };
        let full = self.head.full_until > now;
        let cut_off = self.head.cut_off(now);
        let skip = usize::try_from(tail_after.saturating_sub(sealed)).unwrap_or(usize::MAX);
        PollAnswer {
            as_of: now,
            seq,
            sealed,
            tail_after,
            tail: Keys(self.tail.iter().skip(skip).map(|row| row.key).collect()),
            // While the object is asked anyway, nobody need fetch any.
            segments: self
                .in_use()
                .filter(|_| !full)
                .map(|row| row.name.clone())
                .collect(),
            strict_routes: Keys(self.routes.iter().map(|row| row.route).collect()),
            not_before: cut_off.moment,
            not_before_recorded: Some(cut_off.recorded),
            key_set_version: self.head.key_set_version,
            full,
        }
    }

    /// The published form of a segment; `None` when it is not kept (any more).
    pub fn segment<S: JournalStore>(
        &self,
        store: &S,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreFault> {
        if !self.segments.iter().any(|row| row.name == name) {
            return Ok(None);
        }
        merge::read_parts(store, name).map(Some)
    }

    /// Records ended sessions of one user. Repeating a report changes nothing, save that a later `expires` counts.
    pub fn report<S: JournalStore>(
        &mut self,
        store: &S,
        report: &Report,
        now: UnixMillis,
    ) -> Result<Recorded, StoreFault> {
        let Some((route, mut rows)) = well_formed(report) else {
            return Ok(Recorded::Malformed);
        };
        self.date_cut_off(store, now)?;
        rows.retain(|(_, expires)| *expires > now);
        let Some(last) = rows.iter().map(|(_, expires)| *expires).max() else {
            return Ok(Recorded::Yes);
        };
        if report.live > MAX_USER_ENTRIES {
            self.make_route_strict(store, route, last)?;
            return Ok(Recorded::Yes);
        }
        // Those that stand in the tail already are at most extended.
        for row in &mut self.tail {
            if let Ok(at) = rows.binary_search_by_key(&row.key, |(key, _)| *key) {
                let (_, expires) = rows.remove(at);
                if expires > row.expires {
                    row.expires = expires;
                    store.put_tail(row)?;
                }
            }
        }
        if self.bytes_with(rows.len()) > self.max_bytes {
            // Perhaps there is room once everything that has expired is gone. It is much work: not for every report.
            let pause = if self.head.full_until > now {
                CLEAR_WHEN_FULL
            } else {
                CLEAR_AGAIN_AFTER
            };
            if now.since(self.cleared) >= pause {
                self.cleared = now;
                self.seal(store, Merge::Everything, now)?;
                store.set_head(&self.head)?;
            }
            if self.bytes_with(rows.len()) > self.max_bytes {
                return self.overflow(store, last);
            }
        }
        for (key, expires) in rows {
            self.head.seq = self.head.seq.saturating_add(1);
            let row = TailRow {
                position: self.head.seq,
                key,
                expires,
            };
            store.put_tail(&row)?;
            self.tail.push(row);
        }
        if self.tail.len() > MAX_TAIL {
            self.seal(store, Merge::WhatIsDue, now)?;
        }
        store.set_head(&self.head)?;
        Ok(Recorded::Yes)
    }

    /// Ends everybody's session from before `moment`. Gives the moment that counts.
    pub fn set_not_before<S: JournalStore>(
        &mut self,
        store: &S,
        moment: UnixMillis,
        now: UnixMillis,
    ) -> Result<UnixMillis, StoreFault> {
        if moment > self.head.not_before {
            self.head.not_before = moment;
            self.head.dated_cut_off = Some(self.head.cut_off(now));
            store.set_head(&self.head)?;
        }
        Ok(self.head.not_before)
    }

    /// Settles on now for when the cut-off was recorded if code that kept no such time has recorded it.
    fn date_cut_off<S: JournalStore>(
        &mut self,
        store: &S,
        now: UnixMillis,
    ) -> Result<(), StoreFault> {
        let dated = Some(self.head.cut_off(now)).filter(|cut_off| *cut_off != CutOff::NONE);
        if dated != self.head.dated_cut_off {
            self.head.dated_cut_off = dated;
            store.set_head(&self.head)?;
        }
        Ok(())
    }

    /// Notes that the key ring has changed.
    pub fn set_key_set_version<S: JournalStore>(
        &mut self,
        store: &S,
        version: u64,
    ) -> Result<(), StoreFault> {
        if version > self.head.key_set_version {
            self.head.key_set_version = version;
            store.set_head(&self.head)?;
        }
        Ok(())
    }

    /// Forgets what has expired. For the alarm; its work is bounded by what one report can cause.
    pub fn tidy<S: JournalStore>(&mut self, store: &S, now: UnixMillis) -> Result<(), StoreFault> {
        self.date_cut_off(store, now)?;
        if self.routes.iter().any(|row| row.expires <= now) {
            store.forget_routes(now)?;
            self.routes.retain(|row| row.expires > now);
        }
        let (over, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.segments)
            .into_iter()
            .partition(|row| {
                row.expires <= now
                    || row
                        .retired
                        .is_some_and(|retired| retired.plus(KEEP_RETIRED) <= now)
            });
        self.segments = kept;
        for row in over {
            store.remove_segment(&row.name)?;
        }
        let expired = |row: &TailRow, by: UnixMillis| row.expires <= by;
        let count = self.tail.iter().filter(|row| expired(row, now)).count();
        let long_ago = now.minus(TIDY_AFTER);
        if count.saturating_mul(4) > self.tail.len()
            || self.tail.iter().any(|row| expired(row, long_ago))
        {
            store.forget_tail(now)?;
            self.tail.retain(|row| !expired(row, now));
            // What is left is published anew, under numbers that were never used.
            let left = u64::try_from(self.tail.len()).unwrap_or(u64::MAX);
            self.head.sealed = self.head.seq;
            self.head.seq = self.head.seq.saturating_add(left);
            store.set_head(&self.head)?;
        }
        Ok(())
    }

    /// When there is next something to tidy; `None` when nothing will ever be.
    pub fn next_due(&self) -> Option<UnixMillis> {
        let segments = self.segments.iter().map(|row| {
            row.retired.map_or(row.expires, |retired| {
                row.expires.min(retired.plus(KEEP_RETIRED))
            })
        });
        let routes = self.routes.iter().map(|row| row.expires);
        let tail = self.tail.iter().map(|row| row.expires.plus(TIDY_AFTER));
        segments.chain(routes).chain(tail).min()
    }

    /// How many bytes an isolate holds of this.
    pub fn bytes(&self) -> usize {
        self.bytes_with(0)
    }

    fn in_use(&self) -> impl Iterator<Item = &SegmentRow> {
        self.segments.iter().filter(|row| row.retired.is_none())
    }

    fn bytes_with(&self, more: usize) -> usize {
        let segments = self
            .in_use()
            .map(|row| row.bytes)
            .fold(0, u64::saturating_add);
        let exact = self
            .tail
            .len()
            .saturating_add(self.routes.len())
            .saturating_add(more);
        usize::try_from(segments)
            .unwrap_or(usize::MAX)
            .saturating_add(exact.saturating_mul(8))
    }

    fn make_route_strict<S: JournalStore>(
        &mut self,
        store: &S,
        route: u64,
        expires: UnixMillis,
    ) -> Result<(), StoreFault> {
        if let Some(row) = self.routes.iter_mut().find(|row| row.route == route) {
            if expires > row.expires {
                row.expires = expires;
                store.put_route(row)?;
            }
            return Ok(());
        }
        if self.routes.len() >= MAX_STRICT_ROUTES || self.bytes_with(1) > self.max_bytes {
            self.overflow(store, expires)?;
            return Ok(());
        }
        let row = RouteRow { route, expires };
        store.put_route(&row)?;
        self.routes.push(row);
        Ok(())
    }

    /// Does not keep entries, and says so until the last of them has expired.
    fn overflow<S: JournalStore>(
        &mut self,
        store: &S,
        expires: UnixMillis,
    ) -> Result<Recorded, StoreFault> {
        if expires > self.head.full_until {
            self.head.full_until = expires;
            store.set_head(&self.head)?;
        }
        Ok(Recorded::Yes)
    }
}

/// The route and the entries of a report, sorted by key without doubles; `None` when it is malformed.
fn well_formed(report: &Report) -> Option<(u64, Vec<(u64, UnixMillis)>)> {
    if report.entries.len() > MAX_REPORT {
        return None;
    }
    let last_second = UnixMillis::from_seconds(LAST_SECOND);
    let mut route = None;
    let mut rows = Vec::with_capacity(report.entries.len());
    for entry in &report.entries {
        let (key, of) = key::keys(&entry.handle)?;
        if *route.get_or_insert(of) != of {
            return None;
        }
        let expires = entry.expires.plus(CLOCK_ALLOWANCE).min(last_second);
        rows.push((key.0, expires));
    }
    // Of two with one key the later stands first, and stays.
    rows.sort_unstable_by_key(|(key, expires)| (*key, std::cmp::Reverse(*expires)));
    rows.dedup_by_key(|(key, _)| *key);
    Some((route.map_or(0, |route| route.0), rows))
}
