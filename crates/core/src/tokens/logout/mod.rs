//! Signals of a trusted issuer that a session has ended there: logout tokens (OpenID Connect Back-Channel Logout 1.0) and
//! security events (RFC 8417, CAEP and RISC).
//!
//! What such a token must say after its signature was found good, and whom it names. What is ended for it is in
//! `session::issuer_logout`.

pub mod back_channel;
pub mod call;
pub mod exchange;
pub mod security_event;

use crate::settings::TrustedIssuer;
use postern_jwt::{
    Parties, Policy, TokenFault, Types, Verified,
    json::{self, Object},
    time::{Millis, UnixMillis},
};

/// How far ahead of ours the issuer's clock may be, and how long after `exp` a logout token is taken.
pub const CLOCK_LEEWAY: Millis = Millis::from_seconds(60);

/// The longest `jti`, `sub` or `sid`, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// How an issuer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// A logout token.
    BackChannel,
    /// A security event token.
    SecurityEvent,
}

/// What an issuer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The token's own name, unique with the issuer.
    pub jti: String,
    /// From when on it is refused for its age, and its name need not be remembered.
    pub until: UnixMillis,
    /// Whom it ends; `None` = nothing that concerns us, for the reason given.
    pub ends: Result<Ended, &'static str>,
}

/// Whose sessions have ended, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The issuer's tenant; empty where it has none.
    pub tenant: String,
    /// `sub`.
    pub subject: Option<String>,
    /// `sid`.
    pub session: Option<String>,
    /// When: a session that began later is not meant, however late the signal comes.
    pub moment: UnixMillis,
}

/// Why a signal is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalFault {
    /// The token itself.
    Token(TokenFault),
    /// What it says, in words that are fit for a log and an answer.
    Says(&'static str),
}

impl SignalFault {
    /// The reason, without any value of the token.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Token(fault) => fault.code(),
            Self::Says(what) => what,
        }
    }
}

/// What a signal of this issuer must be, before its own claims are read.
pub fn policy(issuer: &TrustedIssuer, kind: SignalKind) -> Policy {
    Policy {
        algorithms: Some(issuer.algorithms.clone()),
        typ: match kind {
            SignalKind::BackChannel => Types::Logout,
            SignalKind::SecurityEvent => Types::Only("secevent+jwt".to_owned()),
        },
        // [`check_issuer`] looks at it: it may have several forms.
        issuer: None,
        // It is for the client and not for the API. Without a name of the client, anything that access tokens are for.
        parties: Parties {
            audience: audience(issuer),
            ..Parties::default()
        },
        needs_expiry: false,
        max_lifetime: None,
        checks_confirmation: true,
        tolerance: CLOCK_LEEWAY,
        not_before_allowance: CLOCK_LEEWAY,
        issued_at_allowance: CLOCK_LEEWAY,
    }
}

/// Whether claims name this issuer. Ask it before any key is fetched, and of what was verified.
///
/// # Errors
/// Another issuer's, or none.
pub fn check_issuer(issuer: &TrustedIssuer, claims: &Object<'_>) -> Result<(), SignalFault> {
    tenant(issuer, claims).map(drop)
}

/// The issuer's tenant that claims name; empty where the issuer has none.
fn tenant(issuer: &TrustedIssuer, claims: &Object<'_>) -> Result<String, SignalFault> {
    let wrong = SignalFault::Token(TokenFault::WrongIssuer);
    let iss = claims.string("iss").map_err(|_| wrong)?.ok_or(wrong)?;
    let named = issuer.names.named(&iss).ok_or(wrong)?;
    Ok(named.tenant.unwrap_or_default().to_owned())
}

/// Whom the signals of an issuer may be for.
pub fn audience(issuer: &TrustedIssuer) -> Vec<String> {
    if !issuer.logout_audience.is_empty() {
        return issuer.logout_audience.clone();
    }
    let mut audience = issuer.parties.audience.clone();
    audience.extend(issuer.parties.authorized.iter().cloned());
    audience
}

/// What signals of both kinds say alike.
struct Said<'c> {
    tenant: String,
    made_at: UnixMillis,
    until: UnixMillis,
    jti: String,
    events: Object<'c>,
}

/// Reads that. `until` says from when on a token is too old that was made at a time.
fn said<'c>(
    issuer: &TrustedIssuer,
    token: &Verified,
    claims: &Object<'c>,
    now: UnixMillis,
    until: impl FnOnce(UnixMillis) -> UnixMillis,
) -> Result<Said<'c>, SignalFault> {
    let tenant = tenant(issuer, claims)?;
    let made_at = token
        .issued_at()
        .ok_or(SignalFault::Token(TokenFault::IssuedAtMissing))?;
    let until = until(made_at);
    if until <= now {
        return Err(SignalFault::Token(TokenFault::Expired));
    }
    Ok(Said {
        tenant,
        made_at,
        until,
        jti: required(claims, "jti", "claim \"jti\" is missing or malformed")?,
        events: claims
            .get("events")
            .and_then(|events| json::parse_object(events).ok())
            .ok_or(SignalFault::Says("claim \"events\" is no object"))?,
    })
}

/// A name that must be there.
fn required(claims: &Object<'_>, name: &str, missing: &'static str) -> Result<String, SignalFault> {
    optional(claims, name, missing)?.ok_or(SignalFault::Says(missing))
}

/// A name: 1 to [`MAX_NAME_BYTES`] bytes.
fn optional(
    claims: &Object<'_>,
    name: &str,
    bad: &'static str,
) -> Result<Option<String>, SignalFault> {
    let text = claims.string(name).map_err(|_| SignalFault::Says(bad))?;
    match text {
        Some(text) if text.is_empty() || text.len() > MAX_NAME_BYTES => Err(SignalFault::Says(bad)),
        text => Ok(text.map(Into::into)),
    }
}

#[cfg(test)]
mod tests;
