//! Sealing the tail into segments, and merging small segments into larger ones.

use super::{Journal, JournalStore, PartKind, SegmentRow};
use crate::{
    revocation::{MAX_SEGMENTS, segment::Segment},
    session::record::StoreFault,
};
use postern_jwt::time::UnixMillis;

/// The longest part of a segment in storage: half of what a row may hold.
pub const PART_BYTES: usize = 960_000;
/// The most entries of the segment in each place but the last.
const PLACES: [u64; MAX_SEGMENTS - 1] = [24_576, 147_456, 884_736];
/// An entry in storage: its key and the second in which it expires.
const ENTRY_BYTES: usize = 12;

/// The place that takes any number.
const LAST_PLACE: u32 = 3;

/// What is merged with the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merge {
    /// Smaller segments, and those of which much has expired.
    WhatIsDue,
    /// All.
    Everything,
}

#[derive(Clone, Copy)]
struct Sealed {
    key: u64,
    expires_second: u32,
}

impl Journal {
    /// Seals the tail, together with the segments that are merged with it: smaller ones, and those of which much has
    /// expired. Everything that has expired is left out.
    pub(super) fn seal<S: JournalStore>(
        &mut self,
        store: &S,
        merge: Merge,
        now: UnixMillis,
    ) -> Result<(), StoreFault> {
        let mut entries: Vec<Sealed> = self
            .tail
            .iter()
            .map(|row| Sealed {
                key: row.key,
                expires_second: u32::try_from(row.expires.0.div_ceil(1_000)).unwrap_or(u32::MAX),
            })
            .collect();
        let fitting = self.place_for(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        let place = match merge {
            Merge::WhatIsDue => self
                .in_use()
                .filter(|row| row.stale <= now)
                .map(|row| row.place)
                .fold(fitting, u32::max),
            Merge::Everything => LAST_PLACE,
        };
        for row in &mut self.segments {
            if row.retired.is_none() && row.place <= place {
                read_entries(store, &row.name, &mut entries)?;
                row.retired = Some(now);
                store.put_segment(row)?;
            }
        }
        entries.retain(|entry| UnixMillis::from_seconds(entry.expires_second.into()) > now);
        // Of two with one key the later stands first, and stays.
        entries.sort_unstable_by_key(|entry| (entry.key, std::cmp::Reverse(entry.expires_second)));
        entries.dedup_by_key(|entry| entry.key);
        // From here on in two columns: at the cap this is the object's largest use of memory.
        let (keys, ends): (Vec<u64>, Vec<u32>) = entries
            .into_iter()
            .map(|entry| (entry.key, entry.expires_second))
            .unzip();
        if let Some(last) = ends.iter().copied().max() {
            let segment = Segment::build(&keys)
                .ok_or_else(|| StoreFault("no filter was found".to_owned()))?;
            let row = SegmentRow {
                name: segment.name().to_owned(),
                place,
                count: u64::from(segment.count()),
                bytes: u64::try_from(segment.bytes().len()).unwrap_or(u64::MAX),
                expires: UnixMillis::from_seconds(last.into()),
                stale: eighth(ends.clone()),
                retired: None,
            };
            // One with the same content may be there still, retired.
            self.segments.retain(|known| known.name != row.name);
            store.remove_segment(&row.name)?;
            write_parts(store, &row.name, segment.bytes())?;
            write_entries(store, &row.name, &keys, &ends)?;
            store.put_segment(&row)?;
            self.segments.push(row);
        }
        store.forget_tail(UnixMillis(u64::MAX))?;
        self.tail.clear();
        self.head.sealed = self.head.seq;
        Ok(())
    }

    /// The first place that can take so many entries and those of all smaller places.
    fn place_for(&self, mut count: u64) -> u32 {
        let mut place = 0;
        for limit in PLACES {
            let here = self.in_use().filter(|row| row.place == place);
            count = here.map(|row| row.count).fold(count, u64::saturating_add);
            if count <= limit {
                return place;
            }
            place = place.saturating_add(1);
        }
        place
    }
}

/// When an eighth of these has expired.
fn eighth(mut ends: Vec<u32>) -> UnixMillis {
    let eighth = ends.len() / 8;
    let second = if eighth < ends.len() {
        *ends.select_nth_unstable(eighth).1
    } else {
        0
    };
    UnixMillis::from_seconds(second.into())
}

fn write_entries<S: JournalStore>(
    store: &S,
    name: &str,
    keys: &[u64],
    ends: &[u32],
) -> Result<(), StoreFault> {
    const AT_A_TIME: usize = PART_BYTES / ENTRY_BYTES;
    let mut number = 0_u32;
    for (keys, ends) in keys.chunks(AT_A_TIME).zip(ends.chunks(AT_A_TIME)) {
        let mut bytes = Vec::with_capacity(PART_BYTES);
        for (key, end) in keys.iter().zip(ends) {
            bytes.extend_from_slice(&key.to_be_bytes());
            bytes.extend_from_slice(&end.to_be_bytes());
        }
        store.put_part(name, PartKind::Entries, number, &bytes)?;
        number = number.saturating_add(1);
    }
    Ok(())
}

fn read_entries<S: JournalStore>(
    store: &S,
    name: &str,
    to: &mut Vec<Sealed>,
) -> Result<(), StoreFault> {
    for number in 0.. {
        let Some(bytes) = store.part(name, PartKind::Entries, number)? else {
            break;
        };
        for entry in bytes.as_chunks::<ENTRY_BYTES>().0 {
            if let (Some(key), Some(expires)) = (entry.first_chunk(), entry.last_chunk()) {
                to.push(Sealed {
                    key: u64::from_be_bytes(*key),
                    expires_second: u32::from_be_bytes(*expires),
                });
            }
        }
    }
    Ok(())
}

fn write_parts<S: JournalStore>(store: &S, name: &str, bytes: &[u8]) -> Result<(), StoreFault> {
    let mut number = 0_u32;
    for part in bytes.chunks(PART_BYTES) {
        store.put_part(name, PartKind::Published, number, part)?;
        number = number.saturating_add(1);
    }
    Ok(())
}

pub(super) fn read_parts<S: JournalStore>(store: &S, name: &str) -> Result<Vec<u8>, StoreFault> {
    let mut bytes = Vec::new();
    for number in 0.. {
        let Some(part) = store.part(name, PartKind::Published, number)? else {
            break;
        };
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}
