//! The rotation rule, case by case. The model check over random schedules is in `crates/core/tests/rotation_model.rs`.

use super::{Lineage, Rotation, Step, Superseding, TokenPosition};
use crate::refusal::ReuseSubtype;
use postern_jwt::time::{Millis, UnixMillis};

const GRACE: Millis = Millis(30_000);
/// Our own endpoints, where use supersedes.
const OWN: Rotation = Rotation::Eager {
    quiet: Millis(30_000),
    superseding: Superseding::ByUse,
};
/// Our own endpoints with the setting that lets time supersede.
const EAGER: Rotation = Rotation::Eager {
    quiet: Millis(30_000),
    superseding: Superseding::ByTime,
};
const PROTOCOL_5_6: Rotation = Rotation::Eager {
    quiet: Millis(0),
    superseding: Superseding::ByTime,
};
const DAY: u64 = 86_400_000;

fn at(millis: u64) -> UnixMillis {
    UnixMillis(1_000_000 + millis)
}

fn place(generation: u32, index: u32) -> TokenPosition {
    TokenPosition { generation, index }
}

fn issued(step: Step) -> TokenPosition {
    match step {
        Step::Issue { child, .. } => child,
        other => panic!("expected a child, got {other:?}"),
    }
}

#[test]
fn one_token_gives_distinct_siblings_within_the_window() {
    let (lineage, first) = Lineage::START.present(place(0, 0), EAGER, GRACE, at(0));
    let (lineage, second) = lineage.present(place(0, 0), EAGER, GRACE, at(30_000));
    assert_eq!((issued(first), issued(second)), (place(1, 0), place(1, 1)));
    assert_eq!(lineage.generation, 0);
}

#[test]
fn the_expiry_slides_at_the_first_exchange_only() {
    let (lineage, first) = Lineage::START.present(place(0, 0), EAGER, GRACE, at(0));
    let (_, second) = lineage.present(place(0, 0), EAGER, GRACE, at(1));
    assert!(matches!(first, Step::Issue { slide: true, .. }));
    assert!(matches!(second, Step::Issue { slide: false, .. }));
}

#[test]
fn an_exchanged_token_after_its_window_is_a_recent_reuse() {
    let (lineage, _) = Lineage::START.present(place(0, 0), EAGER, GRACE, at(0));
    let (_, step) = lineage.present(place(0, 0), EAGER, GRACE, at(30_001));
    assert_eq!(step, Step::Reuse(ReuseSubtype::RecentPrev));
}

#[test]
fn a_child_within_the_quiet_period_is_echoed() {
    let (lineage, _) = Lineage::START.present(place(0, 0), EAGER, GRACE, at(0));
    assert_eq!(
        lineage.present(place(1, 0), EAGER, GRACE, at(29_999)),
        (lineage.with_child_seen(at(29_999)), Step::Reissue)
    );
    let (promoted, step) = lineage.present(place(1, 0), EAGER, GRACE, at(30_000));
    assert_eq!(issued(step), place(2, 0));
    assert_eq!(promoted.used(), place(1, 0));
}

#[test]
fn protocol_5_6_promotes_at_once() {
    let (lineage, _) = Lineage::START.present(place(0, 0), PROTOCOL_5_6, GRACE, at(0));
    let (promoted, step) = lineage.present(place(1, 0), PROTOCOL_5_6, GRACE, at(0));
    assert_eq!(issued(step), place(2, 0));
    assert_eq!(promoted.first_exchanged, Some(at(0)));
}

#[test]
fn a_sibling_of_the_one_in_use_is_an_orphaned_branch() {
    let (lineage, _) = Lineage::START.present(place(0, 0), PROTOCOL_5_6, GRACE, at(0));
    let (lineage, _) = lineage.present(place(0, 0), PROTOCOL_5_6, GRACE, at(1));
    let (lineage, _) = lineage.present(place(1, 1), PROTOCOL_5_6, GRACE, at(2));
    let (_, step) = lineage.present(place(1, 0), PROTOCOL_5_6, GRACE, at(3));
    assert_eq!(step, Step::Reuse(ReuseSubtype::OrphanedBranch));
}

#[test]
fn an_older_generation_is_a_stale_lineage_even_within_the_window() {
    let (lineage, _) = Lineage::START.present(place(0, 0), PROTOCOL_5_6, GRACE, at(0));
    let (lineage, _) = lineage.present(place(1, 0), PROTOCOL_5_6, GRACE, at(1));
    let (_, step) = lineage.present(place(0, 0), PROTOCOL_5_6, GRACE, at(2));
    assert_eq!(step, Step::Reuse(ReuseSubtype::StaleLineage));
}

#[test]
fn lazy_doors_set_no_deadline_and_slide_at_promotion_only() {
    let (lineage, step) = Lineage::START.present(place(0, 0), Rotation::Lazy, GRACE, at(0));
    assert!(matches!(step, Step::Issue { slide: false, .. }));
    assert_eq!(lineage.first_exchanged, None);
    let (lineage, step) = lineage.present(place(0, 0), Rotation::Lazy, GRACE, at(90_000_000));
    assert_eq!(issued(step), place(1, 1));
    let (lineage, step) = lineage.present(place(1, 0), Rotation::Lazy, GRACE, at(90_000_001));
    assert!(matches!(
        step,
        Step::Issue {
            slide: true,
            promoted: true,
            ..
        }
    ));
    assert_eq!(lineage.used(), place(1, 0));
}

