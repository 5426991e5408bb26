//! Sessions over a rotation of the key ring's secrets, at the object: what was made before goes on, and is followed by what the
//! newest secret makes.

use postern_core::session::{
    call::{Carried, DeviceShown, Gone, Refresh, UserCall, UserReply},
    record::{SessionRecord, Stored, UserStore},
};
use postern_jwt::{
    proof::Thumbprint,
    secret::{AntiCsrfToken, Secret},
    time::UnixMillis,
};

use crate::support::{
    calls::{ROTATION_MODES, refresh},
    user::{User, handle, issued},
};

fn rotate(user: &mut User) {
    let number = user.secrets.len() as u32 + 1;
    user.secrets
        .push((number, Secret::new(vec![number as u8 + 10; 32])));
    user.anti_csrf_keys
        .push((number, Secret::new(vec![number as u8 + 20; 32])));
}

fn live(user: &User) -> SessionRecord {
    match user.store.session(&handle(1)).unwrap() {
        Some(Stored::Live(record)) => record,
        other => panic!("{other:?}"),
    }
}

fn secret_number(user: &User) -> u32 {
    live(user).secret_number
}

#[test]
fn a_token_from_before_refreshes_and_its_successor_is_made_with_the_newest_secret() {
    for mode in ROTATION_MODES {
        let mut user = User::new();
        let before = user.create(1);
        rotate(&mut user);
        let after = user.refresh_ok(&before, mode);
        assert_eq!(secret_number(&user), 2, "{mode:?}");
        // The answer was lost, and is asked for again with the token from before.
        let again = user.refresh_ok(&before, mode);
        user.advance(60_000);
        let next = user.refresh_ok(&after, mode);
        assert!(![&before, &after, &again].contains(&&next));
        // The old secret is dropped: what was refreshed since goes on without it.
        user.secrets.remove(0);
        user.anti_csrf_keys.remove(0);
        user.advance(60_000);
        user.refresh_ok(&next, mode);
    }
}

#[test]
fn a_thief_is_found_over_a_rotation() {
    for mode in ROTATION_MODES {
        let mut user = User::new();
        let stolen = user.create(1);
        let first = user.refresh_ok(&stolen, mode);
        rotate(&mut user);
        let second = user.refresh_ok(&first, mode);
        user.advance(60_000);
        let third = user.refresh_ok(&second, mode);
        user.refresh_ok(&third, mode);
        let reply = user.refresh(&stolen, mode);
        assert!(
            matches!(reply, UserReply::Theft { .. }),
            "{mode:?}: {reply:?}"
        );
    }
}

#[test]
fn an_anti_csrf_token_from_before_counts_and_one_of_no_key_does_not() {
    for mode in ROTATION_MODES {
        let mut user = User::new();
        let bound = |token: &str, anti_csrf: Option<&AntiCsrfToken>| match refresh(token, mode) {
            UserCall::Refresh(call) => UserCall::Refresh(Refresh {
                check_anti_csrf: true,
                anti_csrf: Some(true),
                anti_csrf_token: anti_csrf.map(|token| token.expose().to_owned()),
                ..call
            }),
            other => panic!("{other:?}"),
        };
        let plain = user.create(1);
        let (access, before) = issued(user.call(bound(&plain, None)));
        let old = access.anti_csrf_token.unwrap();
        rotate(&mut user);
        let (access, after) = issued(user.call(bound(&before, Some(&old))));
        let new = access.anti_csrf_token.unwrap();
        assert_ne!(old, new);
        let (access, last) = issued(user.call(bound(&after, Some(&new))));
        assert!(access.anti_csrf_token.is_some());
        let wrong = AntiCsrfToken::new("wrong".to_owned());
        let refused = user.call(bound(&last, Some(&wrong)));
        let reason = Gone::AntiCsrf;
        assert_eq!(refused, UserReply::Unauthorised { reason });
        // Its key is dropped, and with it what it made.
        user.anti_csrf_keys.remove(0);
        let refused = user.call(bound(&last, Some(&old)));
        assert_eq!(refused, UserReply::Unauthorised { reason });
    }
}

