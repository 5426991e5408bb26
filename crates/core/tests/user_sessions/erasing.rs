//! Erasing what is stored about one person: everything goes, tokens that are out stay refused, others keep theirs.

use postern_core::session::{
    call::{UserCall, UserReply},
    record::{Stored, UserStore},
    user::ERASE_BATCH,
};
use postern_jwt::time::Millis;

use crate::support::{
    calls::{create, revoke_one},
    user::{User, handle},
};

fn erase(user: &User, user_id: Option<&str>) -> (Vec<String>, bool) {
    let call = UserCall::Erase {
        user_id: user_id.map(str::to_owned),
        keep_for: Some(Millis(60_000)),
    };
    match user.call(call) {
        UserReply::Erased { handles, goes_on } => (handles, goes_on),
        other => panic!("expected an erasure, got {other:?}"),
    }
}

#[test]
fn nothing_names_the_person_any_more_and_no_session_comes_back() {
    let user = User::new();
    let name = "person-who-leaves";
    for n in 1..=3 {
        user.call(create(&handle(n), name, "public", Some("{\"cart\":1}")));
    }
    user.call(create(&handle(4), "somebody-else", "public", None));
    user.call(revoke_one(&handle(3)));
    assert!(user.store.names(name));
    let (ended, goes_on) = erase(&user, Some(name));
    assert_eq!((ended.len(), goes_on), (2, false));
    assert!(!user.store.names(name));
    for n in 1..=3 {
        let stored = user.store.session(&handle(n)).unwrap();
        assert!(matches!(stored, Some(Stored::Ended(_))), "{n}: {stored:?}");
        assert_eq!(user.store.data(&handle(n)).unwrap(), None);
        assert!(user.store.revocation_task(&handle(n)).unwrap().is_some());
    }
    assert_eq!(user.store.pending_deletes(10).unwrap().len(), 3);
    assert!(user.store.names("somebody-else"));
    assert_eq!(erase(&user, Some(name)), (Vec::new(), false));
}

#[test]
fn a_session_that_expired_or_was_cut_off_is_erased_as_well() {
    let user = User::new();
    user.create(1);
    user.now.set(user.expiry(1).0 + 1);
    user.create(2);
    user.advance(10);
    user.not_before.set(user.now.get());
    let (ended, goes_on) = erase(&user, Some("u1"));
    assert_eq!((ended.len(), goes_on), (2, false));
    assert!(!user.store.names("\"u1\""));
}

#[test]
fn of_many_sessions_one_call_ends_a_batch_and_says_that_it_goes_on() {
    let user = User::with_settings(many());
    for n in 0..=ERASE_BATCH * 2 {
        user.create(n);
    }
    let mut calls = 0;
    let mut erased = 0;
    loop {
        let (ended, goes_on) = erase(&user, Some("u1"));
        assert!(ended.len() <= ERASE_BATCH as usize);
        (calls, erased) = (calls + 1, erased + ended.len());
        if !goes_on {
            break;
        }
    }
    assert_eq!(erased, (ERASE_BATCH * 2 + 1) as usize);
    assert!(calls <= 4, "{calls} calls");
    assert!(!user.store.names("\"u1\""));
}

#[test]
fn of_many_sessions_that_have_ended_before_nothing_is_left_either() {
    for retention in [Millis(0), Millis(3_600_000)] {
        let mut user = User::with_settings(many());
        user.settings.ended_session_retention = retention;
        for n in 0..=ERASE_BATCH * 2 {
            user.create(n);
            user.answer(revoke_one(&handle(n)));
        }
        while erase(&user, Some("u1")).1 {}
        assert!(!user.store.names("\"u1\""), "{retention:?}");
    }
}

fn many() -> postern_core::settings::Settings {
    use postern_core::settings::{RawValue, Settings};
    let text = |value: &str| RawValue::Text(value.to_owned());
    let values = [
        ("API_DOMAIN".to_owned(), text("http://127.0.0.1:8787")),
        ("MAX_SESSIONS_PER_USER".to_owned(), text("1000")),
    ];
    Settings::parse(&values).unwrap().0
}

#[test]
fn of_an_issuers_user_the_data_goes_and_the_tombstones_stay() {
    let user = User::new();
    let names = ["x.id.route.one.tag", "x.id.route.two.tag"];
    for name in names {
        user.call(UserCall::WriteData {
            handle: name.to_owned(),
            session_data: "{\"a\":1}".to_owned(),
            keep_for: Some(Millis(60_000)),
        });
    }
    let listed = |after: Option<&str>| {
        user.call(UserCall::ListForeign {
            after: after.map(str::to_owned),
        })
    };
    let handles = |names: &[&str]| UserReply::Handles {
        handles: names.iter().map(|&name| name.to_owned()).collect(),
    };
    assert_eq!(listed(None), handles(&names));
    assert_eq!(listed(Some(names[0])), handles(&names[1..]));
    assert_eq!(erase(&user, None).0.len(), 2);
    assert_eq!(listed(None), handles(&[]));
    for name in names {
        assert_eq!(user.store.data(name).unwrap(), None);
        assert!(matches!(
            user.store.foreign(name).unwrap(),
            Some(Stored::Ended(_))
        ));
    }
    assert_eq!(erase(&user, None), (Vec::new(), false));
}
