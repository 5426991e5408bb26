//! Settings: every variable and secret, typed, bounded, and with its faults reported together, by name.
//!
//! Owns names, units, bounds and defaults (the table in `docs/settings.md`). Refuses to know where the values come from.

pub(crate) mod origin;

mod checks;
mod choices;
mod derived;
mod duration;
mod issuers;
mod network;
mod public_suffix;
mod reader;
mod size;
mod table;

pub use choices::{
    AntiCsrf, DeviceIp, Freshness, LogLevel, RecentTokenReuse, SameSite, SupersededBy,
    TokenTransferMethod,
};
pub(crate) use duration::parse_duration;
pub use issuers::{IssuerKeys, TrustedIssuer};
pub use network::Network;
pub use postern_jwt::SigningAlgorithm;

use crate::location::Location;
use postern_jwt::secret::Secret;
use postern_jwt::time::Millis;

/// A variable as the platform hands it over.
#[derive(Debug, Clone)]
pub enum RawValue {
    /// A text variable or a secret.
    Text(String),
    /// The JSON text of any other variable: TOML booleans, numbers, arrays and tables.
    Json(String),
}

/// A setting that cannot be used. The message says the accepted form and never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The name as it was given.
    pub setting: String,
    /// What is wrong, to be read after the name: `must be …`, `is not a setting …`.
    pub message: String,
}

/// A setting that works but is unwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The name.
    pub setting: String,
    /// What is unwise, to be read after the name.
    pub message: String,
}

impl Settings {
    /// Reads all variables of one deployment.
    ///
    /// Every fault is reported at once, unknown names included: all variables of the Worker are ours.
    pub fn parse(values: &[(String, RawValue)]) -> Result<(Self, Vec<Warning>), Vec<SettingFault>> {
        let mut reader = reader::Reader::new(values);
        let mut settings = Self::defaults();
        table::read_places(&mut reader, &mut settings);
        table::read_lifetimes(&mut reader, &mut settings);
        table::read_browser(&mut reader, &mut settings);
        settings.max_access_token_bytes = settings.largest_cookie_token();
        table::read_limits(&mut reader, &mut settings);
        settings.trusted_issuers = issuers::read(&mut reader);
        checks::check(&mut reader, &settings);
        let (faults, warnings) = reader.finish();
        if faults.is_empty() {
            Ok((settings, warnings))
        } else {
            Err(faults)
        }
    }
}

