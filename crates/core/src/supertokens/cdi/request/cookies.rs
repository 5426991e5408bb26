//! What SDKs before version 2.4 get about cookies, which they set as the core says.
//!
//! Our settings in the protocol's form. The application of the SDK sets the cookies.

use crate::settings::{SameSite, Settings};

/// The cookie attributes that accompany tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CookieAttributes {
    /// Path of the access token and id refresh token cookies.
    pub(crate) access_token_path: &'static str,
    /// Path of the refresh token cookie; also tells the SDK which request is a refresh. The application behind the
    /// SDK is taken to refresh where our own endpoint does: at `{base}/session/refresh`.
    pub(crate) refresh_token_path: String,
    /// The cookies' domain; empty for host-only cookies.
    pub(crate) domain: String,
    /// The `Secure` attribute.
    pub(crate) secure: bool,
    /// The `SameSite` attribute, as cookie libraries of the SDKs take it.
    pub(crate) same_site: &'static str,
}

impl CookieAttributes {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            access_token_path: "/",
            refresh_token_path: format!("{}/session/refresh", settings.api_base_path),
            domain: settings.cookie_domain.clone().unwrap_or_default(),
            secure: settings.cookie_secure,
            same_site: match settings.same_site() {
                SameSite::None => "none",
                SameSite::Lax => "lax",
                SameSite::Strict => "strict",
            },
        }
    }
}
