//! What a session looks like from outside: the values that every door shapes into its own wire form.

use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// The tenant that exists in every deployment (SuperTokens protocol).
pub const PUBLIC_TENANT: &str = "public";

/// A live session as its holder may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The session handle: `route.random.tag`, with `_tenant` appended for tenants other than `public`.
    pub handle: String,
    /// The user the session belongs to; free-form, may be empty.
    pub user_id: String,
    /// The tenant the session was created in.
    pub tenant_id: String,
    /// The payload: the text of one JSON object, kept verbatim (minified).
    pub payload: String,
}

/// A token with its times, as every protocol hands it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// The token itself. A credential: never log it.
    pub token: String,
    /// When it stops being good. Whole seconds for access tokens V3 and later.
    pub expiry: UnixMillis,
    /// When it was made. Whole seconds for access tokens V3 and later.
    pub created: UnixMillis,
}

/// What a successful create or refresh gives out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedSession {
    /// The session.
    pub session: SessionView,
    /// The signed access token.
    pub access_token: TokenInfo,
    /// The refresh token.
    pub refresh_token: TokenInfo,
    /// The anti-CSRF token, present only when the session is bound to one.
    pub anti_csrf_token: Option<String>,
}

/// Everything stored about a session, as `GET /recipe/session` and `getSessionInformation` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInformation {
    /// The session, with its *stored* payload.
    pub session: SessionView,
    /// The session data: the text of one JSON object.
    pub session_data: String,
    /// When the session ends unless it is refreshed.
    pub expiry: UnixMillis,
    /// When the session was created.
    pub created: UnixMillis,
    /// When the session was last refreshed.
    pub last_refreshed: Option<UnixMillis>,
    /// Device facts, when the creator gave any.
    pub device: Option<Device>,
}

/// Facts about the device a session lives on, as the caller gave them (already coarsened by setting).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The `User-Agent` at creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The client address, or its coarse form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

/// Why a request about a session was refused, or failed. Spelled the same on every surface.
///
/// The texts are for logs and for callers we trust (RPC, service API); they never hold a token, a cookie or user data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such session (any more).
    Unauthorised(&'static str),
    /// The access token is expired, or cannot be trusted as it is.
    TryRefreshToken(&'static str),
    /// Refresh only: two holders of one token were seen; the session has ended.
    TokenTheftDetected {
        /// The session that ended.
        handle: String,
        /// Whose session it was.
        user_id: String,
        /// How the reuse was recognised (protocol 5.6).
        subtype: ReuseSubtype,
    },
    /// The session is good, but a claim requirement is not met.
    InvalidClaims(&'static str),
    /// The input is malformed; nothing was changed. The text names the field and the limit.
    BadInput(String),
    /// The input is larger than a stated limit; nothing was changed.
    TooLarge {
        /// Which input.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A fault on our side or our storage's; try again later. Nothing was cleared, nothing lost.
    GeneralError(&'static str),
}

/// How the reuse of a refresh token was recognised (protocol 5.6, `recentTokenReuseSubtype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReuseSubtype {
    /// The token last used, presented after its grace window.
    RecentPrev,
    /// A sibling of the token that was used instead.
    OrphanedBranch,
    /// A token of an older generation.
    StaleLineage,
}
