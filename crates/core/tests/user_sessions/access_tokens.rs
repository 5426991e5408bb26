//! What the object says of an access token that is shown: whose it is, whether its refresh token was seen with it, and whether
//! another takes its place.

use postern_core::{
    session::{
        call::{Carried, RotationMode, UserCall, UserReply, Verify},
        minting::AccessGrant,
        record::{SessionRecord, Stored, UserStore},
    },
    settings::SupersededBy,
};
use postern_jwt::{secret::AntiCsrfToken, time::UnixMillis};

use crate::support::{
    START,
    calls::{create, refresh, replace_payload},
    user::{User, handle, issued},
};

fn verify(access: &AccessGrant, rotation_mode: RotationMode) -> Verify {
    Verify {
        handle: handle(1),
        hash1: access.hash1.clone(),
        parent_hash1: access.parent_hash1.clone(),
        payload: "{}".to_owned(),
        anti_csrf_token: None,
        check_database: false,
        rotation_mode,
    }
}

/// The access token in place of the one that was shown; `None` where that one stays.
fn replaced(user: &User, call: Verify) -> Option<AccessGrant> {
    match user.call(UserCall::Verify(call)) {
        UserReply::Live { access, .. } => access,
        other => panic!("expected a live session, got {other:?}"),
    }
}

fn record(user: &User) -> SessionRecord {
    match user.store.session(&handle(1)).unwrap() {
        Some(Stored::Live(record)) => record,
        other => panic!("expected a live session, got {other:?}"),
    }
}

#[test]
fn the_first_sight_of_a_token_is_noted_where_use_supersedes_and_only_there() {
    let note = |user: &User, access: &AccessGrant| {
        user.call(UserCall::NoteUse {
            handle: handle(1),
            hash1: access.hash1.clone(),
        })
    };
    for verified in [true, false] {
        for by in [SupersededBy::Use, SupersededBy::Time] {
            let mut user = User::new();
            user.settings.refresh_token_superseded_by = by;
            let token = user.create(1);
            let (access, _) = issued(user.refresh(&token, RotationMode::Own));
            for later in [1, 5_000] {
                user.advance(later);
                if verified {
                    assert_eq!(replaced(&user, verify(&access, RotationMode::Own)), None);
                } else {
                    assert_eq!(note(&user, &access), UserReply::Done {});
                }
            }
            let seen = (by == SupersededBy::Use).then_some(UnixMillis(START + 1));
            assert_eq!(record(&user).lineage.child_seen, seen);
        }
    }
}

/// With lazy rotation a refresh token supersedes its parent when its access token is shown, which then gets a successor that
/// names no parent.
#[test]
fn with_lazy_rotation_the_access_token_of_a_child_is_replaced_once_it_is_shown() {
    let user = User::new();
    let token = user.create(1);
    let (access, _) = issued(user.call(refresh(&token, RotationMode::Lazy)));
    assert!(access.parent_hash1.is_some());
    assert_eq!(access.generation, 1);
    let generation = record(&user).lineage.generation;
    // The second time it comes from a browser that has not got the answer.
    for _ in 0..2 {
        let call = Verify {
            anti_csrf_token: Some(AntiCsrfToken::new("of-the-browser".to_owned())),
            ..verify(&access, RotationMode::Lazy)
        };
        let anti_csrf_token = call.anti_csrf_token.clone();
        let successor = replaced(&user, call).unwrap();
        assert_eq!(successor.parent_hash1, None);
        assert_eq!(successor.anti_csrf_token, anti_csrf_token);
        assert_eq!(record(&user).lineage.generation, generation + 1);
        // That one stays.
        assert_eq!(
            replaced(&user, verify(&successor, RotationMode::Lazy)),
            None
        );
    }
}

#[test]
fn with_lazy_rotation_a_changed_payload_makes_a_token_where_the_database_is_asked() {
    let user = User::new();
    let (access, _) = issued(user.call(create(&handle(1), "u1", "public", None)));
    for (payload, check_database, is_replaced) in [
        ("{}", false, false),
        ("{}", true, false),
        (r#"{"old":1}"#, false, false),
        (r#"{"old":1}"#, true, true),
    ] {
        let call = Verify {
            payload: payload.to_owned(),
            check_database,
            ..verify(&access, RotationMode::Lazy)
        };
        assert_eq!(replaced(&user, call).is_some(), is_replaced, "{payload}");
    }
}

/// The headers of the service API's protocol have no place for it.
#[test]
fn access_tokens_state_when_their_session_was_created_unless_they_are_of_the_service_api() {
    for (by_service_api, stated) in [(false, Some(UnixMillis(START))), (true, None)] {
        let user = User::new();
        let UserCall::Create(mut call) = create(&handle(1), "u1", "public", None) else {
            panic!("a creation");
        };
        call.by_service_api = by_service_api;
        let (access, token) = issued(user.call(UserCall::Create(call)));
        assert_eq!(access.session_created, stated);
        user.advance(1_000);
        let (access, _) = issued(user.refresh(&token, RotationMode::Own));
        assert_eq!(access.session_created, stated);
    }
}

#[test]
fn a_regenerated_token_carries_over_what_the_one_at_hand_says_of_its_browser() {
    let user = User::new();
    user.create(1);
    let carried = Carried {
        expiry: UnixMillis(START + 1_000),
        hash1: "a".repeat(64),
        parent_hash1: Some("b".repeat(64)),
        anti_csrf_token: Some(AntiCsrfToken::new("of-the-browser".to_owned())),
        device: None,
    };
    let reply = user.call(UserCall::Regenerate {
        handle: handle(1),
        payload: None,
        carried: carried.clone(),
    });
    let UserReply::Live {
        access: Some(access),
        ..
    } = reply
    else {
        panic!("expected a token, got {reply:?}");
    };
    assert_eq!(
        (access.hash1, access.parent_hash1, access.anti_csrf_token),
        (carried.hash1, carried.parent_hash1, carried.anti_csrf_token)
    );
}

/// A payload that was replaced is in the next token; of the one at hand its own is told.
#[test]
fn what_is_told_of_a_token_is_the_payload_that_it_was_shown_with() {
    for mode in [RotationMode::Own, RotationMode::Eager, RotationMode::Lazy] {
        let user = User::new();
        let (access, _) = issued(user.call(create(&handle(1), "u1", "public", None)));
        user.call(replace_payload(&handle(1), r#"{"new":1}"#));
        assert_eq!(record(&user).payload, r#"{"new":1}"#);
        match user.call(UserCall::Verify(verify(&access, mode))) {
            UserReply::Live {
                session,
                payload_update_available,
                ..
            } => assert_eq!(
                (session.payload.as_str(), payload_update_available),
                ("{}", true)
            ),
            other => panic!("expected a live session, got {other:?}"),
        }
    }
}
