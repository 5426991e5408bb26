//! Lists of a user's sessions with their facts: live ones newest first, ended ones with when, why and by whom.

use postern_core::{
    session::{
        call::{RotationMode, UserCall, UserReply},
        listing::{Cursor, ListedSession, MAX_ENDED, PAGE},
        record::UserStore,
        user::SEEN_EVERY,
    },
    settings::{RawValue, Settings},
};

use crate::support::{
    START,
    calls::{create, revoke_one},
    user::{User, handle, issued},
};

fn page(
    user: &User,
    tenant: Option<&str>,
    after: Option<Cursor>,
    ended: bool,
) -> (Vec<ListedSession>, Option<Cursor>) {
    let call = UserCall::ListSessions {
        user_id: "u1".to_owned(),
        tenant_id: tenant.map(str::to_owned),
        after,
        ended,
    };
    match user.call(call) {
        UserReply::Sessions { sessions, next } => (sessions, next),
        other => panic!("expected a page, got {other:?}"),
    }
}

fn all(user: &User, ended: bool) -> Vec<ListedSession> {
    let (mut sessions, mut next) = page(user, None, None, ended);
    while let Some(after) = next {
        let (more, then) = page(user, None, Some(after), ended);
        sessions.extend(more);
        next = then;
    }
    sessions
}

fn reasons(user: &User) -> Vec<(String, String, Option<String>)> {
    let told = all(user, true).into_iter().map(|session| {
        let ended = session.ended.unwrap();
        (session.handle, ended.reason, ended.by)
    });
    told.collect()
}

fn settings(name: &str, value: &str) -> Settings {
    let text = |value: &str| RawValue::Text(value.to_owned());
    let values = [
        ("API_DOMAIN".to_owned(), text("http://127.0.0.1:8787")),
        (name.to_owned(), text(value)),
    ];
    Settings::parse(&values).unwrap().0
}

#[test]
fn every_session_is_on_exactly_one_page_newest_first() {
    let user = User::new();
    let many = PAGE * 2 + 3;
    for n in 0..many {
        user.create(n);
        // Some are made in one millisecond.
        user.advance(u64::from(n % 3));
    }
    let listed = all(&user, false);
    assert_eq!(listed.len(), many as usize);
    assert!(listed.is_sorted_by(|a, b| (a.created, &a.handle) > (b.created, &b.handle)));
    for n in 0..many {
        user.call(revoke_one(&handle(n)));
    }
    assert_eq!(all(&user, false), []);
    let ended = all(&user, true);
    assert_eq!(ended.len(), many as usize);
    // A page that is exactly full is the last when nothing follows.
    for n in 0..PAGE {
        user.create(many + n);
    }
    let (full, next) = page(&user, None, None, false);
    assert_eq!((full.len(), next), (PAGE as usize, None));
}

#[test]
fn an_ended_session_says_why_and_who_did_it() {
    let user = User::with_settings(settings("MAX_SESSIONS_PER_USER", "4"));
    let by = |by: &str| Some(by.to_owned());
    let revoke = |n: u32, by: Option<String>| {
        user.advance(1);
        user.call(UserCall::Revoke {
            handles: vec![handle(n)],
            keep_for: None,
            repeatable: false,
            by,
        });
    };
    for n in 1..=3 {
        user.create(n);
    }
    revoke(1, by("sign_out"));
    revoke(2, by("console"));
    revoke(3, None);
    let stolen = user.create(4);
    user.refresh_ok(&stolen, RotationMode::Eager);
    user.advance(31_000);
    user.refresh(&stolen, RotationMode::Eager);
    for n in 5..=9 {
        user.advance(1);
        user.create(n);
    }
    user.advance(1);
    user.call(UserCall::RevokeOthers {
        user_id: "u1".to_owned(),
        tenant_id: None,
        keep: handle(9),
        by: by("user"),
    });
    let told = |n: u32, reason: &str, by: Option<&str>| {
        (handle(n), reason.to_owned(), by.map(str::to_owned))
    };
    let mut found = reasons(&user);
    found.sort();
    assert_eq!(
        found,
        [
            told(1, "signed_out", None),
            told(2, "revoked", Some("console")),
            told(3, "revoked", None),
            told(4, "theft", None),
            told(5, "displaced", None),
            told(6, "revoked_with_all", Some("user")),
            told(7, "revoked_with_all", Some("user")),
            told(8, "revoked_with_all", Some("user")),
        ]
    );
    assert_eq!(all(&user, false).len(), 1);
}

