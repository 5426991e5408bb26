//! Edges of the use cases: objects that hold nothing, sessions of trusted issuers, anti-CSRF tokens, jitter, renewals.

use postern_core::{
    refusal::ReuseSubtype,
    session::{
        call::{Carried, Create, Gone, Refresh, RotationMode, UserCall, UserReply, Verify},
        minting::TokenLimit,
        record::{Stored, UserStore},
        user::{Copy, answer_empty, copied, copy_now, is_reported_as_theft},
    },
    settings::{DeviceBinding, RecentTokenReuse, SupersededBy},
};
use postern_jwt::{
    SigningAlgorithm,
    time::{Millis, UnixMillis},
};

use super::data;
use crate::support::{
    calls::{GONE, read, revoke_one as revoke, write},
    user::{User, handle},
};

/// A handle of a trusted issuer's session.
const FOREIGN: &str = "x.idp.route.digest.tag";

fn keep(text: &str, millis: u64) -> UserCall {
    UserCall::WriteData {
        handle: FOREIGN.to_owned(),
        session_data: text.to_owned(),
        keep_for: Some(Millis(millis)),
    }
}

fn creation(n: u32, payload: &str, anti_csrf: bool) -> UserCall {
    UserCall::Create(Create {
        handle: handle(n),
        user_id: "u1".to_owned(),
        tenant_id: "public".to_owned(),
        payload: payload.to_owned(),
        session_data: None,
        anti_csrf,
        use_dynamic_key: true,
        by_service_api: false,
        access_token_validity: None,
        device: None,
        made_by: None,
    })
}

fn refreshing(token: &str) -> Refresh {
    Refresh {
        token: token.to_owned(),
        anti_csrf_token: None,
        check_anti_csrf: false,
        anti_csrf: None,
        rotation_mode: RotationMode::Own,
        use_dynamic_key: None,
        protected_claims: Vec::new(),
        access_token_validity: None,
        device: None,
        proof: None,
    }
}

/// The refresh token and the anti-CSRF token of an answer, and how long its access token lives.
fn issued(reply: UserReply) -> (String, Option<String>, Millis) {
    match reply {
        UserReply::Issued {
            refresh, access, ..
        } => {
            let life = access.expiry.since(access.created);
            let anti_csrf = access
                .anti_csrf_token
                .map(|token| token.expose().to_owned());
            (refresh.token, anti_csrf, life)
        }
        other => panic!("expected tokens, got {other:?}"),
    }
}

#[test]
fn an_object_that_holds_nothing_answers_without_storing_what_needs_no_store() {
    let check = |handle: &str| UserCall::Check {
        handle: handle.to_owned(),
        issued: None,
    };
    let revoke_all = |handles: [&str; 2]| UserCall::Revoke {
        handles: handles.map(str::to_owned).to_vec(),
        keep_for: None,
        repeatable: false,
        by: None,
    };
    let none = || {
        Some(UserReply::Handles {
            handles: Vec::new(),
        })
    };
    let (user_id, tenant_id) = ("u1".to_owned(), None);
    for (call, expected) in [
        (creation(1, "{}", false), None),
        (keep("{}", 1_000), None),
        (write(&handle(1), "{}"), Some(GONE)),
        (revoke_all([&handle(1), FOREIGN]), None),
        (revoke(&handle(1)), none()),
        (check(&handle(1)), Some(GONE)),
        (
            check(FOREIGN),
            Some(UserReply::NotEnded {
                data_seq: 0,
                ended: Some(UnixMillis(0)),
            }),
        ),
        (read(&handle(1)), Some(GONE)),
        (read(FOREIGN), Some(data("{}", 0))),
        (
            UserCall::List {
                user_id: user_id.clone(),
                tenant_id: tenant_id.clone(),
            },
            none(),
        ),
        (
            UserCall::ListSessions {
                user_id: user_id.clone(),
                tenant_id: None,
                after: None,
                ended: false,
            },
            Some(UserReply::Sessions {
                sessions: Vec::new(),
                next: None,
            }),
        ),
        (
            UserCall::Erase {
                user_id: None,
                keep_for: None,
            },
            Some(UserReply::Erased {
                handles: Vec::new(),
                goes_on: false,
            }),
        ),
        (
            UserCall::RevokeAll {
                user_id,
                tenant_id,
                repeatable: false,
                by: None,
            },
            none(),
        ),
        (UserCall::Refresh(refreshing("token")), Some(GONE)),
    ] {
        assert_eq!(answer_empty(&call), expected, "{call:?}");
    }
}

