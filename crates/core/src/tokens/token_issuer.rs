//! Whose a token claims to be, before anything of it is believed.

use super::{access_token::AccessTokenVersion, trusted_issuer};
use crate::settings::TrustedIssuer;
use postern_jwt::{Form, TokenFault, Unverified};

/// The one whose keys and policy a token is checked with.
#[derive(Debug)]
pub enum TokenIssuer<'a, 's> {
    /// A session token of our own, or what says it is one.
    Own(Unverified<'a>),
    /// A token that names a trusted issuer.
    Trusted(Unverified<'a>, &'s TrustedIssuer),
    /// A token that names a trusted issuer, and fits this and other entries for it.
    Ambiguous(&'s TrustedIssuer),
}

/// Sorts a token by its issuer. A key id of ours wins whatever `iss` says; then a trusted issuer's name; what is left
/// must at least look like a session token of ours, or it is no token for us.
pub fn token_issuer<'a, 's>(
    token: Unverified<'a>,
    is_own_key: impl Fn(&str) -> bool,
    issuers: &'s [TrustedIssuer],
) -> Result<TokenIssuer<'a, 's>, TokenFault> {
    if token.form() == Form::Compact
        && !token.key_id().is_some_and(is_own_key)
        && let Some(choice) = trusted_issuer::choose(issuers, &token.claims_unverified())
    {
        return Ok(if choice.is_only {
            TokenIssuer::Trusted(token, choice.issuer)
        } else {
            TokenIssuer::Ambiguous(choice.issuer)
        });
    }
    AccessTokenVersion::of_session_token(&token)?;
    Ok(TokenIssuer::Own(token))
}