/// Nobody has touched them, and the alarm has not come: the list says what is true all the same.
#[test]
fn what_ended_by_itself_is_listed_as_ended() {
    let user = User::new();
    user.create(1);
    user.advance(10);
    user.create(2);
    user.not_before.set(START + 5);
    assert_eq!(all(&user, false).len(), 1);
    let told = |n: u32, reason: &str| (handle(n), reason.to_owned(), None);
    assert_eq!(reasons(&user), [told(1, "cut_off")]);
    let expiry = user.expiry(2);
    user.advance(8_640_000_000 + 3_600_000);
    user.not_before.set(0);
    let ended = all(&user, true);
    assert_eq!(ended.len(), 1, "the other one's time is over");
    assert_eq!(ended[0].ended.as_ref().unwrap().time, expiry);
    assert_eq!(ended[0].ended.as_ref().unwrap().reason, "expired");
}

#[test]
fn ended_sessions_are_forgotten_after_the_stated_time_and_beyond_the_stated_number() {
    let user = User::with_settings(settings("ENDED_SESSION_RETENTION", "1d"));
    user.create(1);
    user.call(revoke_one(&handle(1)));
    user.advance(86_400_000 - 1);
    assert_eq!(all(&user, true).len(), 1);
    user.advance(1);
    assert_eq!(all(&user, true).len(), 0);
    user.sweep();
    assert!(user.store.is_empty(), "nothing of it is left");

    for n in 0..MAX_ENDED + 5 {
        user.create(n);
        user.advance(1);
        user.call(revoke_one(&handle(n)));
    }
    user.sweep();
    let ended = all(&user, true);
    assert_eq!(ended.len(), MAX_ENDED as usize);
    assert_eq!(ended.last().unwrap().handle, handle(5), "the oldest go");

    let none = User::with_settings(settings("ENDED_SESSION_RETENTION", "0s"));
    none.create(1);
    none.call(revoke_one(&handle(1)));
    assert_eq!(all(&none, true), []);
}

#[test]
fn a_list_is_of_one_user_and_where_asked_of_one_tenant() {
    let user = User::new();
    user.create_in(1, "t1");
    user.create_in(2, "t2");
    issued(user.call(create(&handle(3), "u2", "t1", None)));
    let handles = |tenant: Option<&str>| {
        let listed = page(&user, tenant, None, false).0.into_iter();
        listed.map(|session| session.handle).collect::<Vec<_>>()
    };
    assert_eq!(handles(None), [handle(2), handle(1)]);
    assert_eq!(handles(Some("t1")), [handle(1)]);
    assert_eq!(handles(Some("t3")), [] as [String; 0]);
    for n in 1..=3 {
        user.call(revoke_one(&handle(n)));
    }
    assert_eq!(page(&user, Some("t2"), None, true).0.len(), 1);
    assert_eq!(page(&user, None, None, true).0.len(), 2);
}

#[test]
fn seeing_a_user_is_written_down_once_in_a_while() {
    let user = User::new();
    user.create(1);
    let check = || {
        user.call(UserCall::Check {
            handle: handle(1),
            issued: None,
        })
    };
    let seen = || all(&user, false)[0].last_seen.0 - START;
    assert_eq!(seen(), 0);
    // The creation says as much.
    let before = user.store.clone();
    user.advance(SEEN_EVERY.0);
    check();
    assert_eq!(user.store, before, "nothing was written");
    user.advance(1);
    check();
    let first = SEEN_EVERY.0 + 1;
    assert_eq!(seen(), first);
    let before = user.store.clone();
    user.advance(SEEN_EVERY.0);
    check();
    assert_eq!(user.store, before, "nothing was written");
    user.advance(1);
    check();
    assert_eq!(seen(), 2 * first);
    // What an operator or a backend looks at is no request of the user.
    user.advance(SEEN_EVERY.0 * 2);
    user.call(UserCall::ReadInformation { handle: handle(1) });
    assert_eq!(seen(), 2 * first);
    assert_eq!(user.store.session(&handle(2)).unwrap(), None);
}

#[test]
fn whoever_knows_the_object_and_not_the_user_lists_the_same() {
    let user = User::new();
    let own = |ended| match user.call(UserCall::ListOwn { after: None, ended }) {
        UserReply::Sessions { sessions, next } => (sessions, next),
        other => panic!("expected a page, got {other:?}"),
    };
    assert_eq!(own(false), (Vec::new(), None));
    assert_eq!(own(true), (Vec::new(), None));
    for number in 1..=3 {
        issued(user.call(create(&handle(number), "u1", "public", None)));
    }
    user.call(revoke_one(&handle(2)));
    for ended in [false, true] {
        assert_eq!(own(ended), page(&user, None, None, ended));
    }
    assert_eq!((own(false).0.len(), own(true).0.len()), (2, 1));
    // Also of one who has only ended ones.
    for number in [1, 3] {
        user.call(revoke_one(&handle(number)));
    }
    assert_eq!((own(false).0.len(), own(true).0.len()), (0, 3));
}
