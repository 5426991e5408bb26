//! Sessions that are bound to a device, at the object: one key for good, asked for at every refresh of every entry point.

use postern_core::{
    device::{COOKIE_ALLOWANCE, COOKIE_LIFE},
    message::Unread,
    refusal::ReuseSubtype,
    session::{
        call::{Carried, DeviceShown, Gone, Refresh, UserCall, UserReply},
        record::{Ending, Stored, UserStore},
    },
};
use postern_jwt::{proof::Thumbprint, time::UnixMillis};

use crate::support::{
    calls::{GONE, ROTATION_MODES, check, refresh, revoke_one},
    user::{User, handle, issued},
};

const KEY: &str = r#"{"kty":"EC"}"#;

fn thumbprint(first: char) -> Thumbprint {
    Thumbprint::parse(&format!("{first}{}", "A".repeat(42))).unwrap()
}

fn bind(user: &User, n: u32, key: char) -> UserReply {
    user.call(UserCall::BindDevice {
        handle: handle(n),
        thumbprint: thumbprint(key),
        key: KEY.to_owned(),
        carried: Carried {
            expiry: UnixMillis(user.now.get() + 1_000),
            hash1: "h".to_owned(),
            parent_hash1: None,
            anti_csrf_token: None,
            device: None,
        },
    })
}

fn confirm(user: &User, n: u32) {
    let call = UserCall::ConfirmDevice {
        handle: handle(n),
        thumbprint: thumbprint('A'),
    };
    assert_eq!(user.call(call), UserReply::Done {});
}

/// A session that is bound to a key, and whose browser is known to have it; with its refresh token.
fn bound(user: &User, n: u32) -> String {
    let token = user.create(n);
    assert!(matches!(bind(user, n, 'A'), UserReply::Live { .. }));
    confirm(user, n);
    token
}

fn with(call: UserCall, device: Option<DeviceShown>) -> UserCall {
    match call {
        UserCall::Refresh(call) => UserCall::Refresh(Refresh { device, ..call }),
        other => other,
    }
}

#[allow(clippy::unnecessary_wraps)] // as calls take it
fn cookie(user: &User, n: u32) -> Option<DeviceShown> {
    Some(DeviceShown {
        cookie: user
            .device_keys()
            .cookie(&handle(n), thumbprint('A'), user.now()),
        is_excused: false,
    })
}

fn prove(user: &User, n: u32, challenge: &str, renew: bool) -> UserReply {
    user.call(UserCall::ProveDevice {
        handle: handle(n),
        thumbprint: thumbprint('A'),
        challenge: challenge.to_owned(),
        expires: UnixMillis(user.now.get() + 120_000),
        renew,
    })
}

fn refused(reason: Gone) -> UserReply {
    UserReply::Unauthorised { reason }
}

#[test]
fn the_first_key_is_the_only_one() {
    let user = User::new();
    user.create(1);
    let UserReply::Live { access, .. } = bind(&user, 1, 'A') else {
        panic!("it is bound");
    };
    let access = access.unwrap();
    assert_eq!(access.device, Some(thumbprint('A')));
    // No more life than the token at hand.
    assert_eq!(access.expiry, UnixMillis(user.now.get() + 1_000));
    assert!(matches!(bind(&user, 1, 'A'), UserReply::Live { .. }));
    assert_eq!(bind(&user, 1, 'B'), refused(Gone::NotBindable));
    confirm(&user, 1);
    assert_eq!(bind(&user, 1, 'B'), refused(Gone::NotBindable));
    let read = UserCall::ReadDevice { handle: handle(1) };
    assert_eq!(
        user.call(read.clone()),
        UserReply::Device {
            thumbprint: thumbprint('A'),
            key: KEY.to_owned()
        }
    );
    user.call(revoke_one(&handle(1)));
    assert_eq!(user.call(read), GONE);
    assert_eq!(bind(&user, 1, 'A'), GONE);
}

