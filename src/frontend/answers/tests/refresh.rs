//! `POST {base}/session/refresh`.

use super::{
    CLEAR_ACCESS, CLEAR_LEGACY, CLEAR_REFRESH, EXPOSE_ALL, FRONT_TOKEN, NOW, SET_REFRESH,
    access_token, full_clear, is_no_store, issued, lines, set_access, status_and_body,
};
use crate::frontend::answers::{refresh_refused, refreshed};
use crate::frontend::request::BrowserRequest;
use crate::http::credentials::Transfer;
use crate::session::model::{Refusal, ReuseSubtype, Theft};
use crate::settings::testing::parsed;

#[test]
fn a_refresh_answers_by_the_method_of_its_token() {
    let settings = parsed(&[]);
    for (authorization, cookie, transfer, expected) in [
        (
            None,
            Some("sRefreshToken=x"),
            Transfer::Cookie,
            vec![
                set_access(),
                SET_REFRESH.into(),
                FRONT_TOKEN.into(),
                "access-control-expose-headers: front-token".into(),
            ],
        ),
        (
            Some("Bearer y"),
            Some("sRefreshToken=x"),
            Transfer::Cookie,
            vec![
                set_access(),
                SET_REFRESH.into(),
                FRONT_TOKEN.into(),
                "st-access-token: ".into(),
                "st-refresh-token: ".into(),
                EXPOSE_ALL.into(),
            ],
        ),
        (
            Some("Bearer y"),
            None,
            Transfer::Header,
            vec![
                FRONT_TOKEN.into(),
                format!("st-access-token: {}", access_token()),
                "st-refresh-token: 1.handle.0.0.mac".into(),
                EXPOSE_ALL.into(),
            ],
        ),
        (
            Some("Bearer y"),
            Some("sRefreshToken=x; sIdRefreshToken="),
            Transfer::Header,
            vec![
                CLEAR_ACCESS.into(),
                CLEAR_REFRESH.into(),
                CLEAR_LEGACY.into(),
                FRONT_TOKEN.into(),
                format!("st-access-token: {}", access_token()),
                "st-refresh-token: 1.handle.0.0.mac".into(),
                EXPOSE_ALL.into(),
            ],
        ),
    ] {
        let request = BrowserRequest {
            authorization,
            cookie,
            ..BrowserRequest::default()
        };
        let reply = refreshed(&settings, &request, transfer, &issued(None), NOW).unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
        assert_eq!(lines(&reply.headers), expected);
        assert!(is_no_store(&reply.headers));
    }
}

#[test]
fn a_refresh_repairs_duplicate_cookies_and_still_hands_out_tokens() {
    let settings = parsed(&[("OLDER_COOKIE_DOMAIN", ".example.com")]);
    let request = BrowserRequest {
        cookie: Some("sAccessToken=a; sRefreshToken=b; sAccessToken=c; sRefreshToken=d"),
        ..BrowserRequest::default()
    };
    let older = |line: &str| line.replace("=; Path", "=; Domain=.example.com; Path");
    let reply = refreshed(&settings, &request, Transfer::Cookie, &issued(None), NOW).unwrap();
    assert_eq!(
        lines(&reply.headers)[..5],
        [
            older(CLEAR_ACCESS),
            older(CLEAR_REFRESH),
            set_access(),
            SET_REFRESH.to_owned(),
            FRONT_TOKEN.to_owned()
        ]
    );
    let reply = refresh_refused(&settings, &request, &Refusal::Unauthorised("gone"));
    assert_eq!(
        lines(&reply.headers)[..2],
        [older(CLEAR_ACCESS), older(CLEAR_REFRESH)]
    );
    assert_eq!(lines(&reply.headers)[2..], full_clear());
}

#[test]
fn a_refresh_that_loses_the_session_clears_everything_and_an_outage_nothing() {
    let settings = parsed(&[]);
    let request = BrowserRequest::default();
    let theft = Refusal::TokenTheftDetected(Box::new(Theft {
        handle: "handle".into(),
        user_id: "user".into(),
        subtype: ReuseSubtype::StaleLineage,
    }));
    let reply = refresh_refused(&settings, &request, &Refusal::Unauthorised("none"));
    assert_eq!(
        status_and_body(&reply),
        (401, r#"{"status":"UNAUTHORISED","message":"unauthorised"}"#)
    );
    assert_eq!(lines(&reply.headers), full_clear());
    assert!(
        reply
            .headers
            .contains(&("www-authenticate".to_owned(), "Bearer".to_owned()))
    );
    let reply = refresh_refused(&settings, &request, &theft);
    assert_eq!(
        status_and_body(&reply),
        (
            401,
            r#"{"status":"TOKEN_THEFT_DETECTED","message":"token theft detected"}"#
        )
    );
    assert_eq!(lines(&reply.headers), full_clear());
    for refusal in [
        Refusal::GeneralError("down"),
        Refusal::BadInput("doubled".into()),
    ] {
        assert_eq!(
            lines(&refresh_refused(&settings, &request, &refusal).headers),
            Vec::<String>::new()
        );
    }
    let with_legacy = BrowserRequest {
        cookie: Some("sIdRefreshToken=x"),
        ..request
    };
    assert!(
        lines(&refresh_refused(&settings, &with_legacy, &theft).headers)
            .contains(&CLEAR_LEGACY.to_owned())
    );
}
