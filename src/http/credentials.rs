//! Which access tokens a request carries, and by which method (fdi.md 4.6; the contract, section 5).
//!
//! Owns the order of preference between `Authorization` and the access-token cookie. Refuses to know what a good token
//! looks like: the caller says whether a text is one of ours, or of a trusted issuer, by its structure.

use std::borrow::Cow;

use super::bearer::{Authorization, authorization};
use super::cookie::Cookies;
use crate::session::model::Refusal;
use crate::settings::{Settings, TokenTransferMethod};

pub use super::credential_names::LEGACY_ID as LEGACY_ID_COOKIE;

/// How tokens travel between a browser and us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// HttpOnly cookies.
    Cookie,
    /// `Authorization: Bearer` one way, `st-*` response headers the other.
    Header,
}

impl Transfer {
    /// The other method.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Cookie => Self::Header,
            Self::Header => Self::Cookie,
        }
    }

    /// True when `TOKEN_TRANSFER_METHOD` allows this method.
    pub const fn is_allowed(self, setting: TokenTransferMethod) -> bool {
        matches!(
            (self, setting),
            (_, TokenTransferMethod::Any)
                | (Self::Cookie, TokenTransferMethod::Cookie)
                | (Self::Header, TokenTransferMethod::Header)
        )
    }
}

/// A text that is an access token by its structure; nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a, T> {
    /// The token. A credential: never log it.
    pub token: Cow<'a, str>,
    /// How it came.
    pub transfer: Transfer,
    /// What a look at it has found.
    pub look: T,
}

/// The access tokens of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokens<'a, T> {
    /// The token that counts; `None` when the request carries none.
    pub preferred: Option<Candidate<'a, T>>,
    /// A second one, by the other method. When both verify and name different sessions, the request is bad input.
    pub other: Option<Candidate<'a, T>>,
}

