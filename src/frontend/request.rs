//! What the browser protocol reads of a request, and the choice of the transfer method (fdi.md 2.1, 4.6).

use std::borrow::Cow;

use crate::http::bearer::{Authorization, authorization};
use crate::http::cookie::Cookies;
use crate::http::credentials::Transfer;
use crate::session::model::Refusal;
use crate::settings::{Settings, TokenTransferMethod};

pub use crate::http::credential_names::REFRESH_TOKEN as REFRESH_TOKEN_COOKIE;

/// The method and headers of a request, as far as the protocol reads them.
#[derive(Clone, Copy, Default)]
pub struct BrowserRequest<'a> {
    /// The method as sent.
    pub method: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// `rid`: its presence shows that a script of an allowed website made the request.
    pub rid: Option<&'a str>,
    /// `anti-csrf`.
    pub anti_csrf: Option<&'a str>,
    /// `st-auth-mode`: the transfer method that the browser SDK is set to.
    pub auth_mode: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
}

/// A refresh token to use, and how it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken<'a> {
    /// The token. A credential: never log it.
    pub token: Cow<'a, str>,
    /// How it came, and hence how the new tokens go back.
    pub transfer: Transfer,
}

impl<'a> BrowserRequest<'a> {
    /// The cookies.
    pub fn cookies(&self) -> Cookies<'a> {
        Cookies::new(self.cookie)
    }

    /// True when the request carries any token by this method: `cookie_name` is the cookie asked for. What the token
    /// is worth does not matter; it decides only what an answer clears.
    pub fn carries(&self, transfer: Transfer, cookie_name: &str) -> bool {
        match transfer {
            Transfer::Cookie => self.cookies().has(cookie_name),
            Transfer::Header => authorization(self.authorization) != Authorization::None,
        }
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

    /// The refresh token that counts: any bearer token before the cookie, as far as each is allowed.
    ///
    /// # Errors
    /// `UNAUTHORISED` when there is none; bad input when `Authorization` holds more than one credential.
    pub fn refresh_token(&self, settings: &Settings) -> Result<RefreshToken<'a>, Refusal> {
        let allowed = settings.token_transfer_method;
        match authorization(self.authorization) {
            Authorization::Bearer(token) if Transfer::Header.is_allowed(allowed) => {
                return Ok(RefreshToken {
                    token: Cow::Borrowed(token),
                    transfer: Transfer::Header,
                });
            }
            Authorization::Doubled if Transfer::Header.is_allowed(allowed) => {
                return Err(Refusal::BadInput(
                    "the Authorization header holds more than one credential".to_owned(),
                ));
            }
            Authorization::Bearer(_) | Authorization::Doubled | Authorization::None => {}
        }
        self.cookies()
            .all(REFRESH_TOKEN_COOKIE)
            .find(|token| !token.is_empty())
            .filter(|_| Transfer::Cookie.is_allowed(allowed))
            .map(|token| RefreshToken {
                token,
                transfer: Transfer::Cookie,
            })
            .ok_or(Refusal::Unauthorised(
                "the request carries no refresh token",
            ))
    }
}

#[cfg(test)]
mod tests {
    use super::BrowserRequest;
    use crate::http::credentials::Transfer;
    use crate::session::model::Refusal;
    use crate::settings::TokenTransferMethod::{self, Any, Cookie, Header};
    use crate::settings::testing::parsed;

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
            let found = request.refresh_token(&settings);
            match expected {
                Some(transfer) => assert_eq!(found.unwrap().transfer, *transfer),
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
        assert!(request.refresh_token(&parsed(&[])).is_err());
    }

    #[test]
    fn a_doubled_refresh_header_is_bad_input() {
        let request = BrowserRequest {
            authorization: Some("Bearer a, Bearer b"),
            cookie: Some("sRefreshToken=c"),
            ..BrowserRequest::default()
        };
        assert!(matches!(
            request.refresh_token(&parsed(&[])),
            Err(Refusal::BadInput(_))
        ));
        let cookie_only = parsed(&[("TOKEN_TRANSFER_METHOD", "cookie")]);
        assert_eq!(request.refresh_token(&cookie_only).unwrap().token, "c");
    }
}
