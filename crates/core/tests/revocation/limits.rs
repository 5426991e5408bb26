//! Limits and moments of the authority: the last that is good, and the first that is not.

use postern_core::revocation::{
    MAX_COPY_BYTES, MAX_STRICT_ROUTES, MAX_TAIL, MAX_USER_ENTRIES,
    journal::{PartKind, Recorded},
    segment::Segment,
};
use postern_jwt::time::UnixMillis;

use crate::support::{
    START,
    authority::{Authority, HOUR, entries, handle},
};

/// What an entry outlives its `expires` by.
const ALLOWANCE: u64 = 2_000;

/// An authority whose part of the bytes is just this small.
fn with_bytes(bytes: usize) -> Authority {
    let shards = MAX_COPY_BYTES / bytes;
    assert_eq!(MAX_COPY_BYTES / shards, bytes);
    Authority::one_of(shards as u32)
}

fn strict(authority: &mut Authority, user: u64, expires: u64) {
    let live = MAX_USER_ENTRIES + 1;
    let recorded = authority.try_report(live, entries(&[handle(user)], expires), START);
    assert_eq!(recorded, Recorded::Yes);
}

#[test]
fn a_tail_is_sealed_when_it_is_over_its_length() {
    let mut authority = Authority::new();
    authority.fill(0..MAX_TAIL as u64, START + HOUR, START);
    let answer = authority.poll(0, START);
    assert_eq!((answer.tail.0.len(), answer.segments.len()), (4_096, 0));
    authority.fill(MAX_TAIL as u64..MAX_TAIL as u64 + 1, START + HOUR, START);
    let answer = authority.poll(0, START);
    assert_eq!((answer.tail.0.len(), answer.segments.len()), (0, 1));
    assert_eq!(authority.fetch(&answer.segments[0]).unwrap().count(), 4_097);
}

#[test]
fn so_many_users_are_told_as_such_and_no_more() {
    let mut authority = Authority::new();
    for user in 0..MAX_STRICT_ROUTES as u64 {
        strict(&mut authority, user, START + HOUR);
    }
    let answer = authority.poll(0, START);
    assert_eq!((answer.strict_routes.0.len(), answer.full), (4_096, false));
    strict(&mut authority, MAX_STRICT_ROUTES as u64, START + HOUR);
    let answer = authority.poll(0, START);
    assert_eq!((answer.strict_routes.0.len(), answer.full), (4_096, true));
}

/// Five entries take 40 bytes in the tail; in a segment they would take more.
#[test]
fn bytes_are_used_to_the_last() {
    let mut of_entries = with_bytes(40);
    let mut of_users = with_bytes(40);
    for n in 0..6 {
        assert!(!of_entries.poll(0, START).full && !of_users.poll(0, START).full);
        of_entries.report(&[handle(n)], START + HOUR, START);
        strict(&mut of_users, n, START + HOUR);
    }
    assert!(of_entries.poll(0, START).full && of_users.poll(0, START).full);
    assert_eq!(of_users.poll(0, START).strict_routes.0.len(), 5);
}

#[test]
fn what_just_fits_when_room_was_made_is_kept() {
    let numbers: Vec<u64> = (1..=200).map(|n| n << 40).collect();
    let of_two_hundred = Segment::build(&numbers).unwrap().bytes().len();
    for (spare, is_full) in [(0, false), (1, true)] {
        let mut authority = with_bytes(of_two_hundred + 100 * 8 - spare);
        for n in 0..3 {
            let now = START + n * 60_000;
            authority.fill(n * 100..(n + 1) * 100, START + HOUR, now);
        }
        assert_eq!(authority.poll(0, START).full, is_full, "{spare}");
    }
}

#[test]
fn room_is_made_once_a_minute_and_seldom_while_there_is_none() {
    // Room for one exact thousand, and for many thousands that are sealed.
    let thousand = |authority: &mut Authority, n: u64, now: u64| {
        authority.fill(n * 1_000..(n + 1) * 1_000, START + HOUR, now);
        let answer = authority.poll(0, now);
        (answer.seq, answer.full)
    };
    let mut authority = Authority::one_of(160);
    assert_eq!(thousand(&mut authority, 0, START), (1_000, false));
    assert_eq!(thousand(&mut authority, 1, START), (2_000, false));
    let minute = START + 60_000;
    assert_eq!(thousand(&mut authority, 2, minute), (3_000, false));
    assert_eq!(thousand(&mut authority, 3, minute + 59_999), (3_000, true));
    assert_eq!(thousand(&mut authority, 4, minute + 599_999), (3_000, true));
    assert_eq!(thousand(&mut authority, 5, minute + 600_000), (4_000, true));
}

#[test]
fn once_nothing_is_left_out_any_more_room_is_made_after_a_minute_again() {
    let mut authority = Authority::one_of(160);
    let minute = 60_000;
    authority.fill(0..1_000, START + HOUR, START);
    authority.fill(1_000..2_000, START + HOUR, START);
    // What is left out expires a minute after room was made.
    authority.fill(2_000..3_000, START + minute - ALLOWANCE, START + 1);
    assert!(authority.poll(0, START + minute - 1).full);
    authority.fill(3_000..4_000, START + HOUR, START + minute);
    let answer = authority.poll(0, START + minute);
    assert_eq!((answer.seq, answer.full), (3_000, false));
}

