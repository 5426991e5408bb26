//! Why a request is refused: one type for every caller, which each protocol spells in its own way.

use serde::{Deserialize, Serialize};

/// Why a request about a session was refused, or failed. Spelled the same on every surface.
///
/// The texts are for logs and for callers we trust (RPC, service API); they never hold a token, a cookie or user data.
/// What is large is boxed: every `?` moves a refusal, and that is a large part of the Wasm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such session (any more).
    Unauthorised(&'static str),
    /// The access token is expired, or cannot be trusted as it is.
    TryRefreshToken(&'static str),
    /// Refresh only: two holders of one token were seen; the session has ended.
    TokenTheftDetected(Box<Theft>),
    /// The token or the session is bound to a key (RFC 9449), of which the request has no good proof; nothing was changed.
    InvalidDpopProof(&'static str),
    /// The same: its proof has no nonce that is good. The text is one that is.
    UseDpopNonce(String),
    /// The session is good, but a claim requirement is not met.
    InvalidClaims(&'static str),
    /// The session is good, and not bound to a device where that is asked for; nothing was done.
    DeviceBindingRequired,
    /// The request comes from a page of another website, which may not use the session; nothing was done.
    ForeignWebsite,
    /// There were too many such requests lately; nothing was done.
    TooManyRequests,
    /// The input is malformed; nothing was changed. The text names the field and the limit.
    BadInput(String),
    /// The input is larger than a stated limit; nothing was changed.
    TooLarge(Box<TooLarge>),
    /// A fault on our side or our storage's; try again later. Nothing was cleared, nothing lost.
    GeneralError(&'static str),
}

/// Two holders of one refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theft {
    /// The session that ended.
    pub handle: String,
    /// Whose session it was.
    pub user_id: String,
    /// How the reuse was recognised (protocol 5.6).
    pub subtype: ReuseSubtype,
}

/// An input beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// Which input.
    pub what: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// The limit in bytes.
    pub limit: u64,
}

/// How theft was recognised: the reuse of a refresh token (protocol 5.6, `recentTokenReuseSubtype`), or a key that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReuseSubtype {
    /// The token last used, presented after its grace window.
    RecentPrev,
    /// A sibling of the token that was used instead.
    OrphanedBranch,
    /// A token of an older generation.
    StaleLineage,
    /// No reuse: the session is bound to a device, and the refresh did not show that it comes from there.
    DeviceKeyMissing,
}

impl ReuseSubtype {
    /// The name on every wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RecentPrev => "RECENT_PREV",
            Self::OrphanedBranch => "ORPHANED_BRANCH",
            Self::StaleLineage => "STALE_LINEAGE",
            Self::DeviceKeyMissing => "device_key_missing",
        }
    }
}
