//! The table: for each setting its name, default, accepted form and bounds (`docs/settings.md`).
//!
//! The defaults are here; each other file reads the settings of one concern, with the words of `forms`. Refuses to know
//! what settings mean together (`super::checks`).

mod browser;
mod forms;
mod lifetimes;
mod limits;
mod places;

pub(super) use browser::read_browser;
pub(super) use lifetimes::read_lifetimes;
pub(super) use limits::{parse_freshness, read_limits};
pub(super) use places::read_places;

use super::{
    AntiCsrf, DeviceIp, Freshness, LogLevel, RecentTokenReuse, Settings, SupersededBy,
    TokenTransferMethod,
};
use postern_jwt::SigningAlgorithm;
use postern_jwt::time::Millis;

impl Settings {
    /// The defaults. `API_DOMAIN` has none; what depends on other settings is filled in after reading.
    pub(super) const fn defaults() -> Self {
        Self {
            api_domain: String::new(),
            api_base_path: String::new(),
            website_origins: Vec::new(),
            api_key_digests: Vec::new(),
            service_api_base_path: String::new(),
            service_api_hosts: Vec::new(),
            legacy_keyless_hosts: Vec::new(),
            legacy_keyless_allow: Vec::new(),
            origin: None,
            access_token_validity: Millis::from_seconds(3600),
            refresh_token_validity: Millis::from_seconds(100 * 86_400),
            access_token_jitter_permille: 50,
            session_absolute_lifetime: None,
            max_sessions_per_user: 10_000,
            refresh_grace_period: Millis::from_seconds(30),
            recent_token_reuse: RecentTokenReuse::TokenTheft,
            refresh_token_superseded_by: SupersededBy::Use,
            signing_algorithm: SigningAlgorithm::RS256,
            signing_key_rotation_interval: Millis::from_seconds(168 * 3600),
            use_dynamic_signing_key: true,
            anti_csrf: AntiCsrf::Auto,
            cookie_domain: None,
            older_cookie_domain: None,
            cookie_same_site: None,
            cookie_secure: false,
            host_prefixed_cookie: false,
            cookie_partitioned: false,
            expose_access_token: false,
            clear_site_data_on_sign_out: false,
            token_transfer_method: TokenTransferMethod::Any,
            session_expired_status_code: 401,
            check_database: false,
            freshness: Freshness::Within(Millis::from_seconds(60)),
            revocation_shards: 1,
            central_location: None,
            user_location: None,
            max_session_data: 1024 * 1024,
            max_access_token_bytes: 0,
            clock_tolerance: Millis(0),
            trusted_issuers: Vec::new(),
            device_ip: DeviceIp::Coarse,
            log_level: LogLevel::Info,
        }
    }
}
