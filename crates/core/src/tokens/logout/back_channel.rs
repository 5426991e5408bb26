//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6).

use super::{CLOCK_LEEWAY, Ended, Signal, SignalFault, optional, said};
use crate::settings::TrustedIssuer;
use postern_jwt::{
    Verified,
    json::{self, Kind},
    time::{Millis, UnixMillis},
};

/// The member of `events` that makes a token a logout token.
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How old a token without `exp` may be, which providers sent before it was required.
const WITHOUT_EXPIRY: Millis = Millis::from_seconds(600);

/// Reads a logout token whose signature, type, issuer, audience and times are good.
///
/// # Errors
/// What it lacks, or says that a logout token must not say.
pub fn read(
    issuer: &TrustedIssuer,
    token: &Verified,
    now: UnixMillis,
) -> Result<Signal, SignalFault> {
    let claims = token.claims();
    let said = said(issuer, token, &claims, now, |made_at| {
        if claims.contains("exp") {
            token.expiry().plus(CLOCK_LEEWAY)
        } else {
            made_at.plus(WITHOUT_EXPIRY)
        }
    })?;
    let event = said.events.get(EVENT).map(json::kind);
    if event != Some(Kind::Object) {
        return Err(SignalFault::Says(
            "claim \"events\" does not hold the event of a logout token",
        ));
    }
    if claims.contains("nonce") {
        return Err(SignalFault::Says("claim \"nonce\" is that of an ID token"));
    }
    let subject = optional(&claims, "sub", "claim \"sub\" is malformed")?;
    let session = optional(&claims, "sid", "claim \"sid\" is malformed")?;
    if subject.is_none() && session.is_none() {
        return Err(SignalFault::Says(
            "neither claim \"sub\" nor claim \"sid\" is there",
        ));
    }
    Ok(Signal {
        jti: said.jti,
        until: said.until,
        ends: Ok(Ended {
            tenant: said.tenant,
            subject,
            session,
            moment: said.made_at.min(now),
        }),
    })
}
