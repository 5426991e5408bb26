//! What is signed for an access token: its header and its claims.

use serde::Serialize;

use super::{AccessClaims, AccessTokenVersion, PayloadFault, find_protected};
use crate::tokens::legacy;
use postern_jwt::{
    Algorithm, TokenOrigin, compact,
    json::{self, Object, ObjectWriter},
    secret::AntiCsrfToken,
};

/// The header of a compact access token, in the order that the protocol has its members.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
    version: &'static str,
    #[serde(flatten)]
    origin: TokenOrigin,
}

impl AccessClaims {
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
                let header = Header {
                    alg: algorithm.name(),
                    kid: key_id,
                    typ: "JWT",
                    version: version.header(),
                    origin: self.origin,
                };
                // Strings and numbers: that can be written.
                let header = serde_json::to_vec(&header).unwrap_or_default();
                format!(
                    "{}.{}",
                    compact::encode(&header),
                    compact::encode(claims.as_bytes())
                )
            }
        })
    }

    fn legacy_claims(&self) -> Result<String, PayloadFault> {
        let mut claims = ObjectWriter::new();
        claims.text("userId", &self.user_id);
        claims.number("expiryTime", self.expiry.0);
        claims.number("timeCreated", self.created.0);
        claims.text("sessionHandle", &self.handle);
        claims.text("refreshTokenHash1", &self.refresh_token_hash1);
        // Absent, not null: the legacy SDKs tell them apart.
        if let Some(parent) = &self.parent_refresh_token_hash1 {
            claims.text("parentRefreshTokenHash1", parent);
        }
        if let Some(anti_csrf) = &self.anti_csrf_token {
            claims.text("antiCsrfToken", anti_csrf.expose());
        }
        claims.json("userData", &self.payload);
        let claims = claims.finish();
        // One level deeper than the payload alone: what cannot be read back must not be made.
        json::parse_object(&claims).map_err(PayloadFault::Malformed)?;
        Ok(claims)
    }

    fn merged_claims(&self, payload: &Object<'_>) -> Result<String, PayloadFault> {
        if let Some(claim) = find_protected(payload, self.version) {
            return Err(PayloadFault::Protected(claim));
        }
        let mut claims = ObjectWriter::new();
        claims.text("sub", &self.user_id);
        claims.number("exp", self.expiry.as_seconds());
        claims.number("iat", self.created.as_seconds());
        if self.version >= AccessTokenVersion::V4 {
            claims.text("tId", &self.tenant_id);
        }
        if self.version >= AccessTokenVersion::V5 {
            claims.text("rsub", &self.recipe_user_id);
        }
        claims.text("sessionHandle", &self.handle);
        claims.text("refreshTokenHash1", &self.refresh_token_hash1);
        // Null, not absent: SDKs and core require the names.
        claims.text_or_null(
            "parentRefreshTokenHash1",
            self.parent_refresh_token_hash1.as_deref(),
        );
        claims.text_or_null(
            "antiCsrfToken",
            self.anti_csrf_token.as_ref().map(AntiCsrfToken::expose),
        );
        for member in payload.members() {
            claims.json(member.name(), member.value());
        }
        Ok(claims.finish())
    }
}
