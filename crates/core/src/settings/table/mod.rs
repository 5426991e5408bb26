//! The table of settings: for each its field, name, form, bounds, default and description.
//!
//! A row reads `field: type = NAME, form, default "…"`. The default is a value as it would be set, or a text for the reader and, after
//! `=>`, the value; rows above may be used in that. A row with an `example` is shown in `wrangler.toml`, with its first sentence. The
//! type [`Settings`], its reader and the lists in `docs/settings.md` and `wrangler.toml` (`npm run docs`) are made from it.

#[macro_use]
mod macros;
mod form;
mod values;

pub use macros::SettingRow;
pub(super) use values::parse_freshness;

use super::{
    AntiCsrf, Console, DeviceBinding, DeviceIp, Freshness, LogLevel, Network, RawValue,
    RecentTokenReuse, SameSite, SupersededBy, TokenTransferMethod, TrustedIssuer,
};
use crate::encryption_key::EncryptionKey;
use crate::events::webhook::parse_secret;
use crate::location::{Jurisdiction, Location};
use crate::settings::origin::parse_website;
use crate::settings::reader::Reader;
use form::Form;
use postern_jwt::SigningAlgorithm;
use postern_jwt::proof::Thumbprint;
use postern_jwt::secret::Secret;
use postern_jwt::time::Millis;
use values::{
    api_keys, base_path, base_path_below_root, boolean, choice, console_access, cookie_domain,
    core_url, duration, freshness, hosts, jitter, lifetime, location, older_cookie_domain, origin,
    session_expired_status, size, trusted_issuers, webhook_url, whole_number,
};

