use xorf::{BinaryFuse8, Filter};

use super::{BadSegment, HEADER_BYTES, HandleKey, Segment};

/// Numbers that differ from each other and look random.
fn numbers(from: u64, count: u64) -> Vec<u64> {
    (from..from + count)
        .map(|n| super::mix(n.wrapping_add(0x9e37_79b9_7f4a_7c15)))
        .collect()
}

#[test]
fn every_handle_that_was_put_in_is_held() {
    for count in [1, 2, 3, 4, 5, 10, 100, 4_096, 9_096, 100_000] {
        let keys = numbers(0, count);
        let segment = Segment::build(&keys).unwrap();
        assert_eq!(u64::from(segment.count()), count);
        assert!(keys.iter().all(|key| segment.contains(HandleKey(*key))));
    }
}

#[test]
fn few_others_are_held() {
    for count in [100, 4_096, 100_000] {
        let segment = Segment::build(&numbers(0, count)).unwrap();
        let others = numbers(1 << 40, 200_000);
        let held = others
            .iter()
            .filter(|key| segment.contains(HandleKey(**key)));
        // 781 of 200,000 is 1 in 256; five standard deviations more.
        let held = held.count();
        assert!(held < 922, "{held} of 200,000 at {count} handles");
    }
}

#[test]
fn lookups_agree_with_the_crate_that_built_it() {
    let keys = numbers(0, 30_000);
    let segment = Segment::build(&keys).unwrap();
    let filter = BinaryFuse8::try_from(&keys).unwrap();
    for key in keys.iter().chain(&numbers(1 << 40, 100_000)) {
        assert_eq!(segment.contains(HandleKey(*key)), filter.contains(key));
    }
}

#[test]
fn a_handle_takes_little_more_than_nine_bits() {
    let segment = Segment::build(&numbers(0, 1_000_000)).unwrap();
    assert!(
        segment.bytes().len() < 1_150_000,
        "{}",
        segment.bytes().len()
    );
}

#[test]
fn no_handles_make_no_segment() {
    assert_eq!(Segment::build(&[]), None);
}

#[test]
fn the_name_is_the_content() {
    let segment = Segment::build(&numbers(0, 1_000)).unwrap();
    let again = Segment::build(&numbers(0, 1_000)).unwrap();
    let other = Segment::build(&numbers(1, 1_000)).unwrap();
    assert_eq!(segment.name(), again.name());
    assert_ne!(segment.name(), other.name());
    let digest = postern_jwt::secret::digest(segment.bytes());
    let hexadecimal = digest
        .expose()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"));
    assert_eq!(segment.name(), hexadecimal.collect::<String>());
    let parsed = Segment::parse(segment.name(), segment.bytes().to_vec());
    assert_eq!(parsed.as_ref(), Ok(&segment));
    assert_eq!(
        Segment::parse(other.name(), segment.bytes().to_vec()),
        Err(BadSegment)
    );
}

#[test]
fn damaged_bytes_are_refused() {
    let good = Segment::build(&numbers(0, 1_000)).unwrap();
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.bytes().to_vec();
        change(&mut bytes);
        assert_eq!(Segment::read(bytes), Err(BadSegment));
    };
    for end in [0, 3, 23, HEADER_BYTES, good.bytes().len() - 1] {
        damaged(&|bytes| bytes.truncate(end));
    }
    damaged(&|bytes| bytes.push(0));
    damaged(&|bytes| bytes[0] = b'x');
    // The block: 0, no power of two, too long.
    damaged(&|bytes| bytes[12..16].fill(0));
    damaged(&|bytes| bytes[12..16].copy_from_slice(&3_u32.to_le_bytes()));
    damaged(&|bytes| bytes[12..16].fill(0xff));
    // The slots: 0, no multiple of the block, more than there is.
    damaged(&|bytes| bytes[16..20].fill(0));
    damaged(&|bytes| bytes[16] ^= 1);
    damaged(&|bytes| bytes[16..20].fill(0xff));
    // A changed slot is another name.
    let mut bytes = good.bytes().to_vec();
    bytes[HEADER_BYTES] ^= 1;
    assert_eq!(Segment::parse(good.name(), bytes), Err(BadSegment));
}

#[test]
fn one_bad_number_is_enough() {
    let read = |block: u32, slots: u32, held: u32| {
        let mut bytes = b"pfs1".to_vec();
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&block.to_le_bytes());
        bytes.extend_from_slice(&slots.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.resize(HEADER_BYTES + held as usize, 0);
        Segment::read(bytes).is_ok()
    };
    let longest = 1 << 18;
    assert!(read(4, 8, 16) && read(1, 1, 3));
    assert!(read(longest, longest, 3 * longest));
    assert!(
        !read(longest * 2, longest * 2, 6 * longest),
        "too long a block"
    );
    assert!(!read(3, 6, 12), "no power of two");
    assert!(!read(4, 0, 8), "no slots");
    assert!(!read(4, 6, 14), "no multiple of the block");
    assert!(!read(4, 8, 15) && !read(4, 8, 17), "another length");
}

#[test]
fn what_is_logged_of_a_segment_is_short() {
    let segment = Segment::build(&numbers(0, 5_000)).unwrap();
    let expected = format!("Segment({}, 5000 handles)", segment.name());
    assert_eq!(format!("{segment:?}"), expected);
}

#[test]
fn any_bytes_with_a_good_header_can_be_asked() {
    use proptest::prelude::{any, prop_assert, proptest};
    proptest!(|(seed in any::<u64>(), bits in 0_u32..12, blocks in 1_u32..20, keys in any::<[u64; 8]>(), fill in any::<u8>())| {
        let block = 1_u32 << bits;
        let mut bytes = b"pfs1".to_vec();
        bytes.extend_from_slice(&seed.to_le_bytes());
        bytes.extend_from_slice(&block.to_le_bytes());
        bytes.extend_from_slice(&(block * blocks).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.resize(HEADER_BYTES + (block * (blocks + 2)) as usize, fill);
        let segment = Segment::read(bytes);
        prop_assert!(segment.is_ok());
        for key in keys {
            segment.as_ref().unwrap().contains(HandleKey(key));
        }
    });
}
