//! Session handles and refresh tokens: names that only we can make.

use postern_core::session::{
    handle::{CheckedHandle, HandleKeys, HandleKind, MAX_HANDLE_BYTES, Subject},
    lineage::TokenPosition,
    refresh_token::{self, MAX_REFRESH_TOKEN_BYTES, TokenMaker},
    ticket::{self, TicketFault, TicketKey},
};
use postern_jwt::{secret::Secret, time::UnixMillis};

use super::text;

pub const DICTIONARY: &[&str] = &[
    ".",
    "_",
    "_public",
    "x.",
    "1.",
    "0",
    "4294967295",
    "+1",
    "00",
    "-",
    "=",
    "aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\0",
];

fn keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
}

/// Handles and tokens that were made here: what a check may accept is exactly these.
fn made() -> [CheckedHandle; 3] {
    [
        keys().issue("alice", "public", [7; 16]),
        keys().issue("alice", "blue", [8; 16]),
        keys().issue_foreign("partner", Subject::of("bob"), "session-1"),
    ]
}

pub fn session_handle(input: &[u8]) {
    let Some(handle) = text(input) else { return };
    let made = made();
    let is_made = made.iter().any(|one| one.as_str() == handle);
    let checked = keys().check(handle);
    assert_eq!(checked.is_some(), is_made, "{handle}");
    if let Some(checked) = checked {
        assert!(handle.len() <= MAX_HANDLE_BYTES);
        assert_eq!(checked.as_str(), handle);
        assert!(handle.contains(checked.route()) && !checked.route().is_empty());
        assert!(
            made.contains(&checked),
            "the same parts as when it was made"
        );
        match checked.kind() {
            HandleKind::Own { tenant } => {
                assert!(tenant == "public" || handle.ends_with(&format!("_{tenant}")));
            }
            HandleKind::Foreign { issuer } => assert_eq!(issuer, "partner"),
        }
    }
    // One byte more or less than a good one is none.
    for good in &made {
        assert!(
            keys()
                .check(&format!("{}{handle}", good.as_str()))
                .is_none()
                || handle.is_empty()
        );
        assert!(
            keys()
                .check(&format!("{handle}{}", good.as_str()))
                .is_none()
                || handle.is_empty()
        );
    }
}

pub fn refresh_token(input: &[u8]) {
    let Some(token) = text(input) else { return };
    let place = ticket::TicketScope {
        host: "a",
        path: "/",
    };
    let key = TicketKey::derived_from(&Secret::new(vec![3; 32]));
    let opened = key.open(token, place, UnixMillis(0));
    assert_eq!(opened, Err(TicketFault::NotOurs), "none was made here");
    let Some(presented) = refresh_token::parse(token) else {
        return;
    };
    assert!(token.len() <= MAX_REFRESH_TOKEN_BYTES);
    let secret = Secret::new(vec![3; 32]);
    let maker = TokenMaker {
        secret: &secret,
        others: &[],
        salt: "salt",
        handle: presented.handle,
    };
    let TokenPosition { generation, index } = presented.position;
    assert!(
        token.starts_with(&format!("1.{}.{generation}.{index}.", presented.handle)),
        "{token}"
    );
    match maker.check(&presented) {
        Some(bound) => assert_eq!(
            maker.token(presented.position, bound),
            token,
            "one spelling"
        ),
        None => {
            for bound in [false, true] {
                assert_ne!(maker.token(presented.position, bound), token);
            }
        }
    }
    assert!(token.len() <= refresh_token::longest(presented.handle).max(token.len()));
    // What is not of this handle is not taken for it.
    let other = TokenMaker {
        handle: "another",
        ..maker
    };
    assert!(presented.handle == "another" || other.check(&presented).is_none());
}
