//! The use cases of a user's object, over the memory store: what may change what, and what is never resurrected.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, and its helpers are seen by no one else"
)]

#[path = "user_sessions/access_tokens.rs"]
mod access_tokens;
#[path = "user_sessions/devices.rs"]
mod devices;
#[path = "user_sessions/dpop.rs"]
mod dpop;
#[path = "user_sessions/edges.rs"]
mod edges;
#[path = "user_sessions/erasing.rs"]
mod erasing;
#[path = "user_sessions/events.rs"]
mod events;
#[path = "user_sessions/former_core.rs"]
mod former_core;
#[path = "user_sessions/listing.rs"]
mod listing;
#[path = "user_sessions/secrets.rs"]
mod secrets;
#[path = "user_sessions/subjects.rs"]
mod subjects;
mod support;
#[path = "user_sessions/tickets.rs"]
mod tickets;

use postern_core::{
    refusal::ReuseSubtype,
    session::{
        call::{Gone, Refresh, RotationMode, UserCall, UserReply},
        record::{CopyAction, UserStore},
        user::{Copy, copied, copy_now},
    },
};
use postern_jwt::{
    secret::AntiCsrfToken,
    time::{Millis, UnixMillis},
};
use support::{
    calls::{GONE, read, revoke_one as revoke, write},
    user::{User, handle, issued},
};

fn data(text: &str, seq: u64) -> UserReply {
    UserReply::Data {
        session_data: text.to_owned(),
        seq,
    }
}

#[test]
fn a_session_that_never_stored_data_reads_as_an_empty_object() {
    let user = User::new();
    user.create(1);
    assert_eq!(user.call(read(&handle(1))), data("{}", 0));
    assert_eq!(
        user.store.next_due().unwrap(),
        Some(UnixMillis(
            user.now.get() + user.settings.refresh_token_validity.0 + 1
        ))
    );
}

