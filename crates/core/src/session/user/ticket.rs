//! A ticket works once: which ones were used is kept for as long as they could be used again.

use super::{GONE, UserContext, listing, live, view};
use crate::session::{
    call::{Gone, UserReply},
    record::{StoreFault, UserStore},
};
use postern_jwt::time::UnixMillis;

/// How many used tickets of one session are remembered at a time; more are refused until the oldest have expired.
pub const MAX_USED_TICKETS: u64 = 256;

/// Uses a ticket whose MAC was checked, and answers with the session as it stands.
pub(super) fn redeem<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    id: &str,
    expires: UnixMillis,
) -> Result<UserReply, StoreFault> {
    let Some(record) = live(store, context, handle)? else {
        return Ok(GONE);
    };
    let refused = |reason| Ok(UserReply::Unauthorised { reason });
    // By this object's clock: it is what forgets used tickets.
    if expires <= context.now {
        return refused(Gone::TicketExpired);
    }
    store.forget_tickets(context.now)?;
    if store.is_ticket_used(handle, id)? {
        return refused(Gone::TicketUsed);
    }
    if store.count_tickets(handle)? >= MAX_USED_TICKETS {
        return refused(Gone::TooManyTickets);
    }
    store.use_ticket(handle, id, expires)?;
    listing::note_seen(store, context, handle)?;
    Ok(UserReply::Live {
        session: view(&record),
        access: None,
        payload_update_available: false,
        data_seq: record.data_seq,
    })
}
