//! `POST {base}/session/refresh`.

use super::{
    CLEAR_ACCESS, CLEAR_LEGACY, CLEAR_REFRESH, EXPOSE_ALL, FRONT_TOKEN, NOW, SET_REFRESH,
    access_token, full_clear, is_no_store, issued, lines, set_access, status_and_body,
};
use crate::refusal::{Refusal, ReuseSubtype, Theft};
use crate::request::credentials::Transfer;
use crate::settings::testing::parsed;
use crate::supertokens::fdi::answers::{refresh_refused, refreshed};
use crate::supertokens::fdi::request::BrowserRequest;
use crate::supertokens::fdi::session_cookies::{Sent, SentCookies};

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
                CLEAR_LEGACY.replace("=; Path", "=; Domain=api.example.com; Path"),
                CLEAR_LEGACY.replace("=; Path", "=; Domain=example.com; Path"),
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
        sent: SentCookies {
            access: TWO,
            refresh: TWO,
            ..SentCookies::default()
        },
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

const TWO: Sent = Sent {
    ours: 2,
    anothers: 0,
};

/// Two deployments under one parent domain: theirs is neither cleared where ours would be, nor where ours was.
#[test]
fn what_is_another_deployments_is_not_cleared() {
    let settings = parsed(&[
        ("COOKIE_DOMAIN", ".example.com"),
        ("OLDER_COOKIE_DOMAIN", ""),
    ]);
    let theirs = Sent {
        ours: 0,
        anothers: 1,
    };
    let both = Sent {
        ours: 2,
        anothers: 1,
    };
    let lost = Refusal::Unauthorised("gone");
    for (access, refresh, cleared) in [
        (theirs, theirs, vec![]),
        (theirs, Sent::default(), vec!["sRefreshToken"]),
        (both, both, vec!["sAccessToken", "sRefreshToken"]),
        (Sent::default(), theirs, vec!["sAccessToken"]),
    ] {
        let request = BrowserRequest {
            cookie: Some("sAccessToken=x; sRefreshToken=y"),
            sent: SentCookies {
                access,
                refresh,
                ..SentCookies::default()
            },
            ..BrowserRequest::default()
        };
        let reply = refresh_refused(&settings, &request, &lost);
        let headers = lines(&reply.headers);
        let cookies: Vec<&str> = headers
            .iter()
            .filter_map(|line| line.strip_prefix("set-cookie: ")?.split('=').next())
            .collect();
        assert_eq!(cookies, cleared, "{access:?} {refresh:?}");
        assert!(headers.contains(&"front-token: remove".to_owned()));
    }
    let nothing = BrowserRequest::default();
    let reply = refresh_refused(&settings, &nothing, &Refusal::ForeignWebsite);
    assert_eq!(reply.status, 403);
    assert!(
        !reply
            .headers
            .iter()
            .any(|(name, _)| name == "set-cookie" || name == "front-token")
    );
}

#[test]
fn cookies_of_the_other_setting_of_the_prefix_go_with_the_rest() {
    let prefixed = parsed(&[("HOST_PREFIXED_COOKIE", "true")]);
    let one = Sent {
        ours: 1,
        anothers: 0,
    };
    let migrating = BrowserRequest {
        cookie: Some("sAccessToken=a; sRefreshToken=b"),
        sent: SentCookies {
            access: one,
            refresh: one,
            ..SentCookies::default()
        },
        ..BrowserRequest::default()
    };
    let reply = refreshed(&prefixed, &migrating, Transfer::Cookie, &issued(None), NOW).unwrap();
    let headers = lines(&reply.headers);
    for (name, path) in [
        ("sAccessToken", "/"),
        ("sRefreshToken", "/auth/session/refresh"),
    ] {
        for domain in ["", " Domain=api.example.com;", " Domain=example.com;"] {
            let line = format!(
                "set-cookie: {name}=;{domain} Path={path}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
            );
            assert!(headers.contains(&line), "{line} {headers:?}");
        }
        assert!(headers.iter().any(
            |line| line.starts_with(&format!("set-cookie: __Host-{name}="))
                && line.contains("; Path=/; ")
                && !line.contains("Domain")
                && !line.contains("1970")
        ));
    }
    let plain = parsed(&[]);
    let back = BrowserRequest {
        cookie: Some("__Host-sAccessToken=a; __Host-sRefreshToken=b"),
        ..BrowserRequest::default()
    };
    let reply = refreshed(&plain, &back, Transfer::Cookie, &issued(None), NOW).unwrap();
    for name in ["__Host-sAccessToken", "__Host-sRefreshToken"] {
        let line = format!(
            "set-cookie: {name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
        );
        assert!(lines(&reply.headers).contains(&line));
    }
}

#[test]
fn after_a_change_of_the_partition_the_other_cookie_is_cleared() {
    for (is_partitioned, ending) in [
        ("true", "SameSite=None"),
        ("false", "SameSite=None; Partitioned"),
    ] {
        let settings = parsed(&[
            ("COOKIE_SAME_SITE", "none"),
            ("COOKIE_PARTITIONED", is_partitioned),
            ("OLDER_COOKIE_DOMAIN", ""),
        ]);
        let request = BrowserRequest {
            sent: SentCookies {
                access: TWO,
                refresh: TWO,
                ..SentCookies::default()
            },
            ..BrowserRequest::default()
        };
        let reply = refreshed(&settings, &request, Transfer::Cookie, &issued(None), NOW).unwrap();
        let headers = lines(&reply.headers);
        for (name, path) in [
            ("sAccessToken", "/"),
            ("sRefreshToken", "/auth/session/refresh"),
        ] {
            let cleared = format!(
                "set-cookie: {name}=; Path={path}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; {ending}"
            );
            assert!(headers.contains(&cleared), "{cleared} {headers:?}");
            let set = headers.iter().find(|line| {
                line.starts_with(&format!("set-cookie: {name}=")) && !line.contains("1970")
            });
            assert_eq!(
                set.unwrap().ends_with("; Partitioned"),
                is_partitioned == "true"
            );
        }
    }
}

#[test]
fn in_cookie_mode_scripts_get_the_access_token_only_if_the_setting_says_so() {
    for (setting, is_exposed) in [("false", false), ("true", true)] {
        let settings = parsed(&[(
            "EXPOSE_ACCESS_TOKEN_TO_FRONTEND_IN_COOKIE_BASED_AUTH",
            setting,
        )]);
        let request = BrowserRequest::default();
        let reply = refreshed(&settings, &request, Transfer::Cookie, &issued(None), NOW).unwrap();
        let headers = lines(&reply.headers);
        let line = format!("st-access-token: {}", access_token());
        assert_eq!(headers.contains(&line), is_exposed);
        let exposed = "access-control-expose-headers: front-token, st-access-token".to_owned();
        assert_eq!(headers.contains(&exposed), is_exposed);
        assert!(
            !headers
                .iter()
                .any(|line| line.starts_with("st-refresh-token"))
        );
    }
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
