//! Access token versions, and the claims of each that a user payload must not contain.

use super::version::Version;
use crate::json;

/// The version of an access token's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessTokenVersion {
    /// Fixed header, payload nested under `userData`.
    V1,
    /// As V1 with its own fixed header.
    V2,
    /// A JWT with `kid`; the payload is merged into the claims.
    V3,
    /// V3 and the tenant (`tId`).
    V4,
    /// V4 and the recipe user (`rsub`).
    V5,
}

impl AccessTokenVersion {
    /// The claims that this version uses itself.
    pub const fn protected_claims(self) -> &'static [&'static str] {
        match self {
            Self::V1 | Self::V2 => &[
                "userId",
                "expiryTime",
                "timeCreated",
                "sessionHandle",
                "refreshTokenHash1",
            ],
            Self::V3 => &[
                "sub",
                "exp",
                "iat",
                "sessionHandle",
                "refreshTokenHash1",
                "parentRefreshTokenHash1",
                "antiCsrfToken",
            ],
            Self::V4 => &[
                "sub",
                "exp",
                "iat",
                "sessionHandle",
                "refreshTokenHash1",
                "parentRefreshTokenHash1",
                "antiCsrfToken",
                "tId",
            ],
            Self::V5 => &[
                "sub",
                "exp",
                "iat",
                "sessionHandle",
                "refreshTokenHash1",
                "parentRefreshTokenHash1",
                "antiCsrfToken",
                "tId",
                "rsub",
            ],
        }
    }
}

/// Whether `payload`, the text of a JSON object, holds a claim that tokens of version `token` use themselves.
pub fn holds_protected_claim(token: AccessTokenVersion, payload: &str) -> bool {
    json::parse_object(payload).is_ok_and(|claims| {
        token
            .protected_claims()
            .iter()
            .any(|name| claims.contains(name))
    })
}

/// Whether `version` refuses to store `payload`. Only versions whose tokens merge the payload do.
pub(super) fn payload_is_refused(version: &Version, payload: &str) -> bool {
    version.protected_claims && holds_protected_claim(version.access_token, payload)
}
