//! What an isolate makes of its copy.

use postern_core::{
    revocation::{
        MAX_TAIL,
        call::PollAnswer,
        copy::{Age, Decision, LivenessQuery, RevocationCopy, UncertainReason},
        cut_off::CutOff,
    },
    session::facts::{Fact, LivenessCache},
};
use postern_jwt::time::{Millis, UnixMillis};

use crate::support::{
    START,
    authority::{Authority, HOUR, entries, handle, keys, question},
};

const BOUND: Millis = Millis(60_000);

fn decide_at(copy: &mut RevocationCopy, handle: &str, bound: Millis, now: u64) -> Decision {
    decide_with(copy, &mut LivenessCache::default(), handle, bound, now)
}

fn decide_with(
    copy: &mut RevocationCopy,
    facts: &mut LivenessCache,
    handle: &str,
    bound: Millis,
    now: u64,
) -> Decision {
    copy.decide(facts, &question(handle, bound, now))
}

pub fn lives(copy: &mut RevocationCopy, handle: &str, now: u64) {
    assert_eq!(decide_at(copy, handle, BOUND, now), Decision::Live);
}

pub fn asks(copy: &mut RevocationCopy, handle: &str, now: u64) {
    let decision = decide_at(copy, handle, BOUND, now);
    assert!(matches!(decision, Decision::AskObject(_)), "{decision:?}");
}

fn up_to_date(authority: &Authority) -> RevocationCopy {
    let mut copy = RevocationCopy::new(1);
    authority.bring_up_to_date(&mut copy, 0, START);
    copy
}

#[test]
fn without_a_copy_the_object_is_asked() {
    let mut copy = RevocationCopy::new(1);
    assert_eq!(
        decide_at(&mut copy, &handle(1), BOUND, START),
        Decision::AskObject(UncertainReason::NoCopy)
    );
}

#[test]
fn age_counts_from_the_authoritys_clock_with_an_allowance() {
    let authority = Authority::new();
    let mut copy = RevocationCopy::new(1);
    // The answer was on its way for 30 s: that it has just arrived means nothing.
    let answer = authority.poll(0, START);
    assert!(copy.apply(0, answer, Vec::new(), UnixMillis(START + 30_000)));
    lives(&mut copy, &handle(1), START + 58_000);
    assert_eq!(
        decide_at(&mut copy, &handle(1), BOUND, START + 58_001),
        Decision::AskObject(UncertainReason::OldCopy)
    );
}

