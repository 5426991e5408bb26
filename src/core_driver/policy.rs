//! What the backend protocol needs to know of this deployment's settings.
//!
//! Owns the mapping from our settings to what a core of the protocol is configured with. Refuses to know their bounds.

use crate::{
    secret::Secret,
    settings::{AntiCsrf, RecentTokenReuse, SameSite, Settings},
    time::Millis,
};

/// The settings that shape requests and answers.
#[derive(Debug, Clone)]
pub struct Policy {
    /// SHA-256 digests of the API keys; none = the service API does not exist.
    pub api_key_digests: Vec<Secret>,
    /// Versions before 2.7: anti-CSRF tokens are issued and checked.
    pub anti_csrf: bool,
    /// Versions before 2.21: sign with a dynamic key.
    pub use_dynamic_signing_key: bool,
    /// Versions before 2.21: verify asks the user's object.
    pub check_database: bool,
    /// How long access tokens are good; no request may ask for longer.
    pub access_token_validity: Millis,
    /// How long refresh tokens are good.
    pub refresh_token_validity: Millis,
    /// What a recent reuse is reported as, in versions that know the difference.
    pub recent_token_reuse: RecentTokenReuse,
    /// Versions before 2.4: what the SDK is told about cookies.
    pub cookies: CookiePolicy,
    /// Version 2.0: the status with which the SDK's application reports an expired session.
    pub session_expired_status_code: u16,
}

/// The cookie attributes that versions before 2.4 hand out with every token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookiePolicy {
    /// Path of the access token and id refresh token cookies.
    pub access_token_path: String,
    /// Path of the refresh token cookie; also tells the SDK which request is a refresh.
    pub refresh_token_path: String,
    /// The cookies' domain; empty for host-only cookies.
    pub domain: String,
    /// The `Secure` attribute.
    pub secure: bool,
    /// The `SameSite` attribute.
    pub same_site: SameSite,
}

impl Policy {
    /// The policy of a deployment. `same_site` is the attribute in force, whether set or found by rule.
    ///
    /// SDKs of the versions before 2.7 know one kind of anti-CSRF, the token; only `ANTI_CSRF = VIA_TOKEN` switches it
    /// on for them. The application behind the SDK is taken to refresh at `{base}/session/refresh`, as our own door.
    pub fn from_settings(settings: &Settings, same_site: SameSite) -> Self {
        Self {
            api_key_digests: settings.api_key_digests.clone(),
            anti_csrf: settings.anti_csrf == AntiCsrf::ViaToken,
            use_dynamic_signing_key: settings.use_dynamic_signing_key,
            check_database: settings.check_database,
            access_token_validity: settings.access_token_validity,
            refresh_token_validity: settings.refresh_token_validity,
            recent_token_reuse: settings.recent_token_reuse,
            cookies: CookiePolicy {
                access_token_path: "/".to_owned(),
                refresh_token_path: format!("{}/session/refresh", settings.api_base_path),
                domain: settings.cookie_domain.clone().unwrap_or_default(),
                secure: settings.cookie_secure,
                same_site,
            },
            session_expired_status_code: settings.session_expired_status_code,
        }
    }
}
