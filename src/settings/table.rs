//! The table: for each setting its name, default, accepted form and bounds (`docs/settings.md`).

use super::duration::{LONGEST, digits, parse_duration};
use super::origin::{parse_base_path, parse_cookie_domain, parse_host, parse_origin};
use super::reader::Reader;
use super::size::parse_size;
use super::{
    AntiCsrf, DeviceIp, Freshness, LogLevel, Network, RecentTokenReuse, SameSite, Settings,
    SigningAlgorithm, TokenTransferMethod,
};
use crate::location::Location;
use crate::secret::{Secret, digest};
use crate::time::Millis;

const SECOND: Millis = Millis::from_seconds(1);
const MINUTE: Millis = Millis::from_seconds(60);
const DURATION: &str =
    "a duration from 1s to 3650d, such as \"500ms\", \"3.6s\", \"15m\", \"168h\" or \"100d\"";
const BOOLEAN: &str = "true or false";
const LOCATIONS: &str = "wnam, enam, sam, weur, eeur, apac, oc, afr or me";
const MIN_API_KEY_LENGTH: usize = 20;
const MAX_SESSION_DATA: u64 = 4 * 1024 * 1024;
/// A request head of this size is what HTTP servers commonly accept; a longer token would never arrive.
const MAX_ACCESS_TOKEN: u64 = 16 * 1024;

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
            signing_algorithm: SigningAlgorithm::RS256,
            signing_key_rotation_interval: Millis::from_seconds(168 * 3600),
            use_dynamic_signing_key: true,
            anti_csrf: AntiCsrf::Auto,
            cookie_domain: None,
            older_cookie_domain: None,
            cookie_same_site: None,
            cookie_secure: false,
            host_prefixed_cookie: false,
            token_transfer_method: TokenTransferMethod::Any,
            session_expired_status_code: 401,
            check_database: false,
            freshness: Freshness::Within(MINUTE),
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

/// Where the Worker answers, and for whom.
pub(super) fn read_places(reader: &mut Reader<'_>, settings: &mut Settings) {
    const PATH: &str = "a path such as \"/auth\", of letters, digits and -_.~";
    const HOSTS: &str = "hosts, such as \"core.example.com\" or \"localhost:8787\"";
    "/auth".clone_into(&mut settings.api_base_path);
    "/core".clone_into(&mut settings.service_api_base_path);
    reader.scalar(
        "API_DOMAIN",
        &mut settings.api_domain,
        "the public origin of this Worker, such as \"https://api.example.com\", without a path",
        parse_origin,
    );
    reader.scalar_or_empty(
        "API_BASE_PATH",
        &mut settings.api_base_path,
        PATH,
        parse_base_path,
    );
    reader.list(
        "WEBSITE_ORIGINS",
        &mut settings.website_origins,
        "exact origins such as \"https://www.example.com\"; \"*\" is not one",
        parse_origin,
    );
    reader.list(
        "API_KEYS",
        &mut settings.api_key_digests,
        "keys, each of 20 or more of A-Z, a-z, 0-9, = and -",
        parse_api_key,
    );
    reader.scalar(
        "SERVICE_API_BASE_PATH",
        &mut settings.service_api_base_path,
        "a path such as \"/core\", of letters, digits and -_.~; to answer at the root use SERVICE_API_HOSTS",
        |text| parse_base_path(text).filter(|path| !path.is_empty()),
    );
    reader.list(
        "SERVICE_API_HOSTS",
        &mut settings.service_api_hosts,
        HOSTS,
        parse_host,
    );
    reader.list(
        "LEGACY_KEYLESS_HOSTS",
        &mut settings.legacy_keyless_hosts,
        HOSTS,
        parse_host,
    );
    reader.list(
        "LEGACY_KEYLESS_ALLOW",
        &mut settings.legacy_keyless_allow,
        "networks such as \"10.0.0.0/8\", \"127.0.0.1\" or \"2001:db8::/32\", with no bits set behind the prefix",
        Network::parse,
    );
    reader.scalar(
        "ORIGIN",
        &mut settings.origin,
        "the origin that requests are forwarded to, such as \"http://127.0.0.1:9000\", without a path",
        |text| parse_origin(text).map(Some),
    );
}

