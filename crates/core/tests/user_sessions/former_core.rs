//! Sessions of a SuperTokens core that are taken over.

use postern_core::{
    refusal::ReuseSubtype,
    session::{
        call::{Create, RotationMode, UserCall, UserReply},
        listing::MadeBy,
        record::{Stored, UserStore},
    },
};
use postern_jwt::time::{Millis, UnixMillis};

use super::data;
use crate::support::{
    START,
    calls::{GONE, check, create, list, read, refresh, revoke_one, write},
    user::{User, handle, issued},
};

const YEAR: u64 = 365 * 86_400_000;

/// The session 1, created an hour ago, which ends in a year unless it is refreshed.
fn adopt() -> UserCall {
    let UserCall::Create(create) = create(&handle(1), "u1", "public", Some(r#"{"a":1}"#)) else {
        unreachable!();
    };
    UserCall::Adopt {
        create: Create {
            by_service_api: true,
            made_by: Some(MadeBy::FormerCore.name().to_owned()),
            ..create
        },
        created: UnixMillis(START - 3_600_000),
        expiry: UnixMillis(START + YEAR),
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
