//! Whether a trusted issuer has said that a token's session, or all of its subject, has ended there.

use futures_util::future::try_join_all;

use super::{
    user_call::{AT_ONCE, GONE, about, into_refusal},
    verified_session::VerifiedToken,
};
use crate::objects::{context::Context, revocation_copy, user_sessions};
use postern_core::{
    refusal::Refusal,
    revocation::copy::Decision,
    session::{
        call::{UserCall, UserReply},
        issuer_logout::Mark,
    },
    settings::Freshness,
};
use postern_jwt::time::Millis;

/// Refuses a token of whose names one is marked, as fresh as asked for.
pub(crate) async fn check_revocation(
    context: &Context,
    known: &VerifiedToken,
    freshness: Freshness,
) -> Result<(), Refusal> {
    let bound = match freshness {
        Freshness::Stateless => return Ok(()),
        Freshness::Within(bound) => bound,
        Freshness::Strict => AT_ONCE,
    };
    let mut in_doubt = Vec::new();
    for mark in &known.marks {
        let decision = match freshness {
            Freshness::Within(bound) => Some(revocation_copy::decide(
                context,
                mark.handle.as_str(),
                known.age,
                bound,
            )),
            _ => None,
        };
        match decision {
            Some(Decision::Live) => {}
            Some(Decision::Revoked) => return Err(GONE),
            Some(Decision::AskObject(_)) | None => in_doubt.push(mark),
        }
    }
    if in_doubt.is_empty() {
        return Ok(());
    }
    let checks = in_doubt
        .into_iter()
        .map(|mark| check(context, known, mark, bound));
    match try_join_all(checks).await {
        Ok(_) => Ok(()),
        Err(refusal) => {
            if matches!(refusal, Refusal::Unauthorised(_)) {
                end_session(context, known);
            }
            Err(refusal)
        }
    }
}

async fn check(
    context: &Context,
    known: &VerifiedToken,
    mark: &Mark,
    bound: Millis,
) -> Result<(), Refusal> {
    let call = UserCall::Check {
        handle: mark.handle.as_str().to_owned(),
        issued: known.made.filter(|_| mark.is_dated),
    };
    match about(context, &mark.handle, bound, &call).await?.reply {
        UserReply::NotEnded { .. } => Ok(()),
        other => Err(into_refusal(other)),
    }
}

/// Ends the session behind a token that was found marked, where its handle names it and nothing else: its data goes, and whoever
/// has the handle alone hears of it.
fn end_session(context: &Context, known: &VerifiedToken) {
    // A token that names no session has none to end; its user's later ones are not to be refused for this one.
    let Some(Ok(handle)) = known
        .session
        .handle
        .as_deref()
        .map(|handle| context.checked(handle))
    else {
        return;
    };
    let id = known.session.identity.issuer.id();
    let mut issuers = context.settings.trusted_issuers.iter();
    let Some(issuer) = issuers.find(|issuer| issuer.id == id && !issuer.names_subjects()) else {
        return;
    };
    let keep_for = Some(issuer.max_token_age.max(issuer.data_lifetime));
    let asking = context.clone();
    context.in_background(async move {
        let call = UserCall::Revoke {
            handles: vec![handle.as_str().to_owned()],
            keep_for,
            repeatable: false,
            by: None,
        };
        // One that is lost is made up for by the next token.
        let _ = user_sessions::ask(&asking, handle.route(), &call).await;
    });
}
