//! Calls to a user's object, and what their answers mean for a session.

use super::former_core;
use crate::objects::{context::Context, revocation_copy, user_sessions};
use futures_util::future::join;
use postern_core::{
    refusal::{Refusal, Theft},
    session::{
        call::{Gone, UserCall, UserReply, UserResponse},
        facts::Fact,
        handle::CheckedHandle,
    },
};
use postern_jwt::time::Millis;

/// The bound of what an object is asked for its own sake, and not for want of a copy.
pub(crate) const AT_ONCE: Millis = Millis(u64::MAX);

const NO_SESSION: UserReply = UserReply::Unauthorised {
    reason: Gone::NoSession,
};

pub(crate) const GONE: Refusal = Refusal::Unauthorised(Gone::NoSession.message());

/// Asks the object of a handle, and notes what its answer says about the handle.
///
/// A session that it does not know is taken over first, if it is one of a former core's.
pub(crate) async fn about(
    context: &Context,
    handle: &CheckedHandle,
    bound: Millis,
    call: &UserCall,
) -> Result<UserResponse, Refusal> {
    let mut envelope = asked(context, handle, bound, call).await?;
    // Tokens of ours are of sessions that are here, or were.
    let may_be_there = !matches!(call, UserCall::Refresh(_) | UserCall::NoteUse { .. });
    if envelope.reply == NO_SESSION
        && may_be_there
        && former_core::adopt(context, handle).await?.is_some()
    {
        envelope = asked(context, handle, bound, call).await?;
    }
    note(context, handle, call, &envelope);
    Ok(envelope)
}

/// Asks the object of a handle.
///
/// Beside that, learns of a cut-off ("everyone before this moment") if this isolate has not heard for a while. Should
/// there be a new one, the object is asked again with it, and has the last word; as often as a newer one is heard of meanwhile.
async fn asked(
    context: &Context,
    handle: &CheckedHandle,
    bound: Millis,
    call: &UserCall,
) -> Result<UserResponse, Refusal> {
    let mut asked_with = revocation_copy::not_before(context);
    let (answer, ()) = join(
        user_sessions::ask(context, handle.route(), call),
        revocation_copy::learn_cut_off(context, bound),
    )
    .await;
    let mut envelope = answer?;
    while revocation_copy::not_before(context) > asked_with {
        asked_with = revocation_copy::not_before(context);
        let check = UserCall::Check {
            handle: handle.as_str().to_owned(),
            issued: None,
        };
        let checked = user_sessions::ask(context, handle.route(), &check).await?;
        if matches!(checked.reply, UserReply::Unauthorised { .. }) {
            envelope = checked;
            break;
        }
    }
    Ok(envelope)
}

/// Notes what an answer says about a handle.
fn note(context: &Context, handle: &CheckedHandle, call: &UserCall, envelope: &UserResponse) {
    let fact = match &envelope.reply {
        UserReply::NotEnded { data_seq, ended } => Some((*data_seq, *ended)),
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
                revocation_copy::note_end(handle.as_str(), context.now);
            }
            None
        }
        _ => None,
    };
    if let Some((data_seq, ended)) = fact {
        let fact = Fact {
            as_of: envelope.as_of,
            data_seq,
            ended,
        };
        revocation_copy::note(handle.as_str(), fact, context.now);
    }
}

/// The refusal behind an answer that is not the one hoped for.
pub(crate) fn into_refusal(reply: UserReply) -> Refusal {
    match reply {
        // The browser could not show it: nothing was rotated, and nothing is cleared.
        UserReply::Unauthorised {
            reason: gone @ Gone::DeviceUnproven,
        } => Refusal::GeneralError(gone.message()),
        UserReply::Unauthorised {
            reason: gone @ (Gone::KeyUnproven | Gone::ProofUsed),
        } => Refusal::InvalidDpopProof(gone.message()),
        UserReply::Unauthorised { reason: gone } => Refusal::Unauthorised(gone.message()),
        UserReply::Theft {
            handle,
            user_id,
            subtype,
            ..
        } => Refusal::TokenTheftDetected(Box::new(Theft {
            handle,
            user_id,
            subtype,
        })),
        UserReply::RevocationPending {} => {
            Refusal::GeneralError("the sessions have ended; it is not known everywhere yet")
        }
        UserReply::CopyPending {} => {
            Refusal::GeneralError("the new data is not in KV yet; it will be")
        }
        _ => Refusal::GeneralError("the user's object gave another answer than was asked for"),
    }
}
