//! What backends do to sessions by handle or by user: look, replace the payload, list, end.

use super::issue::{Minted, payload_allowed, protected, token_fits, too_long};
use super::journal;
use crate::auth::{
    authenticate::issuer_of,
    former_core,
    user_call::{AT_ONCE, about, into_refusal},
};
use crate::{
    auth::signer,
    objects::{context::Context, key_ring, revocation_copy, revocations, user_sessions},
    runtime::{log, promise},
};
use postern_core::session::minting::OWN_VERSION;
use postern_core::{
    refusal::Refusal,
    session::{
        call::{UserCall, UserReply},
        handle::CheckedHandle,
        listing::{Cursor, EndedBy, SessionPage},
        minting::TokenLimit,
        model::SessionInformation,
    },
    settings::AntiCsrf,
    tokens::access_token::AccessTokenVersion,
};
use postern_jwt::time::{Millis, UnixMillis};

/// Everything stored about a session.
pub(crate) async fn information(
    context: &Context,
    handle: &str,
) -> Result<SessionInformation, Refusal> {
    let handle = context.checked(handle)?;
    let call = UserCall::ReadInformation {
        handle: handle.as_str().to_owned(),
    };
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Information {
            session,
            session_data,
            expiry,
            created,
            last_refreshed,
            device,
            bound,
            dpop_key,
        } => Ok(SessionInformation {
            session,
            session_data,
            expiry,
            created,
            last_refreshed,
            device,
            bound,
            dpop_key,
        }),
        other => Err(into_refusal(other)),
    }
}

/// Replaces the stored payload; one whose access token would not fit is refused. `by_version` is of the backend protocol's
/// token that will carry it, `None` at an endpoint of our own.
pub(crate) async fn replace_payload_that_fits(
    context: &Context,
    handle: &str,
    payload: String,
    by_version: Option<AccessTokenVersion>,
) -> Result<(), Refusal> {
    if by_version.is_none() {
        payload_allowed(&payload, OWN_VERSION)?;
    }
    let found = information(context, handle).await?;
    let (mut session, dpop_key) = (found.session, found.dpop_key);
    let minted = match by_version {
        None => Minted {
            version: OWN_VERSION,
            by_service_api: false,
            anti_csrf: context.settings.anti_csrf == AntiCsrf::ViaToken,
            use_dynamic_key: true,
            dpop_key,
        },
        // Whether a token carries an anti-CSRF token each refresh says anew: what creating took, this takes.
        Some(version) => Minted {
            version,
            by_service_api: true,
            anti_csrf: false,
            use_dynamic_key: true,
            dpop_key,
        },
    };
    session.payload = payload;
    token_fits(context, &session, minted, None)?;
    replace_payload(context, handle, session.payload).await
}

/// Merges members into the stored payload, in one transaction of the session's object: of two merges at once neither is lost.
pub(crate) async fn merge_payload(
    context: &Context,
    handle: &str,
    changes: String,
) -> Result<(), Refusal> {
    let handle = context.checked(handle)?;
    let key = signer::signer(context, false, true)?;
    let limit = TokenLimit {
        most_bytes: context.settings.max_access_token_bytes,
        algorithm: key.algorithm,
        key_id: key.kid.clone(),
        anti_csrf: context.settings.anti_csrf == AntiCsrf::ViaToken,
    };
    let most_bytes = limit.most_bytes;
    let call = UserCall::MergePayload {
        handle: handle.as_str().to_owned(),
        changes,
        limit,
    };
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Done {} => Ok(()),
        UserReply::PayloadRefused {
            claim: Some(claim), ..
        } => Err(protected(&claim)),
        UserReply::PayloadRefused {
            token_bytes: Some(bytes),
            ..
        } => Err(too_long(bytes, most_bytes)),
        other => Err(into_refusal(other)),
    }
}

/// Replaces the stored payload; access tokens that are out keep theirs.
async fn replace_payload(context: &Context, handle: &str, payload: String) -> Result<(), Refusal> {
    let handle = context.checked(handle)?;
    let call = UserCall::ReplacePayload {
        handle: handle.as_str().to_owned(),
        payload,
    };
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Done {} => Ok(()),
        other => Err(into_refusal(other)),
    }
}

