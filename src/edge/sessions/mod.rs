//! The use cases, as every door calls them: verify, read and overwrite, create, refresh, list, end.
//!
//! Owns the order of things across objects, KV and keys: a handle's tag before any I/O, the signing key before anything
//! changes, the object before KV. Which rule applies is the core's to say.

mod data;
mod issue;
mod manage;

pub(super) use data::{get_session_data, update_session_data};
pub(super) use issue::{
    Exchange, NewSession, create, own_session, refresh, regenerate, verify_for_protocol,
};
pub(super) use manage::{
    Report, end_all_before, information, list, merge_payload, replace_payload_that_fits, revoke,
    revoke_all,
};

pub(super) use crate::session::minting::OWN_VERSION;

use std::rc::Rc;

use futures_util::future::join;

use super::{
    context::Context,
    log, revocations,
    tokens::{self, Known},
    user_sessions,
};
use crate::{
    revocation::copy::Decision,
    session::{
        call::{Envelope, Gone, UserCall, UserReply},
        facts::Fact,
        handle::{CheckedHandle, HandleKind},
        model::{Refusal, Theft},
    },
    settings::{Freshness, TrustedIssuer},
    time::Millis,
};

/// How an access token is to be verified.
#[derive(Debug)]
pub(super) struct Verification<'a> {
    pub(super) access_token: &'a str,
    pub(super) anti_csrf_token: Option<&'a str>,
    /// Compare the anti-CSRF token, if the access token carries one.
    pub(super) check_anti_csrf: bool,
    pub(super) freshness: Freshness,
}

/// Verifies an access token and, as fresh as asked for, that its session lives.
pub(super) async fn get_session(
    context: &Context,
    ask: &Verification<'_>,
) -> Result<Rc<Known>, Refusal> {
    let known = tokens::verify(context, ask.access_token).await?;
    if ask.check_anti_csrf
        && let Some(expected) = known
            .claims
            .as_ref()
            .and_then(|claims| claims.anti_csrf_token.as_ref())
        && !expected.equals(ask.anti_csrf_token.unwrap_or_default())
    {
        return Err(Refusal::TryRefreshToken(
            "the anti-CSRF token does not match",
        ));
    }
    standing(context, &known, ask.freshness).await?;
    Ok(known)
}

/// Refuses a session that has ended, as fresh as asked for.
pub(super) async fn standing(
    context: &Context,
    known: &Known,
    freshness: Freshness,
) -> Result<(), Refusal> {
    let handle = &known.session.handle;
    let bound = match freshness {
        Freshness::Stateless => return Ok(()),
        Freshness::Within(bound) => match revocations::decide(context, handle, known.age, bound) {
            Decision::Live => return Ok(()),
            Decision::Revoked => return Err(GONE),
            Decision::AskObject(_) => bound,
        },
        Freshness::Strict => AT_ONCE,
    };
    let handle = &context.checked(handle)?;
    let names_subject = issuer_of(context, handle)?.is_some_and(TrustedIssuer::names_subjects);
    let call = UserCall::Check {
        handle: handle.as_str().to_owned(),
        issued: known.made.filter(|_| names_subject),
    };
    match about(context, handle, bound, &call).await?.reply {
        UserReply::Standing { .. } => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// The bound of what an object is asked for its own sake, and not for want of a copy.
const AT_ONCE: Millis = Millis(u64::MAX);
const GONE: Refusal = Refusal::Unauthorised(Gone::NoSession.message());

/// Asks the object of a handle, and notes what its answer says about the handle.
///
/// Beside that, learns of a cut-off ("everyone before this moment") if this isolate has not heard for a while. Should
/// there be a new one, the object is told, and has the last word.
async fn about(
    context: &Context,
    handle: &CheckedHandle,
    bound: Millis,
    call: &UserCall,
) -> Result<Envelope, Refusal> {
    let told = revocations::not_before(context);
    let (answer, ()) = join(
        user_sessions::ask(context, handle.route(), call),
        revocations::learn_cut_off(context, bound),
    )
    .await;
    let mut envelope = answer?;
    if revocations::not_before(context) > told {
        let check = UserCall::Check {
            handle: handle.as_str().to_owned(),
            issued: None,
        };
        let checked = user_sessions::ask(context, handle.route(), &check).await?;
        if matches!(checked.reply, UserReply::Unauthorised { .. }) {
            envelope = checked;
        }
    }
    let told = match &envelope.reply {
        UserReply::Standing { data_seq, ended } => Some((*data_seq, *ended)),
        UserReply::Live { data_seq, .. } => Some((*data_seq, None)),
        UserReply::Data { seq, .. } | UserReply::Written { seq } => Some((*seq, None)),
        UserReply::Unauthorised {
            reason: Gone::NoSession,
        }
        | UserReply::Theft { .. } => {
            // An old token of a subject that has logged in again says nothing about the others.
            if !matches!(
                call,
                UserCall::Check {
                    issued: Some(_),
                    ..
                }
            ) {
                revocations::note_end(handle.as_str(), context.now);
            }
            None
        }
        _ => None,
    };
    if let Some((data_seq, ended)) = told {
        let fact = Fact {
            as_of: envelope.as_of,
            data_seq,
            ended,
        };
        revocations::note(handle.as_str(), fact, context.now);
    }
    Ok(envelope)
}

/// The refusal behind an answer that is not the one hoped for.
fn unexpected(reply: UserReply) -> Refusal {
    match reply {
        UserReply::Unauthorised { reason: gone } => Refusal::Unauthorised(gone.message()),
        UserReply::Theft {
            handle,
            user_id,
            subtype,
        } => {
            log::warning(
                "token_theft",
                "a refresh token was used twice; the session has ended",
            );
            Refusal::TokenTheftDetected(Box::new(Theft {
                handle,
                user_id,
                subtype,
            }))
        }
        UserReply::RevocationPending {} => {
            Refusal::GeneralError("the sessions have ended; it is not known everywhere yet")
        }
        UserReply::CopyPending {} => {
            Refusal::GeneralError("the new data is not in KV yet; it will be")
        }
        _ => Refusal::GeneralError("the user's object gave another answer than was asked for"),
    }
}

/// The issuer behind a handle; `None` for sessions of our own. A handle of an issuer that is no longer trusted names
/// no session.
fn issuer_of<'a>(
    context: &'a Context,
    handle: &CheckedHandle,
) -> Result<Option<&'a TrustedIssuer>, Refusal> {
    let HandleKind::Foreign { issuer } = handle.kind() else {
        return Ok(None);
    };
    let mut trusted = context.settings.trusted_issuers.iter();
    let found = trusted.find(|trusted| &trusted.id == issuer);
    found.map(Some).ok_or(Refusal::Unauthorised(
        "the issuer of this session is not trusted",
    ))
}
