//! Sessions that are bound to a device: registering its key, and asking for it at every refresh.
//!
//! The first key is the only one. It is asked for from the moment on at which the browser is known to have it; before, the
//! answer to the registration may have been lost, and the session must not end for that.

use super::{UserContext, issue, ticket::MAX_USED_TICKETS, verify};
use crate::session::{
    call::{Carried, Gone, UserReply},
    minting::AccessGrant,
    record::{Binding, SessionRecord, StoreFault, UserStore},
};
use postern_jwt::{proof::Thumbprint, secret::sha256_hex, time::UnixMillis};

/// Between the challenges that were answered and the tickets that were used: they are remembered together.
const ANSWERED: &str = "device ";

/// A challenge that a device has answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) challenge: String,
    pub(super) expires: UnixMillis,
}

pub(super) fn bind<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    (thumbprint, key): (Thumbprint, String),
    carried: Carried,
) -> Result<UserReply, StoreFault> {
    match &record.binding {
        // Asked again: the answer may have been lost.
        Some(binding) if binding.thumbprint == thumbprint => {}
        None if !record.by_service_api && record.dpop_key.is_none() => {
            record.binding = Some(Binding {
                thumbprint,
                key,
                bound: context.now,
                is_confirmed: false,
            });
        }
        _ => {
            return Ok(UserReply::Unauthorised {
                reason: Gone::NotBindable,
            });
        }
    }
    let access = verify::same_life(context, &record, carried, Some(thumbprint));
    verify::store_and_allow(store, context, record, access)
}

pub(super) fn confirm<S: UserStore>(
    store: &S,
    mut record: SessionRecord,
    thumbprint: Thumbprint,
) -> Result<UserReply, StoreFault> {
    match &mut record.binding {
        Some(binding) if binding.thumbprint == thumbprint && !binding.is_confirmed => {
            binding.is_confirmed = true;
            store.update_session(&record)?;
        }
        _ => {}
    }
    Ok(UserReply::Done {})
}

#[expect(clippy::unnecessary_wraps, reason = "one of many answers")]
pub(super) fn read(record: SessionRecord) -> Result<UserReply, StoreFault> {
    Ok(match record.binding {
        Some(binding) => UserReply::Device {
            thumbprint: binding.thumbprint,
            key: binding.key,
        },
        None => UserReply::Unauthorised {
            reason: Gone::NotBound,
        },
    })
}

pub(super) fn prove<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    thumbprint: Thumbprint,
    answered: &Answered,
    renew: bool,
) -> Result<UserReply, StoreFault> {
    let refused = |reason| Ok(UserReply::Unauthorised { reason });
    match &mut record.binding {
        Some(binding) if binding.thumbprint == thumbprint => binding.is_confirmed = true,
        _ => return refused(Gone::NotBound),
    }
    // By this object's clock: it is what forgets the answered ones.
    if answered.expires <= context.now {
        return refused(Gone::TicketExpired);
    }
    let name = [ANSWERED, &answered.challenge].concat();
    store.forget_tickets(context.now)?;
    if store.is_ticket_used(&record.handle, &name)? {
        return refused(Gone::TicketUsed);
    }
    if store.count_tickets(&record.handle)? >= MAX_USED_TICKETS {
        return refused(Gone::TooManyTickets);
    }
    store.use_ticket(&record.handle, &name, answered.expires)?;
    // Of an older secret, which is dropped when sessions that are not refreshed have ended: without a new access token the
    // browser refreshes, and that gives it a refresh token of the newest one.
    let is_newest = context.newest_secret()?.0.0 == record.secret_number;
    let access = if renew && is_newest {
        Some(renewed(context, &mut record)?)
    } else {
        None
    };
    verify::store_and_allow(store, context, record, access)
}

/// Permission for a new access token of a session whose device was proven. The refresh token stays: it may be in an answer
/// that the browser has not had yet, so the access token goes with the one that was used last.
fn renewed(
    context: &UserContext<'_>,
    record: &mut SessionRecord,
) -> Result<AccessGrant, StoreFault> {
    let used = record.lineage.used();
    let refresh_token = issue::maker(context, record)?.token(used, false);
    record.expiry = record
        .expiry
        .max(issue::refreshed_expiry(context, record.created));
    let expiry = context
        .now
        .plus(context.jittered_validity())
        .min(record.expiry);
    Ok(issue::grant(
        context,
        record,
        expiry,
        sha256_hex(&refresh_token),
    ))
}
