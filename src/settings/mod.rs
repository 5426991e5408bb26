//! Settings: every variable and secret, typed, bounded, and with its faults reported together, by name.
//!
//! Owns names, units, bounds and defaults (the table in `docs/settings.md`). Refuses to know where the values come from.

mod checks;
mod duration;
mod issuers;
mod network;
pub(crate) mod origin;
mod reader;
mod size;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use duration::parse_duration;

use crate::http::cookie::{MAX_COOKIE_BYTES, SetCookie};
use crate::location::Location;
use crate::secret::{Secret, digest};
use crate::time::{Millis, UnixMillis};

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

    /// The `iss` of every token of ours, and the base of its discovery documents.
    pub fn issuer(&self) -> String {
        format!("{}{}", self.api_domain, self.api_base_path)
    }

    /// True when `presented` is one of `API_KEYS`. All keys are compared, so that time tells nothing about which.
    pub fn accepts_api_key(&self, presented: &str) -> bool {
        let presented = digest(presented.as_bytes());
        self.api_key_digests.iter().fold(false, |accepted, key| {
            accepted | key.equals(presented.expose())
        })
    }

    /// True when a client at `address` may use `LEGACY_KEYLESS_HOSTS`; never for what is no address.
    pub fn allows_keyless_client(&self, address: &str) -> bool {
        address.parse().is_ok_and(|address| {
            self.legacy_keyless_allow
                .iter()
                .any(|network| network.contains(address))
        })
    }

    /// The SameSite attribute of our cookies: `COOKIE_SAME_SITE`, or `lax` when every website is same-site with this
    /// Worker as far as can be told without a list of public suffixes, else `none`.
    pub fn same_site(&self) -> SameSite {
        self.cookie_same_site.unwrap_or_else(|| {
            if self
                .website_origins
                .iter()
                .all(|origin| self.is_same_site(origin))
            {
                SameSite::Lax
            } else {
                SameSite::None
            }
        })
    }

    /// True when scheme and host are ours, or scheme is ours and both hosts lie under `COOKIE_DOMAIN`. A different
    /// scheme makes browsers treat the website as cross-site, whatever its host.
    fn is_same_site(&self, website: &str) -> bool {
        let [(ours, our_host), (theirs, their_host)] = [self.api_domain.as_str(), website]
            .map(|origin| origin.split_once("://").unwrap_or_default());
        let [our_name, their_name] = [our_host, their_host].map(origin::host_name);
        let shares_domain = self.cookie_domain.as_ref().is_some_and(|domain| {
            origin::lies_under(our_name, domain) && origin::lies_under(their_name, domain)
        });
        ours == theirs && (our_name == their_name || shares_domain)
    }

    /// The longest access token whose cookie, attributes included, is kept by every browser: 4,096 bytes
    /// ([`MAX_COOKIE_BYTES`]) less what an empty cookie takes. Tokens need no percent-encoding.
    pub(crate) fn largest_cookie_token(&self) -> u64 {
        let empty = SetCookie {
            name: self.access_token_cookie(),
            value: "",
            domain: self.cookie_domain.as_deref(),
            path: "/",
            expires: UnixMillis(0),
            secure: self.cookie_secure,
            same_site: self.same_site(),
        };
        let overhead = u64::try_from(empty.header_value().len()).unwrap_or(u64::MAX);
        MAX_COOKIE_BYTES.saturating_sub(overhead)
    }

    /// The name of the access-token cookie: `sAccessToken`, or `__Host-sAccessToken` (`HOST_PREFIXED_COOKIE`).
    pub const fn access_token_cookie(&self) -> &'static str {
        if self.host_prefixed_cookie {
            "__Host-sAccessToken"
        } else {
            "sAccessToken"
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
    /// `COOKIE_SAME_SITE`; `None` = by rule (`lax` or `none`, see the contract).
    pub cookie_same_site: Option<SameSite>,
    /// `COOKIE_SECURE`; default: true iff `API_DOMAIN` is https.
    pub cookie_secure: bool,
    /// `HOST_PREFIXED_COOKIE`: name the access-token cookie `__Host-sAccessToken` (https only).
    pub host_prefixed_cookie: bool,
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

/// How soon a revocation must be felt (design: freshness).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing is asked; a revoked session is refused when its access token expires.
    Stateless,
    /// A revoked session is refused within this bound.
    Within(Millis),
    /// The user's object is asked; a revoked session is refused at once.
    Strict,
}

impl Freshness {
    /// Reads `stateless`, `within 60s` (from one second on) or `strict`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        table::parse_freshness(text)
    }
}

/// What a recent reuse of a refresh token is reported as (`RECENT_TOKEN_REUSE_BEHAVIOUR`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecentTokenReuse {
    /// `TOKEN_THEFT`
    TokenTheft,
    /// `UNAUTHORISED`
    Unauthorised,
}

/// Algorithms that Postern signs with (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits.
    RS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// The name in a header's or key's `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::RS256, Self::ES256, Self::EdDSA]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// `ANTI_CSRF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AntiCsrf {
    /// `VIA_CUSTOM_HEADER` when cookies are SameSite=None, else `NONE`.
    Auto,
    /// No check.
    None,
    /// A token in the `anti-csrf` header.
    ViaToken,
    /// Presence of the `rid` header.
    ViaCustomHeader,
}

/// The SameSite attribute of our cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// `None`
    None,
    /// `Lax`
    Lax,
    /// `Strict`
    Strict,
}

/// `TOKEN_TRANSFER_METHOD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenTransferMethod {
    /// By request.
    Any,
    /// Cookies only.
    Cookie,
    /// Headers only.
    Header,
}

/// How much of a client address is kept with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceIp {
    /// The /24 or /48 network.
    Coarse,
    /// The whole address.
    Full,
    /// Nothing.
    None,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Faults of ours.
    Error,
    /// Unwise settings, theft.
    Warn,
    /// One line per refused request.
    Info,
    /// One line per request.
    Debug,
}

/// An address block in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The network address; IPv4 is held as itself, not mapped.
    pub address: std::net::IpAddr,
    /// Leading bits that must agree.
    pub prefix: u8,
}

/// A foreign issuer whose tokens `getSession` accepts.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The name in settings; part of every handle of this issuer, so it must never change. `[a-z0-9]{1,32}`.
    pub id: String,
    /// The exact `iss`.
    pub issuer: String,
    /// At least one of these must be in `aud`.
    pub audience: Vec<String>,
    /// Algorithms that keys of this issuer may be used with.
    pub algorithms: Vec<crate::token::Algorithm>,
    /// Where the keys come from.
    pub keys: IssuerKeys,
    /// The claim that names the session; default `sid`.
    pub handle_claim: String,
    /// The claim that names the user; default `sub`.
    pub user_id_claim: String,
    /// The longest accepted `exp - iat`; default 24 h.
    pub max_token_age: Millis,
    /// How long data is kept after the last write; default 30 days.
    pub data_lifetime: Millis,
    /// The `typ` a token must carry, if given.
    pub typ: Option<String>,
}

/// Where a foreign issuer's keys come from.
#[derive(Debug, Clone)]
pub enum IssuerKeys {
    /// `jwks`: a JWK Set given in the settings (JSON text).
    Inline(String),
    /// `jwks_uri`: fetched over https (http on loopback).
    Uri(String),
    /// `jwks_binding`: fetched through a service binding of this name.
    Binding(String),
}
