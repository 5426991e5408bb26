//! What backends do to sessions by handle or by user: look, replace the payload, list, end.

use super::{about, issuer_of, unexpected};
use crate::{
    edge::{context::Context, user_sessions},
    session::{
        call::{UserCall, UserReply},
        handle::CheckedHandle,
        model::{Refusal, SessionInformation},
    },
    time::Millis,
};

/// Everything stored about a session.
pub(in crate::edge) async fn information(
    context: &Context,
    handle: &str,
) -> Result<SessionInformation, Refusal> {
    let handle = context.checked(handle)?;
    let call = UserCall::ReadInformation {
        handle: handle.as_str().to_owned(),
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Information {
            session,
            session_data,
            expiry,
            created,
            last_refreshed,
            device,
        } => Ok(SessionInformation {
            session,
            session_data,
            expiry,
            created,
            last_refreshed,
            device,
        }),
        other => Err(unexpected(other)),
    }
}

/// Replaces the stored payload; access tokens that are out keep theirs.
pub(in crate::edge) async fn replace_payload(
    context: &Context,
    handle: &str,
    payload: String,
) -> Result<(), Refusal> {
    let handle = context.checked(handle)?;
    let call = UserCall::ReplacePayload {
        handle: handle.as_str().to_owned(),
        payload,
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// The handles of a user's sessions, in one tenant or in all.
pub(in crate::edge) async fn list(
    context: &Context,
    user_id: String,
    tenant_id: Option<String>,
) -> Result<Vec<String>, Refusal> {
    let route = context.handle_keys().route(&user_id);
    let envelope =
        user_sessions::ask(&context.env, &route, &UserCall::List { user_id, tenant_id }).await?;
    handles(envelope.reply)
}

/// Ends sessions; gives the handles of those that this call ended.
pub(in crate::edge) async fn revoke(
    context: &Context,
    presented: Vec<String>,
) -> Result<Vec<String>, Refusal> {
    let mut revoked = Vec::new();
    let checked: Vec<CheckedHandle> = presented
        .iter()
        .filter_map(|handle| context.handle_keys().check(handle))
        .collect();
    let mut rest = checked.as_slice();
    while let Some(first) = rest.first() {
        // One question per object: neighbours in the list often belong to one user.
        let same = rest
            .iter()
            .take_while(|handle| handle.route() == first.route())
            .count();
        let (group, others) = rest.split_at_checked(same).unwrap_or((rest, &[]));
        let call = UserCall::Revoke {
            handles: group
                .iter()
                .map(|handle| handle.as_str().to_owned())
                .collect(),
            keep_for: tombstone_for(context, first)?,
        };
        let envelope = user_sessions::ask(&context.env, first.route(), &call).await?;
        for handle in group {
            user_sessions::forget(handle.as_str());
        }
        revoked.append(&mut handles(envelope.reply)?);
        rest = others;
    }
    Ok(revoked)
}

/// Ends a user's sessions, in one tenant or in all.
pub(in crate::edge) async fn revoke_all(
    context: &Context,
    user_id: String,
    tenant_id: Option<String>,
) -> Result<Vec<String>, Refusal> {
    let route = context.handle_keys().route(&user_id);
    let envelope = user_sessions::ask(
        &context.env,
        &route,
        &UserCall::RevokeAll { user_id, tenant_id },
    )
    .await?;
    let revoked = handles(envelope.reply)?;
    for handle in &revoked {
        user_sessions::forget(handle);
    }
    Ok(revoked)
}

fn handles(reply: UserReply) -> Result<Vec<String>, Refusal> {
    match reply {
        UserReply::Handles(handles) => Ok(handles),
        other => Err(unexpected(other)),
    }
}

/// How long a tombstone of a trusted issuer's session is kept: until no token of it is accepted any more.
fn tombstone_for(context: &Context, handle: &CheckedHandle) -> Result<Option<Millis>, Refusal> {
    Ok(issuer_of(context, handle)?.map(|issuer| issuer.max_token_age.max(issuer.data_lifetime)))
}