#[test]
fn an_object_that_does_not_know_the_secret_of_a_session_yet_refuses_nobody() {
    for mode in ROTATION_MODES {
        let mut user = User::new();
        let older = user.secrets.clone();
        rotate(&mut user);
        let token = user.create(1);
        user.secrets = older;
        assert!(user.try_call(refresh(&token, mode)).is_err());
        // And a token that nobody made is refused as ever.
        rotate(&mut user);
        let reply = user.refresh(&format!("{token}x"), mode);
        let reason = Gone::NotOurs;
        assert_eq!(reply, UserReply::Unauthorised { reason });
        user.refresh_ok(&token, mode);
    }
}

#[test]
fn a_token_of_a_dropped_secret_is_unauthorised_and_no_fault() {
    for mode in ROTATION_MODES {
        let mut user = User::new();
        let token = user.create(1);
        rotate(&mut user);
        user.secrets.remove(0);
        let reply = user.refresh(&token, mode);
        let reason = Gone::NotOurs;
        assert_eq!(reply, UserReply::Unauthorised { reason }, "{mode:?}");
        // Also where an older one is kept for longer than one that followed it.
        let mut user = User::new();
        rotate(&mut user);
        let token = user.create(1);
        rotate(&mut user);
        user.secrets.remove(1);
        let reply = user.refresh(&token, mode);
        assert_eq!(reply, UserReply::Unauthorised { reason }, "{mode:?}");
    }
}

/// The proof of a device, for which a new access token is wanted: whether there is one.
fn is_renewed(user: &User, key: Thumbprint, challenge: &str) -> bool {
    let reply = user.call(UserCall::ProveDevice {
        handle: handle(1),
        thumbprint: key,
        challenge: challenge.to_owned(),
        expires: UnixMillis(user.now.get() + 120_000),
        renew: true,
    });
    match reply {
        UserReply::Live { access, .. } => access.is_some(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn proofs_of_a_device_prolong_no_session_of_an_older_secret() {
    for mode in ROTATION_MODES {
        let mut user = User::new();
        let before = user.create(1);
        let key = Thumbprint::parse(&"A".repeat(43)).unwrap();
        let bound = user.call(UserCall::BindDevice {
            handle: handle(1),
            thumbprint: key,
            key: r#"{"kty":"EC"}"#.to_owned(),
            carried: Carried {
                expiry: UnixMillis(user.now.get() + 1_000),
                hash1: "h".to_owned(),
                parent_hash1: None,
                anti_csrf_token: None,
                device: None,
            },
        });
        assert!(matches!(bound, UserReply::Live { .. }));
        assert!(is_renewed(&user, key, "a"));
        let expiry = live(&user).expiry;
        rotate(&mut user);
        user.advance(60_000);
        assert!(!is_renewed(&user, key, "b"), "{mode:?}");
        // So it has ended when the older secret is dropped, unless it is refreshed: then it is prolonged again.
        assert_eq!((live(&user).expiry, secret_number(&user)), (expiry, 1));
        let cookie = user.device_keys().cookie(&handle(1), key, user.now());
        let call = match refresh(&before, mode) {
            UserCall::Refresh(call) => UserCall::Refresh(Refresh {
                device: Some(DeviceShown {
                    cookie,
                    is_excused: false,
                }),
                ..call
            }),
            other => panic!("{other:?}"),
        };
        let (_, after) = issued(user.call(call));
        user.secrets.remove(0);
        user.advance(60_000);
        let expiry = live(&user).expiry;
        assert!(is_renewed(&user, key, "c"), "{mode:?}");
        assert!(live(&user).expiry > expiry);
        assert_ne!(before, after);
    }
}
