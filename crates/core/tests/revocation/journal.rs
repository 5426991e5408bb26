//! What the authority keeps, for how long, and what that costs it.

use postern_core::revocation::{
    MAX_REPORT, MAX_SEGMENTS, MAX_TAIL, MAX_USER_ENTRIES,
    copy::RevocationCopy,
    journal::{Head, JournalStore, Recorded},
};
use postern_jwt::time::UnixMillis;

use crate::support::{
    START,
    authority::{Authority, HOUR, entries, handle},
    handles::handle_of,
};

#[test]
fn new_entries_are_told_exactly_and_only_once() {
    let mut authority = Authority::new();
    authority.report(&[handle(1)], START + HOUR, START);
    authority.report(&[handle(2)], START + HOUR, START);
    let all = authority.poll(0, START);
    assert_eq!((all.seq, all.tail.0.len()), (2, 2));
    let newest = authority.poll(1, START);
    assert_eq!(newest.tail.0, all.tail.0[1..]);
    assert!(authority.poll(2, START).tail.0.is_empty());
}

#[test]
fn a_whole_answer_cut_to_what_somebody_has_is_what_he_would_have_been_answered() {
    let mut authority = Authority::new();
    let report = |authority: &mut Authority, many: std::ops::Range<u64>| {
        for n in many {
            authority.report(&[handle(n)], START + HOUR, START);
        }
    };
    report(&mut authority, 0..20);
    // With some of them sealed, too.
    for more in [0, MAX_TAIL as u64] {
        report(&mut authority, 20..20 + more);
        let whole = authority.poll(0, START);
        assert_eq!(whole.sealed > 0, more > 0);
        for since in [
            0,
            1,
            19,
            20,
            whole.sealed,
            whole.sealed + 1,
            whole.seq,
            whole.seq + 1,
            u64::MAX,
        ] {
            assert_eq!(whole.cut_to(since), authority.poll(since, START), "{since}");
        }
    }
}

#[test]
fn a_repeated_report_changes_nothing_but_a_later_expiry() {
    let mut authority = Authority::new();
    authority.report(&[handle(1)], START + HOUR, START);
    let before = authority.poll(0, START);
    authority.report(&[handle(1)], START + HOUR, START);
    assert_eq!(authority.poll(0, START), before);
    authority.report(&[handle(1)], START + 2 * HOUR, START);
    authority.restart();
    assert_eq!(authority.poll(0, START), before);
    authority.tidy(START + HOUR + HOUR / 2);
    assert_eq!(authority.poll(0, START).tail.0.len(), 1);
    authority.tidy(START + 2 * HOUR + 2_001);
    assert!(authority.poll(0, START).tail.0.is_empty());
}

#[test]
fn malformed_reports_change_nothing() {
    let mut authority = Authority::new();
    let several_users = entries(&[handle(1), handle(2)], START + HOUR);
    let no_handle = entries(&[handle(1), "x".to_owned()], START + HOUR);
    let many: Vec<String> = (0..=MAX_REPORT as u64).map(|n| handle_of("u", n)).collect();
    for report in [several_users, no_handle, entries(&many, START + HOUR)] {
        assert_eq!(authority.try_report(1, report, START), Recorded::Malformed);
    }
    assert_eq!(authority.store.rows_written.get(), 0);
    assert_eq!(authority.poll(0, START).seq, 0);
}

#[test]
fn reading_and_polling_store_nothing() {
    let mut authority = Authority::new();
    authority.poll(0, START);
    authority.poll(99, START);
    authority.tidy(START);
    assert_eq!(authority.fetch("00000000000000000000000000000000"), None);
    authority.restart();
    assert_eq!(authority.store.rows_written.get(), 0);
    assert_eq!(authority.journal.next_due(), None);
}

#[test]
fn the_tail_is_sealed_and_segments_stay_few() {
    let mut authority = Authority::new();
    let mut most = 0;
    for step in 0..30 {
        authority.fill(step * 5_000..(step + 1) * 5_000, START + HOUR, START);
        let answer = authority.poll(0, START);
        assert!(answer.tail.0.len() <= MAX_TAIL);
        most = most.max(answer.segments.len());
    }
    assert!((2..=MAX_SEGMENTS).contains(&most), "{most} segments");
}

#[test]
fn an_entry_is_rewritten_about_a_dozen_times_and_polls_read_no_rows() {
    let mut authority = Authority::new();
    let count = 120_000;
    let written = |authority: &Authority| authority.store.rows_written.get();
    authority.fill(0..count, START + HOUR, START);
    // Each entry: a row in, a row out; the rest are parts of segments and heads.
    let rows = written(&authority);
    assert!(
        rows < count * 21 / 10,
        "{rows} rows written for {count} entries"
    );
    let before = authority.store.rows_read.get();
    authority.poll(0, START);
    assert_eq!(authority.store.rows_read.get(), before);
    // One more report reads at most the segments it is merged with, in parts.
    authority.fill(count..count + 5_000, START + HOUR, START);
    let read = authority.store.rows_read.get() - before;
    assert!(read < 5_200, "{read} rows read");
}

#[test]
fn everything_goes_when_it_has_expired() {
    let mut authority = Authority::new();
    authority.fill(0..30_000, START + HOUR, START);
    authority.fill(30_000..60_000, START + 2 * HOUR, START);
    authority.fill(60_000..60_010, START + 2 * HOUR, START);
    authority.try_report(
        MAX_USER_ENTRIES + 1,
        entries(&[handle(1)], START + HOUR),
        START,
    );
    let mut now = START;
    let mut alarms = 0;
    while let Some(due) = authority.journal.next_due() {
        assert!(due.0 > now, "an alarm that is due at once, again");
        now = due.0;
        authority.tidy(now);
        authority.restart();
        alarms += 1;
    }
    assert!(alarms < 10, "{alarms} alarms");
    assert!(now < START + 3 * HOUR);
    assert_eq!(authority.store.rows(), 0);
}