settings! {
    section "Where Postern is";

    /// The public origin of this Worker, where browsers reach it. Stored without a trailing slash. `http` is for one machine (loopback)
    /// only. With `API_BASE_PATH` it is the `iss` of the tokens.
    api_domain: String = API_DOMAIN, origin("the public origin of this Worker, such as \"https://api.example.com\""),
        default "required; `npm start` sets its own address" => String::new(), example "\"https://auth.example.com\"";

    /// The path under which browsers and apps reach the browser API.
    api_base_path: String = API_BASE_PATH, base_path(), default "/auth", example "\"/auth\"";

    /// The least level of what is logged.
    log_level: LogLevel = LOG_LEVEL, choice(&[
        ("error", LogLevel::Error), ("warn", LogLevel::Warn), ("info", LogLevel::Info), ("debug", LogLevel::Debug),
    ]), default "info";

    /// `true`, which `npm start` and `postern dev` set: a page at `/` says what runs while there is no rule, and a 502 names the origin
    /// and its address. Only where `API_DOMAIN` is a loopback address: strangers see neither.
    development: bool = DEVELOPMENT, boolean(), default "false";

    section "Gateway";

    /// The one origin behind Postern, for a deployment without rules in gateway.toml. Requests for no path of Postern's go there, with the
    /// identity of their session if they have one. Under `workers.dev` it answers only where `API_DOMAIN` is
    /// ([hosts](gateway-rules.md#hosts)).
    origin: Option<String> = ORIGIN, origin("the origin that requests are forwarded to, such as \"http://127.0.0.1:9000\"").optional(),
        default "none" => None, example "\"https://app.example.com\"";

    section "Service API";

    /// Secret: the keys of the service API. All are valid at once; only their digests are kept.
    api_key_digests: Vec<Secret> = API_KEYS, api_keys(), default "none: the service API does not exist" => Vec::new();

    /// Where the service API answers; neither a path of the browser API nor one above.
    service_api_base_path: String = SERVICE_API_BASE_PATH, base_path_below_root(), default "/core";

    /// Which key backups of the key ring may be sealed to: the SHA-256 thumbprint (RFC 7638) of one RSA public key, which
    /// `npm run admin -- backup-keys` prints. Without it there is neither backup nor restore: a holder of an API key alone cannot have
    /// the keys, nor put others in their place ([keys.md](keys.md#what-an-api-key-can-do)).
    key_backup_key: Option<Thumbprint> = KEY_BACKUP_KEY, Form::scalar(
        "the SHA-256 thumbprint of a public key (RFC 7638): 43 characters of base64url",
        Thumbprint::parse,
    ).optional(), default "none: backup and restore do not exist" => None;

    /// Hosts on which the service API answers without its base path; not the host of `API_DOMAIN`.
    service_api_hosts: Vec<String> = SERVICE_API_HOSTS, hosts(), default "none" => Vec::new();

    /// Hosts, used for nothing else, on which paths of protocol 1.0 and 2.0 answer *without a key*. Warned about at every start.
    legacy_keyless_hosts: Vec<String> = LEGACY_KEYLESS_HOSTS, hosts(), default "none" => Vec::new();

    /// Networks of the clients that may use `LEGACY_KEYLESS_HOSTS`. The address is the one in `CF-Connecting-IP`, which Cloudflare sets and
    /// clients cannot; a request without it is nobody's.
    legacy_keyless_allow: Vec<Network> = LEGACY_KEYLESS_ALLOW, Form::list(
        "networks such as \"10.0.0.0/8\", \"127.0.0.1\" or \"2001:db8::/32\", with no bits set behind the prefix",
        Network::parse,
    ), default "none: nobody; `npm start` allows this machine" => Vec::new();

    /// For protocol versions before 2.21, which cannot say it themselves: verify asks the session's object.
    check_database: bool = CHECK_DATABASE, boolean(), default "false";

    section "Sessions and tokens";

    /// How long an access token is valid. This and every other lifetime is warned about below 1m.
    access_token_validity: Millis = ACCESS_TOKEN_VALIDITY, lifetime(), default "1h", example "\"1h\"";

    /// The validity of each access token is shortened by up to this share, so that refreshes spread. Kept in thousandths.
    access_token_jitter_permille: u32 = ACCESS_TOKEN_VALIDITY_JITTER, jitter(), default "0.05";

    /// A session ends when it was not refreshed for so long.
    refresh_token_validity: Millis = REFRESH_TOKEN_VALIDITY, lifetime(), default "100d", example "\"100d\"";

    /// No refresh extends a session beyond it.
    session_absolute_lifetime: Option<Millis> = SESSION_ABSOLUTE_LIFETIME, lifetime().optional(), default "none" => None;

    /// How many sessions a user has at most; the oldest ends first.
    max_sessions_per_user: u32 = MAX_SESSIONS_PER_USER, whole_number(1..=10_000), default "10000";

    /// How long a refresh token may still be presented once it is superseded.
    refresh_grace_period: Millis = REFRESH_GRACE_PERIOD, duration(Millis(0)..=Millis::from_seconds(300)), default "30s";

    /// What supersedes a refresh token at Postern's own endpoints. `use`: the first use of a token that was issued for it, so that a lost
    /// answer may be asked for again however late. `time`: its first exchange, and nothing is reported in the background
    /// ([freshness.md](freshness.md)). The service API always goes by time.
    refresh_token_superseded_by: SupersededBy = REFRESH_TOKEN_SUPERSEDED_BY, choice(&[
        ("use", SupersededBy::Use), ("time", SupersededBy::Time),
    ]), default "use";

    /// What a late reuse of a refresh token is reported as.
    recent_token_reuse: RecentTokenReuse = RECENT_TOKEN_REUSE_BEHAVIOUR, choice(&[
        ("TOKEN_THEFT", RecentTokenReuse::TokenTheft), ("UNAUTHORISED", RecentTokenReuse::Unauthorised),
    ]), default "TOKEN_THEFT";

    /// How soon a revocation is felt at Postern's own endpoints ([freshness.md](freshness.md)). A warning below `within 10s`.
    freshness: Freshness = FRESHNESS, freshness(), default "within 60s", example "\"within 60s\"";

    /// How many `Revocations` objects share the work ([scale.md](scale.md) says when). It may be changed at any time: the key ring
    /// publishes the number that counts, whatever variables an isolate or an object of another release has, and a change takes effect in
    /// phases. From its announcement reports go to the old and the new objects; isolates poll the new ones once those hold everything
    /// that counts: after the longest life of an entry (`ACCESS_TOKEN_VALIDITY`, or what a trusted issuer's entry needs) and a day; one
    /// change at a time.
    revocation_shards: u32 = REVOCATION_SHARDS, whole_number(1..=16), default "1";

    /// How many relays stand between isolates and the key ring and `Revocations` ([scale.md](scale.md#relays) says when, and how many).
    /// `0`: none, isolates ask both themselves. It may be changed at any time; a relay that is no more asked costs nothing.
    relays: u32 = RELAYS, whole_number(0..=100), default "0";

    /// How much session data a session has at most, in bytes of JSON text.
    max_session_data: u64 = MAX_SESSION_DATA, size(2, 4 * 1024), default "1MiB", example "\"1MiB\"";

    /// The longest access token that is handed out. A request head of 16 KiB is what servers commonly accept; a warning is logged when
    /// a token of that length does not fit a cookie.
    max_access_token_bytes: u64 = MAX_ACCESS_TOKEN_BYTES, size(512, 16), default "what fits a cookie of 4,096 bytes" => 0;

    /// How far a clock may be off, for `exp`, `nbf` and `iat`.
    clock_tolerance: Millis = CLOCK_TOLERANCE, duration(Millis(0)..=Millis::from_seconds(300)), default "0s";

    /// How long a user's object remembers ended sessions, with when and why they ended and their device facts, for `listSessions` and
    /// the pages; at most the last 1,000 of a user. `0s`: not at all.
    ended_session_retention: Millis = ENDED_SESSION_RETENTION, duration(Millis(0)..=Millis::from_seconds(365 * 86_400)), default "7d";

    /// How much of a given client address is kept: `coarse` is the /24 or /48 network.
    device_ip: DeviceIp = DEVICE_IP, choice(&[
        ("coarse", DeviceIp::Coarse), ("full", DeviceIp::Full), ("none", DeviceIp::None),
    ]), default "coarse";

    section "Where objects are made";

    /// Where all objects run and store, for good: users' sessions, keys, revocations. Set it before the first deployment; one that has keys refuses another value
    /// ([jurisdiction](deploying.md#jurisdiction)). Of the KV namespace it says nothing.
    jurisdiction: Option<Jurisdiction> = JURISDICTION, choice(&[
        ("eu", Jurisdiction::Eu), ("us", Jurisdiction::Us), ("fedramp", Jurisdiction::Fedramp),
    ]).optional(), default "none: anywhere" => None;

    /// A region for users' objects, where nothing tells where the user is: no `location` or `request.cf` over [RPC](rpc.md), no
    /// `postern-location` over the [service API](service-api.md).
    user_location: Option<Location> = USER_LOCATION, location(),
        default "none: near the first caller, which is often a backend" => None;

    /// A region for `KeyRing` and `Revocations`, which are made at the first request and for good. Set it before that, to where most of
    /// the traffic is.
    central_location: Option<Location> = CENTRAL_LOCATION, location(),
        default "none: near the first caller" => None, example "\"weur\"";

    section "Signing keys";

    /// The algorithm of access tokens. `ES256` costs least, where backends can do with it ([which one](#which-algorithm)). Sessions made through the service API are always RS256. When it changes, the key ring makes and
    /// publishes a key first; until that signs (60 s at most) RS256 does. What the ring goes by counts, whatever variables an isolate has.
    signing_algorithm: SigningAlgorithm = SIGNING_ALGORITHM, choice(&[
        ("RS256", SigningAlgorithm::RS256), ("ES256", SigningAlgorithm::ES256), ("EdDSA", SigningAlgorithm::EdDSA),
    ]), default "RS256", example "\"RS256\"";

    /// How often a new signing key takes over.
    signing_key_rotation_interval: Millis = SIGNING_KEY_ROTATION_INTERVAL, lifetime(), default "168h";

    /// Secret: by which the key ring seals its private keys and secrets before it stores them. The first one seals, each opens what it has
    /// sealed; `none` as the first has them stored as they are. A change takes effect with the next question to the ring. Without the key that
    /// sealed it, the ring cannot be read, and nobody is served ([keys.md](keys.md#sealed-at-rest)).
    key_encryption_keys: Vec<EncryptionKey> = KEY_ENCRYPTION_KEYS, Form::list(
        "keys, each 32 random bytes in base64url without padding (43 characters), or \"none\"",
        EncryptionKey::parse,
    ), default "none: they are stored as they are" => Vec::new();

    /// `false`: sessions are signed with a key that is never rotated.
    use_dynamic_signing_key: bool = USE_DYNAMIC_SIGNING_KEY, boolean(), default "true";

    section "Trusted issuers";

    /// Issuers whose JWTs are accepted beside Postern's own, as `issuers.toml` has them. The members of an entry are listed below.
    trusted_issuers: Vec<TrustedIssuer> = TRUSTED_ISSUERS, trusted_issuers(), default "none" => Vec::new(),
        example "[{ id = \"idp\", issuer = \"https://idp.example.com\", audience = [\"api\"] }]";

    section "Taking over a SuperTokens core";

    /// The address of a SuperTokens core whose sessions are taken over, with its base path and app, such as
    /// `https://core.example.com/appid-shop`: at their first refresh, without logging anybody out
    /// ([moving.md](moving.md#without-logging-anybody-out)). `http` is for one machine (loopback) only.
    former_core_url: Option<String> = FORMER_CORE_URL, core_url(), default "none" => None;

    /// Secret: the API key of that core, if it has one.
    former_core_api_key: Option<Secret> = FORMER_CORE_API_KEY, Form::scalar(
        "an API key of the core",
        |text| Some(Secret::new(text.as_bytes().to_vec())),
    ).optional(), default "none" => None;

    section "The operator's console";

    /// How operators sign in to the [console](console.md) at `{API_BASE_PATH}/console`. `off`: there is none. `api_key`: with one of
    /// `API_KEYS`, for an hour. `access`: by Cloudflare Access in front of it, as `CONSOLE_ACCESS` says. The console needs the binding
    /// `ASSETS`.
    console: Console = CONSOLE, choice(&[
        ("off", Console::Off), ("api_key", Console::ApiKey), ("access", Console::Access),
    ]), default "off";

    /// The Cloudflare Access application in front of the console, with the provider `cloudflare-access`: whose assertion in the header
    /// `Cf-Access-Jwt-Assertion` is good there. It is good nowhere else, and no entry of `TRUSTED_ISSUERS` is good there.
    console_access: Option<TrustedIssuer> = CONSOLE_ACCESS, console_access(), default "none" => None;

    section "Events";

    /// The webhook that [events](events.md) are sent to. `http` is for one machine (loopback) only. Beside or in place of the binding
    /// `EVENTS`, a queue.
    events_webhook_url: Option<String> = EVENTS_WEBHOOK_URL, webhook_url(), default "none" => None;

    /// Secret: by which requests to the webhook are signed. Every one of them signs, so that a new one can be put beside the old one
    /// until the receiver knows it.
    events_webhook_secrets: Vec<Secret> = EVENTS_WEBHOOK_SECRETS, Form::list(
        "secrets of Standard Webhooks: \"whsec_\" and the base64 of 24 to 64 random bytes",
        parse_secret,
    ), default "none: required with `EVENTS_WEBHOOK_URL`" => Vec::new();

    /// `true`: every refresh is published as an event, too.
    events_refreshed: bool = EVENTS_REFRESHED, boolean(), default "false";

    section "Browsers";

    /// The websites that may use the browser API. Also apps and extensions, such as `chrome-extension://id`; `*` is not one.
    website_origins: Vec<String> = WEBSITE_ORIGINS, Form::list(
        "exact origins such as \"https://www.example.com\" or \"capacitor://localhost\"; \"*\" is not one",
        parse_website,
    ), default "none" => Vec::new(), example "[\"https://www.example.com\"]";

    /// How requests of other websites are told apart ([browser-api.md](browser-api.md)). `AUTO` means the header when cookies are
    /// SameSite=None, else none. `NONE` is a fault where cookies are SameSite=None.
    anti_csrf: AntiCsrf = ANTI_CSRF, choice(&[
        ("AUTO", AntiCsrf::Auto), ("NONE", AntiCsrf::None),
        ("VIA_TOKEN", AntiCsrf::ViaToken), ("VIA_CUSTOM_HEADER", AntiCsrf::ViaCustomHeader),
    ]), default "AUTO";

    /// How tokens travel: `any` leaves it to the request.
    token_transfer_method: TokenTransferMethod = TOKEN_TRANSFER_METHOD, choice(&[
        ("any", TokenTransferMethod::Any), ("cookie", TokenTransferMethod::Cookie), ("header", TokenTransferMethod::Header),
    ]), default "any";

    /// A domain above the host of `API_DOMAIN`; not a [public suffix](#public-suffixes).
    cookie_domain: Option<String> = COOKIE_DOMAIN, cookie_domain(), default "none: host-only" => None;

    /// The former `COOKIE_DOMAIN` after a change.
    older_cookie_domain: Option<String> = OLDER_COOKIE_DOMAIN, older_cookie_domain(), default "none" => None;

    /// The SameSite attribute of the cookies.
    cookie_same_site: Option<SameSite> = COOKIE_SAME_SITE, choice(&[
        ("none", SameSite::None), ("lax", SameSite::Lax), ("strict", SameSite::Strict),
    ]).optional(), default "lax if every website host equals the API host or both lie under `COOKIE_DOMAIN`, else none; apps and extensions do not count" => None;

    /// `false` is for one machine (loopback) only.
    cookie_secure: bool = COOKIE_SECURE, boolean(), default "whether `API_DOMAIN` is https" => api_domain.starts_with("https://");

    /// `true`: the cookies are named `__Host-sAccessToken` and `__Host-sRefreshToken`, so that
    /// [no other site can plant them](browser-api.md#whose-session-a-refresh-is); https only, without `COOKIE_DOMAIN`.
    host_prefixed_cookie: bool = HOST_PREFIXED_COOKIE, boolean(), default "false";

    /// `true`: cookies are `Partitioned` (CHIPS), one session for each website that embeds this host; needs SameSite none and secure
    /// cookies.
    cookie_partitioned: bool = COOKIE_PARTITIONED, boolean(), default "false";

    /// Whether sessions in cookies are bound to a key in the browser's device ([device binding](device-binding.md)). `offer`: new ones are
    /// offered it, and browsers that do not know it go on without. `require`: a session that is not bound is refused. Not with
    /// `COOKIE_DOMAIN` or `COOKIE_PARTITIONED`.
    device_binding: DeviceBinding = DEVICE_BINDING, choice(&[
        ("off", DeviceBinding::Off), ("offer", DeviceBinding::Offer), ("require", DeviceBinding::Require),
    ]), default "off";

    /// `true`: proofs of possession ([DPoP](dpop.md)) must have a nonce of Postern's, which a client gets when it has none. A proof that
    /// was made in advance is worth nothing then, and the client's clock does not matter.
    dpop_nonce: bool = DPOP_NONCE, boolean(), default "false";

    /// `true`: scripts of the page get the access token in cookie mode, too (`st-access-token`).
    expose_access_token: bool = EXPOSE_ACCESS_TOKEN_TO_FRONTEND_IN_COOKIE_BASED_AUTH, boolean(), default "false";

    /// `true`: a sign-out has the browser clear cache and storage of this host.
    clear_site_data_on_sign_out: bool = CLEAR_SITE_DATA_ON_SIGN_OUT, boolean(), default "false";

    /// The status of the browser API's and the gateway's answers that ask for a refresh or a sign-in.
    session_expired_status_code: u16 = SESSION_EXPIRED_STATUS_CODE, session_expired_status(), default "401";
}
