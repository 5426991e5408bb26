//! `Cookie` and `Authorization`: which credentials a request carries.

use std::borrow::Cow;

use postern::{
    frontend::duplicates::{MAX_REFRESH_CANDIDATES, refresh_candidates},
    http::{
        bearer::{Authorization, authorization},
        cookie::{Cookies, percent_encode},
        credentials::{LEGACY_ID_COOKIE, access_tokens},
    },
};

use super::{DEPLOYMENT, text};

pub const DICTIONARY: &[&str] = &[
    "sAccessToken=",
    "sRefreshToken=",
    "__Host-sAccessToken=",
    "sIdRefreshToken=",
    "; ",
    ";",
    "=",
    "\"",
    "%",
    "%20",
    "%ff",
    "%E9%A6%AC",
    "Bearer ",
    "bearer\t",
    ", ",
    "a.b.c",
    "\0",
];

pub fn cookie_header(input: &[u8]) {
    let Some(header) = text(input) else { return };
    let cookies = Cookies::new(Some(header));
    for name in ["sAccessToken", "sRefreshToken", "a", ""] {
        let all: Vec<_> = cookies.all(name).collect();
        assert_eq!(all.len(), cookies.count(name));
        assert_eq!(all.first(), cookies.first(name).as_ref());
        assert_eq!(all.is_empty(), !cookies.has(name));
        // Decoding never makes more of a header than it is.
        assert!(all.iter().map(|value| value.len()).sum::<usize>() <= header.len());
    }
    let candidates = refresh_candidates(cookies, |token| {
        token
            .split_once('.')
            .map(|(handle, place)| (handle.to_owned(), place.len()))
    });
    assert!(candidates.len() <= MAX_REFRESH_CANDIDATES);
    if let Authorization::Bearer(token) = authorization(Some(header)) {
        assert!(!token.is_empty() && !token.contains(','));
        assert_eq!(token.trim(), token);
    }
    let counts = |token: &Cow<'_, str>| token.contains('.').then_some(());
    if let Ok(found) = access_tokens(&DEPLOYMENT, Some(header), Some(header), counts) {
        assert!(!cookies.has(LEGACY_ID_COOKIE));
        for candidate in [&found.preferred, &found.other].into_iter().flatten() {
            assert!(counts(&candidate.token).is_some());
        }
        assert!(found.preferred.is_some() || found.other.is_none());
    }
    let encoded = percent_encode(header);
    let sent = format!("x=\"\"; a={encoded}");
    assert_eq!(
        Cookies::new(Some(&sent)).first("a").as_deref(),
        Some(header)
    );
}
