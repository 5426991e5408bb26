//! Reading the claims of an access token of ours.
//!
//! What the protocol lists is read in one pass and by name; all else is the user payload, whose texts and order stay as they were
//! signed. That is why no type is derived here: serde shows values, and not their texts.

use std::borrow::Cow;

use super::{AccessClaims, AccessTokenVersion};
use crate::tenant::PUBLIC_TENANT;
use postern_jwt::{
    TokenFault, TokenOrigin, Unverified, Verified,
    json::{self, Kind, Object, ObjectWriter},
    secret::AntiCsrfToken,
    time::UnixMillis,
};

impl AccessClaims {
    /// Reads a verified token of ours.
    pub fn from_verified(token: &Verified) -> Result<Self, TokenFault> {
        let version = AccessTokenVersion::of(token.form(), token.version())?;
        if version.is_legacy() {
            return Self::read_legacy(version, &token.claims());
        }
        Merged::of(version, token.members()).read(token.origin())
    }

    /// Reads a token of ours that nobody has vouched for: for explaining, never for deciding.
    pub fn from_unverified(token: &Unverified<'_>) -> Result<Self, TokenFault> {
        let version = AccessTokenVersion::of(token.form(), token.version())?;
        if version.is_legacy() {
            return Self::read_legacy(version, &token.claims_unverified());
        }
        Merged::of(version, token.members_unverified()).read(token.origin())
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
}

/// The claims of versions 3 to 5 as they stand in a token: the texts of their values.
struct Merged<'a> {
    version: AccessTokenVersion,
    user_id: Option<&'a str>,
    recipe_user_id: Option<&'a str>,
    tenant_id: Option<&'a str>,
    handle: Option<&'a str>,
    hash1: Option<&'a str>,
    parent_hash1: Option<&'a str>,
    anti_csrf_token: Option<&'a str>,
    expiry: Option<&'a str>,
    created: Option<&'a str>,
    /// `stt` marks tokens of other purposes that are signed by the same keys. It is part of the payload.
    purpose: Option<&'a str>,
    payload: ObjectWriter,
}

impl<'a> Merged<'a> {
    fn of(version: AccessTokenVersion, members: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut claims = Self {
            version,
            user_id: None,
            recipe_user_id: None,
            tenant_id: None,
            handle: None,
            hash1: None,
            parent_hash1: None,
            anti_csrf_token: None,
            expiry: None,
            created: None,
            purpose: None,
            payload: ObjectWriter::new(),
        };
        for (name, value) in members {
            let claim = match name {
                "sub" => &mut claims.user_id,
                "exp" => &mut claims.expiry,
                "iat" => &mut claims.created,
                "tId" if version >= AccessTokenVersion::V4 => &mut claims.tenant_id,
                "rsub" if version >= AccessTokenVersion::V5 => &mut claims.recipe_user_id,
                "sessionHandle" => &mut claims.handle,
                "refreshTokenHash1" => &mut claims.hash1,
                "parentRefreshTokenHash1" => &mut claims.parent_hash1,
                "antiCsrfToken" => &mut claims.anti_csrf_token,
                _ => {
                    if name == "stt" {
                        claims.purpose = Some(value);
                    }
                    claims.payload.json(name, value);
                    continue;
                }
            };
            *claim = Some(value);
        }
        claims
    }

    fn read(self, origin: TokenOrigin) -> Result<AccessClaims, TokenFault> {
        if self
            .purpose
            .is_some_and(|purpose| json::unsigned_of(purpose) != Some(0))
        {
            return Err(TokenFault::NotASessionToken);
        }
        // All of them are there, before any of them is read.
        let there = |claim: Option<&'a str>| claim.ok_or(TokenFault::ClaimMissing);
        let (user_id, handle) = (there(self.user_id)?, there(self.handle)?);
        let hash1 = there(self.hash1)?;
        let (expiry, created) = (there(self.expiry)?, there(self.created)?);
        let parent_hash1 = there(self.parent_hash1)?;
        let anti_csrf_token = there(self.anti_csrf_token)?;
        let (is_of_tenant, has_recipe_user) = (
            self.version >= AccessTokenVersion::V4,
            self.version >= AccessTokenVersion::V5,
        );
        let tenant_id = is_of_tenant.then(|| there(self.tenant_id)).transpose()?;
        let recipe_user_id = has_recipe_user
            .then(|| there(self.recipe_user_id))
            .transpose()?;

        let (user_id, handle) = (text(user_id)?, text(handle)?);
        Ok(AccessClaims {
            version: self.version,
            recipe_user_id: recipe_user_id.map_or_else(|| Ok(user_id.clone()), text)?,
            user_id,
            tenant_id: tenant_id.map_or_else(|| Ok(tenant_of(&handle)), text)?,
            handle,
            refresh_token_hash1: text(hash1)?,
            parent_refresh_token_hash1: text_or_null(parent_hash1)?,
            anti_csrf_token: text_or_null(anti_csrf_token)?.map(AntiCsrfToken::new),
            expiry: UnixMillis::from_seconds(number(expiry)?),
            created: UnixMillis::from_seconds(number(created)?),
            origin,
            payload: self.payload.finish(),
        })
    }
}

fn text(value: &str) -> Result<String, TokenFault> {
    let text = json::string_of(value).map_err(|_| TokenFault::BadClaim)?;
    Ok(text.into_owned())
}

fn text_or_null(value: &str) -> Result<Option<String>, TokenFault> {
    match json::kind(value) {
        Kind::Null => Ok(None),
        _ => text(value).map(Some),
    }
}

fn number(value: &str) -> Result<u64, TokenFault> {
    json::unsigned_of(value).ok_or(TokenFault::BadClaim)
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
