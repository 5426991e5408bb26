//! The refresh token of a SuperTokens core becomes one of ours (docs/moving.md).

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
    match former_core::refreshed(context, shown).await? {
        Refreshed::Of(named) => {
            let handle = handle_of(context, &named)?;
            let first = former_core::adopt(context, &handle).await?;
            first.ok_or(Refusal::Unauthorised("Session does not exist."))
        }
        Refreshed::Unauthorised => Err(Refusal::Unauthorised("Refresh token is not valid.")),
        Refreshed::Theft(named) => {
            let handle = handle_of(context, &named)?;
            if let Some(UserReply::Theft {
                subtype, country, ..
            }) = former_core::end_stolen(context, &handle).await?
            {
                journal::theft(context, handle.as_str(), subtype, country.as_deref());
            }
            Err(Refusal::TokenTheftDetected(Box::new(Theft {
                handle: handle.as_str().to_owned(),
                user_id: named.user_id,
                subtype: ReuseSubtype::StaleLineage,
            })))
        }
    }
}

fn handle_of(context: &Context, named: &Named) -> Result<CheckedHandle, Refusal> {
    handle_here(context.handle_keys(), &named.user_id, &named.handle).ok_or(Refusal::GeneralError(
        "the former core names its sessions as no core does",
    ))
}
