//! What the browser protocol reads of a request, and the choice of the transfer method (fdi.md 2.1, 4.6).

use crate::http::bearer::{Authorization, authorization};
use crate::http::cookie::Cookies;
use crate::refusal::Refusal;
use crate::request::credentials::{
    HOST_ACCESS_TOKEN_COOKIE, HOST_REFRESH_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE, Transfer,
};
use crate::request::token_places::Placed;
use crate::settings::{Settings, TokenTransferMethod};

use super::request_origin::{OtherSites, Sender, Site, request_site};
use super::session_cookies::SentCookies;

/// The method and headers of a request, as far as the protocol reads them.
#[derive(Clone, Copy, Default)]
pub struct BrowserRequest<'a> {
    /// The method as sent.
    pub method: &'a str,
    /// The URL as it was sent; empty where no proof of possession can come.
    pub url: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `DPoP`: the proof of possession (RFC 9449); only looked at beside an access token of that scheme, and at a refresh.
    pub proof: Option<&'a str>,
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// `rid`: its presence shows that a script of an allowed website made the request.
    pub rid: Option<&'a str>,
    /// `anti-csrf`.
    pub anti_csrf: Option<&'a str>,
    /// `st-auth-mode`: the transfer method that the browser SDK is set to.
    pub auth_mode: Option<&'a str>,
    /// The host that it was sent to, `name[:port]`.
    pub host: &'a str,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a str>,
    /// `CF-Connecting-IP`: the address of the client, by whose network refreshes are counted; `None` where they are not.
    pub client_address: Option<&'a str>,
    /// True for a request to open a WebSocket.
    pub is_websocket: bool,
    /// What stands where tokens of trusted issuers may be, besides `Authorization` and the session cookies.
    pub placed: &'a [Placed<'a>],
    /// `Secure-Session-Skipped`: why the browser did not renew the cookie that shows the device.
    pub skipped: Option<&'a str>,
    /// True when a link on another site led here: the browser renews no such cookie for it.
    pub is_by_foreign_link: bool,
    /// Whose its plain session cookies are, where that was looked at.
    pub sent: SentCookies,
}

/// Where the refresh token to use is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshToken<'a> {
    /// In `Authorization`; the new tokens go back in headers. A credential: never log it.
    Header(&'a str),
    /// Among the cookies.
    Cookie,
}

impl RefreshToken<'_> {
    /// How it came, and hence how the new tokens go back.
    pub const fn transfer(&self) -> Transfer {
        match self {
            Self::Header(_) => Transfer::Header,
            Self::Cookie => Transfer::Cookie,
        }
    }
}

