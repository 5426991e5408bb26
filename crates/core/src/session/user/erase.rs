//! Erasing what is stored about one person: sessions end first, as all sessions end, and then what tells of them goes.
//!
//! What stays for a while is what refuses the tokens that are out: tombstones and outbox entries by handle, which say neither
//! whose they were nor anything about the person.

use super::{UserContext, end};
use crate::session::{
    call::UserReply,
    listing::PAGE,
    record::{Ending, PageOf, StoreFault, UserStore},
};
use postern_jwt::time::{Millis, UnixMillis};

/// How many sessions one call ends and forgets: each may have a KV entry, which is deleted before the call is answered.
pub const ERASE_BATCH: u32 = 100;

pub(super) fn erase<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: Option<&str>,
    keep_for: Option<Millis>,
) -> Result<UserReply, StoreFault> {
    let (handles, goes_on) = match user_id {
        Some(user_id) => erase_own(store, context, user_id),
        None => erase_foreign(store, context, keep_for),
    }?;
    store.forget_tickets(context.now)?;
    store.hasten_revocations(context.now)?;
    Ok(UserReply::Erased { handles, goes_on })
}

fn erase_own<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
) -> Result<(Vec<String>, bool), StoreFault> {
    // Those that have ended by themselves as well: their rows are still there.
    let page = |limit| PageOf {
        user_id,
        tenant_id: None,
        after: None,
        limit,
        now: UnixMillis(0),
        not_before: UnixMillis(0),
    };
    let mut handles = Vec::new();
    for record in store.live_page(&page(ERASE_BATCH))? {
        end::end_by_handle(store, context, &record.handle, Ending::Revoked, None)?;
        handles.push(record.handle);
    }
    let more_ended = store.forget_ended_of(user_id, ERASE_BATCH)?;
    let more_tombstones = store.strip_tombstones_of(user_id, ERASE_BATCH)?;
    let more_live = !store.live_page(&page(1))?.is_empty();
    Ok((handles, more_ended || more_tombstones || more_live))
}

fn erase_foreign<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    keep_for: Option<Millis>,
) -> Result<(Vec<String>, bool), StoreFault> {
    let handles = store.live_foreign(None, ERASE_BATCH)?;
    for handle in &handles {
        end::end_foreign(store, context, handle, keep_for)?;
    }
    let more = store.live_foreign(None, 1)?;
    Ok((handles, !more.is_empty()))
}

/// A page of the sessions of a trusted issuer's user about which something is stored.
pub(super) fn list_foreign<S: UserStore>(
    store: &S,
    after: Option<&str>,
) -> Result<UserReply, StoreFault> {
    let handles = store.live_foreign(after, PAGE)?;
    Ok(UserReply::Handles { handles })
}
