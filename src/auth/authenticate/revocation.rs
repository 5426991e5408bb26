//! Whether a session has ended, as fresh as asked for (docs/freshness.md).

use crate::auth::{
    issuer_marks,
    user_call::{AT_ONCE, GONE, about, into_refusal},
    verified_session::VerifiedToken,
};
use crate::objects::{context::Context, revocation_copy};
use postern_core::{
    keys::RingCopy,
    refusal::Refusal,
    revocation::copy::{Age, Decision, LivenessQuery},
    session::{
        call::{UserCall, UserReply},
        handle::{CheckedHandle, HandleKind},
    },
    settings::{Freshness, Settings, TrustedIssuer},
};
use postern_jwt::time::UnixMillis;

/// Refuses a session that has ended, as fresh as asked for.
pub(crate) async fn check_revocation(
    context: &Context,
    known: &VerifiedToken,
    freshness: Freshness,
) -> Result<(), Refusal> {
    let handle = &known.liveness_handle;
    check_revocation_of(context, handle, known.age, known.made, freshness).await?;
    if known.marks.is_empty() {
        return Ok(());
    }
    issuer_marks::check_revocation(context, known, freshness).await
}

/// The same of a handle. `made` is of a trusted issuer's token, see [`VerifiedToken::made`].
pub(crate) async fn check_revocation_of(
    context: &Context,
    handle: &str,
    age: Age,
    made: Option<UnixMillis>,
    freshness: Freshness,
) -> Result<(), Refusal> {
    let bound = match freshness {
        Freshness::Stateless => return Ok(()),
        Freshness::Within(bound) => match revocation_copy::decide(context, handle, age, bound) {
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
        issued: made.filter(|_| names_subject),
    };
    match about(context, handle, bound, &call).await?.reply {
        // An object knows when sessions of our own were created; how old a trusted issuer's is, its token tells alone.
        UserReply::NotEnded { .. } if revocation_copy::is_cut_off(context, age) => Err(GONE),
        UserReply::NotEnded { .. } => Ok(()),
        other => Err(into_refusal(other)),
    }
}

/// Whether a session stands as [`check_revocation`] would find, as far as this isolate can tell without asking anybody.
pub(crate) fn stands(
    known: &VerifiedToken,
    settings: &Settings,
    ring: &RingCopy,
    now: UnixMillis,
) -> bool {
    let bound = match settings.freshness {
        Freshness::Stateless => return true,
        Freshness::Strict => return false,
        Freshness::Within(bound) => bound,
    };
    let marks = known.marks.iter().map(|mark| mark.handle.as_str());
    let mut handles = [known.liveness_handle.as_str()].into_iter().chain(marks);
    handles.all(|handle| {
        let question = LivenessQuery {
            handle,
            age: known.age,
            bound,
            now,
        };
        revocation_copy::stands(settings, ring, &question)
    })
}

/// The issuer behind a handle; `None` for sessions of our own. A handle of an issuer that is no longer trusted names
/// no session.
pub(crate) fn issuer_of<'a>(
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
