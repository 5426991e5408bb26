//! Security event tokens (RFC 8417) about sessions: CAEP `session-revoked`, and the RISC events that end an account.
//!
//! Subjects are read by RFC 9493 and the Shared Signals Framework 1.0; only those that map without a table are: `iss_sub` with the
//! stream's own issuer, and of a complex subject the session's `opaque` id. What concerns us not is accepted and has no effect.

use super::{Ended, Signal, SignalFault, said};
use crate::settings::TrustedIssuer;
use postern_jwt::{
    Verified,
    json::{self, Object},
    time::{Millis, UnixMillis},
};

/// The events that end sessions.
const ENDING: [&str; 4] = [
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-purged",
    "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
];

/// How old an event may be: delivery may be hours late, and what it ends is dated.
pub const MAX_AGE: Millis = Millis::from_seconds(7 * 24 * 3600);

/// Times above this are milliseconds, as old drafts had them.
const LARGEST_SECONDS: u64 = 100_000_000_000;

/// Reads a security event token whose signature, type, issuer, audience and times are good.
///
/// # Errors
/// What it lacks, or says that a security event must not say.
pub fn read(
    issuer: &TrustedIssuer,
    token: &Verified,
    now: UnixMillis,
) -> Result<Signal, SignalFault> {
    let claims = token.claims();
    let said = said(issuer, token, &claims, now, |made_at| made_at.plus(MAX_AGE))?;
    // These would make it look like a token of another kind (Shared Signals Framework 1.0 section 4.1).
    for (name, text) in [
        ("exp", "claim \"exp\" is not for security events"),
        ("sub", "claim \"sub\" is not for security events"),
    ] {
        if claims.contains(name) {
            return Err(SignalFault::Says(text));
        }
    }
    let mut named = said.events.members();
    let (Some(event), None) = (named.next(), named.next()) else {
        return Err(SignalFault::Says(
            "claim \"events\" does not hold exactly one event",
        ));
    };
    let details = json::parse_object(event.value())
        .map_err(|_| SignalFault::Says("the event is no object"))?;
    let subject = claims
        .get("sub_id")
        .ok_or(SignalFault::Says("claim \"sub_id\" is missing"))?;
    let subject = json::parse_object(subject)
        .map_err(|_| SignalFault::Says("claim \"sub_id\" is no object"))?;
    let moment = time(&details, "event_timestamp")?
        .or(time(&claims, "toe")?)
        .unwrap_or(said.made_at);
    let is_ending = ENDING.contains(&event.name());
    let ends = if is_ending {
        named_by(issuer, &subject).map(|(subject, session)| Ended {
            tenant: said.tenant,
            subject,
            session,
            moment: moment.min(now),
        })
    } else {
        Err("the event ends no session")
    };
    Ok(Signal {
        jti: said.jti,
        until: said.until,
        ends,
    })
}

/// The `sub` and the `sid` that a subject names (RFC 9493 section 3, Shared Signals Framework 1.0 section 3).
fn named_by(
    issuer: &TrustedIssuer,
    subject: &Object<'_>,
) -> Result<(Option<String>, Option<String>), &'static str> {
    const UNMAPPED: &str = "the subject is of a format that names nobody here";
    if format(subject).as_deref() == Some("complex") || is_complex(subject) {
        let part = |name| {
            subject
                .get(name)
                .and_then(|part| json::parse_object(part).ok())
        };
        let user = part("user").and_then(|user| simple(issuer, &user));
        let session = part("session").and_then(|session| {
            (format(&session)? == "opaque")
                .then(|| text(&session, "id"))
                .flatten()
        });
        // A part that is there and not understood narrows the subject down to nobody that we know.
        if (subject.contains("user") && user.is_none())
            || (subject.contains("session") && session.is_none())
            || (user.is_none() && session.is_none())
        {
            return Err(UNMAPPED);
        }
        return Ok((user, session));
    }
    Ok((Some(simple(issuer, subject).ok_or(UNMAPPED)?), None))
}

/// Drafts of complex subjects name no format.
fn is_complex(subject: &Object<'_>) -> bool {
    !subject.contains("format") && (subject.contains("user") || subject.contains("session"))
}

/// The `sub` of a simple subject of this issuer.
fn simple(issuer: &TrustedIssuer, subject: &Object<'_>) -> Option<String> {
    match format(subject)?.as_str() {
        "iss_sub" => {
            issuer.names.named(&text(subject, "iss")?)?;
            text(subject, "sub")
        }
        "aliases" => {
            let names = json::parse_array(subject.get("identifiers")?).ok()?;
            names.into_iter().find_map(|name| {
                let name = json::parse_object(name).ok()?;
                // No nesting (RFC 9493 section 3.2.8).
                (format(&name)? == "iss_sub")
                    .then(|| simple(issuer, &name))
                    .flatten()
            })
        }
        _ => None,
    }
}

fn format(subject: &Object<'_>) -> Option<String> {
    text(subject, "format")
}

fn text(of: &Object<'_>, name: &str) -> Option<String> {
    let text = of.string(name).ok()??;
    (!text.is_empty() && text.len() <= super::MAX_NAME_BYTES).then(|| text.into_owned())
}

fn time(of: &Object<'_>, name: &str) -> Result<Option<UnixMillis>, SignalFault> {
    let bad = |_| SignalFault::Says("a time of the event is no number");
    let number = of.number(name).map_err(bad)?;
    Ok(number.map(|number| {
        let seconds = number.floor_scaled(0);
        if seconds > LARGEST_SECONDS {
            UnixMillis(seconds)
        } else {
            UnixMillis(number.floor_scaled(3))
        }
    }))
}
