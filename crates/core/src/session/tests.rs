//! Edges that the tests beside each part leave out: names that are stored, limits, and clocks that are set back.

use super::{
    call::{Gone, UserCall},
    facts::{Fact, GENERATION_LIMIT, LivenessCache},
    handle::{HandleKeys, MAX_HANDLE_BYTES, Subject, is_foreign},
    lineage::{Lineage, Rotation, Step, Superseding, TokenPosition},
    record::{CopyAction, Ending},
    refresh_token::{MAX_REFRESH_TOKEN_BYTES, TokenMaker, longest, parse},
};
use crate::refusal::ReuseSubtype;
use postern_jwt::{
    secret::Secret,
    time::{Millis, UnixMillis},
};

/// What docs/storage.md lists; rows of older versions hold them.
#[test]
fn names_in_storage_stay_what_they_are() {
    for (ending, name) in [
        (Ending::Expired, "expired"),
        (Ending::Revoked, "revoked"),
        (Ending::Theft, "theft"),
        (Ending::DeviceKeyMissing, "device_key_missing"),
        (Ending::Displaced, "displaced"),
    ] {
        assert_eq!(ending.name(), name);
        assert_eq!(Ending::from_name(name), Some(ending));
    }
    for (action, name) in [
        (CopyAction::Put, "put"),
        (CopyAction::Delete, "delete"),
        (CopyAction::DeleteAgain, "delete_again"),
    ] {
        assert_eq!(action.name(), name);
        assert_eq!(CopyAction::from_name(name), Some(action));
    }
    for unknown in ["", "Expired", "PUT", "xyzzy"] {
        assert_eq!(Ending::from_name(unknown), None);
        assert_eq!(CopyAction::from_name(unknown), None);
    }
}

/// Protocol 5.6 spells them so.
#[test]
fn names_on_the_wire_stay_what_they_are() {
    let all = [
        ReuseSubtype::RecentPrev,
        ReuseSubtype::OrphanedBranch,
        ReuseSubtype::StaleLineage,
    ];
    assert_eq!(
        all.map(ReuseSubtype::name),
        ["RECENT_PREV", "ORPHANED_BRANCH", "STALE_LINEAGE"]
    );
}

#[test]
fn each_way_of_being_gone_has_words_of_its_own() {
    let all = [
        Gone::NoSession,
        Gone::NotOurs,
        Gone::AntiCsrf,
        Gone::RotatedOut,
        Gone::ProtectedClaim,
        Gone::TicketUsed,
        Gone::TicketExpired,
        Gone::TooManyTickets,
    ]
    .map(Gone::message);
    for (at, message) in all.iter().enumerate() {
        assert!(
            message.contains(' ') && !all[..at].contains(message),
            "{message}"
        );
    }
}

#[test]
fn only_calls_that_leave_everything_as_it_is_say_so() {
    let handle = || "handle".to_owned();
    let read = |copy_lapsed| UserCall::ReadData {
        handle: handle(),
        copy_lapsed,
    };
    let list = UserCall::List {
        user_id: handle(),
        tenant_id: None,
    };
    for call in [
        UserCall::Check {
            handle: handle(),
            issued: None,
        },
        UserCall::ReadInformation { handle: handle() },
        read(false),
        list,
    ] {
        assert!(call.only_reads(), "{call:?}");
    }
    let write = UserCall::WriteData {
        handle: handle(),
        session_data: "{}".to_owned(),
        keep_for: None,
    };
    let revoke = UserCall::Revoke {
        handles: vec![handle()],
        keep_for: None,
        repeatable: false,
        by: None,
    };
    // A lapsed copy is renewed.
    for call in [read(true), write, revoke] {
        assert!(!call.only_reads(), "{call:?}");
    }
}

fn fact(as_of: u64) -> Fact {
    Fact {
        as_of: UnixMillis(as_of),
        data_seq: 0,
        ended: None,
    }
}

