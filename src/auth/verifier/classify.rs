//! What a text in the place of an access token is, before anything of it is verified (docs/protocol/fdi.md, section 4.6).

use super::cache::remembered;

use crate::auth::{former_core, verified_session::VerifiedToken};
use std::{borrow::Cow, rc::Rc};

use crate::{objects::context::Context, runtime::log};
use postern_core::{
    http::token_places::Place,
    identity::{Issuer, Issuers},
    request::credentials::Classification,
    tokens::candidate,
};
use postern_jwt::Unverified;

/// What is known of a text that is an access token by its structure.
#[allow(clippy::large_enum_variant)] // it lives on the stack, for one call
pub(crate) enum TokenState<'a> {
    /// This isolate has verified it before.
    Cached(Rc<VerifiedToken>),
    /// It is one by its structure, in parts.
    Parsed(Unverified<'a>),
    /// It is one by its structure; whoever verifies it parses it.
    Raw,
}

/// A token that is passed over as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PassedOver {
    /// It is none by its structure.
    NoToken,
    /// It is one, and this is why it does not count here. Fit for a log.
    Because(String),
}

/// The state of a text, for an entry point that accepts the sessions of these issuers.
pub(crate) fn state<'a>(
    context: &Context,
    token: &Cow<'a, str>,
    place: Place<'_>,
    accepted: &Issuers,
) -> Result<TokenState<'a>, PassedOver> {
    // What this isolate has verified before need not be parsed again.
    if let Some(known) = remembered(context, token) {
        let issuer = &known.session.identity.issuer;
        accepts(accepted, issuer)?;
        counts_at(context, issuer, place)?;
        return Ok(TokenState::Cached(known));
    }
    let issuers = &context.settings.trusted_issuers;
    let (found, is_decoded) = match token {
        Cow::Borrowed(token) => (candidate::structure(token, issuers), false),
        // A cookie's that was decoded, which is rare, is parsed again where it is verified.
        Cow::Owned(token) => {
            let found = candidate::structure(token, issuers);
            let found = found.map(|candidate::Structure { parsed, issuer }| {
                let is_own = parsed
                    .as_ref()
                    .is_some_and(|token| has_own_key(context, token));
                let issuer = issuer.filter(|_| !is_own);
                candidate::Structure {
                    parsed: None,
                    issuer,
                }
            });
            (found, true)
        }
    };
    let Some(candidate::Structure { parsed, issuer }) = found else {
        return Err(passed_over(context, token));
    };
    let is_own = !is_decoded
        && parsed
            .as_ref()
            .is_some_and(|token| has_own_key(context, token));
    let claimed = issuer
        .filter(|_| !is_own)
        .map_or(Issuer::Own, |issuer| Issuer::Trusted(issuer.id.clone()));
    accepts(accepted, &claimed)?;
    counts_at(context, &claimed, place)?;
    Ok(parsed.map_or(TokenState::Raw, TokenState::Parsed))
}

/// Whether the session of an issuer counts where these are accepted.
pub(crate) fn accepts(accepted: &Issuers, issuer: &Issuer) -> Result<(), PassedOver> {
    if accepted.accepts(issuer) {
        return Ok(());
    }
    Err(PassedOver::Because(format!(
        "issuer {}: its sessions are not accepted here",
        issuer.id()
    )))
}

/// Whether the tokens of an issuer count where one was found.
fn counts_at(context: &Context, issuer: &Issuer, place: Place<'_>) -> Result<(), PassedOver> {
    let counts = match issuer {
        Issuer::Own => matches!(place, Place::Authorization | Place::SessionCookie),
        Issuer::Trusted(id) => {
            let mut issuers = context.settings.trusted_issuers.iter();
            let trusted = issuers.find(|trusted| &trusted.id == id);
            trusted.is_some_and(|trusted| trusted.takes_from(place))
        }
    };
    counts.then_some(()).ok_or_else(|| {
        PassedOver::Because(format!(
            "issuer {}: its tokens do not count where one was found (token_from)",
            issuer.id()
        ))
    })
}

/// A token whose key is one of ours is ours, whatever its `iss` says.
fn has_own_key(context: &Context, token: &Unverified<'_>) -> bool {
    token
        .key_id()
        .is_some_and(|kid| context.ring.verifier(kid, context.now).is_some())
}

/// Of a text that is no access token: says so when it nearly is one.
pub(super) fn passed_over(context: &Context, token: &str) -> PassedOver {
    let issuers = &context.settings.trusted_issuers;
    let Some(issuer) = candidate::nearly_names(token, issuers) else {
        return PassedOver::NoToken;
    };
    let why = format!(
        "issuer {}: a token's \"iss\" differs from the setting by a slash at the end, or by case: it is none of this issuer's",
        issuer.id
    );
    log::write_at_times(log::Event::TrustedIssuer, &why, context.now);
    PassedOver::Because(why)
}

/// The same, apart from a session's token of another deployment under one parent domain, whose cookies reach us: it names a
/// key and a handle that we never made. A bearer token is sent on purpose, and is refused by name instead. Besides, why a
/// token was passed over.
pub(crate) fn classify<'a>(
    context: &Context,
    token: &Cow<'a, str>,
    place: Place<'_>,
    accepted: &Issuers,
) -> (Classification<TokenState<'a>>, Option<String>) {
    match state(context, token, place, accepted) {
        Ok(state) if place == Place::SessionCookie && is_anothers(context, token, &state) => {
            (Classification::Anothers, None)
        }
        Ok(state) => (Classification::Token(state), None),
        Err(PassedOver::NoToken) => (Classification::Nothing, None),
        Err(PassedOver::Because(why)) => (Classification::Nothing, Some(why)),
    }
}

fn is_anothers(context: &Context, token: &str, state: &TokenState<'_>) -> bool {
    match state {
        TokenState::Cached(_) => return false,
        TokenState::Parsed(token) if has_own_key(context, token) => return false,
        TokenState::Parsed(_) | TokenState::Raw => {}
    }
    let Some(named) = named(token) else {
        return false;
    };
    let issuers = &context.settings.trusted_issuers;
    let is_our_key = |kid: &str| context.ring.verifier(kid, context.now).is_some();
    !named.key_id.as_deref().is_some_and(is_our_key)
        && context.checked(&named.handle).is_err()
        && !former_core::may_be_cores(context, &named.handle)
        && candidate::structure(token, issuers).is_none_or(|found| found.issuer.is_none())
}

/// What an access token of ours says of itself; nothing of it is verified.
pub(crate) fn named(token: &str) -> Option<candidate::Own> {
    let mut parts = token.split('.');
    candidate::own(parts.next()?, parts.next()?)
}