#[test]
fn a_deadline_set_at_an_eager_door_holds_at_a_lazy_one() {
    let (lineage, _) = Lineage::START.present(place(0, 0), EAGER, GRACE, at(0));
    let (_, step) = lineage.present(place(0, 0), Rotation::Lazy, GRACE, at(30_001));
    assert_eq!(step, Step::Reuse(ReuseSubtype::RecentPrev));
}

#[test]
fn a_place_that_was_never_issued_is_not_theft() {
    for never in [place(1, 0), place(1, 7), place(2, 0), place(u32::MAX, 0)] {
        assert_eq!(
            Lineage::START.present(never, EAGER, GRACE, at(0)).1,
            Step::NeverIssued
        );
    }
}

#[test]
fn a_lost_answer_may_be_asked_for_again_however_late() {
    let mut lineage = Lineage::START;
    for (expected, after) in (0..).zip([0, 30_001, DAY, 90 * DAY]) {
        let (next, step) = lineage.present(place(0, 0), OWN, GRACE, at(after));
        assert!(matches!(step, Step::Issue { slide: true, .. }));
        assert_eq!(issued(step), place(1, expected));
        lineage = next;
    }
    // Any of the children may be the one that arrived.
    let (_, step) = lineage.present(place(1, 1), OWN, GRACE, at(91 * DAY));
    assert_eq!(issued(step), place(2, 0));
}

#[test]
fn grace_begins_when_a_child_is_first_seen() {
    let (lineage, _) = Lineage::START.present(place(0, 0), OWN, GRACE, at(0));
    let seen = lineage
        .with_child_seen(at(DAY))
        .with_child_seen(at(2 * DAY));
    let (_, step) = seen.present(place(0, 0), OWN, GRACE, at(DAY + 30_000));
    assert_eq!(issued(step), place(1, 1));
    let (_, step) = seen.present(place(0, 0), OWN, GRACE, at(DAY + 30_001));
    assert_eq!(step, Step::Reuse(ReuseSubtype::RecentPrev));
    // Where time supersedes it is too late long before.
    for rotation in [EAGER, PROTOCOL_5_6, Rotation::Lazy] {
        let (_, step) = lineage.present(place(0, 0), rotation, GRACE, at(30_001));
        assert_eq!(step, Step::Reuse(ReuseSubtype::RecentPrev));
    }
}

#[test]
fn the_quiet_period_counts_from_the_last_child() {
    let (lineage, _) = Lineage::START.present(place(0, 0), OWN, GRACE, at(0));
    let (lineage, _) = lineage.present(place(0, 0), OWN, GRACE, at(DAY));
    let (_, step) = lineage.present(place(1, 0), OWN, GRACE, at(DAY + 29_999));
    assert_eq!(step, Step::Reissue);
    let (_, step) = lineage.present(place(1, 0), OWN, GRACE, at(DAY + 30_000));
    assert_eq!(issued(step), place(2, 0));
    // Where time supersedes it counts from the first.
    let (_, step) = lineage.present(place(1, 0), EAGER, GRACE, at(DAY));
    assert_eq!(issued(step), place(2, 0));
}

/// Else whoever holds the parent could keep everyone in the quiet period for ever, and never be found.
#[test]
fn a_child_that_is_answered_with_itself_was_seen() {
    let (mut lineage, _) = Lineage::START.present(place(0, 0), OWN, GRACE, at(0));
    let mut now = 0;
    loop {
        now += 20_000;
        let (next, step) = lineage.present(place(0, 0), OWN, GRACE, at(now));
        if step == Step::Reuse(ReuseSubtype::RecentPrev) {
            break;
        }
        assert!(now < 100_000);
        lineage = next.present(place(1, 0), OWN, GRACE, at(now)).0;
    }
}

#[test]
fn what_belongs_to_another_generation_is_not_read_for_this_one() {
    let (first, _) = Lineage::START.present(place(0, 0), OWN, GRACE, at(0));
    let stored = first.with_child_seen(at(1));
    assert_eq!(stored.restored(Some((0, 1)), None), stored);
    // Older code has issued one more since.
    let more = Lineage {
        children: 2,
        ..stored
    };
    let read = more.restored(Some((0, 1)), Some(at(7)));
    assert_eq!(
        (read.last_issued, read.child_seen),
        (Some(at(7)), Some(at(1)))
    );
    // It has promoted and issued since, and left the times of the generation before.
    let ahead = Lineage {
        generation: 1,
        first_exchanged: Some(at(DAY)),
        ..stored
    };
    for of in [Some((0, 1)), None] {
        let read = ahead.restored(of, Some(at(DAY)));
        assert_eq!((read.last_issued, read.child_seen), (Some(at(DAY)), None));
    }
}