#[test]
fn only_a_recent_reuse_may_be_reported_as_unauthorised() {
    use ReuseSubtype::{OrphanedBranch, RecentPrev, StaleLineage};
    for subtype in [RecentPrev, OrphanedBranch, StaleLineage] {
        assert!(is_reported_as_theft(RecentTokenReuse::TokenTheft, subtype));
        assert_eq!(
            is_reported_as_theft(RecentTokenReuse::Unauthorised, subtype),
            subtype == StaleLineage
        );
    }
}

#[test]
fn a_stored_payload_with_a_claim_that_is_protected_now_stops_a_refresh_and_changes_nothing() {
    let user = User::new();
    let (token, ..) = issued(user.call(creation(1, r#"{"sub":"x"}"#, false)));
    let before = user.store.clone();
    let refused = user.call(UserCall::Refresh(Refresh {
        protected_claims: vec!["iss".to_owned(), "sub".to_owned()],
        ..refreshing(&token)
    }));
    assert_eq!(
        refused,
        UserReply::Unauthorised {
            reason: Gone::ProtectedClaim
        }
    );
    assert_eq!(user.store, before);
    issued(user.call(UserCall::Refresh(Refresh {
        protected_claims: vec!["iss".to_owned()],
        ..refreshing(&token)
    })));
}

#[test]
fn anti_csrf_tokens_belong_to_their_session_and_generation_and_those_of_neighbours_do() {
    let user = User::new();
    let refresh = |token: &str, anti_csrf_token: Option<&str>| {
        user.call(UserCall::Refresh(Refresh {
            anti_csrf_token: anti_csrf_token.map(str::to_owned),
            check_anti_csrf: true,
            rotation_mode: RotationMode::Eager,
            ..refreshing(token)
        }))
    };
    let (first, csrf, _) = issued(user.call(creation(1, "{}", true)));
    let (_, other_session, _) = issued(user.call(creation(2, "{}", true)));
    let csrf = csrf.unwrap();
    for wrong in [None, Some(""), Some("xyzzy"), other_session.as_deref()] {
        let refused = refresh(&first, wrong);
        assert_eq!(
            refused,
            UserReply::Unauthorised {
                reason: Gone::AntiCsrf
            },
            "{wrong:?}"
        );
    }
    let mut tokens = vec![csrf];
    let mut token = first;
    for _ in 0..3 {
        let (next, csrf, _) = issued(refresh(&token, tokens.last().map(String::as_str)));
        (token, tokens) = (next, [tokens, vec![csrf.unwrap()]].concat());
    }
    // The token at hand is of generation 3: 2 and 3 are accepted, older ones are not.
    for (generation, accepted) in [(0, false), (1, false), (3, true), (2, true)] {
        let reply = refresh(&token, Some(&tokens[generation]));
        assert_eq!(
            matches!(reply, UserReply::Issued { .. }),
            accepted,
            "{generation}"
        );
    }
    let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
    assert_eq!(distinct.len(), tokens.len());
}

#[test]
fn an_echoed_refresh_token_stays_bound_as_it_was() {
    let user = User::new();
    let (first, ..) = issued(user.call(creation(1, "{}", true)));
    let (child, csrf, _) = issued(user.call(UserCall::Refresh(refreshing(&first))));
    assert!(csrf.is_some());
    let reissued = user.call(UserCall::Refresh(Refresh {
        anti_csrf: Some(false),
        ..refreshing(&child)
    }));
    assert_eq!(issued(reissued).0, child);
}

#[test]
fn lives_of_access_tokens_are_spread_over_the_jitter_and_no_further() {
    let user = User::new();
    let validity = user.settings.access_token_validity.0;
    let lives: Vec<u64> = (0..40)
        .map(|n| issued(user.call(creation(n, "{}", false))).2.0)
        .collect();
    // The default is 5 %.
    assert!(
        lives
            .iter()
            .all(|life| (validity * 95 / 100..=validity).contains(life)),
        "{lives:?}"
    );
    assert!(
        lives.iter().any(|life| *life < validity * 97 / 100),
        "{lives:?}"
    );
    assert!(
        lives.iter().any(|life| *life > validity * 98 / 100),
        "{lives:?}"
    );
}

#[test]
fn an_overwrite_of_a_foreign_sessions_data_remembers_how_long_its_copy_lasts() {
    let user = User::new();
    user.call(keep(r#"{"n":1}"#, 60_000));
    let put = copy_now(&user.store, FOREIGN).unwrap().unwrap();
    let expires = user.now().plus(Millis(60_000));
    let expected = Copy::Put {
        text: r#"{"n":1}"#.to_owned(),
        seq: 1,
        session_expires: expires,
    };
    assert_eq!(put, expected);
    copied(&user.store, FOREIGN, &put, true, user.now()).unwrap();
    user.advance(1_000);
    assert_eq!(
        user.call(keep(r#"{"n":2}"#, 60_000)),
        UserReply::Written { seq: 2 }
    );
    let Some(Stored::Live(record)) = user.store.foreign(FOREIGN).unwrap() else {
        panic!("it lives");
    };
    assert_eq!((record.copy_expires, record.data_seq), (expires, 2));
}

#[test]
fn a_foreign_sessions_data_whose_time_is_over_is_dropped_with_its_copy() {
    let user = User::new();
    user.call(keep(r#"{"n":1}"#, 60_000));
    let put = copy_now(&user.store, FOREIGN).unwrap().unwrap();
    copied(&user.store, FOREIGN, &put, true, user.now()).unwrap();
    user.advance(60_001);
    let due = user.sweep();
    assert_eq!(due, [FOREIGN]);
    assert_eq!(user.store.foreign(FOREIGN).unwrap(), None);
    assert_eq!(copy_now(&user.store, FOREIGN).unwrap(), Some(Copy::Delete));
}

#[test]
fn a_refresh_renews_a_copy_that_has_less_than_half_of_the_new_life_and_no_other() {
    let user = User::new();
    let half = user.settings.refresh_token_validity.0 / 2;
    let (token, ..) = issued(user.call(creation(1, "{}", false)));
    let (unwritten, ..) = issued(user.call(creation(2, "{}", false)));
    user.call(write(&handle(1), r#"{"n":1}"#));
    let put = copy_now(&user.store, &handle(1)).unwrap().unwrap();
    copied(&user.store, &handle(1), &put, true, user.now()).unwrap();
    user.advance(half);
    let (token, ..) = issued(user.call(UserCall::Refresh(refreshing(&token))));
    issued(user.call(UserCall::Refresh(refreshing(&unwritten))));
    // Exactly half is left; and what was never stored has no copy.
    assert_eq!(user.store.copy_task(&handle(1)).unwrap(), None);
    assert_eq!(user.store.copy_task(&handle(2)).unwrap(), None);
    user.advance(60_000);
    issued(user.call(UserCall::Refresh(refreshing(&token))));
    let renewal = user.store.copy_task(&handle(1)).unwrap().unwrap();
    assert_eq!(renewal.due, UnixMillis(user.now.get()));
}

#[test]
fn a_copy_that_was_overtaken_while_it_was_written_is_written_again() {
    let user = User::new();
    user.call(keep(r#"{"n":1}"#, 60_000));
    let first = copy_now(&user.store, FOREIGN).unwrap().unwrap();
    user.call(keep(r#"{"n":2}"#, 60_000));
    copied(&user.store, FOREIGN, &first, true, user.now()).unwrap();
    let second = copy_now(&user.store, FOREIGN).unwrap().unwrap();
    assert!(matches!(second, Copy::Put { seq: 2, .. }), "{second:?}");
    copied(&user.store, FOREIGN, &second, true, user.now()).unwrap();
    assert_eq!(copy_now(&user.store, FOREIGN).unwrap(), None);
}

#[test]
fn the_second_delete_starts_with_no_failed_attempts() {
    let user = User::new();
    user.create(1);
    user.call(write(&handle(1), r#"{"n":1}"#));
    user.call(revoke(&handle(1)));
    for _ in 0..5 {
        copied(&user.store, &handle(1), &Copy::Delete, false, user.now()).unwrap();
    }
    copied(&user.store, &handle(1), &Copy::Delete, true, user.now()).unwrap();
    let again = user.store.copy_task(&handle(1)).unwrap().unwrap();
    assert_eq!(again.attempts, 0);
}

#[test]
fn our_issuer_in_a_tokens_payload_is_no_change_of_it() {
    let user = User::new();
    let UserReply::Issued { access, .. } = user.call(creation(1, r#"{"a":1}"#, false)) else {
        panic!("tokens");
    };
    let differs = |payload: &str| {
        let reply = user.call(UserCall::Verify(Verify {
            handle: handle(1),
            hash1: access.hash1.clone(),
            parent_hash1: None,
            payload: payload.to_owned(),
            anti_csrf_token: None,
            check_database: false,
            rotation_mode: RotationMode::Own,
        }));
        match reply {
            UserReply::Live {
                payload_update_available,
                ..
            } => payload_update_available,
            other => panic!("expected a live session, got {other:?}"),
        }
    };
    assert!(!differs(r#"{"a":1}"#));
    assert!(!differs(r#"{"iss":"http://127.0.0.1:8787/auth","a":1}"#));
    assert!(differs(r#"{"a":2}"#));
    assert!(differs(r#"{"iss":"https://other.example","a":1}"#));
}

#[test]
fn a_token_that_is_expired_this_very_millisecond_gets_no_successor() {
    let user = User::new();
    let UserReply::Issued { access, .. } = user.call(creation(1, "{}", false)) else {
        panic!("tokens");
    };
    let regenerated = |expiry: UnixMillis| {
        let reply = user.call(UserCall::Regenerate {
            handle: handle(1),
            payload: None,
            carried: Carried {
                expiry,
                hash1: access.hash1.clone(),
                parent_hash1: None,
                anti_csrf_token: None,
                device: None,
            },
        });
        matches!(
            reply,
            UserReply::Live {
                access: Some(_),
                ..
            }
        )
    };
    assert!(regenerated(UnixMillis(user.now.get() + 1)));
    assert!(!regenerated(user.now()));
}

/// The answer of a refresh may be lost for the grace period, and for no more than half of what an access token lives.
#[test]
fn a_lost_answer_is_given_again_for_at_most_half_the_life_of_an_access_token() {
    let mut user = User::new();
    user.settings.refresh_token_superseded_by = SupersededBy::Time;
    user.settings.access_token_jitter_permille = 0;
    user.settings.refresh_grace_period = Millis(30_000);
    user.settings.access_token_validity = Millis(40_000);
    let first = user.create(1);
    user.refresh_ok(&first, RotationMode::Own);
    user.advance(20_000);
    user.refresh_ok(&first, RotationMode::Own);
    user.advance(20_001);
    let reply = user.refresh(&first, RotationMode::Own);
    assert!(matches!(reply, UserReply::Theft { .. }), "{reply:?}");
}

#[test]
fn the_limit_of_access_tokens_counts_a_device_where_sessions_are_bound_to_one() {
    let bytes = |device_binding| {
        let mut user = User::new();
        user.settings.device_binding = device_binding;
        user.create(1);
        let reply = user.call(UserCall::MergePayload {
            handle: handle(1),
            changes: r#"{"a":1}"#.to_owned(),
            limit: TokenLimit {
                most_bytes: 0,
                algorithm: SigningAlgorithm::ES256,
                key_id: "d-1".to_owned(),
                anti_csrf: false,
            },
        });
        match reply {
            UserReply::PayloadRefused { token_bytes, .. } => token_bytes.unwrap(),
            other => panic!("taken: {other:?}"),
        }
    };
    assert!(bytes(DeviceBinding::Offer) > bytes(DeviceBinding::Off));
}

#[test]
fn a_merge_changes_members_whole_or_is_refused_and_changes_nothing() {
    let user = User::new();
    user.call(creation(
        1,
        r#"{"role":"admin","n":1e999,"a":{"b":1}}"#,
        false,
    ));
    let limit = |most_bytes| TokenLimit {
        most_bytes,
        algorithm: SigningAlgorithm::ES256,
        key_id: "d-1".to_owned(),
        anti_csrf: false,
    };
    let merge = |changes: &str, most_bytes| UserCall::MergePayload {
        handle: handle(1),
        changes: changes.to_owned(),
        limit: limit(most_bytes),
    };
    let payload = |user: &User| match user.store.session(&handle(1)).unwrap() {
        Some(Stored::Live(record)) => record.payload,
        other => panic!("{other:?}"),
    };
    let merged = r#"{"n":1e999,"a":2,"c":"\u00fc"}"#;
    assert_eq!(
        user.call(merge(r#"{"role":null,"a":2,"c":"\u00fc","d":null}"#, 4_096)),
        UserReply::Done {}
    );
    // Members keep their texts; one that is replaced stands at the end.
    assert_eq!(payload(&user), r#"{"n":1e999,"a":2,"c":"\u00fc"}"#);
    let refused = user.call(merge(r#"{"sub":"mallory"}"#, 4_096));
    assert!(
        matches!(refused, UserReply::PayloadRefused { claim: Some(claim), .. } if claim == "sub")
    );
    let UserReply::PayloadRefused {
        token_bytes: Some(bytes),
        ..
    } = user.call(merge(r#"{"more":"text"}"#, 0))
    else {
        panic!("taken");
    };
    assert!(matches!(
        user.call(merge(r#"{"more":"text"}"#, bytes - 1)),
        UserReply::PayloadRefused { .. }
    ));
    assert_eq!(payload(&user), merged);
    assert_eq!(
        user.call(merge(r#"{"more":"text"}"#, bytes)),
        UserReply::Done {}
    );
    user.call(revoke(&handle(1)));
    assert_eq!(user.call(merge("{}", 4_096)), GONE);
}