/// The handles of a user's sessions, in one tenant or in all.
pub(crate) async fn list(
    context: &Context,
    user_id: String,
    tenant_id: Option<String>,
) -> Result<Vec<String>, Refusal> {
    former_core::adopt_all(context, &user_id).await?;
    let route = context.handle_keys().route(&user_id);
    let call = UserCall::List { user_id, tenant_id };
    handles(user_sessions::ask(context, &route, &call).await?.reply)
}

/// Which of a user's sessions are listed.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Whose.
    pub(crate) user_id: String,
    /// In one tenant, or in all.
    pub(crate) tenant_id: Option<String>,
    /// What the page before gave; `None` = from the newest on.
    pub(crate) cursor: Option<String>,
    /// The ended ones in place of the live ones.
    pub(crate) ended: bool,
}

/// A page of a user's sessions with their facts.
pub(crate) async fn list_sessions(
    context: &Context,
    listing: Listing,
) -> Result<SessionPage, Refusal> {
    let after = match listing.cursor {
        None => None,
        Some(text) => Some(Cursor::from_text(&text).ok_or_else(|| {
            Refusal::BadInput("\"cursor\" must be one that an earlier page gave".to_owned())
        })?),
    };
    former_core::adopt_all(context, &listing.user_id).await?;
    let route = context.handle_keys().route(&listing.user_id);
    let call = UserCall::ListSessions {
        user_id: listing.user_id,
        tenant_id: listing.tenant_id,
        after,
        ended: listing.ended,
    };
    match user_sessions::ask(context, &route, &call).await?.reply {
        UserReply::Sessions { sessions, next } => Ok(SessionPage { sessions, next }),
        other => Err(into_refusal(other)),
    }
}

/// Which handles a revoking call reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// Those that it ended; the backend protocol's meaning. If an earlier call got no answer that they are, they count.
    Ended,
    /// A repeated call reports the same ones.
    EndedBefore,
}

/// Ends sessions, and gives their handles. All are ended that can be; if one cannot, or the authority on revocations has
/// not recorded one, the call fails and can be repeated.
pub(crate) async fn revoke(
    context: &Context,
    presented: Vec<String>,
    report: Report,
    by: EndedBy,
) -> Result<Vec<String>, Refusal> {
    let mut revoked = Vec::new();
    let mut failure = None;
    let checked: Vec<CheckedHandle> = presented
        .iter()
        .filter_map(|handle| context.handle_keys().check(handle))
        .collect();
    let mut rest = checked.as_slice();
    // Of the former core.
    let mut asked = 0_usize;
    while let Some(first) = rest.first() {
        // One question per object: neighbours in the list often belong to one user.
        let same = rest
            .iter()
            .take_while(|handle| handle.route() == first.route())
            .count();
        let (group, others) = rest.split_at_checked(same).unwrap_or((rest, &[]));
        let ended = async {
            let call = UserCall::Revoke {
                handles: group
                    .iter()
                    .map(|handle| handle.as_str().to_owned())
                    .collect(),
                keep_for: tombstone_for(context, first)?,
                repeatable: report == Report::EndedBefore,
                by: Some(by.name().to_owned()),
            };
            let ask = async || user_sessions::ask(context, first.route(), &call).await;
            let mut ended = handles(ask().await?.reply)?;
            let mut is_adopted = false;
            let is_known =
                |handle: &CheckedHandle| ended.iter().any(|known| known == handle.as_str());
            let is_cores = |handle: &&CheckedHandle| former_core::is_cores(context, handle);
            let unknown = group.iter().filter(is_cores);
            let unknown: Vec<_> = unknown.filter(|handle| !is_known(handle)).collect();
            for handle in unknown {
                if asked == former_core::MOST_AT_ONCE {
                    return Err(former_core::MORE_THAN_AT_ONCE);
                }
                asked = asked.saturating_add(1);
                is_adopted |= former_core::adopt(context, handle).await?.is_some();
            }
            if is_adopted {
                ended.extend(handles(ask().await?.reply)?);
            }
            for handle in group {
                revocation_copy::note_end(handle.as_str(), context.now);
            }
            Ok(ended)
        };
        match ended.await {
            Ok(ended) => add(&mut revoked, ended),
            Err(refusal) => failure = Some(refusal),
        }
        rest = others;
    }
    match former_core::remove(context, &checked).await {
        Ok(ended) => add(&mut revoked, ended),
        Err(refusal) => failure = Some(refusal),
    }
    journal::ended(context, &revoked, by);
    failure.map_or(Ok(revoked), Err)
}

