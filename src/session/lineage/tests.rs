//! The rotation rule, case by case. The model check over random schedules is in `tests/rotation_model.rs`.

use super::{Lineage, Place, Rotation, Step};
use crate::{
    session::model::ReuseSubtype,
    time::{Millis, UnixMillis},
};

const GRACE: Millis = Millis(30_000);
const EAGER: Rotation = Rotation::Eager {
    quiet: Millis(30_000),
};
const PROTOCOL_5_6: Rotation = Rotation::Eager { quiet: Millis(0) };

fn at(millis: u64) -> UnixMillis {
    UnixMillis(1_000_000 + millis)
}

fn place(generation: u32, index: u32) -> Place {
    Place { generation, index }
}

fn issued(step: Step) -> Place {
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
        (lineage, Step::Echo)
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
