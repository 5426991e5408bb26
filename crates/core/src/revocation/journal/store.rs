//! What the authority stores: rows, and parts of segments. `src/objects/revocations/store.rs` implements the trait over SQLite,
//! `crates/core/tests/support/memory_journal.rs` over maps.

use crate::{revocation::cut_off::CutOff, session::record::StoreFault};
use postern_jwt::time::UnixMillis;

/// The one row that is always read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Grows with every entry.
    pub seq: u64,
    /// Up to this `seq` every entry that still counts is in a segment.
    pub sealed: u64,
    /// Nobody's session from before this moment stands; zero = never said.
    pub not_before: UnixMillis,
    /// The same with when it was recorded; see [`CutOff::of`].
    pub dated_cut_off: Option<CutOff>,
    /// The key ring's version, as far as it was reported.
    pub key_set_version: u64,
    /// Until then entries may be missing that did not fit.
    pub full_until: UnixMillis,
}

impl Head {
    /// The cut-off as it is published at `now`.
    pub(super) fn cut_off(&self, now: UnixMillis) -> CutOff {
        CutOff::of(self.not_before, self.dated_cut_off, now)
    }
}

/// An entry that is published exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailRow {
    /// The primary key: in the order of the reports, unique for ever.
    pub position: u64,
    /// The handle's key.
    pub key: u64,
    /// When it need not be known any more.
    pub expires: UnixMillis,
}

/// A user whose sessions are settled by his object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRow {
    /// The primary key: the route's key.
    pub route: u64,
    /// Until when.
    pub expires: UnixMillis,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// The primary key: its name.
    pub name: String,
    /// Its place among the segments in use: each place holds one, of a size of its own.
    pub place: u32,
    /// How many entries it was made of.
    pub count: u64,
    /// The bytes of its published form.
    pub bytes: u64,
    /// When the last of its entries expires.
    pub expires: UnixMillis,
    /// When an eighth of its entries has expired: time to make it anew without them.
    pub stale: UnixMillis,
    /// When another one took its place; it is kept a little longer for isolates that have read its name.
    pub retired: Option<UnixMillis>,
}

/// What a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// The published form, which isolates fetch.
    Published,
    /// The entries it was made of, from which the next one is made.
    Entries,
}

impl PartKind {
    /// The number in storage.
    pub const fn number(self) -> u32 {
        match self {
            Self::Published => 0,
            Self::Entries => 1,
        }
    }
}

/// Synchronous storage of the authority. Every call that changes something happens inside one transaction that the shell
/// opens; if that is rolled back, the [`Journal`](super::Journal) in memory must be dropped and loaded again.
pub trait JournalStore {
    /// The head; `None` before anything was stored.
    fn head(&self) -> Result<Option<Head>, StoreFault>;
    /// Replaces the head.
    fn set_head(&self, head: &Head) -> Result<(), StoreFault>;

    /// The tail by position.
    fn tail(&self) -> Result<Vec<TailRow>, StoreFault>;
    /// Stores an entry, replacing the one at its position.
    fn put_tail(&self, row: &TailRow) -> Result<(), StoreFault>;
    /// Removes what expires at `until` or before.
    fn forget_tail(&self, until: UnixMillis) -> Result<(), StoreFault>;

    /// The strict routes.
    fn routes(&self) -> Result<Vec<RouteRow>, StoreFault>;
    /// Stores a strict route, replacing the row of that route.
    fn put_route(&self, row: &RouteRow) -> Result<(), StoreFault>;
    /// Removes what expires at `until` or before.
    fn forget_routes(&self, until: UnixMillis) -> Result<(), StoreFault>;

    /// The segments, retired ones included.
    fn segments(&self) -> Result<Vec<SegmentRow>, StoreFault>;
    /// Stores a segment, replacing the row of that name.
    fn put_segment(&self, row: &SegmentRow) -> Result<(), StoreFault>;
    /// Removes a segment and all its parts.
    fn remove_segment(&self, name: &str) -> Result<(), StoreFault>;
    /// Stores part `number` of a segment, at most [`PART_BYTES`](super::PART_BYTES) long.
    fn put_part(
        &self,
        name: &str,
        kind: PartKind,
        number: u32,
        bytes: &[u8],
    ) -> Result<(), StoreFault>;
    /// Part `number` of a segment.
    fn part(&self, name: &str, kind: PartKind, number: u32) -> Result<Option<Vec<u8>>, StoreFault>;
}
