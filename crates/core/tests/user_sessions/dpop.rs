//! Sessions that are bound to a key by DPoP, at the object: for good, proven at every refresh, and nothing ends for want of a proof.

use postern_core::{
    message::Unread,
    session::{
        call::{Carried, Create, Gone, ProofShown, Refresh, RotationMode, UserCall, UserReply},
        record::{Stored, UserStore},
        user::MAX_USED_TICKETS,
    },
};
use postern_jwt::{proof::Thumbprint, time::UnixMillis};
use proptest::prelude::*;

use crate::support::{
    calls::{ROTATION_MODES, create, refresh},
    user::{User, handle, issued},
};

fn key(first: char) -> Thumbprint {
    Thumbprint::parse(&format!("{first}{}", "A".repeat(42))).unwrap()
}

/// A session that is bound to the key `A`, with its refresh token.
fn bound(user: &User, n: u32) -> String {
    let UserCall::Create(create) = create(&handle(n), "user", "public", None) else {
        panic!("it creates")
    };
    let call = UserCall::CreateBound {
        create: Create {
            by_service_api: false,
            ..create
        },
        key: key('A'),
    };
    let (access, token) = issued(user.call(call));
    assert_eq!(access.dpop_key, Some(key('A')));
    token
}

fn with(token: &str, rotation_mode: RotationMode, proof: Option<ProofShown>) -> UserCall {
    match refresh(token, rotation_mode) {
        UserCall::Refresh(call) => UserCall::Refresh(Refresh { proof, ..call }),
        other => other,
    }
}

fn proof(user: &User, first: char, id: &str) -> ProofShown {
    ProofShown {
        key: key(first),
        id: id.to_owned(),
        expires: user.now().plus(postern_core::dpop::LIFETIME),
    }
}

const fn refused(reason: Gone) -> UserReply {
    UserReply::Unauthorised { reason }
}

#[test]
fn a_refresh_needs_a_proof_of_the_key_at_every_door_and_ends_nothing_without() {
    for mode in ROTATION_MODES {
        let user = User::new();
        let token = bound(&user, 1);
        for shown in [
            None,
            Some(proof(&user, 'B', "1")),
            Some(ProofShown {
                expires: user.now(),
                ..proof(&user, 'A', "2")
            }),
        ] {
            let reply = user.call(with(&token, mode, shown));
            assert_eq!(reply, refused(Gone::KeyUnproven), "{mode:?}");
        }
        let good = proof(&user, 'A', "3");
        let (access, next) = issued(user.call(with(&token, mode, Some(good.clone()))));
        assert_eq!(access.dpop_key, Some(key('A')));
        assert_eq!(
            user.call(with(&next, mode, Some(good))),
            refused(Gone::ProofUsed)
        );
        let again = Some(proof(&user, 'A', "4"));
        assert_eq!(
            issued(user.call(with(&next, mode, again))).0.dpop_key,
            Some(key('A'))
        );
    }
}

/// A token that was copied long ago ends the session as soon as its owner has gone on, but for its thief's want of the key.
#[test]
fn an_old_refresh_token_without_the_key_ends_nothing() {
    let user = User::new();
    let first = bound(&user, 1);
    let go_on = |token: &str, id: &str| {
        let call = with(token, RotationMode::Own, Some(proof(&user, 'A', id)));
        issued(user.call(call)).1
    };
    let second = go_on(&first, "1");
    user.advance(user.settings.refresh_grace_period.0 + 1);
    let third = go_on(&second, "2");
    user.advance(user.settings.refresh_grace_period.0 + 1);
    for stolen in [&first, &second] {
        for shown in [None, Some(proof(&user, 'B', "x"))] {
            let reply = user.call(with(stolen, RotationMode::Own, shown));
            assert_eq!(reply, refused(Gone::KeyUnproven));
        }
    }
    go_on(&third, "3");
    // Whoever has both is a second holder.
    let reply = user.call(with(
        &first,
        RotationMode::Own,
        Some(proof(&user, 'A', "4")),
    ));
    assert!(matches!(reply, UserReply::Theft { .. }), "{reply:?}");
}

