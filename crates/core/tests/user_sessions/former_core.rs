//! Sessions of a SuperTokens core that are taken over.

use postern_core::{
    refusal::ReuseSubtype,
    session::{
        call::{Create, Gone, RotationMode, UserCall, UserReply, Verify},
        listing::MadeBy,
        record::{Stored, UserStore},
    },
};
use postern_jwt::{
    secret::Secret,
    time::{Millis, UnixMillis},
};

use super::data;
use crate::support::{
    START,
    calls::{GONE, check, create, list, read, refresh, revoke_one, write},
    user::{User, handle, issued},
};

const YEAR: u64 = 365 * 86_400_000;

fn adopt() -> UserCall {
    adopt_one(false, YEAR)
}

/// The session 1, created an hour ago, which ends after that time unless it is refreshed.
fn adopt_one(is_stolen: bool, life: u64) -> UserCall {
    let UserCall::Create(create) = create(&handle(1), "u1", "public", Some(r#"{"a":1}"#)) else {
        panic!("a creation");
    };
    UserCall::Adopt {
        create: Create {
            by_service_api: true,
            made_by: Some(MadeBy::FormerCore.name().to_owned()),
            ..create
        },
        created: UnixMillis(START - 3_600_000),
        expiry: UnixMillis(START + life),
        is_stolen,
    }
}

fn adopted(user: &User) -> String {
    issued(user.call(adopt())).1
}

#[test]
fn it_keeps_data_and_times_and_is_taken_over_once() {
    let user = User::new();
    let first = adopted(&user);
    assert_eq!(user.call(read(&handle(1))), data(r#"{"a":1}"#, 1));
    user.call(write(&handle(1), r#"{"a":2}"#));
    user.advance(1_000);
    assert_eq!(adopted(&user), first);
    assert_eq!(user.call(read(&handle(1))), data(r#"{"a":2}"#, 2));
    let Some(Stored::Live(record)) = user.store.session(&handle(1)).unwrap() else {
        panic!("it lives");
    };
    assert_eq!(record.created, UnixMillis(START - 3_600_000));
    assert_eq!(record.expiry, UnixMillis(START + YEAR));
    // A revocation is published for as long as access tokens of the core count.
    let longest = user.settings.access_token_validity;
    assert_eq!(record.access_expires_max, UnixMillis(START).plus(longest));
}

#[test]
fn however_often_its_token_is_exchanged_there_is_one_session_and_no_theft() {
    let user = User::new();
    let mode = RotationMode::Own;
    let children: Vec<String> = (0..3)
        .map(|_| issued(user.call(refresh(&adopted(&user), mode))).1)
        .collect();
    let UserReply::Handles { handles } = user.call(list("u1")) else {
        panic!("a list");
    };
    assert_eq!(handles, [handle(1)]);
    // The answer that the browser kept last is the one that goes on.
    user.advance(120_000);
    issued(user.call(refresh(&children[2], mode)));
    // Whoever comes with another child, or with the core's token, is somebody else.
    assert!(matches!(
        user.call(refresh(&adopted(&user), mode)),
        UserReply::Theft {
            subtype: ReuseSubtype::StaleLineage,
            ..
        }
    ));
    assert_eq!(user.call(check(&handle(1))), GONE);
}

#[test]
fn once_it_has_ended_here_it_is_not_taken_over_again_while_the_core_may_know_it() {
    let user = User::new();
    adopted(&user);
    user.call(revoke_one(&handle(1)));
    for _ in 0..10 {
        user.advance(YEAR / 11);
        user.sweep();
        assert_eq!(user.call(adopt()), GONE);
    }
}

#[test]
fn one_that_has_expired_or_is_older_than_the_cut_off_is_not_taken_over() {
    let user = User::new();
    user.not_before.set(START - 1_000);
    assert_eq!(user.call(adopt()), GONE);
    user.not_before.set(0);
    user.advance(YEAR);
    assert_eq!(user.call(adopt()), GONE);
    assert_eq!(user.store.session(&handle(1)).unwrap(), None);
}

#[test]
fn its_expiry_never_comes_nearer_when_it_is_refreshed() {
    let user = User::new();
    let child = issued(user.call(refresh(&adopted(&user), RotationMode::Lazy))).1;
    assert!(user.settings.refresh_token_validity < Millis(YEAR));
    issued(user.call(refresh(&child, RotationMode::Lazy)));
    let Some(Stored::Live(record)) = user.store.session(&handle(1)).unwrap() else {
        panic!("it lives");
    };
    assert_eq!(record.expiry, UnixMillis(START + YEAR));
}

#[test]
fn one_that_the_core_reports_as_stolen_ends_here_as_a_theft_whether_it_is_here_or_not() {
    for is_here in [false, true] {
        let user = User::new();
        user.store.publish_events();
        if is_here {
            adopted(&user);
        }
        let UserReply::Theft {
            handle: stolen,
            user_id,
            ..
        } = user.call(adopt_one(true, YEAR))
        else {
            panic!("a theft");
        };
        assert_eq!((stolen, user_id.as_str()), (handle(1), "u1"));
        let events = user.store.take_events();
        let names: Vec<_> = events.iter().map(|event| event.of.name()).collect();
        let expected = ["session.created", "session.theft", "session.ended"];
        assert_eq!(names, expected);
        for is_stolen in [false, true] {
            assert_eq!(user.call(adopt_one(is_stolen, YEAR)), GONE);
        }
    }
}

#[test]
fn until_it_is_refreshed_here_access_tokens_may_name_the_cores_refresh_token() {
    let user = User::new();
    let first = adopted(&user);
    let verify = |rotation_mode| {
        UserCall::Verify(Verify {
            handle: handle(1),
            hash1: "0".repeat(64),
            parent_hash1: None,
            payload: "{}".to_owned(),
            anti_csrf_token: None,
            check_database: true,
            rotation_mode,
        })
    };
    for mode in [RotationMode::Lazy, RotationMode::Eager, RotationMode::Own] {
        let reply = user.call(verify(mode));
        assert!(matches!(reply, UserReply::Live { .. }), "{reply:?}");
    }
    issued(user.call(refresh(&first, RotationMode::Eager)));
    let reply = user.call(verify(RotationMode::Eager));
    let rotated_out = UserReply::Unauthorised {
        reason: Gone::RotatedOut,
    };
    assert_eq!(reply, rotated_out);
}

#[test]
fn one_that_is_here_and_was_not_refreshed_follows_the_core_and_the_key_ring() {
    let mut user = User::new();
    adopted(&user);
    let first = issued(user.call(adopt_one(false, 2 * YEAR))).1;
    assert_eq!(user.expiry(1), UnixMillis(START + 2 * YEAR));
    user.secrets = vec![(2, Secret::new(vec![12; 32]))];
    user.anti_csrf_keys = vec![(2, Secret::new(vec![22; 32]))];
    let with_newest = issued(user.call(adopt_one(false, 2 * YEAR))).1;
    assert_ne!(with_newest, first);
    let first = with_newest;
    user.advance(YEAR);
    issued(user.call(refresh(&first, RotationMode::Own)));
    let Some(Stored::Live(record)) = user.store.session(&handle(1)).unwrap() else {
        panic!("it lives");
    };
    assert_eq!(record.expiry, UnixMillis(START + 2 * YEAR));
    // Once it is refreshed here, the core has no say.
    user.call(adopt_one(false, 3 * YEAR));
    user.advance(YEAR);
    assert_eq!(user.call(check(&handle(1))), GONE);
}

#[test]
fn it_lives_no_longer_than_the_setting_lets_any_session() {
    let mut user = User::new();
    user.settings.session_absolute_lifetime = Some(Millis(2 * 3_600_000));
    adopted(&user);
    user.advance(3_600_000 - 1);
    adopted(&user);
    user.advance(1);
    assert_eq!(user.call(adopt()), GONE);
}

#[test]
fn one_that_is_older_than_as_many_as_a_user_may_have_ends_at_once() {
    let mut user = User::new();
    user.settings.max_sessions_per_user = 1;
    user.call(create(&handle(2), "u1", "public", None));
    assert_eq!(user.call(adopt()), GONE);
    assert!(matches!(
        user.call(check(&handle(2))),
        UserReply::Live { .. } | UserReply::NotEnded { .. }
    ));
}

#[test]
fn until_it_is_refreshed_here_its_end_is_told_for_as_long_as_the_core_may_have_made_tokens() {
    let user = User::new();
    adopted(&user);
    user.advance(1_800_000);
    user.call(revoke_one(&handle(1)));
    let task = user.store.revocation_task(&handle(1)).unwrap().unwrap();
    let longest = user.settings.access_token_validity;
    assert!(
        task.expires >= UnixMillis(START + 1_800_000).plus(longest),
        "{task:?}"
    );
}