/// Collects the access tokens of a request: the header's before the cookie's.
///
/// `look` tells whether a text is an access token by its structure, and what else it has found; others count as absent,
/// so that a foreign `Authorization` does not hide a good cookie.
///
/// # Errors
/// `TRY_REFRESH_TOKEN` when the legacy id cookie is present, or when the cookie counts and was sent more than once
/// (fdi.md 1.4: a refresh repairs both); bad input when `Authorization` holds more than one credential.
pub fn access_tokens<'a, T>(
    settings: &Settings,
    authorization_header: Option<&'a str>,
    cookie_header: Option<&'a str>,
    look: impl Fn(&Cow<'a, str>) -> Option<T>,
) -> Result<AccessTokens<'a, T>, Refusal> {
    let cookies = Cookies::new(cookie_header);
    if cookies.has(LEGACY_ID_COOKIE) {
        return Err(Refusal::TryRefreshToken(
            "the request carries a cookie of the legacy protocol",
        ));
    }
    let candidate = |token: Cow<'a, str>, transfer| {
        let look = look(&token)?;
        Some(Candidate {
            token,
            transfer,
            look,
        })
    };
    let allowed = settings.token_transfer_method;
    let bearer = match authorization(authorization_header) {
        Authorization::Doubled => {
            return Err(Refusal::BadInput(
                "the Authorization header holds more than one credential".to_owned(),
            ));
        }
        Authorization::Bearer(token) if Transfer::Header.is_allowed(allowed) => {
            candidate(Cow::Borrowed(token), Transfer::Header)
        }
        Authorization::Bearer(_) | Authorization::None => None,
    };
    if !Transfer::Cookie.is_allowed(allowed) {
        return Ok(AccessTokens {
            preferred: bearer,
            other: None,
        });
    }
    let cookie = cookies
        .all(settings.access_token_cookie())
        .find_map(|token| candidate(token, Transfer::Cookie));
    if bearer.is_some() {
        return Ok(AccessTokens {
            preferred: bearer,
            other: cookie,
        });
    }
    if cookie.is_some() && cookies.count(settings.access_token_cookie()) > 1 {
        return Err(Refusal::TryRefreshToken(
            "the access-token cookie was sent more than once",
        ));
    }
    Ok(AccessTokens {
        preferred: cookie,
        other: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Transfer, access_tokens};
    use crate::session::model::Refusal;
    use crate::settings::{Settings, TokenTransferMethod};

    fn settings(allowed: TokenTransferMethod) -> Settings {
        let mut settings = crate::settings::testing::parsed(&[]);
        settings.token_transfer_method = allowed;
        settings
    }

    /// The tokens found, with the method of each: `h:` or `c:`.
    fn found(
        allowed: TokenTransferMethod,
        authorization: Option<&str>,
        cookie: Option<&str>,
    ) -> Result<Vec<String>, Refusal> {
        let tokens = access_tokens(&settings(allowed), authorization, cookie, |token| {
            token.starts_with("good").then_some(())
        })?;
        Ok([tokens.preferred, tokens.other]
            .into_iter()
            .flatten()
            .map(|candidate| match candidate.transfer {
                Transfer::Header => format!("h:{}", candidate.token),
                Transfer::Cookie => format!("c:{}", candidate.token),
            })
            .collect())
    }

    #[test]
    fn the_header_counts_before_the_cookie_as_far_as_each_is_allowed() {
        use TokenTransferMethod::{Any, Cookie, Header};
        let good_header = Some("Bearer good1");
        let good_cookie = Some("x=1; sAccessToken=good2");
        for (allowed, authorization, cookie, expected) in [
            (Any, good_header, good_cookie, vec!["h:good1", "c:good2"]),
            (Header, good_header, good_cookie, vec!["h:good1"]),
            (Cookie, good_header, good_cookie, vec!["c:good2"]),
            (Any, good_header, None, vec!["h:good1"]),
            (Cookie, good_header, None, vec![]),
            (Any, None, good_cookie, vec!["c:good2"]),
            (Header, None, good_cookie, vec![]),
            (Any, Some("Bearer foreign"), good_cookie, vec!["c:good2"]),
            (
                Any,
                Some("Basic good"),
                Some("sAccessToken=garbage"),
                vec![],
            ),
            (
                Any,
                Some("bearer good1"),
                Some("sAccessToken="),
                vec!["h:good1"],
            ),
            (Any, None, None, vec![]),
        ] {
            assert_eq!(
                found(allowed, authorization, cookie).unwrap(),
                expected,
                "{allowed:?} {authorization:?} {cookie:?}"
            );
        }
    }

    #[test]
    fn a_doubled_header_is_bad_input_and_a_doubled_cookie_asks_for_a_refresh() {
        use TokenTransferMethod::{Any, Header};
        let doubled = Some("sAccessToken=good1; sAccessToken=good2");
        assert!(matches!(
            found(Any, Some("Bearer good1, Bearer good2"), None),
            Err(Refusal::BadInput(_))
        ));
        assert!(matches!(
            found(Any, None, doubled),
            Err(Refusal::TryRefreshToken(_))
        ));
        assert!(matches!(
            found(Any, None, Some("sAccessToken=x; sAccessToken=good")),
            Err(Refusal::TryRefreshToken(_))
        ));
        assert_eq!(
            found(Any, Some("Bearer good1"), doubled).unwrap(),
            ["h:good1", "c:good1"]
        );
        assert_eq!(found(Header, None, doubled).unwrap(), Vec::<String>::new());
        assert_eq!(
            found(Any, None, Some("sAccessToken=x; sAccessToken=y")).unwrap(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_legacy_cookie_asks_for_a_refresh_before_anything_else() {
        let legacy = Some("sIdRefreshToken=; sAccessToken=good");
        let answer = found(
            TokenTransferMethod::Header,
            Some("Bearer a, Bearer b"),
            legacy,
        );
        assert!(matches!(answer, Err(Refusal::TryRefreshToken(_))));
    }

    #[test]
    fn the_host_prefixed_cookie_replaces_the_plain_one() {
        let mut settings = settings(TokenTransferMethod::Any);
        settings.host_prefixed_cookie = true;
        let cookie = Some("sAccessToken=tossed; __Host-sAccessToken=good");
        let tokens = access_tokens(&settings, None, cookie, |_| Some(())).unwrap();
        assert_eq!(tokens.preferred.unwrap().token, "good");
    }
}