#[test]
fn it_is_full_until_the_last_of_what_was_left_out_has_expired() {
    let mut authority = with_bytes(40);
    for n in 0..5 {
        authority.report(&[handle(n)], START + 9 * HOUR, START);
    }
    authority.report(&[handle(5)], START + 2 * HOUR, START);
    authority.report(&[handle(6)], START + HOUR, START);
    let over = START + 2 * HOUR + ALLOWANCE;
    assert!(authority.poll(0, over - 1).full);
    assert!(!authority.poll(0, over).full);
    authority.report(&[handle(7)], START + 3 * HOUR, START);
    assert!(authority.poll(0, over).full);
}

#[test]
fn what_has_expired_is_not_recorded() {
    let mut authority = Authority::new();
    let now = START + ALLOWANCE;
    authority.report(&[handle(1)], START, now);
    assert_eq!(authority.poll(0, now).seq, 0);
    authority.report(&[handle(1)], START + 1, now);
    assert_eq!(authority.poll(0, now).seq, 1);
}

#[test]
fn a_segment_is_made_of_what_has_not_expired() {
    for (later, kept) in [(0, 1), (1_000, 4_097)] {
        let mut authority = Authority::new();
        authority.fill(0..4_096, START + later, START);
        authority.fill(5_000..5_001, START + HOUR, START + ALLOWANCE);
        let segments = authority.poll(0, START + ALLOWANCE).segments;
        let segment = authority.fetch(&segments[0]).unwrap();
        assert_eq!(segment.count(), kept);
    }
}

#[test]
fn a_large_segment_is_made_anew_when_more_than_an_eighth_of_it_has_expired() {
    let expired = START + 62_000;
    for (short_lived, now, counts) in [
        (3_571, expired, vec![28_571, 5_000]),
        (3_572, expired - 1, vec![28_572, 5_000]),
        (3_572, expired, vec![30_000]),
    ] {
        let mut authority = Authority::new();
        authority.fill(0..short_lived, expired - ALLOWANCE, START);
        authority.fill(10_000..35_000, START + HOUR, START);
        authority.fill(40_000..45_000, START + HOUR, now);
        let segments = authority.poll(0, now).segments;
        let counted = segments
            .iter()
            .map(|name| authority.fetch(name).unwrap().count());
        assert_eq!(counted.collect::<Vec<_>>(), counts);
    }
}

#[test]
fn a_tail_is_told_anew_when_more_than_a_quarter_of_it_has_expired() {
    let mut authority = Authority::new();
    let told = |authority: &Authority, now| authority.poll(0, now).tail.0.len();
    for n in 0..8 {
        let minutes = if n < 3 { n + 1 } else { 60 };
        authority.report(&[handle(n)], START + minutes * 60_000, START);
    }
    let expired = |n: u64| START + n * 60_000 + ALLOWANCE;
    authority.tidy(expired(2));
    assert_eq!(told(&authority, expired(2)), 8, "a quarter");
    let seq = authority.poll(0, expired(2)).seq;
    authority.tidy(expired(3));
    let answer = authority.poll(0, expired(3));
    assert_eq!(
        (answer.tail.0.len(), answer.tail_after, answer.seq),
        (5, seq, seq + 5)
    );
    authority.restart();
    assert_eq!(authority.poll(0, expired(3)), answer);
}

#[test]
fn one_that_has_expired_is_told_for_ten_minutes_at_most() {
    let mut authority = Authority::new();
    authority.report(&[handle(0)], START, START);
    for n in 1..9 {
        authority.report(&[handle(n)], START + HOUR, START);
    }
    let ten_minutes = START + ALLOWANCE + 600_000;
    for (now, told) in [(ten_minutes - 1, 9), (ten_minutes, 8)] {
        authority.tidy(now);
        assert_eq!(authority.poll(0, now).tail.0.len(), told);
    }
}

#[test]
fn a_user_is_told_as_such_until_his_latest_entry_has_expired() {
    let mut authority = Authority::new();
    let expired = |hours: u64| START + hours * HOUR + ALLOWANCE;
    for hours in [1, 3, 2] {
        strict(&mut authority, 1, START + hours * HOUR);
    }
    strict(&mut authority, 2, START + HOUR);
    for (now, told) in [
        (expired(1) - 1, 2),
        (expired(1), 1),
        (expired(3) - 1, 1),
        (expired(3), 0),
    ] {
        authority.tidy(now);
        assert_eq!(authority.poll(0, now).strict_routes.0.len(), told);
        authority.restart();
        assert_eq!(authority.poll(0, now).strict_routes.0.len(), told);
    }
}

#[test]
fn saying_the_same_again_writes_next_to_nothing() {
    let tell = |authority: &mut Authority| {
        strict(authority, 1, START + HOUR);
        for n in 2..8 {
            authority.report(&[handle(n)], START + HOUR, START);
        }
        let (store, journal) = (&authority.store, &mut authority.journal);
        let now = UnixMillis(START);
        journal.set_not_before(store, UnixMillis(5), now).unwrap();
        journal.set_key_set_version(store, 5).unwrap();
        authority.store.rows_written.get()
    };
    // A head for each report that is recorded; when all is full, not even that.
    for (mut authority, heads) in [(Authority::new(), 6), (with_bytes(40), 0)] {
        let once = tell(&mut authority);
        assert_eq!(tell(&mut authority) - once, heads);
    }
}

/// They are in storage: other numbers would be other parts.
#[test]
fn the_kinds_of_parts_keep_their_numbers() {
    assert_eq!(PartKind::Published.number(), 0);
    assert_eq!(PartKind::Entries.number(), 1);
}