#[test]
fn a_new_access_token_says_the_key_whatever_it_is_made_for_and_no_device_is_bound_besides() {
    let user = User::new();
    bound(&user, 1);
    let carried = || Carried {
        expiry: UnixMillis(user.now.get() + 1_000),
        hash1: "h".to_owned(),
        parent_hash1: None,
        anti_csrf_token: None,
        device: None,
    };
    let regenerate = || UserCall::Regenerate {
        handle: handle(1),
        payload: Some(r#"{"a":1}"#.to_owned()),
        carried: carried(),
    };
    let UserReply::Live { access, .. } = user.call(regenerate()) else {
        panic!("it lives");
    };
    assert_eq!(access.unwrap().dpop_key, Some(key('A')));
    let bind = UserCall::BindDevice {
        handle: handle(1),
        thumbprint: key('A'),
        key: "{}".to_owned(),
        carried: carried(),
    };
    assert_eq!(user.call(bind), refused(Gone::NotBindable));
    let UserReply::Information { dpop_key, .. } =
        user.call(UserCall::ReadInformation { handle: handle(1) })
    else {
        panic!("it lives");
    };
    assert_eq!(dpop_key, Some(key('A')));
}

/// An isolate of a release that knows nothing of such sessions would make tokens that are bound to nothing.
#[test]
fn an_older_isolate_gets_no_token_of_a_bound_session() {
    let user = User::new();
    let token = bound(&user, 1);
    user.protocol.set(3);
    let out_of_reach = UserReply::Unread {
        why: Unread::Unsupported,
    };
    for mode in ROTATION_MODES {
        assert_eq!(user.call(with(&token, mode, None)), out_of_reach);
    }
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
    assert_eq!(user.call(regenerate), out_of_reach);
    user.protocol.set(4);
    let good = Some(proof(&user, 'A', "1"));
    issued(user.call(with(&token, RotationMode::Own, good)));
}

#[test]
fn the_proofs_of_one_session_are_remembered_up_to_a_limit_and_forgotten_in_time() {
    let user = User::new();
    let token = bound(&user, 1);
    let ask = |n: u64| {
        user.call(with(
            &token,
            RotationMode::Own,
            Some(proof(&user, 'A', &n.to_string())),
        ))
    };
    for n in 0..MAX_USED_TICKETS {
        issued(ask(n));
    }
    assert_eq!(ask(MAX_USED_TICKETS), refused(Gone::ProofUsed));
    assert!(matches!(
        user.store.session(&handle(1)).unwrap(),
        Some(Stored::Live(_))
    ));
    user.advance(postern_core::dpop::LIFETIME.0);
    issued(ask(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Reordered, doubled and delayed: of the refreshes that carry one proof, one passes at most, and none without the key or after its
    /// time. Whatever came, the owner goes on.
    #[test]
    fn a_proof_refreshes_once(steps in prop::collection::vec((0_u8..6, 0_u8..3, 0_u64..40_000), 1..40)) {
        let user = User::new();
        let mut token = bound(&user, 1);
        let proofs: Vec<ProofShown> = (0..6_u32).map(|n| ProofShown {
            expires: UnixMillis(user.now.get() + 30_000 + u64::from(n) * 40_000),
            ..proof(&user, if n == 5 { 'B' } else { 'A' }, &n.to_string())
        }).collect();
        let mut passed = [0; 6];
        for (which, held, pause) in steps {
            user.advance(pause);
            let shown = proofs[usize::from(which)].clone();
            // One in three asks without a proof.
            let shown = (held > 0).then_some(shown);
            match user.call(with(&token, RotationMode::Own, shown.clone())) {
                UserReply::Issued { access, refresh, .. } => {
                    let shown = shown.unwrap();
                    prop_assert!(shown.key == key('A') && shown.expires > user.now());
                    prop_assert_eq!(access.dpop_key, Some(key('A')));
                    passed[usize::from(which)] += 1;
                    token = refresh.token;
                }
                UserReply::Unauthorised { reason: Gone::KeyUnproven | Gone::ProofUsed } => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert!(passed.iter().all(|&times| times <= 1), "{:?}", passed);
        let last = proof(&user, 'A', "last");
        issued(user.call(with(&token, RotationMode::Own, Some(last))));
    }
}