/// All settings of one deployment, checked.
#[allow(clippy::struct_excessive_bools)] // each is a setting that is `true` or `false` by contract
#[derive(Debug, Clone)]
pub struct Settings {
    /// `API_DOMAIN`: the public origin of this Worker, without a trailing slash.
    pub api_domain: String,
    /// `API_BASE_PATH`: `{base}`, with a leading and no trailing slash; empty for the root.
    pub api_base_path: String,
    /// `WEBSITE_ORIGINS`: exact origins of the websites that may use the browser API.
    pub website_origins: Vec<String>,
    /// `API_KEYS`: SHA-256 digests of the keys of the service API; empty = the service API does not exist.
    pub api_key_digests: Vec<Secret>,
    /// `SERVICE_API_BASE_PATH`: where the service API answers, e.g. `/core`.
    pub service_api_base_path: String,
    /// `SERVICE_API_HOSTS`: lower-case hosts on which the service API answers without its base path.
    pub service_api_hosts: Vec<String>,
    /// `LEGACY_KEYLESS_HOSTS`: hosts on which protocol 1.0/2.0 paths answer without a key.
    pub legacy_keyless_hosts: Vec<String>,
    /// `LEGACY_KEYLESS_ALLOW`: client networks for those hosts; empty = nobody.
    pub legacy_keyless_allow: Vec<Network>,
    /// `ORIGIN`: the one origin behind this Worker, for deployments without a rules file.
    pub origin: Option<String>,
    /// `ACCESS_TOKEN_VALIDITY`.
    pub access_token_validity: Millis,
    /// `REFRESH_TOKEN_VALIDITY`.
    pub refresh_token_validity: Millis,
    /// `ACCESS_TOKEN_VALIDITY_JITTER` in thousandths: validity is shortened by up to this share.
    pub access_token_jitter_permille: u32,
    /// `SESSION_ABSOLUTE_LIFETIME`: no refresh extends a session beyond it.
    pub session_absolute_lifetime: Option<Millis>,
    /// `MAX_SESSIONS_PER_USER`: the oldest session ends first.
    pub max_sessions_per_user: u32,
    /// `REFRESH_GRACE_PERIOD`.
    pub refresh_grace_period: Millis,
    /// `RECENT_TOKEN_REUSE_BEHAVIOUR`.
    pub recent_token_reuse: RecentTokenReuse,
    /// `REFRESH_TOKEN_SUPERSEDED_BY`.
    pub refresh_token_superseded_by: SupersededBy,
    /// `SIGNING_ALGORITHM` of sessions made through our own doors.
    pub signing_algorithm: SigningAlgorithm,
    /// `SIGNING_KEY_ROTATION_INTERVAL`.
    pub signing_key_rotation_interval: Millis,
    /// `USE_DYNAMIC_SIGNING_KEY`.
    pub use_dynamic_signing_key: bool,
    /// `ANTI_CSRF`.
    pub anti_csrf: AntiCsrf,
    /// `COOKIE_DOMAIN`, normalised (`docs`: fdi.md 1.3); `None` = host-only cookies.
    pub cookie_domain: Option<String>,
    /// `OLDER_COOKIE_DOMAIN`; `Some("")` = previously host-only.
    pub older_cookie_domain: Option<String>,
    /// `COOKIE_SAME_SITE`; `None` = by rule (`lax` or `none`: docs/protocol/fdi.md, section 1.3).
    pub cookie_same_site: Option<SameSite>,
    /// `COOKIE_SECURE`; default: true iff `API_DOMAIN` is https.
    pub cookie_secure: bool,
    /// `HOST_PREFIXED_COOKIE`: name the session cookies `__Host-sAccessToken` and `__Host-sRefreshToken` (https only).
    pub host_prefixed_cookie: bool,
    /// `COOKIE_PARTITIONED`: one session for each website that embeds this host (CHIPS).
    pub cookie_partitioned: bool,
    /// `EXPOSE_ACCESS_TOKEN_TO_FRONTEND_IN_COOKIE_BASED_AUTH`: scripts of the page get the access token in cookie mode, too.
    pub expose_access_token: bool,
    /// `CLEAR_SITE_DATA_ON_SIGN_OUT`: the browser forgets caches and storage of this host.
    pub clear_site_data_on_sign_out: bool,
    /// `TOKEN_TRANSFER_METHOD`.
    pub token_transfer_method: TokenTransferMethod,
    /// `SESSION_EXPIRED_STATUS_CODE`.
    pub session_expired_status_code: u16,
    /// `CHECK_DATABASE`: protocol < 2.21 blacklisting.
    pub check_database: bool,
    /// `FRESHNESS`: the default of our own doors.
    pub freshness: Freshness,
    /// `REVOCATION_SHARDS`: how many objects share the work of the authority on revocations.
    pub revocation_shards: u32,
    /// `CENTRAL_LOCATION`: where the objects are made that there are few of.
    pub central_location: Option<Location>,
    /// `USER_LOCATION`: where a user's object is made when nothing tells where the user is.
    pub user_location: Option<Location>,
    /// `MAX_SESSION_DATA` in bytes of JSON text.
    pub max_session_data: u64,
    /// `MAX_ACCESS_TOKEN_BYTES`: the longest access token that is handed out.
    pub max_access_token_bytes: u64,
    /// `CLOCK_TOLERANCE` for `exp`, `nbf` and `iat`.
    pub clock_tolerance: Millis,
    /// `TRUSTED_ISSUERS`.
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// `DEVICE_IP`.
    pub device_ip: DeviceIp,
    /// `LOG_LEVEL`.
    pub log_level: LogLevel,
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests;
