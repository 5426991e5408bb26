//! Foreign issuers: which one a token claims, what it must then say, and whom it names.

use super::{Policy, TokenFault, Unverified, Verified};
use crate::{settings::TrustedIssuer, time::Millis};

/// The longest session or user claim of a foreign token, in bytes.
pub const MAX_IDENTITY_BYTES: usize = 256;

/// The issuer whose exact name the token carries. Whether it is telling the truth, its keys will show.
pub fn claimed<'s>(
    issuers: &'s [TrustedIssuer],
    token: &Unverified<'_>,
) -> Option<&'s TrustedIssuer> {
    if issuers.is_empty() {
        return None;
    }
    let name = token.issuer_unverified()?;
    issuers.iter().find(|issuer| issuer.issuer == name)
}

/// What a token of this issuer must say.
pub fn policy(issuer: &TrustedIssuer, tolerance: Millis) -> Policy {
    Policy {
        algorithms: Some(issuer.algorithms.clone()),
        typ: issuer.typ.clone(),
        issuer: Some(issuer.issuer.clone()),
        audience: issuer.audience.clone(),
        max_lifetime: Some(issuer.max_token_age),
        tolerance,
        issued_at_allowance: tolerance,
    }
}

/// Whom a verified foreign token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignIdentity {
    /// The claim that names the session; unique within the issuer only.
    pub session: String,
    /// The claim that names the user; unique within the issuer only.
    pub user_id: String,
}

/// Reads session and user from a verified token: strings of 1 to [`MAX_IDENTITY_BYTES`] bytes, or it is refused.
pub fn identity(issuer: &TrustedIssuer, token: &Verified) -> Result<ForeignIdentity, TokenFault> {
    let claims = token.claims();
    let named = |name: &str| {
        let claim = claims.string(name).map_err(|_| TokenFault::BadClaim)?;
        let text = claim.ok_or(TokenFault::ClaimMissing)?;
        if text.is_empty() || text.len() > MAX_IDENTITY_BYTES {
            return Err(TokenFault::BadClaim);
        }
        Ok(text.into_owned())
    };
    Ok(ForeignIdentity {
        session: named(&issuer.handle_claim)?,
        user_id: named(&issuer.user_id_claim)?,
    })
}
