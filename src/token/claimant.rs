//! Whose a token claims to be, before anything of it is believed.

use super::{
    AccessTokenVersion, Form, MAX_TOKEN_BYTES, TokenFault, Unverified, compact, issuer, legacy,
};
use crate::settings::TrustedIssuer;

/// The one whose keys and policy a token is checked with.
#[derive(Debug)]
pub enum Claimant<'a, 's> {
    /// A session token of our own, or what says it is one.
    Own(Unverified<'a>),
    /// A token that names a trusted issuer.
    Foreign(Unverified<'a>, &'s TrustedIssuer),
}

/// Takes a token apart, in whichever form it is spelled.
pub fn parse(token: &str) -> Result<Unverified<'_>, TokenFault> {
    if legacy::form(token).is_some() {
        legacy::parse(token, MAX_TOKEN_BYTES)
    } else {
        compact::parse(token, MAX_TOKEN_BYTES)
    }
}

/// Sorts a token by its claimant. A key id of ours wins whatever `iss` says; then a trusted issuer's name; what is left
/// must at least look like a session token of ours, or it is no token for us.
pub fn claimant<'a, 's>(
    token: Unverified<'a>,
    is_own_key: impl Fn(&str) -> bool,
    issuers: &'s [TrustedIssuer],
) -> Result<Claimant<'a, 's>, TokenFault> {
    if token.form() == Form::Compact
        && !token.key_id().is_some_and(is_own_key)
        && let Some(issuer) = issuer::claimed(issuers, &token)
    {
        return Ok(Claimant::Foreign(token, issuer));
    }
    AccessTokenVersion::of_session_token(&token)?;
    Ok(Claimant::Own(token))
}
