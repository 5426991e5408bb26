//! Edges that the tests beside each part leave out: names that are stored, limits, and clocks that are set back.

use super::{
    call::{Gone, UserCall, UserReply, UserRequest, UserResponse},
    facts::{Fact, GENERATION_LIMIT, LivenessCache},
    handle::{HandleKeys, MAX_HANDLE_BYTES, Subject, is_foreign},
    lineage::{Lineage, Rotation, Step, Superseding, TokenPosition},
    listing::MadeBy,
    minting::{AccessGrant, Minted, OWN_VERSION, claims},
    model::{Device, SessionView},
    record::{CopyAction, Ending},
    refresh_token::{MAX_REFRESH_TOKEN_BYTES, TokenMaker, longest, parse},
};
use crate::{
    message::{OLDEST, Unread, decode, encode},
    refusal::ReuseSubtype,
    tokens::access_token::complete,
};
use postern_jwt::{
    Algorithm, SigningAlgorithm,
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
    for (made_by, name) in [
        (MadeBy::Rpc, "rpc"),
        (MadeBy::ServiceApi, "service_api"),
        (MadeBy::Origin, "origin"),
        (MadeBy::Exchange, "exchange"),
        (MadeBy::FormerCore, "former_core"),
    ] {
        assert_eq!(made_by.name(), name);
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

#[test]
fn what_is_older_than_the_oldest_protocol_is_out_of_reach() {
    let asked = |protocol| {
        let request = UserRequest {
            protocol,
            not_before: UnixMillis(0),
            call: UserCall::ReadInformation {
                handle: "handle".to_owned(),
            },
        };
        decode::<UserRequest>(&encode(&request).unwrap()).map(|_| ())
    };
    let answered = |protocol| {
        let response = UserResponse {
            protocol,
            as_of: UnixMillis(0),
            reply: UserReply::Done {},
        };
        decode::<UserResponse>(&encode(&response).unwrap()).map(|_| ())
    };
    assert_eq!((asked(OLDEST), answered(OLDEST)), (Ok(()), Ok(())));
    let out_of_reach = Err(Unread::Unsupported);
    assert_eq!(
        (asked(OLDEST - 1), answered(OLDEST - 1)),
        (out_of_reach, out_of_reach)
    );
}

#[test]
fn one_fact_of_a_device_is_enough_to_be_kept() {
    let agent = || Some("agent".to_owned());
    let ip = || Some("192.0.2.1".to_owned());
    assert!(Device::of(agent(), None, None).is_some());
    assert!(Device::of(None, ip(), None).is_some());
    assert!(Device::of(None, None, Some("de")).is_some());
    assert_eq!(Device::of(None, None, None), None);
    assert_eq!(Device::of(None, None, Some("d!")), None);
}

/// An issuer's signal is taken once: no two of them share a name.
#[test]
fn the_name_of_a_signal_is_that_of_its_issuer_and_id() {
    let names = [("a", "1"), ("a", "2"), ("b", "1"), ("a1", "")]
        .map(|(issuer, id)| keys().signal_name(issuer, id));
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name));
    }
    assert_eq!(keys().signal_name("a", "1"), names[0]);
}

/// The longest tokens of a session are measured before it is made, with a signature of the same length.
#[test]
fn the_measured_token_is_as_long_as_the_one_that_is_made() {
    let now = UnixMillis(1_700_000_000_000);
    let session = SessionView {
        handle: "route.random.tag".to_owned(),
        user_id: "alice".to_owned(),
        tenant_id: "public".to_owned(),
        payload: r#"{"role":"reader"}"#.to_owned(),
    };
    let minted = |by_service_api| Minted {
        version: OWN_VERSION,
        by_service_api,
        anti_csrf: false,
        device: false,
        dpop_key: None,
        algorithm: SigningAlgorithm::ES256,
        key_id: "d-1",
        issuer: "https://auth.example",
    };
    for by_service_api in [false, true] {
        let lengths = minted(by_service_api).lengths(&session, now).unwrap();
        let hash = "a".repeat(64);
        let grant = AccessGrant {
            created: now,
            expiry: now,
            hash1: hash.clone(),
            parent_hash1: by_service_api.then_some(hash),
            anti_csrf_token: None,
            use_dynamic_key: true,
            by_service_api,
            session_created: (!by_service_api).then_some(now),
            generation: if by_service_api { 0 } else { u32::MAX },
            device: None,
            dpop_key: None,
        };
        let claims = claims(&session, &grant, OWN_VERSION, "https://auth.example");
        let algorithm = Algorithm::signed_with(SigningAlgorithm::ES256);
        let input = claims.signing_input(algorithm, "d-1").unwrap();
        assert_eq!(lengths.token, complete(OWN_VERSION, &input, &[0; 64]).len());
        assert!((session.payload.len()..lengths.token).contains(&lengths.payload));
    }
    // What only our own endpoints protect, the service API may set.
    let claiming = SessionView {
        payload: r#"{"cnf":{"jkt":"A"}}"#.to_owned(),
        ..session
    };
    assert!(minted(false).lengths(&claiming, now).is_err());
    assert!(minted(true).lengths(&claiming, now).is_ok());
}