/// How long things live, and how sessions are made.
pub(super) fn read_lifetimes(reader: &mut Reader<'_>, settings: &mut Settings) {
    for (name, target, warn_below) in [
        (
            "ACCESS_TOKEN_VALIDITY",
            &mut settings.access_token_validity,
            MINUTE,
        ),
        (
            "REFRESH_TOKEN_VALIDITY",
            &mut settings.refresh_token_validity,
            MINUTE,
        ),
        (
            "SIGNING_KEY_ROTATION_INTERVAL",
            &mut settings.signing_key_rotation_interval,
            MINUTE,
        ),
    ] {
        reader.scalar(name, target, DURATION, duration(SECOND, LONGEST));
        warn_if_short(reader, name, *target, warn_below);
    }
    reader.scalar(
        "ACCESS_TOKEN_VALIDITY_JITTER",
        &mut settings.access_token_jitter_permille,
        "a number from 0 to 0.25 with at most three decimals",
        parse_jitter,
    );
    reader.scalar(
        "SESSION_ABSOLUTE_LIFETIME",
        &mut settings.session_absolute_lifetime,
        DURATION,
        |text| duration(SECOND, LONGEST)(text).map(Some),
    );
    if let Some(lifetime) = settings.session_absolute_lifetime {
        warn_if_short(reader, "SESSION_ABSOLUTE_LIFETIME", lifetime, MINUTE);
    }
    reader.scalar(
        "MAX_SESSIONS_PER_USER",
        &mut settings.max_sessions_per_user,
        "a whole number from 1 to 10000",
        |text| {
            u32::try_from(digits(text)?)
                .ok()
                .filter(|count| (1..=10_000).contains(count))
        },
    );
    reader.scalar(
        "REFRESH_GRACE_PERIOD",
        &mut settings.refresh_grace_period,
        "a duration from 0s to 300s",
        duration(Millis(0), Millis::from_seconds(300)),
    );
    reader.scalar(
        "RECENT_TOKEN_REUSE_BEHAVIOUR",
        &mut settings.recent_token_reuse,
        "TOKEN_THEFT or UNAUTHORISED",
        choice(&[
            ("TOKEN_THEFT", RecentTokenReuse::TokenTheft),
            ("UNAUTHORISED", RecentTokenReuse::Unauthorised),
        ]),
    );
    reader.scalar(
        "SIGNING_ALGORITHM",
        &mut settings.signing_algorithm,
        "RS256, ES256 or EdDSA",
        choice(&[
            ("RS256", SigningAlgorithm::RS256),
            ("ES256", SigningAlgorithm::ES256),
            ("EdDSA", SigningAlgorithm::EdDSA),
        ]),
    );
    reader.scalar(
        "USE_DYNAMIC_SIGNING_KEY",
        &mut settings.use_dynamic_signing_key,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "CLOCK_TOLERANCE",
        &mut settings.clock_tolerance,
        "a duration from 0s to 300s",
        duration(Millis(0), Millis::from_seconds(300)),
    );
}

/// What browsers see.
pub(super) fn read_browser(reader: &mut Reader<'_>, settings: &mut Settings) {
    reader.scalar(
        "ANTI_CSRF",
        &mut settings.anti_csrf,
        "AUTO, NONE, VIA_TOKEN or VIA_CUSTOM_HEADER",
        choice(&[
            ("AUTO", AntiCsrf::Auto),
            ("NONE", AntiCsrf::None),
            ("VIA_TOKEN", AntiCsrf::ViaToken),
            ("VIA_CUSTOM_HEADER", AntiCsrf::ViaCustomHeader),
        ]),
    );
    reader.scalar(
        "COOKIE_DOMAIN",
        &mut settings.cookie_domain,
        "a domain such as \".example.com\"",
        |text| parse_cookie_domain(text).map(Some),
    );
    reader.scalar_or_empty(
        "OLDER_COOKIE_DOMAIN",
        &mut settings.older_cookie_domain,
        "a domain such as \".example.com\", or empty when cookies had no domain before",
        |text| {
            if text.is_empty() {
                Some(Some(String::new()))
            } else {
                parse_cookie_domain(text).map(Some)
            }
        },
    );
    reader.scalar(
        "COOKIE_SAME_SITE",
        &mut settings.cookie_same_site,
        "none, lax or strict",
        choice(&[
            ("none", Some(SameSite::None)),
            ("lax", Some(SameSite::Lax)),
            ("strict", Some(SameSite::Strict)),
        ]),
    );
    settings.cookie_secure = settings.api_domain.starts_with("https://");
    reader.scalar(
        "COOKIE_SECURE",
        &mut settings.cookie_secure,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "HOST_PREFIXED_COOKIE",
        &mut settings.host_prefixed_cookie,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "TOKEN_TRANSFER_METHOD",
        &mut settings.token_transfer_method,
        "any, cookie or header",
        choice(&[
            ("any", TokenTransferMethod::Any),
            ("cookie", TokenTransferMethod::Cookie),
            ("header", TokenTransferMethod::Header),
        ]),
    );
    reader.scalar(
        "SESSION_EXPIRED_STATUS_CODE",
        &mut settings.session_expired_status_code,
        "a status from 401 to 499 except 403, which means that claims are not met",
        |text| {
            u16::try_from(digits(text)?)
                .ok()
                .filter(|status| (401..500).contains(status) && *status != 403)
        },
    );
}