#[test]
fn a_merge_leaves_out_what_has_expired() {
    let mut authority = Authority::new();
    authority.fill(0..20_000, START + 10_000, START);
    let before = authority.journal.bytes();
    authority.fill(20_000..25_000, START + HOUR, START + 20_000);
    assert!(authority.journal.bytes() < before / 2);
}

#[test]
fn at_a_steady_rate_what_has_expired_does_not_pile_up() {
    let mut authority = Authority::new();
    let mut most = 0;
    for step in 0..240 {
        let now = START + step * 60_000;
        // 60,000 are alive at a time.
        authority.fill(step * 1_000..(step + 1) * 1_000, now + HOUR, now);
        authority.tidy(now);
        if step > 60 {
            most = most.max(authority.journal.bytes());
        }
    }
    // Nine bits each, an eighth of them expired, and a tail.
    assert!(most < 60_000 * 9 / 8 * 9 / 8 + 50_000, "{most} bytes");
}

#[test]
fn a_replaced_segment_can_still_be_fetched_for_a_while() {
    let mut authority = Authority::new();
    authority.fill(0..5_000, START + HOUR, START);
    let first = authority.poll(0, START).segments.remove(0);
    authority.fill(5_000..10_000, START + HOUR, START + 1_000);
    assert!(!authority.poll(0, START + 1_000).segments.contains(&first));
    authority.tidy(START + 100_000);
    assert!(authority.fetch(&first).is_some());
    authority.tidy(START + 121_000);
    assert_eq!(authority.fetch(&first), None);
}

#[test]
fn one_user_does_not_grow_everyones_copy() {
    let mut authority = Authority::new();
    for n in 0..20_000 {
        let live = n + 1;
        authority.try_report(live, entries(&[handle_of("loop", n)], START + HOUR), START);
    }
    let answer = authority.poll(0, START);
    assert_eq!(answer.tail.0.len() as u64, MAX_USER_ENTRIES);
    assert_eq!(answer.strict_routes.0.len(), 1);
    assert!(!answer.full);
    // All of that user's sessions are settled by his object; nobody else's are.
    let mut copy = RevocationCopy::new(1);
    authority.bring_up_to_date(&mut copy, 0, START);
    crate::copies::asks(&mut copy, &handle_of("loop", 30_000), START);
    crate::copies::lives(&mut copy, &handle_of("other", 1), START);
    // Until his entries have expired.
    authority.tidy(START + HOUR + 2_001);
    authority.bring_up_to_date(&mut copy, 0, START + HOUR + 2_001);
    crate::copies::lives(&mut copy, &handle_of("loop", 30_000), START + HOUR + 2_001);
}

#[test]
fn what_does_not_fit_is_admitted_until_it_has_expired() {
    // A part of the bytes, to be quick.
    let mut authority = Authority::one_of(16);
    authority.fill(0..70_000, START + HOUR, START);
    assert!(!authority.poll(0, START).full);
    authority.fill(70_000..130_000, START + 2 * HOUR, START);
    let answer = authority.poll(0, START);
    assert!(answer.full);
    assert!(authority.journal.bytes() <= 128 * 1024);
    authority.restart();
    authority.tidy(START + HOUR + 3_000);
    assert!(authority.poll(0, START + HOUR + 3_000).full);
    assert!(!authority.poll(0, START + 2 * HOUR + 3_000).full);
}

#[test]
fn the_moment_and_the_key_set_version_only_move_forward() {
    let mut authority = Authority::new();
    let (store, journal) = (&authority.store, &mut authority.journal);
    for (moment, now) in [(5, 1_000), (3, 2_000), (5, 3_000)] {
        assert_eq!(
            journal.set_not_before(store, UnixMillis(moment), UnixMillis(now)),
            Ok(UnixMillis(5))
        );
    }
    journal.set_key_set_version(store, 7).unwrap();
    journal.set_key_set_version(store, 6).unwrap();
    authority.restart();
    let answer = authority.poll(0, START);
    assert_eq!(
        (answer.not_before, answer.key_set_version),
        (UnixMillis(5), 7)
    );
    assert_eq!(answer.not_before_recorded, Some(UnixMillis(1_000)));
    authority
        .journal
        .set_not_before(&authority.store, UnixMillis(6), UnixMillis(4_000))
        .unwrap();
    assert_eq!(
        authority.poll(0, START).not_before_recorded,
        Some(UnixMillis(4_000))
    );
}

#[test]
fn a_cut_off_that_was_recorded_nobody_knows_when_counts_as_recorded_now_until_something_is_written()
{
    let mut authority = Authority::new();
    let recorded =
        |authority: &Authority, now| authority.poll(0, now).not_before_recorded.unwrap().0;
    assert_eq!(recorded(&authority, START), 0);
    let (store, journal) = (&authority.store, &mut authority.journal);
    journal
        .set_not_before(store, UnixMillis(5), UnixMillis(START))
        .unwrap();
    // As code leaves it that keeps no time of recording.
    let head = store.head().unwrap().unwrap();
    let undated = Head {
        dated_cut_off: None,
        ..head
    };
    store.set_head(&undated).unwrap();
    authority.restart();
    assert_eq!(recorded(&authority, START + 1), START + 1);
    assert_eq!(recorded(&authority, START + 2), START + 2);
    authority.report(&[handle(1)], START + HOUR, START + 3);
    assert_eq!(recorded(&authority, START + 4), START + 3);
    authority.restart();
    assert_eq!(recorded(&authority, START + 5), START + 3);
}
