//! What stands in an access token that is minted for a session, and how long that makes it.

use super::issuer;
use super::model::SessionView;
use crate::dpop::claim;
use crate::settings::{DeviceBinding, Settings};
use crate::tokens::access_token::{AccessClaims, AccessTokenVersion, PayloadFault, complete};
use postern_jwt::{
    Algorithm, SigningAlgorithm, TokenOrigin, proof::Thumbprint, secret::AntiCsrfToken,
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The version of access tokens made at our own endpoints.
pub const OWN_VERSION: AccessTokenVersion = AccessTokenVersion::V5;

/// What is signed for a session and a grant. `issuer` is ours: sessions made through the service API do without.
pub fn claims(
    session: &SessionView,
    grant: &AccessGrant,
    version: AccessTokenVersion,
    issuer: &str,
) -> AccessClaims {
    let payload = match grant.dpop_key {
        Some(key) => Cow::Owned(claim::with(&session.payload, key)),
        None => Cow::Borrowed(&session.payload),
    };
    let payload = if grant.by_service_api {
        payload.into_owned()
    } else {
        issuer::with(&payload, issuer)
    };
    AccessClaims {
        version,
        user_id: session.user_id.clone(),
        recipe_user_id: session.user_id.clone(),
        tenant_id: session.tenant_id.clone(),
        handle: session.handle.clone(),
        refresh_token_hash1: grant.hash1.clone(),
        parent_refresh_token_hash1: grant.parent_hash1.clone(),
        anti_csrf_token: grant.anti_csrf_token.clone(),
        expiry: grant.expiry,
        created: grant.created,
        origin: TokenOrigin {
            session_created: grant.session_created,
            generation: grant.generation,
            device: grant.device,
        },
        payload,
    }
}

/// How the access tokens of a session are minted, as far as their length goes.
#[derive(Debug, Clone, Copy)]
pub struct Minted<'a> {
    /// Their version.
    pub version: AccessTokenVersion,
    /// The session was made through the service API.
    pub by_service_api: bool,
    /// They carry an anti-CSRF token.
    pub anti_csrf: bool,
    /// The session may be bound to a device.
    pub device: bool,
    /// The key that the session is bound to by DPoP.
    pub dpop_key: Option<Thumbprint>,
    /// The algorithm of the signing key.
    pub algorithm: SigningAlgorithm,
    /// The name of the signing key.
    pub key_id: &'a str,
    /// Our issuer.
    pub issuer: &'a str,
}

/// How long an access token is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// The token.
    pub token: usize,
    /// Its payload, as JSON text.
    pub payload: usize,
}

impl Minted<'_> {
    /// The lengths of the longest access token of a session; a fault when its payload cannot go into one.
    pub fn lengths(&self, session: &SessionView, now: UnixMillis) -> Result<Lengths, PayloadFault> {
        if !self.by_service_api
            && claim::is_claimed(&session.payload).map_err(PayloadFault::Malformed)?
        {
            return Err(PayloadFault::Protected(claim::CLAIM));
        }
        let hash = "0".repeat(64);
        let grant = AccessGrant {
            created: now,
            expiry: now,
            hash1: hash.clone(),
            // The child of a refresh with lazy rotation carries one.
            parent_hash1: self.by_service_api.then_some(hash),
            anti_csrf_token: self.anti_csrf.then(|| AntiCsrfToken::new("0".repeat(43))),
            use_dynamic_key: true,
            by_service_api: self.by_service_api,
            session_created: (!self.by_service_api).then_some(now),
            generation: if self.by_service_api { 0 } else { u32::MAX },
            device: self.device.then_some(Thumbprint::NONE),
            dpop_key: self.dpop_key,
        };
        let claims = claims(session, &grant, self.version, self.issuer);
        let input = claims.signing_input(Algorithm::signed_with(self.algorithm), self.key_id)?;
        let signature = match self.algorithm {
            SigningAlgorithm::RS256 => vec![0; 256],
            SigningAlgorithm::ES256 | SigningAlgorithm::EdDSA => vec![0; 64],
        };
        let token = complete(self.version, &input, &signature);
        // Base64 without padding: four characters for three bytes.
        let encoded = token.split('.').nth(1).unwrap_or_default().len();
        Ok(Lengths {
            token: token.len(),
            payload: encoded.saturating_mul(3) / 4,
        })
    }
}

/// What the access token of a changed payload may be, at our own endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLimit {
    /// The most bytes.
    pub most_bytes: u64,
    /// The algorithm of the signing key.
    pub algorithm: SigningAlgorithm,
    /// The name of the signing key.
    pub key_id: String,
    /// It carries an anti-CSRF token.
    pub anti_csrf: bool,
}

/// Why a payload cannot be that of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// It holds a claim that is not its to set, or is no JSON object.
    Payload(PayloadFault),
    /// Its access token would have so many bytes.
    Long(u64),
}

impl TokenLimit {
    /// Whether the payload of `session` fits; `dpop_key` is the key that it is bound to.
    pub fn check(
        &self,
        session: &SessionView,
        dpop_key: Option<Thumbprint>,
        settings: &Settings,
        now: UnixMillis,
    ) -> Result<(), Misfit> {
        let minted = Minted {
            version: OWN_VERSION,
            by_service_api: false,
            anti_csrf: self.anti_csrf,
            algorithm: self.algorithm,
            key_id: &self.key_id,
            device: settings.device_binding != DeviceBinding::Off,
            dpop_key,
            issuer: &settings.issuer(),
        };
        let lengths = minted.lengths(session, now).map_err(Misfit::Payload)?;
        let token = u64::try_from(lengths.token).unwrap_or(u64::MAX);
        if token > self.most_bytes {
            return Err(Misfit::Long(token));
        }
        Ok(())
    }
}

/// Permission to sign one access token, with the times fixed by the object in the transaction that allowed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGrant {
    /// Its `iat`.
    pub created: UnixMillis,
    /// Its `exp`.
    pub expiry: UnixMillis,
    /// Its `refreshTokenHash1`.
    pub hash1: String,
    /// Its `parentRefreshTokenHash1`.
    pub parent_hash1: Option<String>,
    /// Its anti-CSRF token.
    pub anti_csrf_token: Option<AntiCsrfToken>,
    /// Sign it with the dynamic key.
    pub use_dynamic_key: bool,
    /// The session was made through the service API: RS256, and no `iss` of ours.
    pub by_service_api: bool,
    /// When the session was created; an object of older code does not say it.
    #[serde(default)]
    pub session_created: Option<UnixMillis>,
    /// The generation of the refresh token it goes with, for its first use to be reported to the object; 0 = nothing to report.
    #[serde(default)]
    pub generation: u32,
    /// The device that the session is bound to, for the token to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Thumbprint>,
    /// The key that the session is bound to by DPoP, for the token to say (`cnf.jkt`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_key: Option<Thumbprint>,
}
