//! What a backend SDK asks for, once its request has been understood.

use crate::supertokens::cdi::request::version::Version;
use postern_jwt::time::Millis;

/// A request that was admitted and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreRequest {
    /// The version it is spoken in: says which access token to mint, how to rotate, whether verify may write.
    pub version: &'static Version,
    /// What is asked for.
    pub call: CoreCall,
}

/// What is asked for. Payloads and session data are the minified text of one JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoreCall {
    /// Create a session.
    Create(Create),
    /// Verify an access token.
    Verify(Verify),
    /// Exchange a refresh token.
    Refresh(Refresh),
    /// Re-mint a live access token, with a new payload if one is given.
    Regenerate(Regenerate),
    /// Everything stored about a session.
    GetSession {
        /// The session.
        handle: String,
    },
    /// Read session data.
    GetSessionData {
        /// The session.
        handle: String,
    },
    /// Overwrite session data.
    PutSessionData {
        /// The session.
        handle: String,
        /// The new data.
        session_data: String,
    },
    /// Read the stored payload.
    GetPayload {
        /// The session.
        handle: String,
    },
    /// Replace the stored payload.
    PutPayload {
        /// The session.
        handle: String,
        /// The new payload.
        payload: String,
    },
    /// List a user's sessions.
    ListUserSessions {
        /// The user.
        user_id: String,
        /// One tenant only; `None` = all.
        tenant_id: Option<String>,
    },
    /// End a user's sessions.
    RemoveUserSessions {
        /// The user.
        user_id: String,
        /// One tenant only; `None` = all.
        tenant_id: Option<String>,
    },
    /// End these sessions.
    RemoveSessions {
        /// At most [`MAX_HANDLES`] handles.
        handles: Vec<String>,
    },
    /// Public keys and policy, for SDKs before the JWK Set.
    Handshake,
    /// The JWK Set.
    Jwks {
        /// Whether the answer carries a `status`, as the older endpoint's does.
        with_status: bool,
    },
    /// Sign a JWT that is not a session.
    CreateJwt(CreateJwt),
}

/// Create a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The tenant of the new session.
    pub tenant_id: String,
    /// The user.
    pub user_id: String,
    /// The payload.
    pub payload: String,
    /// The session data.
    pub session_data: String,
    /// Issue an anti-CSRF token and bind the session's tokens to it.
    pub anti_csrf: bool,
    /// Sign with a dynamic key rather than the static one.
    pub use_dynamic_signing_key: bool,
    /// A shorter validity of this access token, without jitter.
    pub access_token_validity: Option<Millis>,
}

/// Verify an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// The access token.
    pub access_token: String,
    /// Compare the anti-CSRF token; a token without one is then refused.
    pub check_anti_csrf: bool,
    /// The anti-CSRF token that came with the browser's request.
    pub anti_csrf_token: Option<String>,
    /// Ask the user's object whether the session lives.
    pub check_database: bool,
    /// Refuse (400) to re-mint a token whose stored payload holds a claim of the token's version.
    pub refuse_protected_claims: bool,
}

/// Exchange a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// The refresh token.
    pub refresh_token: String,
    /// Issue an anti-CSRF token and bind the new tokens to it.
    pub anti_csrf: bool,
    /// Compare the anti-CSRF token with the one that the refresh token is bound to, if any.
    pub check_anti_csrf: bool,
    /// The anti-CSRF token that came with the browser's request.
    pub anti_csrf_token: Option<String>,
    /// Sign with a dynamic key from now on, or with the static one; `None` = as before.
    pub use_dynamic_signing_key: Option<bool>,
    /// A shorter validity of the new access token, without jitter.
    pub access_token_validity: Option<Millis>,
}

/// Re-mint a live access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regenerate {
    /// The access token; expired is fine.
    pub access_token: String,
    /// The new payload; `None` = keep the stored one.
    pub payload: Option<String>,
    /// Refuse (400) a payload that holds a claim of the *token's* version.
    pub refuse_protected_claims: bool,
}

/// Sign a JWT that is not a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateJwt {
    /// `iss`, unless the payload brings its own.
    pub issuer: String,
    /// The claims.
    pub payload: String,
    /// `exp` minus `iat`.
    pub validity: Millis,
    /// Sign with a dynamic key rather than the static one.
    pub use_dynamic_signing_key: bool,
}

/// The most handles that one call may end.
pub const MAX_HANDLES: usize = 1000;
