//! Anti-CSRF (fdi.md 5): when a request is checked, and against what.

use crate::refusal::Refusal;
use crate::request::credentials::Transfer;
use crate::settings::{AntiCsrf, SameSite, Settings};
use postern_jwt::secret::AntiCsrfToken;

use super::request::BrowserRequest;

/// The mode in force; `AUTO` is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AntiCsrfMode {
    /// No check.
    None,
    /// A token in the `anti-csrf` header must be the session's.
    ViaToken,
    /// The `rid` header must be there; only a script that CORS let through can send it.
    ViaCustomHeader,
}

impl AntiCsrfMode {
    /// The mode of these settings. Cookies that browsers send across sites need a check; others need none.
    pub fn of(settings: &Settings) -> Self {
        match settings.anti_csrf {
            AntiCsrf::ViaToken => Self::ViaToken,
            AntiCsrf::ViaCustomHeader => Self::ViaCustomHeader,
            AntiCsrf::Auto if settings.same_site() == SameSite::None => Self::ViaCustomHeader,
            AntiCsrf::Auto | AntiCsrf::None => Self::None,
        }
    }

    /// True when a session made or refreshed by this method is to be bound to an anti-CSRF token.
    pub fn binds_token(self, transfer: Transfer) -> bool {
        self == Self::ViaToken && transfer == Transfer::Cookie
    }

    /// Checks a request that carries a verified access token.
    ///
    /// `expected` are the tokens the session accepts now; empty when its access token carries no claim. `demanded`
    /// overrides the rule that every method but GET is checked.
    ///
    /// # Errors
    /// `TRY_REFRESH_TOKEN`: a refresh gives the page a token it may lack.
    pub fn check_verify(
        self,
        request: &BrowserRequest<'_>,
        transfer: Transfer,
        expected: &[&AntiCsrfToken],
        demanded: Option<bool>,
    ) -> Result<(), Refusal> {
        let is_checked =
            transfer == Transfer::Cookie && demanded.unwrap_or(request.method != "GET");
        match self {
            Self::ViaCustomHeader if is_checked && request.rid.is_none() => {
                Err(Refusal::TryRefreshToken("the rid header is missing"))
            }
            Self::ViaToken if is_checked && !is_one_of(request.anti_csrf, expected) => Err(
                Refusal::TryRefreshToken("the anti-csrf header is missing or wrong"),
            ),
            Self::None | Self::ViaToken | Self::ViaCustomHeader => Ok(()),
        }
    }

    /// Checks a refresh; in mode `VIA_TOKEN` the session itself compares the token, if [`Self::binds_token`].
    ///
    /// # Errors
    /// `UNAUTHORISED`, and as for every refused refresh the tokens are cleared.
    pub fn check_refresh(
        self,
        request: &BrowserRequest<'_>,
        transfer: Transfer,
    ) -> Result<(), Refusal> {
        if self == Self::ViaCustomHeader && transfer == Transfer::Cookie && request.rid.is_none() {
            return Err(Refusal::Unauthorised("the rid header is missing"));
        }
        Ok(())
    }
}

/// Compares in constant time, with every expected value.
fn is_one_of(presented: Option<&str>, expected: &[&AntiCsrfToken]) -> bool {
    let presented = presented.unwrap_or_default();
    expected
        .iter()
        .fold(false, |found, token| found | token.equals(presented))
}

#[cfg(test)]
mod tests {
    use super::AntiCsrfMode::{self, None as Off, ViaCustomHeader, ViaToken};
    use crate::refusal::Refusal;
    use crate::request::credentials::Transfer;
    use crate::settings::testing::parsed;
    use crate::supertokens::fdi::request::BrowserRequest;
    use postern_jwt::secret::AntiCsrfToken;

    fn token(text: &str) -> AntiCsrfToken {
        AntiCsrfToken::new(text.to_owned())
    }

