//! The answers byte by byte, as fdi.md section 11 asks (checks 2, 3, 5 to 9 and 11).

mod refresh;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{check_cookies_are_kept, created, signed_out, verify_refused};
use crate::error::Presented;
use crate::http::reply::Reply;
use crate::request::credentials::Transfer;
use crate::settings::testing::parsed;
use crate::supertokens::fdi::request::BrowserRequest;
use crate::{
    refusal::Refusal,
    session::model::{IssuedSession, SessionView, TokenInfo},
};
use postern_jwt::time::UnixMillis;

/// 2026-11-23 06:59:17 UTC.
const NOW: UnixMillis = UnixMillis(1_795_417_157_000);
const REFRESH_EXPIRY: UnixMillis = UnixMillis(1_804_057_157_000);

fn issued(anti_csrf: Option<&str>) -> IssuedSession {
    IssuedSession {
        session: SessionView {
            handle: "handle".into(),
            user_id: "user".into(),
            tenant_id: "public".into(),
            payload: "{}".into(),
        },
        access_token: TokenInfo {
            token: access_token(),
            expiry: UnixMillis(1_795_420_757_000),
            created: NOW,
        },
        refresh_token: TokenInfo {
            token: "1.handle.0.0.mac".into(),
            expiry: REFRESH_EXPIRY,
            created: NOW,
        },
        anti_csrf_token: anti_csrf
            .map(|text| postern_jwt::secret::AntiCsrfToken::new(text.to_owned())),
    }
}

fn access_token() -> String {
    format!(
        "e30.{}.c2ln",
        Base64UrlUnpadded::encode_string(b"{\"sub\":\"user\"}")
    )
}

/// `{"uid":"user","ate":1795420757000,"up":{"sub":"user"}}`
const FRONT_TOKEN: &str =
    "front-token: eyJ1aWQiOiJ1c2VyIiwiYXRlIjoxNzk1NDIwNzU3MDAwLCJ1cCI6eyJzdWIiOiJ1c2VyIn19";

/// The session headers as lines; those that every reply has are left out.
fn lines(headers: &[(String, String)]) -> Vec<String> {
    headers
        .iter()
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "content-type"
                    | "cache-control"
                    | "x-content-type-options"
                    | "www-authenticate"
                    | "retry-after"
            )
        })
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

fn is_no_store(headers: &[(String, String)]) -> bool {
    headers.contains(&("cache-control".to_owned(), "no-store".to_owned()))
}

const CLEAR_ACCESS: &str = "set-cookie: sAccessToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax";
const CLEAR_REFRESH: &str = "set-cookie: sRefreshToken=; Path=/auth/session/refresh; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax";
const CLEAR_LEGACY: &str = "set-cookie: sIdRefreshToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax";
const EXPOSE_ALL: &str =
    "access-control-expose-headers: front-token, st-access-token, st-refresh-token";

fn set_access() -> String {
    format!(
        "set-cookie: sAccessToken={}; Path=/; Expires=Tue, 23 Nov 2027 06:59:17 GMT; HttpOnly; Secure; SameSite=Lax",
        access_token()
    )
}

const SET_REFRESH: &str = "set-cookie: sRefreshToken=1.handle.0.0.mac; Path=/auth/session/refresh; Expires=Wed, 03 Mar 2027 06:59:17 GMT; HttpOnly; Secure; SameSite=Lax";

