//! Which access tokens a request carries, and by which method (docs/protocol/fdi.md, section 4.6).
//!
//! The names of our cookies, and which of several values under one name is read. The caller says whether a text is one of ours, or of a trusted issuer, by its structure.

use std::borrow::Cow;

use crate::http::bearer::{Authorization, Scheme, authorization};
use crate::http::cookie::Cookies;
use crate::http::token_places::Place;
use crate::refusal::Refusal;
use crate::settings::{Settings, TokenTransferMethod};

pub use crate::http::credential_names::{
    ACCESS_TOKEN as ACCESS_TOKEN_COOKIE, HOST_ACCESS_TOKEN as HOST_ACCESS_TOKEN_COOKIE,
    HOST_REFRESH_TOKEN as HOST_REFRESH_TOKEN_COOKIE, LEGACY_ID as LEGACY_ID_COOKIE,
    REFRESH_TOKEN as REFRESH_TOKEN_COOKIE,
};

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

    /// Where an access token is that comes by this method.
    pub const fn place(self) -> Place<'static> {
        match self {
            Self::Cookie => Place::SessionCookie,
            Self::Header => Place::Authorization,
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
    /// The scheme that it came with; of a cookie, that anybody may use it.
    pub scheme: Scheme,
    /// What its classification has found.
    pub state: T,
}

/// What a text in the place of an access token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classification<T> {
    /// A token that counts, by its structure.
    Token(T),
    /// A session's token of another deployment: not ours to judge, and not ours to clear.
    Anothers,
    /// None.
    Nothing,
}

impl<T> Classification<T> {
    /// The same, when nothing need be known of the token but that it is one.
    pub fn plain(self) -> Classification<()> {
        match self {
            Self::Token(_) => Classification::Token(()),
            Self::Anothers => Classification::Anothers,
            Self::Nothing => Classification::Nothing,
        }
    }
}

/// The access tokens of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokens<'a, T> {
    /// The one in `Authorization`. It decides when it is good: no website can send that header unasked.
    pub header: Option<Candidate<'a, T>>,
    /// The one in a cookie, which decides otherwise; `TRY_REFRESH_TOKEN` where only a refresh can say which one counts.
    pub cookie: Result<Option<Candidate<'a, T>>, Refusal>,
}

impl<'a, T> AccessTokens<'a, T> {
    /// True when there is any, good or not.
    pub const fn is_any(&self) -> bool {
        self.header.is_some() || !matches!(self.cookie, Ok(None))
    }

    /// The one that came by a method.
    pub fn by(self, transfer: Transfer) -> Option<Candidate<'a, T>> {
        match transfer {
            Transfer::Header => self.header,
            Transfer::Cookie => self.cookie.ok().flatten(),
        }
    }
}

/// Collects the access tokens of a request.
///
/// `classify` says whether a text is an access token by its structure, and what else it has found; others count as absent,
/// so that a foreign `Authorization` does not hide a good cookie, and another deployment's cookie neither hides nor
/// doubles ours. A `__Host-` cookie counts before a plain one, under either setting: so sessions outlive its change.
///
/// # Errors
/// Bad input when `Authorization` holds more than one credential.
pub fn access_tokens<'a, T>(
    settings: &Settings,
    authorization_header: Option<&'a str>,
    cookie_header: Option<&'a str>,
    classify: impl Fn(&Cow<'a, str>, Transfer) -> Classification<T>,
) -> Result<AccessTokens<'a, T>, Refusal> {
    let allowed = settings.token_transfer_method;
    let of_header = |text: &'a str, scheme| {
        let token = Cow::Borrowed(text);
        let transfer = Transfer::Header;
        let is_allowed = transfer.is_allowed(allowed);
        match is_allowed.then(|| classify(&token, transfer)) {
            Some(Classification::Token(state)) => Some(Candidate {
                token,
                transfer,
                scheme,
                state,
            }),
            Some(Classification::Anothers | Classification::Nothing) | None => None,
        }
    };
    let header = match authorization(authorization_header) {
        Authorization::Doubled => {
            return Err(Refusal::BadInput(
                "the Authorization header holds more than one credential".to_owned(),
            ));
        }
        Authorization::Bearer(text) => of_header(text, Scheme::Bearer),
        Authorization::Dpop(text) => of_header(text, Scheme::Dpop),
        Authorization::None => None,
    };
    let cookie = if Transfer::Cookie.is_allowed(allowed) {
        let may_be_legacy = header.is_none();
        cookie_token(
            settings,
            Cookies::new(cookie_header),
            may_be_legacy,
            classify,
        )
    } else {
        Ok(None)
    };
    Ok(AccessTokens { header, cookie })
}

/// The values under one name: the first token, and how many may be of ours.
struct Values<'a, T> {
    token: Option<Candidate<'a, T>>,
    count: usize,
}

fn cookie_token<'a, T>(
    settings: &Settings,
    cookies: Cookies<'a>,
    may_be_legacy: bool,
    classify: impl Fn(&Cow<'a, str>, Transfer) -> Classification<T>,
) -> Result<Option<Candidate<'a, T>>, Refusal> {
    let none = || Values {
        token: None,
        count: 0,
    };
    let (mut host, mut plain, mut is_legacy) = (none(), none(), false);
    for (name, value) in cookies.decoded() {
        let values = match name {
            HOST_ACCESS_TOKEN_COOKIE => &mut host,
            // Where cookies have the prefix, a plain one may be anybody's.
            ACCESS_TOKEN_COOKIE if !settings.host_prefixed_cookie => &mut plain,
            LEGACY_ID_COOKIE => {
                is_legacy = true;
                continue;
            }
            _ => continue,
        };
        let token = value();
        match classify(&token, Transfer::Cookie) {
            Classification::Anothers => {}
            Classification::Nothing => values.count = values.count.saturating_add(1),
            Classification::Token(state) => {
                values.count = values.count.saturating_add(1);
                values.token.get_or_insert(Candidate {
                    token,
                    transfer: Transfer::Cookie,
                    scheme: Scheme::Bearer,
                    state,
                });
            }
        }
    }
    let values = if host.token.is_some() { host } else { plain };
    match values.token {
        Some(_) if values.count > 1 => Err(Refusal::TryRefreshToken(
            "the access-token cookie was sent more than once",
        )),
        Some(token) => Ok(Some(token)),
        None if is_legacy && may_be_legacy => Err(Refusal::TryRefreshToken(
            "the request carries a cookie of the legacy protocol",
        )),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