#[test]
fn facts_of_one_generation_are_all_known() {
    let mut facts = LivenessCache::default();
    for number in 0..100 {
        facts.note(&number.to_string(), fact(number));
    }
    for number in 0..100 {
        let known = facts.recall(&number.to_string(), Millis(1_000), UnixMillis(100));
        assert_eq!(known, Some(fact(number)));
    }
}

#[test]
fn a_fact_that_is_used_when_old_is_young_again() {
    let mut facts = LivenessCache::default();
    let fill = |facts: &mut LivenessCache, name: &str| {
        for number in 0..GENERATION_LIMIT {
            facts.note(&format!("{name}{number}"), fact(1));
        }
    };
    let known = |facts: &mut LivenessCache, handle: &str| {
        let fact = facts.recall(handle, Millis(1_000), UnixMillis(1));
        fact.is_some()
    };
    facts.note("used", fact(1));
    facts.note("unused", fact(1));
    fill(&mut facts, "a");
    assert!(known(&mut facts, "used"));
    fill(&mut facts, "b");
    assert!(known(&mut facts, "used"));
    assert!(!known(&mut facts, "unused"));
}

fn keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
}

#[test]
fn a_handle_may_be_as_long_as_the_limit_and_no_longer() {
    let around = keys().issue("u", "t", [0; 16]).as_str().len() - 1;
    let longest = keys().issue("u", &"t".repeat(MAX_HANDLE_BYTES - around), [0; 16]);
    assert_eq!(longest.as_str().len(), MAX_HANDLE_BYTES);
    assert_eq!(keys().check(longest.as_str()), Some(longest));
    let longer = keys().issue("u", &"t".repeat(MAX_HANDLE_BYTES - around + 1), [0; 16]);
    assert_eq!(keys().check(longer.as_str()), None);
}

#[test]
fn a_foreign_handle_is_told_by_its_beginning_and_has_no_tenant() {
    let foreign = keys().issue_foreign("a", Subject::of("u"), "s");
    assert!(is_foreign(foreign.as_str()));
    assert!(!is_foreign(keys().issue("u", "x", [0; 16]).as_str()));
    assert!(keys().check(foreign.as_str()).is_some());
    assert_eq!(keys().check(&format!("{}_acme", foreign.as_str())), None);
}

#[test]
fn the_longest_refresh_token_is_as_long_as_they_get() {
    let secret = Secret::new(vec![3; 32]);
    for handle in ["h", "a.b.c_acme", &"h".repeat(MAX_HANDLE_BYTES)] {
        let maker = TokenMaker {
            secret: &secret,
            others: &[],
            salt: "salt",
            handle,
        };
        let last = TokenPosition {
            generation: u32::MAX,
            index: u32::MAX,
        };
        assert_eq!(maker.token(last, true).len(), longest(handle));
        assert!(longest(handle) <= MAX_REFRESH_TOKEN_BYTES);
    }
}

#[test]
fn a_refresh_token_is_parsed_up_to_the_limit() {
    let of_length = |bytes: usize| format!("1.{}.0.0.mac", "h".repeat(bytes - "1..0.0.mac".len()));
    assert!(parse(&of_length(MAX_REFRESH_TOKEN_BYTES)).is_some());
    assert!(parse(&of_length(MAX_REFRESH_TOKEN_BYTES + 1)).is_none());
}

#[test]
fn without_a_quiet_period_a_child_is_exchanged_also_when_the_clock_was_set_back() {
    let rotation = Rotation::Eager {
        quiet: Millis(0),
        superseding: Superseding::ByTime,
    };
    let grace = Millis(30_000);
    let first = TokenPosition {
        generation: 0,
        index: 0,
    };
    let (lineage, _) = Lineage::START.present(first, rotation, grace, UnixMillis(1_000_000));
    let child = TokenPosition {
        generation: 1,
        index: 0,
    };
    let (_, step) = lineage.present(child, rotation, grace, UnixMillis(999_000));
    assert!(matches!(step, Step::Issue { .. }), "{step:?}");
}