fn full_clear() -> Vec<String> {
    [
        CLEAR_ACCESS,
        CLEAR_REFRESH,
        "front-token: remove",
        "st-access-token: ",
        "st-refresh-token: ",
        EXPOSE_ALL,
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_session_is_created_in_three_shapes() {
    let settings = parsed(&[]);
    let request = BrowserRequest::default();
    let by_cookie = created(&settings, &request, Transfer::Cookie, &issued(None), NOW).unwrap();
    assert_eq!(
        lines(&by_cookie),
        [
            set_access().as_str(),
            SET_REFRESH,
            FRONT_TOKEN,
            "access-control-expose-headers: front-token"
        ]
    );
    assert!(is_no_store(&by_cookie));

    let bound = created(
        &settings,
        &request,
        Transfer::Cookie,
        &issued(Some("csrf")),
        NOW,
    )
    .unwrap();
    assert_eq!(
        lines(&bound)[2..],
        [
            FRONT_TOKEN,
            "anti-csrf: csrf",
            "access-control-expose-headers: front-token, anti-csrf"
        ]
    );

    let by_header = created(&settings, &request, Transfer::Header, &issued(None), NOW).unwrap();
    assert_eq!(
        lines(&by_header),
        [
            FRONT_TOKEN,
            &format!("st-access-token: {}", access_token()),
            "st-refresh-token: 1.handle.0.0.mac",
            EXPOSE_ALL
        ]
    );
}

#[test]
fn creating_clears_the_other_method_if_the_request_used_it() {
    let settings = parsed(&[]);
    let request = BrowserRequest {
        authorization: Some("Bearer x"),
        cookie: Some("sAccessToken=x"),
        ..BrowserRequest::default()
    };
    let by_cookie = created(&settings, &request, Transfer::Cookie, &issued(None), NOW).unwrap();
    assert_eq!(
        lines(&by_cookie),
        [
            set_access().as_str(),
            SET_REFRESH,
            FRONT_TOKEN,
            "st-access-token: ",
            "st-refresh-token: ",
            EXPOSE_ALL
        ]
    );
    let by_header = created(&settings, &request, Transfer::Header, &issued(None), NOW).unwrap();
    assert_eq!(
        lines(&by_header)[..3],
        [CLEAR_ACCESS, CLEAR_REFRESH, FRONT_TOKEN]
    );
}

#[test]
fn attributes_follow_the_settings_in_set_and_clear_forms() {
    let settings = parsed(&[
        ("COOKIE_DOMAIN", ".Example.com"),
        ("API_BASE_PATH", "/x/y"),
        ("COOKIE_SAME_SITE", "none"),
    ]);
    let headers = created(
        &settings,
        &BrowserRequest::default(),
        Transfer::Cookie,
        &issued(None),
        NOW,
    )
    .unwrap();
    assert_eq!(
        lines(&headers)[..2],
        [
            format!("set-cookie: sAccessToken={}; Domain=.example.com; Path=/; Expires=Tue, 23 Nov 2027 06:59:17 GMT; HttpOnly; Secure; SameSite=None", access_token()),
            "set-cookie: sRefreshToken=1.handle.0.0.mac; Domain=.example.com; Path=/x/y/session/refresh; Expires=Wed, 03 Mar 2027 06:59:17 GMT; HttpOnly; Secure; SameSite=None".to_owned(),
        ]
    );
    assert_eq!(
        lines(&signed_out(&settings, &BrowserRequest::default(), Transfer::Cookie).headers)[..2],
        [
            "set-cookie: sAccessToken=; Domain=.example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
            "set-cookie: sRefreshToken=; Domain=.example.com; Path=/x/y/session/refresh; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
        ]
    );
    let plain = parsed(&[
        ("API_DOMAIN", "http://127.0.0.1:8787"),
        ("API_BASE_PATH", "/"),
    ]);
    assert_eq!(
        lines(&signed_out(&plain, &BrowserRequest::default(), Transfer::Cookie).headers)[..2],
        [
            "set-cookie: sAccessToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
            "set-cookie: sRefreshToken=; Path=/session/refresh; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
        ]
    );
    let prefixed = parsed(&[("HOST_PREFIXED_COOKIE", "true")]);
    assert!(
        lines(&signed_out(&prefixed, &BrowserRequest::default(), Transfer::Cookie).headers)[0]
            .starts_with("set-cookie: __Host-sAccessToken=; Path=/;")
    );
}

fn status_and_body(reply: &Reply) -> (u16, &str) {
    (reply.status, &reply.body)
}

#[test]
fn verifying_clears_only_a_session_of_ours_that_is_gone() {
    let settings = parsed(&[("SESSION_EXPIRED_STATUS_CODE", "440")]);
    for (refusal, presented, is_gone, status, clears) in [
        (
            Refusal::Unauthorised("none"),
            Presented::Nothing,
            false,
            440,
            false,
        ),
        (
            Refusal::Unauthorised("gone"),
            Presented::Token,
            true,
            440,
            true,
        ),
        (
            Refusal::Unauthorised("foreign"),
            Presented::Token,
            false,
            440,
            false,
        ),
        (
            Refusal::TryRefreshToken("expired"),
            Presented::Token,
            false,
            440,
            false,
        ),
        (
            Refusal::TryRefreshToken("expired"),
            Presented::Token,
            true,
            440,
            false,
        ),
        (
            Refusal::InvalidClaims("role"),
            Presented::Token,
            false,
            403,
            false,
        ),
        (
            Refusal::GeneralError("down"),
            Presented::Token,
            true,
            503,
            false,
        ),
    ] {
        let reply = verify_refused(&settings, &refusal, presented, is_gone);
        assert_eq!(reply.status, status);
        assert_eq!(
            lines(&reply.headers),
            if clears { full_clear() } else { Vec::new() },
            "{refusal:?}"
        );
    }
}

#[test]
fn sign_out_clears_the_method_in_use_only() {
    let settings = parsed(&[]);
    let reply = signed_out(&settings, &BrowserRequest::default(), Transfer::Cookie);
    assert_eq!(status_and_body(&reply), (200, r#"{"status":"OK"}"#));
    assert_eq!(
        lines(&reply.headers),
        [
            CLEAR_ACCESS,
            CLEAR_REFRESH,
            "front-token: remove",
            "access-control-expose-headers: front-token"
        ]
    );
    assert_eq!(
        lines(&signed_out(&settings, &BrowserRequest::default(), Transfer::Header).headers),
        [
            "front-token: remove",
            "st-access-token: ",
            "st-refresh-token: ",
            EXPOSE_ALL
        ]
    );
}

#[test]
fn cookies_that_browsers_drop_are_refused_at_creation() {
    for (values, transfer, is_kept) in [
        (
            vec![
                ("API_DOMAIN", "http://127.0.0.1:8787"),
                ("WEBSITE_ORIGINS", "https://other.example"),
            ],
            Transfer::Header,
            true,
        ),
        (
            vec![
                ("API_DOMAIN", "http://127.0.0.1:8787"),
                ("WEBSITE_ORIGINS", "http://localhost:3000"),
            ],
            Transfer::Cookie,
            true,
        ),
        (
            vec![
                ("API_DOMAIN", "http://127.0.0.1:8787"),
                ("WEBSITE_ORIGINS", "https://other.example"),
            ],
            Transfer::Cookie,
            false,
        ),
        (
            vec![("WEBSITE_ORIGINS", "https://other.example")],
            Transfer::Cookie,
            true,
        ),
        (
            vec![("API_DOMAIN", "http://127.0.0.1:8787")],
            Transfer::Cookie,
            true,
        ),
    ] {
        assert_eq!(
            check_cookies_are_kept(&parsed(&values), transfer).is_ok(),
            is_kept,
            "{values:?}"
        );
    }
}
