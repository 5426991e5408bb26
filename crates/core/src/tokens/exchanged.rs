//! A verified token of a trusted issuer as a session of our own: whose, with what payload, and whether it may still become one.

use crate::identity::Session;
use crate::refusal::Refusal;
use crate::settings::{ExchangedUsers, TrustedIssuer};
use crate::tenant::PUBLIC_TENANT;
use postern_jwt::json::{self, ObjectWriter};
use postern_jwt::time::UnixMillis;

/// What separates the parts of a prefixed user id. No issuer's id in settings, and no tenant's, has one.
const SEPARATOR: char = ':';

/// The session that a token becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The user.
    pub user_id: String,
    /// The tenant.
    pub tenant_id: String,
    /// The claims that the entry names, as a JSON object.
    pub payload: String,
}

/// What the session of a token of a trusted issuer becomes. `issuers` are all of the settings; `made` is the token's `iat`.
///
/// # Errors
/// [`Refusal::Unauthorised`] where the issuer's tokens are not exchanged, the token does not say when it was made, or its subject is
/// called as the users of another issuer are; [`Refusal::TryRefreshToken`] for a token that was made too long ago.
pub fn exchanged(
    issuers: &[TrustedIssuer],
    session: &Session,
    made: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<Exchanged, Refusal> {
    let identity = &session.identity;
    let terms_of = |id: &str| {
        let issuer = issuers.iter().find(|issuer| issuer.id == id);
        issuer.and_then(|issuer| issuer.exchange.as_ref())
    };
    let terms = terms_of(identity.issuer.id()).ok_or(Refusal::Unauthorised(
        "tokens of this issuer are not exchanged",
    ))?;
    let made = made.ok_or(Refusal::Unauthorised(
        "a token without \"iat\" is not exchanged",
    ))?;
    if made.plus(terms.max_age) < now {
        return Err(Refusal::TryRefreshToken(
            "the token was made too long ago to be exchanged",
        ));
    }
    let subject = identity.subject.as_str();
    let user_id = match terms.users {
        ExchangedUsers::Prefixed => {
            let mut name = identity.issuer.id().to_owned();
            if identity.tenant_id != PUBLIC_TENANT {
                name.push(SEPARATOR);
                name.push_str(&identity.tenant_id);
            }
            name.push(SEPARATOR);
            name.push_str(subject);
            name
        }
        ExchangedUsers::Subject => {
            let prefix = subject.split_once(SEPARATOR).map(|(prefix, _)| prefix);
            if prefix.is_some_and(|id| issuers.iter().any(|issuer| issuer.id == id)) {
                return Err(Refusal::Unauthorised(
                    "the subject is called as users of another issuer are",
                ));
            }
            subject.to_owned()
        }
    };
    Ok(Exchanged {
        user_id,
        tenant_id: identity.tenant_id.clone(),
        payload: payload(&session.payload, &terms.claims),
    })
}

/// The named claims of a verified payload.
fn payload(all: &str, claims: &[String]) -> String {
    let mut taken = ObjectWriter::new();
    // A verified payload is one JSON object.
    if let Ok(all) = json::parse_object(all) {
        for claim in claims {
            if let Some(value) = all.get(claim) {
                taken.json(claim, value);
            }
        }
    }
    taken.finish()
}
