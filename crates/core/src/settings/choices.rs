//! Settings that are one of a few choices.

use super::table;
use postern_jwt::time::Millis;

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

/// What supersedes a refresh token that was exchanged at our own endpoints (`REFRESH_TOKEN_SUPERSEDED_BY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupersededBy {
    /// `use`: the first use of a token that was issued for it.
    Use,
    /// `time`: the end of the grace period after its first exchange.
    Time,
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

/// Whether sessions are bound to a key in the browser's device (`DEVICE_BINDING`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceBinding {
    /// Nothing is offered. A session that was bound before stays so.
    Off,
    /// New sessions in cookies are offered it; a browser that does not know it goes on without.
    Offer,
    /// The same, and a session that is not bound is refused.
    Require,
}

/// How operators sign in to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// There is no console.
    Off,
    /// With a key of the service API, which is exchanged for a short session.
    ApiKey,
    /// By Cloudflare Access in front of it.
    Access,
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

impl LogLevel {
    /// The level in a log line, and in `LOG_LEVEL`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}
