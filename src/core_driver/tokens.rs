//! How sessions and tokens are spelled on the wire, version by version.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    cookies::CookieAttributes,
    version::{CookieFields, Version},
};
use crate::{
    session::model::{SessionView, TokenInfo},
    time::UnixMillis,
};

/// `session`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionBody<'a> {
    handle: &'a str,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe_user_id: Option<&'a str>,
    #[serde(rename = "userDataInJWT")]
    payload: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
}

impl<'a> SessionBody<'a> {
    /// `None` when the stored payload is not JSON, which would be a fault of ours.
    pub(super) fn new(version: &Version, session: &'a SessionView) -> Option<Self> {
        Some(Self {
            handle: &session.handle,
            user_id: &session.user_id,
            // Without account linking a user is its own only recipe user.
            recipe_user_id: version.recipe_user_id.then_some(session.user_id.as_str()),
            payload: verbatim(&session.payload)?,
            tenant_id: version.tenant_id.then_some(session.tenant_id.as_str()),
        })
    }
}

/// JSON text as it stands.
pub(super) fn verbatim(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

/// `TokenInfo`, with cookie attributes where the version has them (`CookieToken`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenBody<'a> {
    token: &'a str,
    expiry: UnixMillis,
    created_time: UnixMillis,
    #[serde(flatten)]
    cookie: Option<CookieBody<'a>>,
}

impl<'a> TokenBody<'a> {
    fn new(token: &'a TokenInfo, cookie: Option<CookieBody<'a>>) -> Self {
        Self {
            token: &token.token,
            expiry: token.expiry,
            created_time: token.created,
            cookie,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CookieBody<'a> {
    cookie_path: &'a str,
    cookie_secure: bool,
    domain: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_site: Option<&'a str>,
}

/// Writes tokens in the form of one version.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenWriter<'a> {
    pub(super) version: &'static Version,
    pub(super) cookies: &'a CookieAttributes,
}

impl<'a> TokenWriter<'a> {
    pub(super) fn access(self, token: &'a TokenInfo) -> TokenBody<'a> {
        TokenBody::new(token, self.cookie(self.cookies.access_token_path))
    }

    pub(super) fn refresh(self, token: &'a TokenInfo) -> TokenBody<'a> {
        TokenBody::new(token, self.cookie(&self.cookies.refresh_token_path))
    }

    /// The id refresh token: some random text that lives as long as the refresh token and travels with every request.
    pub(super) fn id_refresh(
        self,
        id: &'a str,
        refresh_token: &TokenInfo,
    ) -> Option<TokenBody<'a>> {
        self.version.id_refresh_token.then(|| TokenBody {
            token: id,
            expiry: refresh_token.expiry,
            created_time: refresh_token.created,
            cookie: match self.version.cookies {
                CookieFields::WithSameSite => self.cookie(self.cookies.access_token_path),
                CookieFields::Absent | CookieFields::WithoutSameSite => None,
            },
        })
    }

    fn cookie(self, path: &'a str) -> Option<CookieBody<'a>> {
        let same_site = match self.version.cookies {
            CookieFields::Absent => return None,
            CookieFields::WithoutSameSite => None,
            CookieFields::WithSameSite => Some(self.cookies.same_site),
        };
        Some(CookieBody {
            cookie_path: path,
            cookie_secure: self.cookies.secure,
            domain: &self.cookies.domain,
            same_site,
        })
    }
}

/// A version 4 UUID (RFC 9562 section 5.4) made of 16 random bytes.
pub(super) fn uuid(mut random: [u8; 16]) -> String {
    let [
        ..,
        _,
        _,
        _,
        _,
        _,
        _,
        version,
        _,
        variant,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = &mut random;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    random
        .iter()
        .enumerate()
        .fold(String::with_capacity(36), |mut text, (index, byte)| {
            use std::fmt::Write;
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
