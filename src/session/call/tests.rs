//! Every call and every reply survives the way between isolate and object.

use super::{
    AccessGrant, Carried, Create, Door, Envelope, Gone, Question, Refresh, UserCall, UserReply,
    Verify,
};
use crate::{
    session::model::{Device, ReuseSubtype, SessionView, TokenInfo},
    time::{Millis, UnixMillis},
    wire::{Wire, decode, encode},
};

/// Debug forms show every member but secrets, which the message itself shows: equal ones mean that nothing was lost or swapped.
fn survives<T: Wire + std::fmt::Debug>(value: &T) {
    let read: T = decode(&encode(value)).unwrap();
    assert_eq!(format!("{read:?}"), format!("{value:?}"));
    assert_eq!(encode(&read), encode(value));
}

#[expect(clippy::unnecessary_wraps, reason = "short at its many uses")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn every_call_survives_the_wire() {
    let handle = || "handle".to_owned();
    let (user_id, tenant_id) = ("ü 1".to_owned(), some("t1"));
    for call in [
        UserCall::Create(Create {
            handle: handle(),
            user_id: user_id.clone(),
            tenant_id: "public".to_owned(),
            payload: r#"{"a":"\""}"#.to_owned(),
            session_data: None,
            anti_csrf: true,
            use_dynamic_key: false,
            by_service_api: true,
            access_token_validity: Some(Millis(1)),
            device: Some(Device {
                user_agent: some("agent"),
                ip: None,
            }),
        }),
        UserCall::Refresh(Refresh {
            token: "token".to_owned(),
            anti_csrf_token: some("csrf"),
            check_anti_csrf: true,
            anti_csrf: Some(false),
            door: Door::Lazy,
            use_dynamic_key: Some(true),
            protected_claims: vec!["sub".to_owned(), String::new()],
            access_token_validity: None,
        }),
        UserCall::Verify(Verify {
            handle: handle(),
            hash1: "1".to_owned(),
            parent_hash1: some("2"),
            payload: "{}".to_owned(),
            anti_csrf_token: some("3").map(crate::secret::AntiCsrfToken::new),
            check_database: true,
            door: Door::Eager,
        }),
        UserCall::Check { handle: handle() },
        UserCall::ReadData {
            handle: handle(),
            copy_lapsed: true,
        },
        UserCall::WriteData {
            handle: handle(),
            session_data: "{\"n\":1}".to_owned(),
            keep_for: Some(Millis(u64::MAX)),
        },
        UserCall::ReadInformation { handle: handle() },
        UserCall::ReplacePayload {
            handle: handle(),
            payload: "{}".to_owned(),
        },
        UserCall::Regenerate {
            handle: handle(),
            payload: some("{}"),
            carried: Carried {
                expiry: UnixMillis(1),
                hash1: "2".to_owned(),
                parent_hash1: some("3"),
                anti_csrf_token: some("4").map(crate::secret::AntiCsrfToken::new),
            },
        },
        UserCall::List {
            user_id: user_id.clone(),
            tenant_id: tenant_id.clone(),
        },
        UserCall::Revoke {
            handles: vec![handle(), handle()],
            keep_for: None,
            repeatable: true,
        },
        UserCall::RevokeAll {
            user_id,
            tenant_id,
            repeatable: true,
        },
    ] {
        survives(&Question {
            not_before: UnixMillis(3),
            call,
        });
    }
}

#[test]
fn every_reply_survives_the_wire() {
    let session = SessionView {
        handle: "handle".to_owned(),
        user_id: "user".to_owned(),
        tenant_id: "tenant".to_owned(),
        payload: "{}".to_owned(),
    };
    let access = AccessGrant {
        created: UnixMillis(1),
        expiry: UnixMillis(2),
        hash1: "3".to_owned(),
        parent_hash1: some("4"),
        anti_csrf_token: some("5").map(crate::secret::AntiCsrfToken::new),
        use_dynamic_key: true,
        by_service_api: false,
    };
    let refresh = TokenInfo {
        token: "token".to_owned(),
        expiry: UnixMillis(6),
        created: UnixMillis(7),
    };
    let unauthorised = [
        Gone::NoSession,
        Gone::NotOurs,
        Gone::AntiCsrf,
        Gone::RotatedOut,
        Gone::ProtectedClaim,
    ];
    let thefts = [
        ReuseSubtype::RecentPrev,
        ReuseSubtype::OrphanedBranch,
        ReuseSubtype::StaleLineage,
    ];
    let replies = [
        UserReply::Issued {
            session: session.clone(),
            access: access.clone(),
            refresh,
        },
        UserReply::Live {
            session: session.clone(),
            access: Some(access),
            payload_update_available: true,
            data_seq: 9,
        },
        UserReply::Standing { data_seq: 1 },
        UserReply::Data {
            session_data: "{}".to_owned(),
            seq: 2,
        },
        UserReply::Written { seq: 3 },
        UserReply::CopyPending,
        UserReply::RevocationPending,
        UserReply::Done,
        UserReply::Information {
            session,
            session_data: "{}".to_owned(),
            expiry: UnixMillis(1),
            created: UnixMillis(2),
            last_refreshed: Some(UnixMillis(3)),
            device: None,
        },
        UserReply::Handles(vec!["a".to_owned(), "b".to_owned()]),
    ];
    let replies = replies
        .into_iter()
        .chain(unauthorised.map(UserReply::Unauthorised))
        .chain(thefts.map(|subtype| UserReply::Theft {
            handle: "h".to_owned(),
            user_id: "u".to_owned(),
            subtype,
        }));
    for reply in replies {
        survives(&Envelope {
            as_of: UnixMillis(5),
            reply,
        });
    }
}