/// What came with a refresh, and what becomes of the session, for every entry point.
#[test]
fn without_the_key_a_refresh_ends_the_session_at_every_door() {
    let old = |user: &User| {
        let shown = cookie(user, 1);
        user.advance(COOKIE_LIFE.0 + COOKIE_ALLOWANCE.0);
        shown
    };
    let nothing = |_: &User| Some(DeviceShown::default());
    let another = |user: &User| cookie(user, 2);
    let absent = |_: &User| None;
    let shown: [fn(&User) -> Option<DeviceShown>; 4] = [old, nothing, another, absent];
    for mode in ROTATION_MODES {
        for show in shown {
            let user = User::new();
            let token = bound(&user, 1);
            let device = show(&user);
            let reply = user.call(with(refresh(&token, mode), device));
            let UserReply::Theft { subtype, .. } = reply else {
                panic!("{mode:?}: {reply:?}");
            };
            assert_eq!(subtype, ReuseSubtype::DeviceKeyMissing);
            assert_eq!(user.call(check(&handle(1))), GONE);
            let Some(Stored::Ended(tombstone)) = user.store.session(&handle(1)).unwrap() else {
                panic!("it has ended");
            };
            assert_eq!(tombstone.ending, Ending::DeviceKeyMissing);
        }
        let user = User::new();
        let token = bound(&user, 1);
        let device = cookie(&user, 1);
        let (access, _) = issued(user.call(with(refresh(&token, mode), device)));
        assert_eq!(access.device, Some(thumbprint('A')), "{mode:?}");
    }
}

#[test]
fn a_browser_that_could_not_renew_its_cookie_loses_nothing() {
    let user = User::new();
    let token = bound(&user, 1);
    let excused = || {
        Some(DeviceShown {
            cookie: None,
            is_excused: true,
        })
    };
    for mode in ROTATION_MODES {
        let reply = user.call(with(refresh(&token, mode), excused()));
        assert_eq!(reply, refused(Gone::DeviceUnproven));
    }
    // Nothing was rotated.
    let device = cookie(&user, 1);
    issued(user.call(with(refresh(&token, ROTATION_MODES[0]), device)));
}

/// A forged or unknown refresh token ends nobody's session, whatever is missing beside it.
#[test]
fn a_token_of_nobody_ends_nothing() {
    let user = User::new();
    let token = bound(&user, 1);
    let forged = format!("{}x", token.get(..token.len() - 1).unwrap());
    let reply = user.call(with(
        refresh(&forged, ROTATION_MODES[0]),
        Some(DeviceShown::default()),
    ));
    assert_eq!(reply, refused(Gone::NotOurs));
    let device = cookie(&user, 1);
    issued(user.call(with(refresh(&token, ROTATION_MODES[0]), device)));
}

/// The answer to a registration may be lost: such a session goes on, as if it had never been asked for a key.
#[test]
fn until_the_browser_is_known_to_have_the_key_it_is_not_asked_for() {
    let user = User::new();
    let token = user.create(1);
    bind(&user, 1, 'A');
    let (access, token) = issued(user.call(with(
        refresh(&token, ROTATION_MODES[0]),
        Some(DeviceShown::default()),
    )));
    assert_eq!(access.device, None);
    // The browser has it after all: a refresh with the cookie shows it.
    let device = cookie(&user, 1);
    let (access, token) = issued(user.call(with(refresh(&token, ROTATION_MODES[0]), device)));
    assert_eq!(access.device, Some(thumbprint('A')));
    let reply = user.call(with(
        refresh(&token, ROTATION_MODES[0]),
        Some(DeviceShown::default()),
    ));
    assert!(matches!(reply, UserReply::Theft { .. }), "{reply:?}");
}

#[test]
fn a_word_that_a_browser_has_another_key_confirms_nothing() {
    let user = User::new();
    let token = user.create(1);
    bind(&user, 1, 'A');
    user.call(UserCall::ConfirmDevice {
        handle: handle(1),
        thumbprint: thumbprint('B'),
    });
    issued(user.call(with(
        refresh(&token, ROTATION_MODES[0]),
        Some(DeviceShown::default()),
    )));
}