#[test]
fn overwriting_replaces_the_whole_value_and_queues_one_copy() {
    let user = User::new();
    user.create(1);
    user.call(write(&handle(1), r#"{"a":1}"#));
    assert_eq!(
        user.call(write(&handle(1), r#"{"b":2}"#)),
        UserReply::Written { seq: 2 }
    );
    assert_eq!(user.call(read(&handle(1))), data(r#"{"b":2}"#, 2));
    let Some(Copy::Put { text, seq, .. }) = copy_now(&user.store, &handle(1)).unwrap() else {
        panic!()
    };
    assert_eq!((text.as_str(), seq), (r#"{"b":2}"#, 2));
}

#[test]
fn unknown_expired_and_revoked_handles_are_refused_and_nothing_is_created() {
    let user = User::new();
    assert_eq!(user.call(write(&handle(1), "{}")), GONE);
    assert_eq!(user.call(read(&handle(1))), GONE);
    assert!(user.store.is_empty());
    user.create(1);
    user.create(2);
    user.call(revoke(&handle(1)));
    user.advance(user.settings.refresh_token_validity.0);
    for n in [1, 2] {
        assert_eq!(user.call(write(&handle(n), r#"{"late":1}"#)), GONE);
        assert_eq!(user.call(read(&handle(n))), GONE);
        assert_eq!(user.store.data(&handle(n)).unwrap(), None);
    }
}

#[test]
fn a_write_that_lands_after_the_end_is_followed_by_two_deletes() {
    let user = User::new();
    user.create(1);
    user.call(write(&handle(1), r#"{"a":1}"#));
    let put = copy_now(&user.store, &handle(1)).unwrap().unwrap();
    user.call(revoke(&handle(1)));
    copied(&user.store, &handle(1), &put, true, user.now()).unwrap();
    assert_eq!(
        copy_now(&user.store, &handle(1)).unwrap(),
        Some(Copy::Delete)
    );
    copied(&user.store, &handle(1), &Copy::Delete, true, user.now()).unwrap();
    let again = user.store.copy_task(&handle(1)).unwrap().unwrap();
    assert_eq!(
        (again.action, again.due),
        (CopyAction::DeleteAgain, user.now().plus(Millis(120_000)))
    );
    copied(&user.store, &handle(1), &Copy::Delete, true, again.due).unwrap();
    assert_eq!(user.store.copy_task(&handle(1)).unwrap(), None);
}

#[test]
fn a_refused_copy_is_tried_again_later_and_later() {
    let user = User::new();
    user.create(1);
    user.call(write(&handle(1), r#"{"a":1}"#));
    let mut waits = Vec::new();
    for _ in 0..14 {
        let put = copy_now(&user.store, &handle(1)).unwrap().unwrap();
        copied(&user.store, &handle(1), &put, false, user.now()).unwrap();
        waits.push(
            user.store
                .copy_task(&handle(1))
                .unwrap()
                .unwrap()
                .due
                .since(user.now())
                .0,
        );
    }
    assert_eq!(&waits[..3], [2_000, 4_000, 8_000]);
    assert_eq!(waits[13], 3_600_000);
}

#[test]
fn an_older_write_that_is_acknowledged_late_leaves_the_newer_one_queued() {
    let user = User::new();
    user.create(1);
    user.call(write(&handle(1), r#"{"a":1}"#));
    let first = copy_now(&user.store, &handle(1)).unwrap().unwrap();
    user.call(write(&handle(1), r#"{"a":2}"#));
    copied(&user.store, &handle(1), &first, true, user.now()).unwrap();
    assert!(matches!(
        copy_now(&user.store, &handle(1)).unwrap(),
        Some(Copy::Put { seq: 2, .. })
    ));
}

#[test]
fn a_refresh_renews_a_copy_that_has_spent_half_its_life() {
    let user = User::new();
    let mut tokens = user.create(1);
    user.call(write(&handle(1), r#"{"a":1}"#));
    let put = copy_now(&user.store, &handle(1)).unwrap().unwrap();
    copied(&user.store, &handle(1), &put, true, user.now()).unwrap();
    tokens = user.refresh_ok(&tokens, RotationMode::Own);
    assert_eq!(user.store.copy_task(&handle(1)).unwrap(), None);
    user.advance(user.settings.refresh_token_validity.0 * 2 / 3);
    user.refresh_ok(&tokens, RotationMode::Own);
    assert!(user.store.copy_task(&handle(1)).unwrap().is_some());
}

#[test]
fn a_reader_who_finds_no_copy_has_it_renewed_only_if_there_is_data() {
    let user = User::new();
    user.create(1);
    user.call(UserCall::ReadData {
        handle: handle(1),
        copy_lapsed: true,
    });
    assert_eq!(user.store.copy_task(&handle(1)).unwrap(), None);
    user.call(write(&handle(1), r#"{"a":1}"#));
    user.store.clear_copy(&handle(1)).unwrap();
    user.call(UserCall::ReadData {
        handle: handle(1),
        copy_lapsed: true,
    });
    assert!(user.store.copy_task(&handle(1)).unwrap().is_some());
}

#[test]
fn the_alarm_ends_expired_sessions_and_leaves_nothing_behind() {
    let user = User::new();
    user.create(1);
    user.call(write(&handle(1), r#"{"a":1}"#));
    let put = copy_now(&user.store, &handle(1)).unwrap().unwrap();
    copied(&user.store, &handle(1), &put, true, user.now()).unwrap();
    let mut alarms = 0;
    while let Some(due) = user.store.next_due().unwrap() {
        assert!(due > user.now(), "an alarm in the past would never stop");
        user.now.set(due.0);
        for handle in user.sweep() {
            let copy = copy_now(&user.store, &handle).unwrap().unwrap();
            copied(&user.store, &handle, &copy, true, user.now()).unwrap();
        }
        alarms += 1;
        assert!(alarms < 10);
    }
    assert!(user.store.is_empty());
}

#[test]
fn the_oldest_session_makes_room() {
    let mut user = User::new();
    user.settings.max_sessions_per_user = 2;
    for n in 1..=3 {
        user.create(n);
        user.advance(10);
    }
    assert_eq!(user.call(read(&handle(1))), GONE);
    let list = UserCall::List {
        user_id: "u1".to_owned(),
        tenant_id: None,
    };
    assert_eq!(
        user.call(list),
        UserReply::Handles {
            handles: vec![handle(2), handle(3)]
        }
    );
}

#[test]
fn revoking_reports_only_what_it_ended() {
    let user = User::new();
    user.create(1);
    let both = UserCall::Revoke {
        handles: vec![handle(1), handle(2), handle(1)],
        keep_for: None,
        repeatable: false,
        by: None,
    };
    assert_eq!(
        user.call(both),
        UserReply::Handles {
            handles: vec![handle(1)]
        }
    );
    assert_eq!(
        user.call(revoke(&handle(1))),
        UserReply::Handles { handles: vec![] }
    );
}

#[test]
fn a_user_is_listed_and_revoked_across_tenants_or_in_one() {
    let user = User::new();
    user.create(1);
    user.create_in(2, "acme");
    let of = |tenant: Option<&str>| UserCall::List {
        user_id: "u1".to_owned(),
        tenant_id: tenant.map(str::to_owned),
    };
    let all_of = |tenant: Option<&str>| UserCall::RevokeAll {
        user_id: "u1".to_owned(),
        tenant_id: tenant.map(str::to_owned),
        repeatable: false,
        by: None,
    };
    assert_eq!(
        user.call(of(Some("acme"))),
        UserReply::Handles {
            handles: vec![handle(2)]
        }
    );
    assert_eq!(
        user.call(all_of(Some("acme"))),
        UserReply::Handles {
            handles: vec![handle(2)]
        }
    );
    user.create_in(3, "acme");
    assert_eq!(
        user.call(all_of(None)),
        UserReply::Handles {
            handles: vec![handle(1), handle(3)]
        }
    );
    assert_eq!(user.call(of(None)), UserReply::Handles { handles: vec![] });
}

#[test]
fn another_user_in_the_same_object_is_never_touched() {
    let user = User::new();
    user.create(1);
    let other = UserCall::RevokeAll {
        user_id: "u2".to_owned(),
        tenant_id: None,
        repeatable: false,
        by: None,
    };
    assert_eq!(user.call(other), UserReply::Handles { handles: vec![] });
    assert_eq!(user.call(read(&handle(1))), data("{}", 0));
}

#[test]
fn theft_ends_the_session_and_names_who_and_which() {
    let user = User::new();
    let first = user.create(1);
    let (access, _) = issued(user.refresh(&first, RotationMode::Own));
    user.call(UserCall::NoteUse {
        handle: handle(1),
        hash1: access.hash1,
    });
    user.advance(31_000);
    let theft = user.refresh(&first, RotationMode::Own);
    let expected = UserReply::Theft {
        country: None,
        handle: handle(1),
        user_id: "u1".to_owned(),
        subtype: ReuseSubtype::RecentPrev,
    };
    assert_eq!(theft, expected);
    assert_eq!(user.call(read(&handle(1))), GONE);
    assert_eq!(user.refresh(&first, RotationMode::Own), GONE);
}

#[test]
fn bytes_that_we_did_not_issue_touch_nothing() {
    let user = User::new();
    let first = user.create(1);
    let before = user.store.clone();
    let (head, mac) = first.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", mac.chars().rev().collect::<String>());
    assert_eq!(
        user.refresh(&forged, RotationMode::Own),
        UserReply::Unauthorised {
            reason: Gone::NotOurs
        }
    );
    assert_eq!(
        user.refresh("nonsense", RotationMode::Own),
        UserReply::Unauthorised {
            reason: Gone::NotOurs
        }
    );
    assert!(user.store == before);
}

#[test]
fn the_expiry_slides_up_to_the_absolute_lifetime() {
    let mut user = User::new();
    user.settings.refresh_token_validity = Millis(100_000);
    user.settings.session_absolute_lifetime = Some(Millis(150_000));
    let start = user.now();
    let mut tokens = user.create(1);
    for _ in 0..3 {
        user.advance(40_000);
        tokens = user.refresh_ok(&tokens, RotationMode::Eager);
        assert!(user.expiry(1) <= start.plus(Millis(150_000)));
    }
    assert_eq!(user.expiry(1), start.plus(Millis(150_000)));
    user.advance(40_000);
    assert_eq!(user.refresh(&tokens, RotationMode::Eager), GONE);
}

#[test]
fn a_foreign_session_exists_by_its_handle_alone_until_it_is_revoked() {
    let user = User::new();
    let handle = "x.idp.route.digest.tag";
    let keep = Some(Millis(1_000));
    let foreign_write = |text: &str| UserCall::WriteData {
        handle: handle.to_owned(),
        session_data: text.to_owned(),
        keep_for: keep,
    };
    assert_eq!(user.call(read(handle)), data("{}", 0));
    assert!(user.store.is_empty());
    assert_eq!(
        user.call(foreign_write(r#"{"a":1}"#)),
        UserReply::Written { seq: 1 }
    );
    user.advance(900);
    user.call(foreign_write(r#"{"a":2}"#));
    user.advance(900);
    assert_eq!(user.call(read(handle)), data(r#"{"a":2}"#, 2));
    user.advance(200);
    assert_eq!(user.call(read(handle)), data("{}", 2));
    user.call(UserCall::Revoke {
        handles: vec![handle.to_owned()],
        keep_for: keep,
        repeatable: false,
        by: None,
    });
    assert_eq!(user.call(read(handle)), GONE);
    assert_eq!(user.call(foreign_write("{}")), GONE);
}

#[test]
fn a_new_handle_that_exists_changes_nothing() {
    let user = User::new();
    user.create(1);
    let before = user.store.clone();
    assert!(user.try_create(1, "public").is_err());
    assert!(user.store == before);
}

#[test]
fn an_ended_session_keeps_its_tombstone_until_its_last_access_token_is_dead() {
    let user = User::new();
    user.create(1);
    user.call(revoke(&handle(1)));
    user.sweep();
    assert_eq!(user.store.tombstones(), 1);
    user.advance(user.settings.access_token_validity.0 + 10_001);
    user.report(true);
    assert_eq!(user.store.tombstones(), 0);
}

#[test]
fn a_refresh_that_does_not_say_keeps_the_binding_to_an_anti_csrf_token() {
    let user = User::new();
    let refresh = |token: &str, presented: Option<&str>, anti_csrf| {
        let reply = user.call(UserCall::Refresh(Refresh {
            token: token.to_owned(),
            anti_csrf_token: presented.map(str::to_owned),
            check_anti_csrf: true,
            anti_csrf,
            rotation_mode: RotationMode::Eager,
            use_dynamic_key: None,
            protected_claims: Vec::new(),
            access_token_validity: None,
            device: None,
            proof: None,
        }));
        match reply {
            UserReply::Issued {
                access, refresh, ..
            } => Ok((refresh.token, access.anti_csrf_token)),
            other => Err(Box::new(other)),
        }
    };
    let (unbound, none) = refresh(&user.create(1), Some("a stray one"), None).unwrap();
    assert_eq!(none, None);
    let (bound, first) = refresh(&unbound, None, Some(true)).unwrap();
    assert!(first.is_some());
    let refused = Err(Box::new(UserReply::Unauthorised {
        reason: Gone::AntiCsrf,
    }));
    assert_eq!(refresh(&bound, None, None), refused);
    let (_, second) = refresh(&bound, first.as_ref().map(AntiCsrfToken::expose), None).unwrap();
    assert!(second.is_some());
}