impl<'a> BrowserRequest<'a> {
    /// The cookies.
    pub fn cookies(&self) -> Cookies<'a> {
        Cookies::new(self.cookie)
    }

    /// True when another website's page sends this: it could change something, and neither `WEBSITE_ORIGINS` nor `others`
    /// name that page. Methods that change nothing may come from everywhere, as people follow links; a WebSocket does
    /// not, as no CORS guards what is read through it.
    pub fn is_from_foreign_site(&self, settings: &Settings, others: &OtherSites) -> bool {
        let is_guarded =
            self.is_websocket || !matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
        let sender = Sender {
            host: self.host,
            origin: self.origin,
            sec_fetch_site: self.sec_fetch_site,
        };
        is_guarded && request_site(settings, sender) == Site::Foreign && !others.admits(self.origin)
    }

    /// True when the request carries an access token by this method. What the token is worth does not matter; it decides
    /// only what an answer clears.
    pub fn carries_access_token(&self, transfer: Transfer, settings: &Settings) -> bool {
        match transfer {
            Transfer::Cookie => {
                let cookies = self.cookies();
                let name = settings.access_token_cookie();
                (cookies.has(name) && !self.sent.under(name).is_anothers())
                    || cookies.has(HOST_ACCESS_TOKEN_COOKIE)
            }
            Transfer::Header => self.carries_bearer(),
        }
    }

    /// The same of a refresh token.
    pub fn carries_refresh_token(&self, transfer: Transfer) -> bool {
        match transfer {
            Transfer::Cookie => {
                let cookies = self.cookies();
                (cookies.has(REFRESH_TOKEN_COOKIE) && !self.sent.refresh.is_anothers())
                    || cookies.has(HOST_REFRESH_TOKEN_COOKIE)
            }
            Transfer::Header => self.carries_bearer(),
        }
    }

    /// True when `Authorization` holds a bearer token.
    pub fn carries_bearer(&self) -> bool {
        authorization(self.authorization) != Authorization::None
    }

    /// The transfer method of a new session: the setting, or for `any` cookies if and only if the SDK asks for them.
    pub fn transfer_of_new_session(&self, setting: TokenTransferMethod) -> Transfer {
        let asks_for_cookies = self
            .auth_mode
            .is_some_and(|mode| mode.trim().eq_ignore_ascii_case("cookie"));
        match setting {
            TokenTransferMethod::Cookie => Transfer::Cookie,
            TokenTransferMethod::Any if asks_for_cookies => Transfer::Cookie,
            TokenTransferMethod::Any | TokenTransferMethod::Header => Transfer::Header,
        }
    }

    /// The refresh token that counts: a bearer token before the cookie, as far as each is allowed. A bearer token that is
    /// none of ours does not hide a cookie.
    ///
    /// # Errors
    /// `UNAUTHORISED` when there is none; bad input when `Authorization` holds more than one credential.
    pub fn refresh_token(
        &self,
        settings: &Settings,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<RefreshToken<'a>, Refusal> {
        let allowed = settings.token_transfer_method;
        let cookies = self.cookies();
        let has_cookie = Transfer::Cookie.is_allowed(allowed)
            && [HOST_REFRESH_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE]
                .into_iter()
                .any(|name| cookies.all(name).any(|token| !token.is_empty()));
        match authorization(self.authorization) {
            Authorization::Bearer(token) | Authorization::Dpop(token)
                if Transfer::Header.is_allowed(allowed) && (!has_cookie || is_ours(token)) =>
            {
                Ok(RefreshToken::Header(token))
            }
            Authorization::Doubled if Transfer::Header.is_allowed(allowed) => {
                Err(Refusal::BadInput(
                    "the Authorization header holds more than one credential".to_owned(),
                ))
            }
            _ if has_cookie => Ok(RefreshToken::Cookie),
            _ => Err(Refusal::Unauthorised(
                "the request carries no refresh token",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BrowserRequest, RefreshToken};
    use crate::refusal::Refusal;
    use crate::request::credentials::Transfer;
    use crate::settings::TokenTransferMethod::{self, Any, Cookie, Header};
    use crate::settings::testing::parsed;
    use crate::supertokens::fdi::request_origin::OtherSites;

    #[test]
    fn a_new_session_goes_the_way_the_sdk_asks_for() {
        for (setting, mode, expected) in [
            (Any, Some("cookie"), Transfer::Cookie),
            (Any, Some("Cookie"), Transfer::Cookie),
            (Any, Some("header"), Transfer::Header),
            (Any, Some("x"), Transfer::Header),
            (Any, None, Transfer::Header),
            (Cookie, Some("header"), Transfer::Cookie),
            (Cookie, None, Transfer::Cookie),
            (Header, Some("cookie"), Transfer::Header),
        ] {
            let request = BrowserRequest {
                auth_mode: mode,
                ..BrowserRequest::default()
            };
            assert_eq!(
                request.transfer_of_new_session(setting),
                expected,
                "{setting:?} {mode:?}"
            );
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)] // one table
    fn another_website_may_only_ask_for_what_changes_nothing() {
        let settings = parsed(&[("WEBSITE_ORIGINS", "https://www.example.com")]);
        let named = OtherSites::Named(vec!["https://pay.example".to_owned()]);
        for (method, is_websocket, origin, others, expected) in [
            (
                "GET",
                false,
                "https://evil.example",
                &OtherSites::None,
                false,
            ),
            (
                "HEAD",
                false,
                "https://evil.example",
                &OtherSites::None,
                false,
            ),
            (
                "OPTIONS",
                false,
                "https://evil.example",
                &OtherSites::None,
                false,
            ),
            ("GET", true, "https://evil.example", &OtherSites::None, true),
            (
                "GET",
                true,
                "https://app.example.com",
                &OtherSites::None,
                false,
            ),
            (
                "GET",
                true,
                "http://app.example.com",
                &OtherSites::None,
                true,
            ),
            (
                "POST",
                false,
                "https://evil.example",
                &OtherSites::None,
                true,
            ),
            (
                "PURGE",
                false,
                "https://evil.example",
                &OtherSites::None,
                true,
            ),
            (
                "get",
                false,
                "https://evil.example",
                &OtherSites::None,
                true,
            ),
            (
                "POST",
                false,
                "https://www.example.com",
                &OtherSites::None,
                false,
            ),
            (
                "POST",
                false,
                "https://app.example.com",
                &OtherSites::None,
                false,
            ),
            (
                "POST",
                false,
                "https://pay.example",
                &OtherSites::None,
                true,
            ),
            ("POST", false, "https://pay.example", &named, false),
            ("POST", false, "https://evil.example", &named, true),
            ("POST", false, "null", &named, true),
            ("POST", false, "null", &OtherSites::Any, false),
        ] {
            let request = BrowserRequest {
                method,
                host: "app.example.com",
                origin: Some(origin),
                is_websocket,
                ..BrowserRequest::default()
            };
            assert_eq!(
                request.is_from_foreign_site(&settings, others),
                expected,
                "{method} {is_websocket} {origin} {others:?}"
            );
        }
        let unnamed = BrowserRequest {
            method: "POST",
            host: "app.example.com",
            ..BrowserRequest::default()
        };
        assert!(!unnamed.is_from_foreign_site(&settings, &OtherSites::None));
    }

    /// The table of fdi.md 4.6: allowed method, bearer, cookie, and which one counts.
    const REFRESH: &[(TokenTransferMethod, bool, bool, Option<Transfer>)] = &[
        (Any, false, false, None),
        (Header, false, false, None),
        (Cookie, false, false, None),
        (Any, false, true, Some(Transfer::Cookie)),
        (Header, false, true, None),
        (Cookie, false, true, Some(Transfer::Cookie)),
        (Any, true, false, Some(Transfer::Header)),
        (Header, true, false, Some(Transfer::Header)),
        (Cookie, true, false, None),
        (Any, true, true, Some(Transfer::Header)),
        (Header, true, true, Some(Transfer::Header)),
        (Cookie, true, true, Some(Transfer::Cookie)),
    ];

    #[test]
    fn the_refresh_token_is_chosen_by_the_table() {
        for (allowed, bearer, cookie, expected) in REFRESH {
            let mut settings = parsed(&[]);
            settings.token_transfer_method = *allowed;
            let request = BrowserRequest {
                authorization: bearer.then_some("Bearer token"),
                cookie: cookie.then_some("sRefreshToken=token"),
                ..BrowserRequest::default()
            };
            let found = request.refresh_token(&settings, |_| true);
            match expected {
                Some(transfer) => assert_eq!(found.unwrap().transfer(), *transfer),
                None => assert!(
                    matches!(found, Err(Refusal::Unauthorised(_))),
                    "{allowed:?} {bearer} {cookie}"
                ),
            }
        }
    }

    #[test]
    fn an_empty_refresh_cookie_is_none() {
        let request = BrowserRequest {
            cookie: Some("sRefreshToken="),
            ..BrowserRequest::default()
        };
        assert!(request.refresh_token(&parsed(&[]), |_| true).is_err());
    }

    #[test]
    fn a_bearer_that_is_none_of_ours_hides_no_cookie() {
        for (cookie, expected) in [
            (Some("sRefreshToken=x"), RefreshToken::Cookie),
            (Some("__Host-sRefreshToken=x"), RefreshToken::Cookie),
            (Some("sRefreshToken="), RefreshToken::Header("foreign")),
            (None, RefreshToken::Header("foreign")),
        ] {
            let request = BrowserRequest {
                authorization: Some("Bearer foreign"),
                cookie,
                ..BrowserRequest::default()
            };
            let found = request.refresh_token(&parsed(&[]), |_| false);
            assert_eq!(found.unwrap(), expected, "{cookie:?}");
        }
    }

    #[test]
    fn a_doubled_refresh_header_is_bad_input() {
        let request = BrowserRequest {
            authorization: Some("Bearer a, Bearer b"),
            cookie: Some("sRefreshToken=c"),
            ..BrowserRequest::default()
        };
        assert!(matches!(
            request.refresh_token(&parsed(&[]), |_| true),
            Err(Refusal::BadInput(_))
        ));
        let cookie_only = parsed(&[("TOKEN_TRANSFER_METHOD", "cookie")]);
        assert_eq!(
            request.refresh_token(&cookie_only, |_| true).unwrap(),
            RefreshToken::Cookie
        );
    }
}