    #[test]
    fn auto_follows_same_site() {
        for (setting, websites, mode) in [
            ("AUTO", "https://api.example.com", Off),
            ("AUTO", "https://other.example", ViaCustomHeader),
            ("NONE", "https://api.example.com", Off),
            ("VIA_TOKEN", "https://api.example.com", ViaToken),
            (
                "VIA_CUSTOM_HEADER",
                "https://api.example.com",
                ViaCustomHeader,
            ),
        ] {
            let settings = parsed(&[("ANTI_CSRF", setting), ("WEBSITE_ORIGINS", websites)]);
            assert_eq!(AntiCsrfMode::of(&settings), mode, "{setting} {websites}");
        }
    }

    /// Mode, `rid`, `anti-csrf`, and whether a checked request passes; the session expects `good`.
    const MATRIX: &[(AntiCsrfMode, Option<&str>, Option<&str>, bool)] = &[
        (Off, None, None, true),
        (ViaCustomHeader, None, Some("good"), false),
        (ViaCustomHeader, Some(""), None, true),
        (ViaCustomHeader, Some("anti-csrf"), None, true),
        (ViaToken, Some("session"), None, false),
        (ViaToken, Some("session"), Some(""), false),
        (ViaToken, Some("session"), Some("wrong"), false),
        (ViaToken, Some("session"), Some("goo"), false),
        (ViaToken, None, Some("good"), true),
        (ViaToken, None, Some("previous"), true),
    ];

    #[test]
    fn verifying_checks_every_method_but_get_in_cookie_mode() {
        for (mode, rid, anti_csrf, passes) in MATRIX {
            for (method, demanded, is_checked) in [
                ("GET", None, false),
                ("HEAD", None, true),
                ("POST", None, true),
                ("get", None, true),
                ("PURGE", None, true),
                ("GET", Some(true), true),
                ("POST", Some(false), false),
            ] {
                let request = BrowserRequest {
                    method,
                    rid: *rid,
                    anti_csrf: *anti_csrf,
                    ..BrowserRequest::default()
                };
                let expected = ["good", "previous"].map(token);
                let expected = expected.each_ref();
                let by_cookie = mode.check_verify(&request, Transfer::Cookie, &expected, demanded);
                assert_eq!(
                    by_cookie.is_ok(),
                    *passes || !is_checked,
                    "{mode:?} {rid:?} {anti_csrf:?} {method}"
                );
                assert!(matches!(
                    by_cookie,
                    Ok(()) | Err(Refusal::TryRefreshToken(_))
                ));
                assert_eq!(
                    mode.check_verify(&request, Transfer::Header, &expected, demanded),
                    Ok(())
                );
            }
        }
    }

    #[test]
    fn a_token_without_the_claim_passes_no_token_check() {
        for (anti_csrf, expected) in [
            (None, vec![]),
            (Some(""), vec![]),
            (Some("x"), vec![]),
            (None, vec![""]),
            (Some(""), vec![""]),
        ] {
            let expected: Vec<AntiCsrfToken> = expected.into_iter().map(token).collect();
            let expected: Vec<&AntiCsrfToken> = expected.iter().collect();
            let request = BrowserRequest {
                method: "POST",
                anti_csrf,
                ..BrowserRequest::default()
            };
            assert!(
                ViaToken
                    .check_verify(&request, Transfer::Cookie, &expected, None)
                    .is_err()
            );
        }
    }

    #[test]
    fn a_refresh_by_cookie_needs_the_custom_header() {
        let without = BrowserRequest::default();
        let with = BrowserRequest {
            rid: Some(""),
            ..without
        };
        assert!(matches!(
            ViaCustomHeader.check_refresh(&without, Transfer::Cookie),
            Err(Refusal::Unauthorised(_))
        ));
        assert_eq!(
            ViaCustomHeader.check_refresh(&with, Transfer::Cookie),
            Ok(())
        );
        assert_eq!(
            ViaCustomHeader.check_refresh(&without, Transfer::Header),
            Ok(())
        );
        assert_eq!(ViaToken.check_refresh(&without, Transfer::Cookie), Ok(()));
        assert_eq!(Off.check_refresh(&without, Transfer::Cookie), Ok(()));
        assert!(ViaToken.binds_token(Transfer::Cookie) && !ViaToken.binds_token(Transfer::Header));
        assert!(!ViaCustomHeader.binds_token(Transfer::Cookie));
    }
}
