//! The access tokens of our own sessions, versions 1 to 5 (SuperTokens protocol, access token versions).
//!
//! Their headers, the order and names of their claims, and which claims a user payload may not hold. The text
//! to be signed is made here, and joined with its signature; the Worker signs.

mod reading;
mod version;
mod writing;

pub use version::{AccessTokenVersion, find_protected, protected_claims};

use super::{form, legacy};
use crate::dpop::claim;
use postern_jwt::{TokenFault, TokenOrigin, Unverified, compact};
use postern_jwt::{
    json::{self, JsonFault},
    proof::{self, Thumbprint},
    secret::AntiCsrfToken,
    time::UnixMillis,
};

/// What an access token of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// The version, which decides how the rest is spelled.
    pub version: AccessTokenVersion,
    /// The user (`sub`, `userId`).
    pub user_id: String,
    /// The recipe user (`rsub`); the user itself before version 5.
    pub recipe_user_id: String,
    /// The tenant (`tId`); before version 4 the suffix of the handle says it.
    pub tenant_id: String,
    /// The session handle.
    pub handle: String,
    /// SHA-256 of the refresh token that belongs to this token.
    pub refresh_token_hash1: String,
    /// SHA-256 of the refresh token that was exchanged for that one, until the exchange is known to have arrived.
    pub parent_refresh_token_hash1: Option<String>,
    /// The anti-CSRF token that requests must bring.
    pub anti_csrf_token: Option<AntiCsrfToken>,
    /// When the token expires; written in whole seconds from version 3 on.
    pub expiry: UnixMillis,
    /// When it was made; written in whole seconds from version 3 on.
    pub created: UnixMillis,
    /// Where it comes from; in tokens from version 3 on.
    pub origin: TokenOrigin,
    /// The user payload: the text of one JSON object.
    pub payload: String,
}

/// Why a user payload cannot go into an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadFault {
    /// It is not a JSON object.
    Malformed(JsonFault),
    /// It holds a claim that is not its to set.
    Protected(&'static str),
}

impl std::fmt::Display for PayloadFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(fault) => write!(f, "the user payload is malformed at {fault}"),
            Self::Protected(claim) => {
                write!(f, "The user payload contains protected field: {claim}")
            }
        }
    }
}

impl std::error::Error for PayloadFault {}

/// Takes apart what is to be a session token of ours: a legacy header, or a `version` of 3 to 5 and a `kid`.
pub fn parse(token: &str) -> Result<Unverified<'_>, TokenFault> {
    let unverified = form::parse(token)?;
    AccessTokenVersion::of_session_token(&unverified)?;
    Ok(unverified)
}

/// The token that a signature over `signing_input` completes.
pub fn complete(version: AccessTokenVersion, signing_input: &str, signature: &[u8]) -> String {
    let signature = if version.is_legacy() {
        legacy::encode(signature)
    } else {
        compact::encode(signature)
    };
    [signing_input, ".", &signature].concat()
}

impl AccessClaims {
    /// The key that the token is bound to by DPoP (RFC 9449 section 6.1). Only payloads that were made at our own endpoints say so: those
    /// of the service API may hold a claim of that name that is nothing to us.
    ///
    /// # Errors
    /// The claim is there, and names no key.
    pub fn bound_key(&self) -> Result<Option<Thumbprint>, TokenFault> {
        if self.origin.session_created.is_none() || !self.payload.contains(claim::CLAIM) {
            return Ok(None);
        }
        let payload = json::parse_object(&self.payload).map_err(|_| TokenFault::BadPayload)?;
        proof::bound_key(&payload)
    }
}
