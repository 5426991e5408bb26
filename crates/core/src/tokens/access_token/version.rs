//! The versions of access tokens, and the claims that each keeps for itself.

use postern_jwt::{Form, TokenFault, Unverified, json::Object};

const PROTECTED_LEGACY: &[&str] = &[
    "userId",
    "expiryTime",
    "timeCreated",
    "sessionHandle",
    "refreshTokenHash1",
];
/// In the order that version 5 writes them; versions 3 and 4 leave some out.
const PROTECTED_V5: &[&str] = &[
    "sub",
    "exp",
    "iat",
    "tId",
    "rsub",
    "sessionHandle",
    "refreshTokenHash1",
    "parentRefreshTokenHash1",
    "antiCsrfToken",
];
const PROTECTED_V4: &[&str] = &[
    "sub",
    "exp",
    "iat",
    "tId",
    "sessionHandle",
    "refreshTokenHash1",
    "parentRefreshTokenHash1",
    "antiCsrfToken",
];
const PROTECTED_V3: &[&str] = &[
    "sub",
    "exp",
    "iat",
    "sessionHandle",
    "refreshTokenHash1",
    "parentRefreshTokenHash1",
    "antiCsrfToken",
];

/// The version of an access token; each protocol version mints one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessTokenVersion {
    /// Protocol 1.0: fixed header, padded base64, times in milliseconds.
    V1,
    /// Protocol 2.0 to 2.20: as V1 with another fixed header.
    V2,
    /// Protocol 2.21: a compact JWT, the payload merged into its claims.
    V3,
    /// Protocol 3.0 and 3.1: with the tenant.
    V4,
    /// Protocol 4.0 and later: with the recipe user.
    V5,
}

impl AccessTokenVersion {
    /// The header's `version`.
    pub const fn header(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
            Self::V4 => "4",
            Self::V5 => "5",
        }
    }

    /// True for the versions with a fixed header.
    pub const fn is_legacy(self) -> bool {
        matches!(self, Self::V1 | Self::V2)
    }

    /// The version of a token that says it is a session token of ours; without `kid`, none of the compact ones is.
    pub fn of_session_token(token: &Unverified<'_>) -> Result<Self, TokenFault> {
        let version = Self::of(token.form(), token.version())?;
        if version.is_legacy() || token.key_id().is_some() {
            Ok(version)
        } else {
            Err(TokenFault::NotASessionToken)
        }
    }

    /// The version of a token of ours. A compact token without `version` is another purpose's.
    pub(super) fn of(form: Form, header: Option<&str>) -> Result<Self, TokenFault> {
        match (form, header) {
            (Form::LegacyV1, _) => Ok(Self::V1),
            (Form::LegacyV2, _) => Ok(Self::V2),
            (Form::Compact, Some("3")) => Ok(Self::V3),
            (Form::Compact, Some("4")) => Ok(Self::V4),
            (Form::Compact, Some("5")) => Ok(Self::V5),
            (Form::Compact, _) => Err(TokenFault::NotASessionToken),
        }
    }
}

/// The claims that a token of this version must hold, and that its user payload must not.
pub const fn protected_claims(version: AccessTokenVersion) -> &'static [&'static str] {
    match version {
        AccessTokenVersion::V1 | AccessTokenVersion::V2 => PROTECTED_LEGACY,
        AccessTokenVersion::V3 => PROTECTED_V3,
        AccessTokenVersion::V4 => PROTECTED_V4,
        AccessTokenVersion::V5 => PROTECTED_V5,
    }
}

/// The first protected claim that a user payload holds.
pub fn find_protected(payload: &Object<'_>, version: AccessTokenVersion) -> Option<&'static str> {
    protected_claims(version)
        .iter()
        .copied()
        .find(|claim| payload.contains(claim))
}
