//! Sealing the tail into segments, and merging small segments into larger ones.

use super::{Journal, JournalStore, PartKind, SegmentRow};
use crate::{
    revocation::{MAX_SEGMENTS, segment::Segment},
    session::record::StoreFault,
    time::UnixMillis,
};

/// The longest part of a segment in storage: half of what a row may hold.
pub const PART_BYTES: usize = 960_000;
/// The most entries of the segment in each place but the last.
const PLACES: [u64; MAX_SEGMENTS - 1] = [24_576, 147_456, 884_736];
/// An entry in storage: its key and the second in which it expires.
const ENTRY_BYTES: usize = 12;

#[derive(Clone, Copy)]
struct Sealed {
    key: u64,
    expires_second: u32,
}

impl Journal {
    /// Seals the tail, together with the segments that are merged with it. Everything that has expired is left out.
    pub(super) fn seal<S: JournalStore>(
        &mut self,
        store: &S,
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
        let place = self.place_for(u64::try_from(entries.len()).unwrap_or(u64::MAX));
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
        if let Some(last) = entries.iter().map(|entry| entry.expires_second).max() {
            let keys: Vec<u64> = entries.iter().map(|entry| entry.key).collect();
            let segment = Segment::build(&keys)
                .ok_or_else(|| StoreFault("no filter was found".to_owned()))?;
            let row = SegmentRow {
                name: segment.name().to_owned(),
                place,
                count: u64::try_from(entries.len()).unwrap_or(u64::MAX),
                bytes: u64::try_from(segment.bytes().len()).unwrap_or(u64::MAX),
                expires: UnixMillis::from_seconds(last.into()),
                retired: None,
            };
            // One with the same content may be there still, retired.
            self.segments.retain(|known| known.name != row.name);
            store.remove_segment(&row.name)?;
            write_parts(store, &row.name, PartKind::Published, segment.bytes())?;
            write_entries(store, &row.name, &entries)?;
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

fn write_entries<S: JournalStore>(
    store: &S,
    name: &str,
    entries: &[Sealed],
) -> Result<(), StoreFault> {
    let mut number = 0_u32;
    for some in entries.chunks(PART_BYTES / ENTRY_BYTES) {
        let mut bytes = Vec::with_capacity(some.len().saturating_mul(ENTRY_BYTES));
        for entry in some {
            bytes.extend_from_slice(&entry.key.to_be_bytes());
            bytes.extend_from_slice(&entry.expires_second.to_be_bytes());
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

fn write_parts<S: JournalStore>(
    store: &S,
    name: &str,
    kind: PartKind,
    bytes: &[u8],
) -> Result<(), StoreFault> {
    let mut number = 0_u32;
    for part in bytes.chunks(PART_BYTES) {
        store.put_part(name, kind, number, part)?;
        number = number.saturating_add(1);
    }
    Ok(())
}

pub(super) fn read_parts<S: JournalStore>(
    store: &S,
    name: &str,
    kind: PartKind,
) -> Result<Vec<u8>, StoreFault> {
    let mut bytes = Vec::new();
    for number in 0.. {
        let Some(part) = store.part(name, kind, number)? else {
            break;
        };
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}
