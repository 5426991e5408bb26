//! The refresh token of a SuperTokens core becomes one of ours (docs/moving.md).

use futures_util::future::{FutureExt, LocalBoxFuture};

use super::journal;
use crate::{
    auth::former_core::{self, TokenShown},
    objects::context::Context,
};
use postern_core::{
    refusal::{Refusal, ReuseSubtype, Theft},
    session::{call::UserReply, handle::CheckedHandle},
    supertokens::former_core::{Named, Refreshed, handle_here, is_refresh_token},
};

/// Whether a refresh token has the form of the former core's; never when no sessions are taken over.
pub(crate) fn is_of_former_core(context: &Context, refresh_token: &str) -> bool {
    context.settings.former_core_url.is_some() && is_refresh_token(refresh_token)
}

/// A session of which the core has seen a refresh token twice.
#[derive(Debug)]
pub(crate) struct Stolen {
    handle: CheckedHandle,
    user_id: String,
}

/// Takes over the session of a refresh token of the former core, unless that is done already, and gives the refresh token to exchange
/// in its place: the session's first. So whatever the core lets be exchanged again, and who has which child of it, is judged as always.
///
/// # Errors
/// The core knows no such token, or has seen it twice, which ends the session here and there; it is out of reach; or the session has
/// ended here.
pub(crate) async fn take_over(
    context: &Context,
    shown: &TokenShown<'_>,
) -> Result<String, Refusal> {
    let mut stolen = None;
    match taken_over(context, shown, &|_| true, &mut stolen).await {
        Err(Refusal::Unauthorised(why)) => match stolen {
            Some(stolen) => Err(end_stolen(context, stolen).await?),
            None => Err(Refusal::Unauthorised(why)),
        },
        outcome => outcome,
    }
}

/// The same of one token of several, for a session that `is_meant`. A session that seems to be stolen is noted, and nothing is ended:
/// another token may be its newest.
pub(crate) fn taken_over<'a>(
    context: &'a Context,
    shown: &'a TokenShown<'_>,
    is_meant: &'a dyn Fn(&str) -> bool,
    stolen: &'a mut Option<Stolen>,
) -> LocalBoxFuture<'a, Result<String, Refusal>> {
    found(context, shown, is_meant, stolen).boxed_local()
}

async fn found(
    context: &Context,
    shown: &TokenShown<'_>,
    is_meant: &dyn Fn(&str) -> bool,
    stolen: &mut Option<Stolen>,
) -> Result<String, Refusal> {
    const NOT_VALID: Refusal = Refusal::Unauthorised("Refresh token is not valid.");
    match former_core::refreshed(context, shown).await? {
        Refreshed::Of(named) => {
            let handle = handle_of(context, &named)?;
            if !is_meant(handle.as_str()) {
                return Err(NOT_VALID);
            }
            let first = former_core::adopt(context, &handle).await?;
            first.ok_or(Refusal::Unauthorised("Session does not exist."))
        }
        Refreshed::Unauthorised => Err(NOT_VALID),
        Refreshed::Theft(named) => {
            let handle = handle_of(context, &named)?;
            if is_meant(handle.as_str()) {
                let user_id = named.user_id;
                stolen.get_or_insert(Stolen { handle, user_id });
            }
            Err(NOT_VALID)
        }
    }
}

/// Ends a stolen session here and there, and gives what its thief or its owner is told.
pub(crate) async fn end_stolen(context: &Context, stolen: Stolen) -> Result<Refusal, Refusal> {
    let Stolen { handle, user_id } = stolen;
    if let Some(UserReply::Theft {
        subtype, country, ..
    }) = former_core::end_stolen(context, &handle).await?
    {
        journal::theft(context, handle.as_str(), subtype, country.as_deref());
    }
    Ok(Refusal::TokenTheftDetected(Box::new(Theft {
        handle: handle.as_str().to_owned(),
        user_id,
        subtype: ReuseSubtype::StaleLineage,
    })))
}

fn handle_of(context: &Context, named: &Named) -> Result<CheckedHandle, Refusal> {
    handle_here(context.handle_keys(), &named.user_id, &named.handle).ok_or(Refusal::GeneralError(
        "the former core names its sessions as no core does",
    ))
}