#[test]
fn each_challenge_is_answered_once_and_may_renew_the_access_token() {
    let user = User::new();
    bound(&user, 1);
    user.create(2);
    let UserReply::Live { access, .. } = prove(&user, 1, "a", false) else {
        panic!("it counts");
    };
    assert_eq!(access, None);
    assert_eq!(prove(&user, 1, "a", false), refused(Gone::TicketUsed));
    assert_eq!(prove(&user, 2, "b", false), refused(Gone::NotBound));
    let UserReply::Live { access, .. } = prove(&user, 1, "b", true) else {
        panic!("it counts");
    };
    let access = access.unwrap();
    assert_eq!(access.device, Some(thumbprint('A')));
    assert!(access.expiry > user.now());
    // The key of before, or none of this session's.
    let other = UserCall::ProveDevice {
        handle: handle(1),
        thumbprint: thumbprint('B'),
        challenge: "c".to_owned(),
        expires: UnixMillis(user.now.get() + 1),
        renew: true,
    };
    assert_eq!(user.call(other), refused(Gone::NotBound));
    let late = UserCall::ProveDevice {
        handle: handle(1),
        thumbprint: thumbprint('A'),
        challenge: "c".to_owned(),
        expires: user.now(),
        renew: true,
    };
    assert_eq!(user.call(late), refused(Gone::TicketExpired));
    user.call(revoke_one(&handle(1)));
    assert_eq!(prove(&user, 1, "d", true), GONE);
}

/// An isolate of the release before makes tokens that do not say that the session is bound: it is told that it cannot.
#[test]
fn an_older_isolate_cannot_make_a_token_of_a_bound_session() {
    let user = User::new();
    let token = bound(&user, 1);
    let regenerate = UserCall::Regenerate {
        handle: handle(1),
        payload: None,
        carried: Carried {
            expiry: UnixMillis(user.now.get() + 1_000),
            hash1: "h".to_owned(),
            parent_hash1: None,
            anti_csrf_token: None,
            device: None,
        },
    };
    user.protocol.set(2);
    let out_of_reach = UserReply::Unread {
        why: Unread::Unsupported,
    };
    for mode in ROTATION_MODES {
        assert_eq!(user.call(refresh(&token, mode)), out_of_reach);
    }
    assert_eq!(user.call(regenerate.clone()), out_of_reach);
    assert!(matches!(
        user.call(check(&handle(1))),
        UserReply::NotEnded { .. }
    ));
    user.protocol.set(3);
    let UserReply::Live { access, .. } = user.call(regenerate) else {
        panic!("it lives");
    };
    assert_eq!(access.unwrap().device, Some(thumbprint('A')));
    let device = cookie(&user, 1);
    issued(user.call(with(refresh(&token, ROTATION_MODES[0]), device)));
}

/// Proofs and refreshes in any order, doubled and late: a browser with the key is never taken for a thief, and whoever
/// comes without it gets nothing.
#[test]
fn in_any_order_a_browser_with_the_key_goes_on() {
    for seed in 0..200_u64 {
        let user = User::new();
        let mut token = bound(&user, 1);
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut last = token.clone();
        for step in 0..40 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            match random % 5 {
                0 => user.advance(random % 700_000),
                1 => {
                    let challenge = format!("c{}", random % 8);
                    let reply = prove(&user, 1, &challenge, random & 8 == 0);
                    assert!(
                        matches!(reply, UserReply::Live { .. })
                            || reply == refused(Gone::TicketUsed),
                        "{seed} {step}: {reply:?}"
                    );
                }
                2 => {
                    let excused = DeviceShown {
                        cookie: None,
                        is_excused: true,
                    };
                    let reply = user.call(with(refresh(&token, ROTATION_MODES[0]), Some(excused)));
                    assert_eq!(reply, refused(Gone::DeviceUnproven), "{seed} {step}");
                }
                // The answer is lost, and the same token comes again.
                3 => {
                    let device = cookie(&user, 1);
                    issued(user.call(with(refresh(&token, ROTATION_MODES[0]), device)));
                }
                _ => {
                    let device = cookie(&user, 1);
                    last.clone_from(&token);
                    (_, token) =
                        issued(user.call(with(refresh(&token, ROTATION_MODES[0]), device)));
                }
            }
        }
        let reply = user.call(with(
            refresh(&token, ROTATION_MODES[0]),
            Some(DeviceShown::default()),
        ));
        assert!(
            matches!(reply, UserReply::Theft { .. }),
            "{seed}: {reply:?}"
        );
        let reply = user.call(with(refresh(&last, ROTATION_MODES[0]), cookie(&user, 1)));
        assert_eq!(reply, GONE, "{seed}");
    }
}