/// Limits, freshness and what is kept or logged.
pub(super) fn read_limits(reader: &mut Reader<'_>, settings: &mut Settings) {
    reader.scalar(
        "CHECK_DATABASE",
        &mut settings.check_database,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "FRESHNESS",
        &mut settings.freshness,
        "stateless, strict, or \"within N\" with N from 1s, such as \"within 60s\"",
        parse_freshness,
    );
    if let Freshness::Within(bound) = settings.freshness {
        warn_if_short(reader, "FRESHNESS", bound, Millis::from_seconds(10));
    }
    reader.scalar(
        "REVOCATION_SHARDS",
        &mut settings.revocation_shards,
        "a whole number from 1 to 16",
        |text| {
            u32::try_from(digits(text)?)
                .ok()
                .filter(|count| (1..=16).contains(count))
        },
    );
    for (name, target) in [
        ("CENTRAL_LOCATION", &mut settings.central_location),
        ("USER_LOCATION", &mut settings.user_location),
    ] {
        reader.scalar(name, target, LOCATIONS, |text| {
            Location::from_name(text).map(Some)
        });
    }
    reader.scalar(
        "MAX_SESSION_DATA",
        &mut settings.max_session_data,
        "a size from 2 bytes to 4MiB, such as \"64KiB\" or a number of bytes",
        |text| parse_size(text).filter(|size| (2..=MAX_SESSION_DATA).contains(size)),
    );
    reader.scalar(
        "MAX_ACCESS_TOKEN_BYTES",
        &mut settings.max_access_token_bytes,
        "a size from 512 bytes to 16KiB",
        |text| parse_size(text).filter(|size| (512..=MAX_ACCESS_TOKEN).contains(size)),
    );
    reader.scalar(
        "DEVICE_IP",
        &mut settings.device_ip,
        "coarse, full or none",
        choice(&[
            ("coarse", DeviceIp::Coarse),
            ("full", DeviceIp::Full),
            ("none", DeviceIp::None),
        ]),
    );
    reader.scalar(
        "LOG_LEVEL",
        &mut settings.log_level,
        "error, warn, info or debug",
        choice(&[
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
        ]),
    );
}

fn warn_if_short(reader: &mut Reader<'_>, name: &str, span: Millis, unwise_below: Millis) {
    if span < unwise_below {
        reader.warn(
            name,
            format!(
                "is below {} s: good for tests, costly in production",
                unwise_below.as_seconds()
            ),
        );
    }
}

fn duration(least: Millis, most: Millis) -> impl FnOnce(&str) -> Option<Millis> {
    move |text| parse_duration(text).filter(|span| (least..=most).contains(span))
}

/// One of a few words, in any case.
fn choice<T: Copy>(words: &[(&str, T)]) -> impl FnOnce(&str) -> Option<T> {
    move |text| {
        words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, meaning)| *meaning)
    }
}

fn parse_boolean(text: &str) -> Option<bool> {
    choice(&[("true", true), ("false", false)])(text)
}

/// A share in thousandths, from `0` to `0.25`.
fn parse_jitter(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if digits(whole)? != 0 || !(1..=3).contains(&decimals.len()) {
        return None;
    }
    let permille = digits(&format!("{decimals:0<3}"))?;
    u32::try_from(permille)
        .ok()
        .filter(|permille| *permille <= 250)
}

pub(super) fn parse_freshness(text: &str) -> Option<Freshness> {
    if let Some(fixed) = choice(&[
        ("stateless", Freshness::Stateless),
        ("strict", Freshness::Strict),
    ])(text)
    {
        return Some(fixed);
    }
    let (word, bound) = text.split_once(' ')?;
    (word.eq_ignore_ascii_case("within")).then_some(())?;
    duration(SECOND, LONGEST)(bound.trim_start()).map(Freshness::Within)
}

/// Keys are kept as digests only, so that comparing them takes the same time whatever is presented.
fn parse_api_key(text: &str) -> Option<Secret> {
    let is_good = text.len() >= MIN_API_KEY_LENGTH
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'=' || b == b'-');
    is_good.then(|| digest(text.as_bytes()))
}
