//! What a user's object owes the authority on revocations: which endings, until when, and what a caller is told.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, and its helpers are seen by no one else"
)]

mod support;

use postern_core::{
    session::{
        call::{RotationMode, UserCall, UserReply},
        record::{CopyAction, Ending, Stored, UserStore},
        user::{copied, copy_now, due_reports, reported},
    },
    settings::SupersededBy,
};
use postern_jwt::time::Millis;
use support::{
    calls::{self, GONE},
    user::{User, handle},
};

const MINUTE: u64 = 60_000;

fn revoke(handle: &str, repeatable: bool) -> UserCall {
    UserCall::Revoke {
        handles: vec![handle.to_owned()],
        keep_for: Some(Millis(30 * MINUTE)),
        repeatable,
        by: None,
    }
}

fn revoke_all(tenant: Option<&str>, repeatable: bool) -> UserCall {
    calls::revoke_all("u1", tenant, repeatable)
}

fn write(n: u32) -> UserCall {
    calls::write(&handle(n), r#"{"a":1}"#)
}

fn check(n: u32) -> UserCall {
    calls::check(&handle(n))
}

fn out_of_reach() -> User {
    let user = User::new();
    user.reports_arrive.set(false);
    user
}

/// The handles of the reports that are due.
fn owed(user: &User) -> Vec<String> {
    let reports = due_reports(&user.store, user.now()).unwrap();
    reports.into_iter().map(|report| report.handle).collect()
}

fn finish_copy(user: &User, n: u32, accepted: bool) {
    let copy = copy_now(&user.store, &handle(n)).unwrap().unwrap();
    copied(&user.store, &handle(n), &copy, accepted, user.now()).unwrap();
}

#[test]
fn every_ending_but_expiry_is_reported_until_the_last_access_token_is_dead() {
    let mut user = out_of_reach();
    user.settings.access_token_jitter_permille = 0;
    user.settings.max_sessions_per_user = 3;
    user.settings.clock_tolerance = Millis(7_000);
    user.settings.refresh_token_superseded_by = SupersededBy::Time;
    let tokens = user.create(1);
    user.create(2);
    user.create(3);
    user.refresh_ok(&tokens, RotationMode::Own);
    user.advance(31_000);
    user.refresh(&tokens, RotationMode::Own); // theft
    user.call(revoke(&handle(2), true));
    user.create(4);
    user.create(5);
    user.create(6); // displaces 3
    user.call(revoke_all(None, true));
    let foreign = "x.idp.route.digest.tag";
    user.call(revoke(foreign, true));
    let reports = due_reports(&user.store, user.now()).unwrap();
    let mut handles: Vec<_> = reports.iter().map(|report| report.handle.clone()).collect();
    handles.sort();
    let mut expected: Vec<_> = (1..=6).map(handle).collect();
    expected.push(foreign.to_owned());
    assert_eq!(handles, expected);
    let of_theft = reports.iter().find(|report| report.handle == handle(1));
    let last_token_dies = 1_800_000_000_000 + 60 * MINUTE;
    assert_eq!(
        of_theft.unwrap().expires.0,
        last_token_dies + 7_000 + 10_000
    );
}

#[test]
fn an_expiry_is_not_reported() {
    let user = out_of_reach();
    user.create(1);
    user.advance(user.settings.refresh_token_validity.0 + 1);
    user.sweep();
    user.call(revoke(&handle(1), true));
    assert_eq!(owed(&user), Vec::<String>::new());
}

#[test]
fn a_session_without_living_tokens_and_without_a_copy_is_not_reported() {
    let user = out_of_reach();
    user.create(1);
    user.create(2);
    user.call(write(2));
    user.advance(user.settings.access_token_validity.0 + 10_001);
    user.call(revoke_all(None, true));
    assert_eq!(owed(&user), [handle(2)]);
}

#[test]
fn an_entry_outlasts_the_copy_whose_delete_is_late() {
    let user = out_of_reach();
    user.create(1);
    user.call(write(1));
    finish_copy(&user, 1, true);
    user.advance(59 * MINUTE);
    user.call(revoke(&handle(1), true));
    let mut known_until = 0;
    // KV is out for three hours; whatever the authority was told reaches beyond every moment of it.
    for _ in 0..180 {
        if let Some(report) = user.report(true).first() {
            known_until = report.expires.0;
        }
        assert!(known_until >= user.now.get() + 5 * MINUTE);
        assert!(user.store.revocation_task(&handle(1)).unwrap().is_some());
        finish_copy(&user, 1, false);
        user.advance(MINUTE);
    }
    finish_copy(&user, 1, true);
    if let Some(report) = user.report(true).first() {
        known_until = report.expires.0;
    }
    assert!(known_until >= user.now.get() + 10 * MINUTE);
    assert_eq!(owed(&user), Vec::<String>::new());
    assert_eq!(
        user.store.copy_task(&handle(1)).unwrap().unwrap().action,
        CopyAction::DeleteAgain
    );
}

#[test]
fn a_report_that_fails_is_repeated_until_it_is_taken_and_the_tombstone_waits_for_it() {
    let user = out_of_reach();
    user.create(1);
    user.call(revoke(&handle(1), true));
    let mut waits = Vec::new();
    for _ in 0..14 {
        assert_eq!(user.report(false).len(), 1);
        let due = user.store.next_due().unwrap().unwrap();
        waits.push(due.since(user.now()).0);
        user.call(revoke(&handle(1), true));
    }
    assert_eq!(waits[..3], [2_000, 4_000, 8_000]);
    assert_eq!(waits[13], 3_600_000);
    user.advance(30 * MINUTE);
    user.sweep();
    assert_eq!(user.store.tombstones(), 1);
    user.report(true);
    assert!(
        user.store
            .revocation_task(&handle(1))
            .unwrap()
            .unwrap()
            .recorded
    );
    assert_eq!(user.store.live_revocations(user.now()).unwrap(), 1);
    user.advance(30 * MINUTE + 10_001);
    user.report(true);
    assert_eq!(user.store.live_revocations(user.now()).unwrap(), 0);
    assert_eq!(user.store.tombstones(), 0);
}

#[test]
fn an_object_whose_reports_arrive_ends_up_empty() {
    let user = out_of_reach();
    for n in 1..=3 {
        user.create(n);
        user.call(write(n));
    }
    user.call(revoke_all(None, true));
    let mut alarms = 0;
    while let Some(due) = user.store.next_due().unwrap() {
        user.now.set(due.0.max(user.now.get() + 1));
        let due = user.sweep();
        for handle in due {
            let copy = copy_now(&user.store, &handle).unwrap().unwrap();
            copied(&user.store, &handle, &copy, alarms > 3, user.now()).unwrap();
        }
        user.report(alarms > 5);
        alarms += 1;
        assert!(alarms < 60);
    }
    assert!(user.store.is_empty());
}

#[test]
fn a_repeated_call_reports_the_same_handles_where_the_door_says_so() {
    let user = User::new();
    user.create(1);
    user.create_in(2, "acme");
    user.create(3);
    let list = |handles: &[u32]| UserReply::Handles {
        handles: handles.iter().map(|n| handle(*n)).collect(),
    };
    assert_eq!(user.call(revoke(&handle(1), true)), list(&[1]));
    assert_eq!(user.call(revoke(&handle(1), true)), list(&[1]));
    assert_eq!(user.call(revoke(&handle(1), false)), list(&[]));
    assert_eq!(user.call(revoke(&handle(9), true)), list(&[]));
    user.advance(1);
    for _ in 0..2 {
        assert_eq!(user.call(revoke_all(None, true)), list(&[2, 3]));
    }
    assert_eq!(user.call(revoke_all(Some("acme"), true)), list(&[2]));
    assert_eq!(user.call(revoke_all(None, false)), list(&[]));
    user.advance(1);
    user.create(4);
    for _ in 0..2 {
        assert_eq!(user.call(revoke_all(None, true)), list(&[4]));
    }
}

#[test]
fn what_no_caller_was_told_is_reported_again_at_every_door() {
    let user = out_of_reach();
    let list = |handles: &[u32]| UserReply::Handles {
        handles: handles.iter().map(|n| handle(*n)).collect(),
    };
    user.create(1);
    user.create(2);
    assert_eq!(user.call(revoke(&handle(1), false)), list(&[1]));
    user.report(false);
    assert_eq!(user.call(check(1)), GONE);
    assert_eq!(user.call(revoke(&handle(1), false)), list(&[1]));
    assert_eq!(
        owed(&user),
        [handle(1)],
        "the repeated call has it tried at once"
    );
    user.report(true);
    assert_eq!(user.call(revoke(&handle(1), false)), list(&[]));
    for _ in 0..2 {
        assert_eq!(user.call(revoke_all(None, false)), list(&[2]));
    }
    user.report(true);
    assert_eq!(user.call(revoke_all(None, false)), list(&[]));
}

#[test]
fn theft_and_displacement_are_no_revocation_of_the_callers() {
    let mut user = User::new();
    user.settings.max_sessions_per_user = 1;
    let tokens = user.create(1);
    user.create(2);
    assert_eq!(
        user.call(revoke(&handle(1), true)),
        UserReply::Handles { handles: vec![] }
    );
    assert_eq!(user.refresh(&tokens, RotationMode::Own), GONE);
}

#[test]
fn sessions_from_before_the_cut_off_have_ended_and_later_ones_have_not() {
    let user = out_of_reach();
    let old = user.create(1);
    user.call(write(1));
    user.create(2);
    user.advance(10);
    user.not_before.set(user.now.get());
    let fresh = user.create(3);
    assert_eq!(
        user.call(calls::list("u1")),
        UserReply::Handles {
            handles: vec![handle(3)]
        }
    );
    assert_eq!(user.refresh(&old, RotationMode::Own), GONE);
    assert_eq!(user.call(write(1)), GONE);
    assert_eq!(user.call(check(2)), GONE);
    user.refresh_ok(&fresh, RotationMode::Own);
    // Its copy goes, and the authority is told while its tokens live: not every isolate may have heard the number, and not
    // every token tells how old its session is.
    assert_eq!(
        user.store.copy_task(&handle(1)).unwrap().unwrap().action,
        CopyAction::Delete
    );
    assert_eq!(owed(&user), vec![handle(1), handle(2)]);
    // It stays ended for an isolate that does not know the cut-off yet.
    user.not_before.set(0);
    assert_eq!(user.refresh(&old, RotationMode::Own), GONE);
    assert_eq!(user.call(check(2)), GONE);
}

#[test]
fn an_entry_that_was_extended_while_it_was_reported_is_reported_again() {
    let user = out_of_reach();
    user.create(1);
    user.call(write(1));
    user.call(revoke(&handle(1), true));
    let on_its_way = due_reports(&user.store, user.now()).unwrap();
    user.advance(55 * MINUTE);
    finish_copy(&user, 1, true);
    reported(&user.store, &on_its_way, true, user.now()).unwrap();
    let report = user.report(true);
    assert!(report[0].expires.0 >= user.now.get() + 10 * MINUTE);
    assert!(
        user.store
            .revocation_task(&handle(1))
            .unwrap()
            .unwrap()
            .recorded
    );
}

#[test]
fn one_report_that_fails_beside_one_that_is_taken_leaves_nothing_due() {
    let user = out_of_reach();
    user.create(1);
    user.call(revoke(&handle(1), false));
    // Two at a time: the caller's, and the alarm's.
    let one = due_reports(&user.store, user.now()).unwrap();
    let two = due_reports(&user.store, user.now()).unwrap();
    assert_eq!((one.len(), two.len()), (1, 1));
    reported(&user.store, &one, true, user.now()).unwrap();
    reported(&user.store, &two, false, user.now()).unwrap();
    user.advance(MINUTE);
    assert_eq!(owed(&user), Vec::<String>::new());
    assert!(user.store.next_due().unwrap() > Some(user.now()));
}

#[test]
fn a_lost_answer_can_be_asked_for_again_for_ten_minutes() {
    let user = User::new();
    user.create(1);
    // No access token is left that the tombstone would have to outlast.
    user.advance(2 * user.settings.access_token_validity.0);
    let told = UserReply::Handles {
        handles: vec![handle(1)],
    };
    assert_eq!(user.call(revoke(&handle(1), true)), told);
    user.advance(10 * MINUTE - 1);
    user.sweep();
    assert_eq!(user.call(revoke(&handle(1), true)), told);
    user.advance(2);
    user.sweep();
    let nothing = UserReply::Handles {
        handles: Vec::new(),
    };
    assert_eq!(user.call(revoke(&handle(1), true)), nothing);
}

#[test]
fn it_is_kept_why_a_session_ended() {
    let user = out_of_reach();
    let why = |n: u32| match user.store.session(&handle(n)).unwrap() {
        Some(Stored::Ended(tombstone)) => tombstone.ending,
        other => panic!("expected a tombstone, got {other:?}"),
    };
    let nothing = UserReply::Handles {
        handles: Vec::new(),
    };
    // Asked to end them, it says that they had ended already.
    user.create(1);
    user.create(2);
    user.advance(1);
    user.not_before.set(user.now.get());
    assert_eq!(user.call(revoke(&handle(1), false)), nothing);
    assert_eq!(user.call(check(2)), GONE);
    assert_eq!((why(1), why(2)), (Ending::CutOff, Ending::CutOff));
    // One that began at the very moment is not one of those from before, also when it has expired since.
    user.create(3);
    user.create(4);
    user.advance(user.settings.refresh_token_validity.0);
    assert_eq!(user.call(revoke(&handle(3), false)), nothing);
    assert_eq!(user.call(check(4)), GONE);
    assert_eq!(why(3), Ending::Expired);
    let four = user.store.session(&handle(4)).unwrap();
    assert!(
        matches!(four, Some(Stored::Live(_))),
        "it waits for the alarm"
    );
}

#[test]
fn an_entry_that_lasts_to_the_moment_is_not_reported_anew() {
    // An entry outlasts the delete of the copy by ten minutes.
    for (left, reports) in [(10 * MINUTE, 0), (10 * MINUTE - 1, 1)] {
        let user = out_of_reach();
        user.create(1);
        user.call(write(1));
        user.call(revoke(&handle(1), true));
        let until = user.report(true)[0].expires;
        user.now.set(until.0 - left);
        finish_copy(&user, 1, true);
        assert_eq!(owed(&user).len(), reports, "{left}");
    }
}

#[test]
fn a_lower_limit_of_sessions_holds_from_the_next_one_on() {
    let mut user = User::new();
    let tokens: Vec<_> = (1..=4).map(|n| user.create(n)).collect();
    user.settings.max_sessions_per_user = 2;
    user.create(5);
    assert_eq!(
        user.call(calls::list("u1")),
        UserReply::Handles {
            handles: vec![handle(4), handle(5)]
        }
    );
    assert_eq!(user.refresh(&tokens[2], RotationMode::Own), GONE);
}

/// Whether KV takes the delete of the copy or not: it is no reason to tell the authority later.
#[test]
fn an_entry_that_nobody_was_told_is_due_whatever_becomes_of_the_copy() {
    for accepted in [true, false] {
        let user = out_of_reach();
        user.create(1);
        user.call(write(1));
        user.call(revoke(&handle(1), true));
        finish_copy(&user, 1, accepted);
        assert_eq!(owed(&user), [handle(1)], "{accepted}");
    }
}

#[test]
fn an_entry_that_was_taken_is_looked_at_before_its_time_only_while_the_copy_is_refused() {
    let user = out_of_reach();
    user.create(1);
    user.call(write(1));
    user.call(revoke(&handle(1), true));
    let expires = user.report(true)[0].expires;
    let due = |user: &User| user.store.revocation_task(&handle(1)).unwrap().unwrap().due;
    assert_eq!(due(&user), expires);
    for _ in 0..2 {
        finish_copy(&user, 1, false);
        assert_eq!(due(&user), expires.minus(Millis(10 * MINUTE)));
    }
    finish_copy(&user, 1, true);
    assert_eq!(due(&user), expires);
    // The second delete repeats one that was taken.
    finish_copy(&user, 1, false);
    assert_eq!(due(&user), expires);
}
