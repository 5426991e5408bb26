//! Logout signals of trusted issuers: verifying one.

use super::{jwks_client, verifier};
use crate::objects::context::Context;
use postern_core::{
    settings::TrustedIssuer,
    tokens::{
        logout::{self, Signal, SignalFault, SignalKind, back_channel, security_event},
        trusted_issuer,
    },
};
use postern_jwt::{MAX_TOKEN_BYTES, compact};

/// Why a signal was not verified.
pub(crate) enum NotVerified {
    /// It is not good, and never will be.
    Fault(SignalFault),
    /// Keys are out of reach: whose, and why. Fit for a log.
    Outage(String),
}

impl From<SignalFault> for NotVerified {
    fn from(fault: SignalFault) -> Self {
        Self::Fault(fault)
    }
}

/// Verifies a signal, and reads it. Whose it claims to be is looked at before any key is asked for.
pub(crate) async fn verified(
    context: &Context,
    issuer: &TrustedIssuer,
    kind: SignalKind,
    token: &str,
) -> Result<Signal, NotVerified> {
    let token = compact::parse(token, MAX_TOKEN_BYTES).map_err(SignalFault::Token)?;
    let policy = logout::policy(issuer, kind);
    policy.check_type(token.typ()).map_err(SignalFault::Token)?;
    logout::check_issuer(issuer, &token.claims_unverified())?;
    let keys = jwks_client::current(&context.env, issuer, token.key_id(), context.now)
        .await
        .map_err(|jwks_client::Outage(explanation)| NotVerified::Outage(explanation))?;
    let usable = trusted_issuer::keys_for(issuer, keys.usable(), &token.claims_unverified());
    let pending = token
        .choose_keys(&usable, &policy)
        .map_err(SignalFault::Token)?;
    let verdict = verifier::verdict(&pending)
        .await
        .map_err(|_| NotVerified::Outage("signatures cannot be checked".to_owned()))?;
    let verified = pending
        .finish(verdict, context.now)
        .map_err(SignalFault::Token)?;
    let signal = match kind {
        SignalKind::BackChannel => back_channel::read(issuer, &verified, context.now),
        SignalKind::SecurityEvent => security_event::read(issuer, &verified, context.now),
    };
    Ok(signal?)
}