#[test]
fn bounds_within_the_allowance_are_never_met_and_cause_no_polls() {
    let mut copy = up_to_date(&Authority::new());
    let asked = decide_at(&mut copy, &handle(1), Millis(1_999), START);
    assert_eq!(asked, Decision::AskObject(UncertainReason::OldCopy));
    assert_eq!(
        copy.start_poll(Millis(2_000), UnixMillis(START + HOUR), 0),
        None
    );
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_younger() {
    let mut copy = up_to_date(&Authority::new());
    asks(&mut copy, &handle(1), START + 90_000);
    asks(&mut copy, &handle(1), START);
}

#[test]
fn a_clock_that_lies_behind_is_noticed() {
    let mut copy = RevocationCopy::new(1);
    let authority = Authority::new();
    let behind = 20_000;
    let answer = authority.poll(0, START);
    copy.apply(0, answer, Vec::new(), UnixMillis(START - behind));
    lives(&mut copy, &handle(1), START - behind + 58_000);
    asks(&mut copy, &handle(1), START - behind + 58_001);
}

#[test]
fn the_tail_refuses_at_once_and_however_old_it_is() {
    let mut authority = Authority::new();
    authority.report(&[handle(1)], START + HOUR, START);
    let mut copy = up_to_date(&authority);
    for now in [START, START + HOUR] {
        assert_eq!(
            decide_at(&mut copy, &handle(1), BOUND, now),
            Decision::Revoked
        );
    }
    lives(&mut RevocationCopy::clone_of(&authority), &handle(2), START);
}

/// A fresh copy of the authority's state.
trait CloneOf {
    fn clone_of(authority: &Authority) -> Self;
}

impl CloneOf for RevocationCopy {
    fn clone_of(authority: &Authority) -> Self {
        up_to_date(authority)
    }
}

#[test]
fn a_trusted_issuers_session_is_settled_by_its_object() {
    let mut authority = Authority::new();
    let foreign = keys()
        .issue_foreign("a", postern_core::session::handle::Subject::of("u"), "s")
        .as_str()
        .to_owned();
    authority.report(std::slice::from_ref(&foreign), START + HOUR, START);
    let mut copy = up_to_date(&authority);
    assert_eq!(
        decide_at(&mut copy, &foreign, BOUND, START),
        Decision::AskObject(UncertainReason::Hit)
    );
}

#[test]
fn a_filter_hit_is_settled_by_the_object_and_remembered_for_the_bound() {
    let mut authority = Authority::new();
    authority.fill(0..10_000, START + HOUR, START);
    let mut copy = up_to_date(&authority);
    let mut facts = LivenessCache::default();
    // Some live session that the filter takes for one of its own.
    let unlucky = (1_000_000..1_100_000).map(handle).find(|handle| {
        decide_at(&mut copy, handle, BOUND, START) == Decision::AskObject(UncertainReason::Hit)
    });
    let unlucky = unlucky.unwrap();
    facts.note(
        &unlucky,
        Fact {
            as_of: UnixMillis(START),
            data_seq: 0,
            ended: None,
        },
    );
    let mut decide = |now| decide_with(&mut copy, &mut facts, &unlucky, Millis(30_000), now);
    assert_eq!(decide(START + 30_000), Decision::Live);
    assert!(matches!(decide(START + 30_001), Decision::AskObject(_)));
}

#[test]
fn a_strict_answer_stands_in_for_a_copy_until_the_bound() {
    let mut copy = RevocationCopy::new(1);
    let mut facts = LivenessCache::default();
    facts.note(
        &handle(1),
        Fact {
            as_of: UnixMillis(START),
            data_seq: 0,
            ended: None,
        },
    );
    let mut decide = |n, now| decide_with(&mut copy, &mut facts, &handle(n), BOUND, now);
    assert_eq!(decide(1, START + 60_000), Decision::Live);
    assert!(matches!(decide(2, START + 60_000), Decision::AskObject(_)));
    assert!(matches!(decide(1, START + 60_001), Decision::AskObject(_)));
}

#[test]
fn everyone_before_a_moment_is_refused_and_doubt_is_settled_by_the_object() {
    let mut authority = Authority::new();
    let mut copy = up_to_date(&authority);
    let mut facts = LivenessCache::default();
    let before = Fact {
        as_of: UnixMillis(START),
        data_seq: 0,
        ended: None,
    };
    facts.note(&handle(1), before);
    let moment = START + 1_000;
    let (store, journal) = (&authority.store, &mut authority.journal);
    let recorded = UnixMillis(START + 1_000);
    journal
        .set_not_before(store, UnixMillis(moment), recorded)
        .unwrap();
    authority.bring_up_to_date(&mut copy, 0, START + 1_000);
    assert_eq!(copy.not_before(), UnixMillis(moment));
    let mut decide = |issued: Option<u64>| {
        let question = LivenessQuery {
            handle: &handle(1),
            age: issued.map_or(Age::Unknown, |at| Age::Token(UnixMillis(at))),
            bound: BOUND,
            now: UnixMillis(START + 1_000),
        };
        copy.decide(&mut facts, &question)
    };
    assert_eq!(decide(Some(moment - 1)), Decision::Revoked);
    // The object's earlier answer was given without knowing: it does not count.
    assert_eq!(
        decide(Some(moment)),
        Decision::AskObject(UncertainReason::NotBefore)
    );
    assert_eq!(
        decide(None),
        Decision::AskObject(UncertainReason::NotBefore)
    );
    assert_eq!(decide(Some(moment + 300_000)), Decision::Live);
}

#[test]
fn a_moment_of_the_past_ends_sessions_that_were_refreshed_since() {
    let mut authority = Authority::new();
    let mut copy = up_to_date(&authority);
    let (moment, recorded) = (START - 2 * HOUR, START);
    let (store, journal) = (&authority.store, &mut authority.journal);
    journal
        .set_not_before(store, UnixMillis(moment), UnixMillis(recorded))
        .unwrap();
    authority.bring_up_to_date(&mut copy, 0, START);
    let mut decide = |age| {
        let question = LivenessQuery {
            handle: &handle(1),
            age,
            bound: BOUND,
            now: UnixMillis(START),
        };
        copy.decide(&mut LivenessCache::default(), &question)
    };
    let (session, token) = (
        |at| Age::Session(UnixMillis(at)),
        |at| Age::Token(UnixMillis(at)),
    );
    // Refreshed at any time since: the token tells when its session was created.
    assert_eq!(decide(session(moment - 1)), Decision::Revoked);
    // And of those from after the moment nobody is in doubt.
    assert_eq!(decide(session(moment)), Decision::Live);
    // One that does not tell is in doubt until well after the recording, however long ago the moment is.
    let doubt = Decision::AskObject(UncertainReason::NotBefore);
    for issued in [moment, moment + 300_000, recorded - 1, recorded + 299_999] {
        assert_eq!(decide(token(issued)), doubt, "{issued}");
    }
    assert_eq!(decide(token(moment - 1)), Decision::Revoked);
    assert_eq!(decide(token(recorded + 300_000)), Decision::Live);
}

#[test]
fn a_cut_off_that_the_key_ring_told_of_counts_like_one_of_the_authority() {
    let mut copy = up_to_date(&Authority::new());
    let mut facts = LivenessCache::default();
    let as_of = UnixMillis(START);
    facts.note(
        &handle(1),
        Fact {
            as_of,
            data_seq: 0,
            ended: None,
        },
    );
    let cut_off = CutOff {
        moment: UnixMillis(START - 1),
        recorded: UnixMillis(START),
    };
    copy.learn(cut_off, UnixMillis(START + 1));
    let mut decide = |age| {
        let question = LivenessQuery {
            handle: &handle(1),
            age,
            bound: BOUND,
            now: UnixMillis(START + 1),
        };
        copy.decide(&mut facts, &question)
    };
    assert_eq!(
        decide(Age::Session(UnixMillis(START - 2))),
        Decision::Revoked
    );
    // What the object said before this isolate had heard does not count.
    assert_eq!(
        decide(Age::Token(UnixMillis(START))),
        Decision::AskObject(UncertainReason::NotBefore)
    );
}

#[test]
fn when_not_everything_fits_the_object_is_asked() {
    let mut authority = Authority::one_of(16);
    authority.fill(0..130_000, START + HOUR, START);
    let mut copy = up_to_date(&authority);
    assert!(copy.bytes() <= 128 * 1024);
    assert_eq!(
        decide_at(&mut copy, &handle(999_999), BOUND, START),
        Decision::AskObject(UncertainReason::Full)
    );
}

#[test]
fn an_answer_takes_effect_whole_or_not_at_all() {
    let mut authority = Authority::new();
    authority.report(&[handle(1)], START + HOUR, START);
    let mut copy = up_to_date(&authority);
    authority.fill(10..5_010, START + HOUR, START + 50_000);
    authority
        .journal
        .set_key_set_version(&authority.store, 9)
        .unwrap();
    let answer = authority.poll(1, START + 50_000);
    assert_eq!(copy.missing(0, &answer).len(), 1);
    // The segment did not arrive: the copy ages as before, and still knows what it knew.
    assert!(!copy.apply(0, answer.clone(), Vec::new(), UnixMillis(START + 50_000)));
    assert_eq!(copy.age(UnixMillis(START + 50_000)), Some(Millis(52_000)));
    assert_eq!(
        decide_at(&mut copy, &handle(1), BOUND, START + 50_000),
        Decision::Revoked
    );
    // What can only grow is taken.
    assert_eq!(copy.key_set_version(), 9);
    let segment = authority.fetch(&answer.segments[0]).unwrap();
    assert!(copy.apply(0, answer, vec![segment], UnixMillis(START + 50_000)));
    assert_eq!(copy.age(UnixMillis(START + 50_000)), Some(Millis(2_000)));
}

#[test]
fn answers_that_overtake_each_other_lose_nothing() {
    let mut authority = Authority::new();
    let mut copy = up_to_date(&authority);
    authority.report(&[handle(1)], START + HOUR, START);
    let early = authority.poll(0, START + 1_000);
    authority.report(&[handle(2)], START + HOUR, START + 2_000);
    let late = authority.poll(0, START + 2_000);
    assert!(copy.apply(0, late, Vec::new(), UnixMillis(START + 3_000)));
    assert!(!copy.apply(0, early, Vec::new(), UnixMillis(START + 3_000)));
    for n in [1, 2] {
        assert_eq!(
            decide_at(&mut copy, &handle(n), BOUND, START + 3_000),
            Decision::Revoked
        );
    }
    assert_eq!(copy.age(UnixMillis(START + 3_000)), Some(Millis(3_000)));
}

#[test]
fn a_part_of_the_tail_is_of_no_use_to_a_copy_that_lacks_the_rest() {
    let mut authority = Authority::new();
    for n in 0..5 {
        authority.report(&[handle(n)], START + HOUR, START);
    }
    let mut copy = RevocationCopy::new(1);
    assert!(!copy.apply(0, authority.poll(3, START), Vec::new(), UnixMillis(START)));
    asks(&mut copy, &handle(9), START);
    // A storage that was put back to an earlier state tells everything.
    assert_eq!(authority.poll(99, START).tail.0.len(), 5);
}

#[test]
fn a_poll_is_due_at_a_third_of_the_bound_with_jitter_and_never_twice() {
    let authority = Authority::new();
    let mut earliest = u64::MAX;
    let mut latest = 0;
    for random in 0..100 {
        let mut copy = RevocationCopy::new(1);
        // Without a copy: at once, and once.
        let first = copy.start_poll(BOUND, UnixMillis(START), random).unwrap();
        assert_eq!((first.shard, first.since), (0, 0));
        assert_eq!(
            copy.start_poll(BOUND, UnixMillis(START + 9_999), random),
            None
        );
        authority.bring_up_to_date(&mut copy, 0, START);
        let due = (0..60_000).step_by(100).find(|after| {
            copy.start_poll(BOUND, UnixMillis(START + after), 0)
                .is_some()
        });
        earliest = earliest.min(due.unwrap());
        latest = latest.max(due.unwrap());
    }
    assert!((15_000..16_000).contains(&earliest), "{earliest}");
    assert!((22_500..23_300).contains(&latest), "{latest}");
}

#[test]
fn the_copy_is_as_old_as_its_oldest_shard() {
    let mut shards = [Authority::one_of(2), Authority::one_of(2)];
    let mut copy = RevocationCopy::new(2);
    let now = UnixMillis(START + 20_000);
    assert!(copy.apply(0, shards[0].poll(0, START + 20_000), Vec::new(), now));
    assert_eq!(copy.age(now), None);
    shards[1].report(&[handle(1)], START + HOUR, START);
    assert!(copy.apply(1, shards[1].poll(0, START), Vec::new(), now));
    assert_eq!(copy.age(now), Some(Millis(22_000)));
    assert_eq!(
        decide_at(&mut copy, &handle(1), BOUND, START + 20_000),
        Decision::Revoked
    );
    // Each shard is asked in its own time.
    let poll = copy.start_poll(BOUND, now, 20).unwrap();
    assert_eq!((poll.shard, poll.since), (0, 0));
}

#[test]
fn who_is_told_of_all_shards_at_once_asks_for_all_when_one_is_due() {
    let shards = [Authority::one_of(2), Authority::one_of(2)];
    let mut copy = RevocationCopy::new(2);
    let at = |seconds: u64| UnixMillis(START + seconds * 1_000);
    let asked = |copy: &mut RevocationCopy, seconds| {
        let polls = copy.start_polls(BOUND, at(seconds), 20);
        polls.iter().map(|poll| poll.shard).collect::<Vec<_>>()
    };
    assert_eq!(asked(&mut copy, 0), [0, 1]);
    assert_eq!(asked(&mut copy, 1), [0_u32; 0]);
    assert!(copy.apply(0, shards[0].poll(0, START), Vec::new(), at(1)));
    assert!(copy.apply(1, shards[1].poll(0, START + 9_000), Vec::new(), at(9)));
    assert_eq!(asked(&mut copy, 18), [0_u32; 0]);
    assert_eq!(asked(&mut copy, 20), [0, 1]);
    // An answer that was held for a while is asked for anew that much sooner.
    for shard in [0, 1] {
        assert!(copy.apply(shard, shards[0].poll(0, START + 15_000), Vec::new(), at(20)));
    }
    assert_eq!(asked(&mut copy, 34), [0_u32; 0]);
    assert_eq!(asked(&mut copy, 35), [0, 1]);
}

#[test]
fn answers_of_one_moment_are_all_taken() {
    let mut authority = Authority::new();
    let mut copy = up_to_date(&authority);
    for n in 1..4 {
        authority.report(&[handle(n)], START + HOUR, START);
        authority.bring_up_to_date(&mut copy, n - 1, START);
        assert_eq!(
            decide_at(&mut copy, &handle(n), BOUND, START),
            Decision::Revoked
        );
    }
}

#[test]
fn a_part_of_another_tail_is_of_no_use() {
    let mut authority = Authority::new();
    authority.report(&[handle(1)], START + HOUR, START);
    let mut copy = up_to_date(&authority);
    authority.fill(10..5_010, START + HOUR, START);
    authority.report(&[handle(2)], START + HOUR, START);
    authority.report(&[handle(3)], START + HOUR, START);
    let whole = authority.poll(1, START);
    assert_eq!((whole.tail_after, whole.sealed), (5_001, 5_001));
    let part = authority.poll(5_002, START);
    let fetch = || vec![authority.fetch(&part.segments[0]).unwrap()];
    // It goes on from a tail that begins elsewhere, or from more than is held.
    for answer in [
        part.clone(),
        PollAnswer {
            sealed: 0,
            ..part.clone()
        },
        PollAnswer {
            tail_after: 1,
            ..part.clone()
        },
    ] {
        let is_of_use = answer.tail_after <= answer.sealed;
        let applied = copy.apply(0, answer, fetch(), UnixMillis(START));
        assert_eq!(applied, is_of_use);
    }
}

#[test]
fn what_a_copy_holds_is_counted_and_not_fetched_twice() {
    let mut authority = Authority::new();
    let mut copy = RevocationCopy::new(1);
    assert_eq!(copy.bytes(), 0);
    authority.bring_up_to_date(&mut copy, 0, START);
    assert_eq!(copy.bytes(), 0);
    authority.fill(0..5_000, START + HOUR, START);
    authority.report(&[handle(1)], START + HOUR, START);
    authority.try_report(1_001, entries(&[handle(2)], START + HOUR), START);
    authority.bring_up_to_date(&mut copy, 0, START);
    let answer = authority.poll(0, START);
    let segment = authority.fetch(&answer.segments[0]).unwrap();
    assert_eq!(copy.bytes(), segment.bytes().len() + 16);
    assert!(copy.missing(0, &answer).is_empty());
    // What an answer does not name is dropped, and what is held already is not kept twice.
    assert!(copy.apply(0, answer.clone(), vec![segment.clone()], UnixMillis(START)));
    assert_eq!(copy.bytes(), segment.bytes().len() + 16);
    let without = PollAnswer {
        segments: Vec::new(),
        ..answer
    };
    assert!(copy.apply(0, without, vec![segment], UnixMillis(START)));
    assert_eq!(copy.bytes(), 16);
}

#[test]
fn a_session_of_unknown_age_stands_while_nobody_was_ended_by_age() {
    let mut copy = up_to_date(&Authority::new());
    let question = LivenessQuery {
        handle: &handle(1),
        age: Age::Unknown,
        bound: BOUND,
        now: UnixMillis(START),
    };
    assert_eq!(
        copy.decide(&mut LivenessCache::default(), &question),
        Decision::Live
    );
}

#[test]
fn a_moment_that_is_told_again_takes_back_no_answer_of_the_object() {
    let mut authority = Authority::new();
    let mut copy = up_to_date(&authority);
    let (store, journal) = (&authority.store, &mut authority.journal);
    let now = UnixMillis(START);
    journal.set_not_before(store, now, now).unwrap();
    let mut facts = LivenessCache::default();
    for now in [START + 1_000, START + 2_000] {
        authority.bring_up_to_date(&mut copy, 0, now);
        let as_of = UnixMillis(START + 1_000);
        facts.note(
            &handle(1),
            Fact {
                as_of,
                data_seq: 0,
                ended: None,
            },
        );
        let decision = decide_with(&mut copy, &mut facts, &handle(1), BOUND, now);
        assert_eq!(decision, Decision::Live, "{now}");
    }
}

#[test]
fn a_shard_that_stays_silent_is_asked_again_after_a_sixth_of_the_bound() {
    for (bound, pause) in [
        (3_000, 1_000),
        (6_000, 1_000),
        (12_000, 2_000),
        (60_000, 10_000),
        (600_000, 10_000),
    ] {
        let mut copy = RevocationCopy::new(1);
        let mut is_asked = |after| {
            copy.start_poll(Millis(bound), UnixMillis(START + after), 0)
                .is_some()
        };
        assert!(is_asked(0));
        assert!(!is_asked(pause - 1), "{bound}");
        assert!(is_asked(pause), "{bound}");
    }
}

#[test]
fn a_copy_has_as_many_shards_as_there_are_and_one_at_least() {
    for (shards, held) in [(0, 1), (1, 1), (8, 8)] {
        assert_eq!(RevocationCopy::new(shards).shards(), held);
    }
}

#[test]
fn a_copy_tells_how_many_entries_and_segments_of_older_ones_it_holds() {
    let mut authority = Authority::new();
    assert_eq!(up_to_date(&authority).entries(), (0, 0));
    for n in 1..=3 {
        authority.report(&[handle(n)], START + HOUR, START);
    }
    assert_eq!(up_to_date(&authority).entries(), (3, 0));
    for n in 4..=MAX_TAIL as u64 + 1 {
        authority.report(&[handle(n)], START + HOUR, START);
    }
    let answer = authority.poll(0, START);
    let held = up_to_date(&authority).entries();
    assert_eq!(held, (answer.tail.0.len(), answer.segments.len()));
    assert!(held.1 > 0);
}
