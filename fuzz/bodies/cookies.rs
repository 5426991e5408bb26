//! `Cookie` and `Authorization`: which credentials a request carries.

use std::borrow::Cow;

use postern_core::gateway::own_tokens;
use postern_core::gateway::request::headers::{Passing, without_our_cookies};
use postern_core::http::bearer::{Authorization, authorization};
use postern_core::http::cookie::{Cookies, percent_encode};
use postern_core::request::credentials::{Classification, Transfer, access_tokens};
use postern_core::session::refresh_token;
use postern_core::supertokens::fdi::session_cookies::{
    MAX_REFRESH_CANDIDATES, SentCookies, Witnesses, refresh_candidates,
};

use super::{DEPLOYMENT, text};

pub const DICTIONARY: &[&str] = &[
    "sAccessToken=",
    "sRefreshToken=",
    "__Host-sAccessToken=",
    "__Host-sRefreshToken=",
    "1.a.0.0.m",
    "1.x.1.0.m",
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
    // What is left holds nothing of ours, and stays as it is.
    let passing = Passing::default();
    let left = without_our_cookies(header, passing, &|_| true, &|_| false);
    assert_eq!(
        without_our_cookies(&left, passing, &|_| true, &|_| false),
        left
    );
    assert!(own_tokens::held(&left, &|_| true).is_none());
    for name in ["sAccessToken", "sRefreshToken", "a", ""] {
        let all: Vec<_> = cookies.all(name).collect();
        assert_eq!(all.len(), cookies.count(name));
        assert_eq!(all.first(), cookies.first(name).as_ref());
        assert_eq!(all.is_empty(), !cookies.has(name));
        // Decoding never makes more of a header than it is.
        assert!(all.iter().map(|value| value.len()).sum::<usize>() <= header.len());
    }
    let is_ours = |handle: &str| !handle.starts_with('x');
    let of_a = Witnesses {
        host: None,
        others: vec!["a".to_owned()],
    };
    for witnesses in [Witnesses::default(), of_a] {
        if let Ok(found) = refresh_candidates(&DEPLOYMENT, cookies, &witnesses, is_ours) {
            assert!((1..=MAX_REFRESH_CANDIDATES).contains(&found.len()));
            let handles: Vec<_> = found
                .iter()
                .filter_map(|token| refresh_token::parse(token))
                .map(|presented| presented.handle)
                .collect();
            assert_eq!(handles.len(), found.len());
            assert!(handles.windows(2).all(|pair| pair[0] == pair[1]));
            assert!(handles.iter().all(|handle| is_ours(handle)));
        }
    }
    if let Authorization::Bearer(token) = authorization(Some(header)) {
        assert!(!token.is_empty() && !token.contains(','));
        assert_eq!(token.trim(), token);
    }
    let classify = |token: &Cow<'_, str>, _: Transfer| match token.as_ref() {
        token if token.starts_with('x') => Classification::Anothers,
        token if token.contains('.') => Classification::Token(()),
        _ => Classification::Nothing,
    };
    if let Ok(found) = access_tokens(&DEPLOYMENT, Some(header), Some(header), classify) {
        let cookie = found.cookie.ok().flatten();
        for candidate in [found.header, cookie].into_iter().flatten() {
            assert_eq!(
                classify(&candidate.token, candidate.transfer),
                Classification::Token(())
            );
        }
    }
    let sent = SentCookies::of(
        cookies,
        |token| classify(token, Transfer::Cookie),
        is_ours,
        false,
    );
    let plain = sent.access.ours + sent.access.anothers;
    assert_eq!(plain, cookies.count("sAccessToken"));
    let encoded = percent_encode(header);
    let sent = format!("x=\"\"; a={encoded}");
    assert_eq!(
        Cookies::new(Some(&sent)).first("a").as_deref(),
        Some(header)
    );
}
