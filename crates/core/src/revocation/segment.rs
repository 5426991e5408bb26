//! Segments: many handles as one immutable binary fuse filter, named by its content.
//!
//! The form, all numbers little-endian: `pfs1`, the seed (u64), the length of a block (u32, a power of two), the number of
//! slots that a first position is drawn from (u32, a multiple of the block), the number of handles (u32), then one byte for
//! each slot (the latter number and two blocks). A key `k` is held when the bytes at its three positions and its own
//! fingerprint cancel out (see [`Segment::contains`]): about 9.1 bits for each handle, no handle that was put in is ever
//! missed, and 1 in 256 others is held by chance.
//!
//! It is built by the crate `xorf`, and read and searched here. Bytes from elsewhere are checked whole before they are
//! used and are never indexed unchecked.

use sha2::{Digest, Sha256};
use xorf::BinaryFuse8;

use super::key::HandleKey;

const MAGIC: &[u8; 4] = b"pfs1";
const HEADER_BYTES: usize = 24;
/// The longest block that is ever built.
const MAX_BLOCK: u32 = 1 << 18;

/// A filter over handles.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    name: String,
    /// The published form, whole.
    bytes: Vec<u8>,
    seed: u64,
    block: u32,
    slots: u32,
    count: u32,
}

/// The bytes are not a segment, or not the one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSegment;

impl Segment {
    /// Builds the segment of these keys, which must differ from each other. `None` when there are none, and should no
    /// filter be found (never seen: 1,000 seeds are tried).
    pub fn build(keys: &[u64]) -> Option<Self> {
        if keys.is_empty() {
            return None;
        }
        let filter = BinaryFuse8::try_from(keys).ok()?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES.saturating_add(filter.fingerprints.len()));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&filter.descriptor.seed.to_le_bytes());
        bytes.extend_from_slice(&filter.descriptor.segment_length.to_le_bytes());
        bytes.extend_from_slice(&filter.descriptor.segment_count_length.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(keys.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(&filter.fingerprints);
        Self::read(bytes).ok()
    }

    /// Reads the published form of the segment called `name`.
    pub fn parse(name: &str, bytes: Vec<u8>) -> Result<Self, BadSegment> {
        let segment = Self::read(bytes)?;
        if segment.name == name {
            Ok(segment)
        } else {
            Err(BadSegment)
        }
    }

    fn read(bytes: Vec<u8>) -> Result<Self, BadSegment> {
        let mut header = Header(&bytes);
        if header.take()? != *MAGIC {
            return Err(BadSegment);
        }
        let seed = u64::from_le_bytes(header.take()?);
        let block = u32::from_le_bytes(header.take()?);
        let slots = u32::from_le_bytes(header.take()?);
        let count = u32::from_le_bytes(header.take()?);
        let held = u64::try_from(header.0.len()).map_err(|_| BadSegment)?;
        let wanted = u64::from(slots).saturating_add(u64::from(block).saturating_mul(2));
        if !block.is_power_of_two()
            || block > MAX_BLOCK
            || slots == 0
            || slots.checked_rem(block) != Some(0)
            || held != wanted
        {
            return Err(BadSegment);
        }
        Ok(Self {
            name: name_of(&bytes),
            bytes,
            seed,
            block,
            slots,
            count,
        })
    }

    /// The name: 128 bits of SHA-256 over the published form, in hexadecimal.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The published form.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many handles it was made of.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether a handle is held: always if it was put in, and by chance in 1 of 256 other cases.
    pub fn contains(&self, key: HandleKey) -> bool {
        let hash = mix(key.0.wrapping_add(self.seed));
        let slots = u64::from(self.slots);
        // The high half of hash × slots, in 64-bit arithmetic: slots fits 32 bits.
        let low = (hash & 0xffff_ffff).wrapping_mul(slots) >> 32;
        let first = (hash >> 32).wrapping_mul(slots).wrapping_add(low) >> 32;
        let block = u64::from(self.block);
        let mask = block.wrapping_sub(1);
        let second = first.wrapping_add(block) ^ ((hash >> 18) & mask);
        let third = first.wrapping_add(block.wrapping_mul(2)) ^ (hash & mask);
        let [fingerprint, ..] = (hash ^ (hash >> 32)).to_le_bytes();
        fingerprint == self.slot(first) ^ self.slot(second) ^ self.slot(third)
    }

    fn slot(&self, at: u64) -> u8 {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let at = at.saturating_add(HEADER_BYTES);
        self.bytes.get(at).copied().unwrap_or(0)
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Segment({}, {} handles)", self.name, self.count)
    }
}

struct Header<'a>(&'a [u8]);

impl Header<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BadSegment> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(BadSegment)?;
        self.0 = rest;
        Ok(*taken)
    }
}

/// The finaliser of MurmurHash3.
const fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn name_of(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut name = String::with_capacity(32);
    for byte in Sha256::digest(bytes).iter().take(16) {
        for digit in [byte >> 4, byte & 15] {
            name.push(
                HEX.get(usize::from(digit))
                    .map_or('0', |hex| char::from(*hex)),
            );
        }
    }
    name
}

#[cfg(test)]
mod tests;