/// Adds handles that are not there yet.
fn add(handles: &mut Vec<String>, more: Vec<String>) {
    for handle in more {
        if !handles.contains(&handle) {
            handles.push(handle);
        }
    }
}

/// Ends a user's sessions, in one tenant or in all.
pub(crate) async fn revoke_all(
    context: &Context,
    user_id: String,
    tenant_id: Option<String>,
    report: Report,
    by: EndedBy,
) -> Result<Vec<String>, Refusal> {
    let route = context.handle_keys().route(&user_id);
    let call = UserCall::RevokeAll {
        user_id: user_id.clone(),
        tenant_id,
        repeatable: report == Report::EndedBefore,
        by: Some(by.name().to_owned()),
    };
    ended_by(context, (&user_id, &route), &call, by).await
}

/// Ends the sessions of a user in a tenant, but for the one of this handle.
pub(crate) async fn revoke_others(
    context: &Context,
    user_id: String,
    tenant_id: String,
    keep: &str,
    by: EndedBy,
) -> Result<Vec<String>, Refusal> {
    let route = context.handle_keys().route(&user_id);
    let call = UserCall::RevokeOthers {
        user_id: user_id.clone(),
        tenant_id: Some(tenant_id),
        keep: keep.to_owned(),
        by: Some(by.name().to_owned()),
    };
    ended_by(context, (&user_id, &route), &call, by).await
}

/// Ends what the object of a user knows, and then what only the former core knew: nobody who can be locked out waits for it.
async fn ended_by(
    context: &Context,
    (user_id, route): (&str, &str),
    call: &UserCall,
    by: EndedBy,
) -> Result<Vec<String>, Refusal> {
    let mut revoked = ended_here(context, route, call, by).await?;
    if former_core::adopt_all(context, user_id).await? {
        add(&mut revoked, ended_here(context, route, call, by).await?);
    }
    Ok(revoked)
}

async fn ended_here(
    context: &Context,
    route: &str,
    call: &UserCall,
    by: EndedBy,
) -> Result<Vec<String>, Refusal> {
    let revoked = handles(user_sessions::ask(context, route, call).await?.reply)?;
    for handle in &revoked {
        revocation_copy::note_end(handle, context.now);
    }
    journal::ended(context, &revoked, by);
    ended_at_core(context, &revoked).await?;
    Ok(revoked)
}

/// Ends sessions at the former core, too.
pub(super) async fn ended_at_core(context: &Context, handles: &[String]) -> Result<(), Refusal> {
    let checked = handles
        .iter()
        .filter_map(|handle| context.handle_keys().check(handle));
    let checked: Vec<CheckedHandle> = checked.collect();
    former_core::remove(context, &checked).await.map(drop)
}

/// Ends everybody's sessions that were created before `moment`, and gives the moment that counts.
///
/// The key ring keeps it, whose copy every entry point and every object has, and to the authority on revocations, whose
/// copy is the fresher one. The answer waits until isolates have had the time to hear of it, so that from then on every
/// level of freshness keeps what it promises.
pub(crate) async fn end_all_before(
    context: &Context,
    moment: UnixMillis,
) -> Result<UnixMillis, Refusal> {
    const UNRECORDED: Refusal =
        Refusal::GeneralError("the moment is not recorded everywhere yet; repeat the call");
    let moment = moment.min(context.now);
    key_ring::cut_off(&context.env, context.now, moment)
        .await
        .map_err(|key_ring::Outage| UNRECORDED)?;
    let counts = revocations::cut_off(&context.env, moment)
        .await
        .map_err(|revocations::Outage| UNRECORDED)?;
    let what = format!("everybody's sessions from before {} were ended", counts.0);
    log::write(log::Event::RevokedBefore, &what);
    promise::sleep(revocation_copy::CUT_OFF_SPREADS).await;
    Ok(counts)
}

fn handles(reply: UserReply) -> Result<Vec<String>, Refusal> {
    match reply {
        UserReply::Handles { handles } => Ok(handles),
        other => Err(into_refusal(other)),
    }
}

/// How long a tombstone of a trusted issuer's session is kept: until no token of it is accepted any more.
fn tombstone_for(context: &Context, handle: &CheckedHandle) -> Result<Option<Millis>, Refusal> {
    Ok(issuer_of(context, handle)?.map(|issuer| issuer.max_token_age.max(issuer.data_lifetime)))
}
