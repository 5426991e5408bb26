//! The access tokens of our own sessions, versions 1 to 5 (SuperTokens protocol, access token versions).
//!
//! Their headers, the order and names of their claims, and which claims a user payload may not hold. The text
//! to be signed is made here, and joined with its signature; the Worker signs.

mod version;

use std::borrow::Cow;

pub use version::{AccessTokenVersion, find_protected, protected_claims};

use super::{form, legacy};
use crate::tenant::PUBLIC_TENANT;
use postern_jwt::{Algorithm, TokenFault, TokenOrigin, Unverified, Verified, compact};
use postern_jwt::{
    json::{self, JsonFault, Kind, Object},
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
    /// Where it comes from; told from version 3 on.
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
    /// Reads a verified token of ours.
    pub fn from_verified(token: &Verified) -> Result<Self, TokenFault> {
        let version = AccessTokenVersion::of(token.form(), token.version())?;
        Self::read(version, token.origin(), &token.claims())
    }

    /// Reads a token of ours that nobody has vouched for: for explaining, never for deciding.
    pub fn from_unverified(token: &Unverified<'_>) -> Result<Self, TokenFault> {
        let version = AccessTokenVersion::of(token.form(), token.version())?;
        Self::read(version, token.origin(), &token.claims_unverified())
    }

    /// What is to be signed. `algorithm` and `key_id` are those of the signing key; the legacy headers have room for
    /// neither and mean RS256.
    pub fn signing_input(
        &self,
        algorithm: Algorithm,
        key_id: &str,
    ) -> Result<String, PayloadFault> {
        let payload = json::parse_object(&self.payload).map_err(PayloadFault::Malformed)?;
        let claims = match self.version {
            AccessTokenVersion::V1 | AccessTokenVersion::V2 => self.legacy_claims()?,
            _ => self.merged_claims(&payload)?,
        };
        Ok(match self.version {
            AccessTokenVersion::V1 => format!(
                "{}.{}",
                legacy::HEADER_V1,
                legacy::encode(claims.as_bytes())
            ),
            AccessTokenVersion::V2 => format!(
                "{}.{}",
                legacy::HEADER_V2,
                legacy::encode(claims.as_bytes())
            ),
            version => {
                let header = format!(
                    r#"{{"alg":"{algorithm}","kid":{},"typ":"JWT","version":"{}"{}}}"#,
                    json::quote(key_id),
                    version.header(),
                    self.origin.members()
                );
                format!(
                    "{}.{}",
                    compact::encode(header.as_bytes()),
                    compact::encode(claims.as_bytes())
                )
            }
        })
    }

    fn legacy_claims(&self) -> Result<String, PayloadFault> {
        let mut claims = Claims::default();
        claims.string("userId", &self.user_id);
        claims.raw("expiryTime", &self.expiry.0.to_string());
        claims.raw("timeCreated", &self.created.0.to_string());
        claims.string("sessionHandle", &self.handle);
        claims.string("refreshTokenHash1", &self.refresh_token_hash1);
        // Absent, not null: the legacy SDKs tell them apart.
        if let Some(parent) = &self.parent_refresh_token_hash1 {
            claims.string("parentRefreshTokenHash1", parent);
        }
        if let Some(anti_csrf) = &self.anti_csrf_token {
            claims.string("antiCsrfToken", anti_csrf.expose());
        }
        claims.raw("userData", &self.payload);
        let claims = claims.finish();
        // One level deeper than the payload alone: what cannot be read back must not be made.
        json::parse_object(&claims).map_err(PayloadFault::Malformed)?;
        Ok(claims)
    }

    fn merged_claims(&self, payload: &Object<'_>) -> Result<String, PayloadFault> {
        if let Some(claim) = find_protected(payload, self.version) {
            return Err(PayloadFault::Protected(claim));
        }
        let mut claims = Claims::default();
        claims.string("sub", &self.user_id);
        claims.raw("exp", &self.expiry.as_seconds().to_string());
        claims.raw("iat", &self.created.as_seconds().to_string());
        if self.version >= AccessTokenVersion::V4 {
            claims.string("tId", &self.tenant_id);
        }
        if self.version >= AccessTokenVersion::V5 {
            claims.string("rsub", &self.recipe_user_id);
        }
        claims.string("sessionHandle", &self.handle);
        claims.string("refreshTokenHash1", &self.refresh_token_hash1);
        // Null, not absent: SDKs and core require the names.
        claims.string_or_null(
            "parentRefreshTokenHash1",
            self.parent_refresh_token_hash1.as_deref(),
        );
        claims.string_or_null(
            "antiCsrfToken",
            self.anti_csrf_token.as_ref().map(AntiCsrfToken::expose),
        );
        for member in payload.members() {
            claims.raw(member.name(), member.value());
        }
        Ok(claims.finish())
    }

    fn read(
        version: AccessTokenVersion,
        origin: TokenOrigin,
        claims: &Object<'_>,
    ) -> Result<Self, TokenFault> {
        if version.is_legacy() {
            Self::read_legacy(version, claims)
        } else {
            Self::read_merged(version, origin, claims)
        }
    }

    fn read_legacy(version: AccessTokenVersion, claims: &Object<'_>) -> Result<Self, TokenFault> {
        let user_id = required(claims, "userId")?;
        let handle = required(claims, "sessionHandle")?;
        let user_data = claims
            .object("userData")
            .map_err(|_| TokenFault::BadClaim)?;
        Ok(Self {
            version,
            recipe_user_id: user_id.clone(),
            user_id,
            tenant_id: tenant_of(&handle),
            handle,
            refresh_token_hash1: required(claims, "refreshTokenHash1")?,
            parent_refresh_token_hash1: optional(claims, "parentRefreshTokenHash1")?,
            anti_csrf_token: optional(claims, "antiCsrfToken")?.map(AntiCsrfToken::new),
            expiry: UnixMillis(required_number(claims, "expiryTime")?),
            created: UnixMillis(required_number(claims, "timeCreated")?),
            origin: TokenOrigin::default(),
            payload: user_data.ok_or(TokenFault::ClaimMissing)?.to_owned(),
        })
    }

    fn read_merged(
        version: AccessTokenVersion,
        origin: TokenOrigin,
        claims: &Object<'_>,
    ) -> Result<Self, TokenFault> {
        // `stt` marks tokens of other purposes that are signed by the same keys.
        if claims
            .unsigned("stt")
            .map_err(|_| TokenFault::NotASessionToken)?
            .is_some_and(|purpose| purpose != 0)
        {
            return Err(TokenFault::NotASessionToken);
        }
        let protected = protected_claims(version);
        if protected.iter().any(|claim| !claims.contains(claim)) {
            return Err(TokenFault::ClaimMissing);
        }
        let user_id = required(claims, "sub")?;
        let handle = required(claims, "sessionHandle")?;
        let mut payload = Claims::default();
        for member in claims.members() {
            if !protected.contains(&member.name()) {
                payload.raw(member.name(), member.value());
            }
        }
        Ok(Self {
            version,
            recipe_user_id: match version {
                AccessTokenVersion::V5 => required(claims, "rsub")?,
                _ => user_id.clone(),
            },
            user_id,
            tenant_id: match version {
                AccessTokenVersion::V3 => tenant_of(&handle),
                _ => required(claims, "tId")?,
            },
            handle,
            refresh_token_hash1: required(claims, "refreshTokenHash1")?,
            parent_refresh_token_hash1: optional(claims, "parentRefreshTokenHash1")?,
            anti_csrf_token: optional(claims, "antiCsrfToken")?.map(AntiCsrfToken::new),
            expiry: UnixMillis::from_seconds(required_number(claims, "exp")?),
            created: UnixMillis::from_seconds(required_number(claims, "iat")?),
            origin,
            payload: payload.finish(),
        })
    }
}

