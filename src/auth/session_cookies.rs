//! The session cookies of a request, looked at with this deployment's keys: whose they are, and whom they bear witness to.

use super::{former_core, verifier};
use crate::objects::context::Context;
use postern_core::{
    http::{
        bearer::{Authorization, authorization},
        token_places::Place,
    },
    identity::Issuers,
    refusal::Refusal,
    request::credentials::{ACCESS_TOKEN_COOKIE, HOST_ACCESS_TOKEN_COOKIE},
    supertokens::fdi::{
        request::BrowserRequest,
        session_cookies::{SentCookies, Witnesses},
    },
};

/// Access tokens of a request that are looked at to learn whose session it is: more is an attack.
const MAX_WITNESSES: usize = 4;

/// The same request, knowing whose its session cookies are.
pub(crate) fn looked_at<'a>(context: &Context, request: &BrowserRequest<'a>) -> BrowserRequest<'a> {
    let sent = SentCookies::of(
        request.cookies(),
        |token| {
            verifier::classify(context, token, Place::SessionCookie, &Issuers::Any)
                .0
                .plain()
        },
        |handle| context.checked(handle).is_ok(),
        context.settings.former_core_url.is_some(),
    );
    BrowserRequest { sent, ..*request }
}

/// The sessions that a request's access tokens prove it to be of: with a good signature, however old.
///
/// A `__Host-` cookie proves its session by being there, also when its key is long gone: only this host can set it.
///
/// # Errors
/// A fault of ours.
pub(crate) async fn witnesses(
    context: &Context,
    request: &BrowserRequest<'_>,
) -> Result<Witnesses, Refusal> {
    let cookies = request.cookies();
    let local_response = |token: &str| {
        let named = verifier::named(token)?;
        context
            .checked(&named.handle)
            .is_ok()
            .then_some(named.handle)
    };
    let host = cookies
        .all(HOST_ACCESS_TOKEN_COOKIE)
        .find_map(|token| local_response(&token));
    let mut others = Vec::new();
    if host.is_some() {
        return Ok(Witnesses { host, others });
    }
    let bearer = match authorization(request.authorization) {
        Authorization::Bearer(token) => Some(token.into()),
        Authorization::Dpop(_) | Authorization::Doubled | Authorization::None => None,
    };
    let tokens = bearer.into_iter().chain(cookies.all(ACCESS_TOKEN_COOKIE));
    let may_be_ours = |token: &str| {
        verifier::named(token).is_some_and(|named| {
            context.checked(&named.handle).is_ok()
                || former_core::may_be_cores(context, &named.handle)
        })
    };
    for token in tokens
        .filter(|token| may_be_ours(token))
        .take(MAX_WITNESSES)
    {
        match verifier::verify_even_if_expired(context, &token).await {
            Ok(claims) if !others.contains(&claims.handle) => others.push(claims.handle),
            Err(outage @ Refusal::GeneralError(_)) => return Err(outage),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(Witnesses { host, others })
}