/// The tenant that a handle names after its first `_` (SuperTokens protocol).
fn tenant_of(handle: &str) -> String {
    handle.split('_').nth(1).unwrap_or(PUBLIC_TENANT).to_owned()
}

fn required(claims: &Object<'_>, name: &str) -> Result<String, TokenFault> {
    let text = claims.string(name).map_err(|_| TokenFault::BadClaim)?;
    text.map(Cow::into_owned).ok_or(TokenFault::ClaimMissing)
}

/// A string that may be null or absent.
fn optional(claims: &Object<'_>, name: &str) -> Result<Option<String>, TokenFault> {
    match claims.get(name).map(json::kind) {
        None | Some(Kind::Null) => Ok(None),
        Some(_) => required(claims, name).map(Some),
    }
}

fn required_number(claims: &Object<'_>, name: &str) -> Result<u64, TokenFault> {
    let number = claims.unsigned(name).map_err(|_| TokenFault::BadClaim)?;
    number.ok_or(TokenFault::ClaimMissing)
}

/// The text of an object, made member by member from texts that are JSON already.
#[derive(Default)]
struct Claims {
    text: String,
}

impl Claims {
    fn raw(&mut self, name: &str, value: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.text.push_str(&json::quote(name));
        self.text.push(':');
        self.text.push_str(value);
    }

    fn string(&mut self, name: &str, value: &str) {
        self.raw(name, &json::quote(value));
    }

    fn string_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(text) => self.string(name, text),
            None => self.raw(name, "null"),
        }
    }

    fn finish(mut self) -> String {
        if self.text.is_empty() {
            self.text.push('{');
        }
        self.text.push('}');
        self.text
    }
}
