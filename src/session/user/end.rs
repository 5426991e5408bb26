//! Ending sessions: a row becomes a tombstone, its data goes, and its KV copy is queued for deletion.

use super::{Terms, outbox};
use crate::{
    session::{
        call::UserReply,
        handle::is_foreign,
        record::{Ending, SessionRecord, StoreFault, Stored, Tombstone, UserStore},
    },
    time::Millis,
};

pub(super) fn revoke<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    handles: Vec<String>,
    keep_for: Option<Millis>,
) -> Result<UserReply, StoreFault> {
    let mut revoked = Vec::new();
    for handle in handles {
        let ended = if is_foreign(&handle) {
            end_foreign(store, terms, &handle, keep_for)?
        } else {
            end_by_handle(store, terms, &handle, Ending::Revoked)?
        };
        if ended {
            revoked.push(handle);
        }
    }
    Ok(UserReply::Handles(revoked))
}

pub(super) fn revoke_all<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    user_id: &str,
    tenant_id: Option<&str>,
) -> Result<UserReply, StoreFault> {
    let handles = store
        .sessions_of(user_id, tenant_id)?
        .into_iter()
        .map(|session| session.handle);
    revoke(store, terms, handles.collect(), None)
}

/// Ends a session. `true` when it was live and not past its expiry.
pub(super) fn end_by_handle<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    handle: &str,
    ending: Ending,
) -> Result<bool, StoreFault> {
    match store.session(handle)? {
        Some(Stored::Live(record)) => {
            Ok(end(store, terms, &record, ending)? && record.expiry > terms.now)
        }
        _ => Ok(false),
    }
}

pub(super) fn end<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    record: &SessionRecord,
    ending: Ending,
) -> Result<bool, StoreFault> {
    let tombstone = Tombstone {
        ended: terms.now,
        ending,
        keep_until: record.access_expires_max.max(terms.now),
    };
    let ended = store.end_session(&record.handle, tombstone)?;
    if ended && record.data_seq > 0 {
        outbox::queue_delete(store, terms.now, &record.handle)?;
    }
    Ok(ended)
}

/// Ends a trusted issuer's session here. Its issuer may think otherwise; we only refuse it.
fn end_foreign<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    handle: &str,
    keep_for: Option<Millis>,
) -> Result<bool, StoreFault> {
    let tombstone = Tombstone {
        ended: terms.now,
        ending: Ending::Revoked,
        keep_until: terms.now.plus(keep_for.unwrap_or(Millis(0))),
    };
    let ended = store.end_foreign(handle, tombstone)?;
    if ended {
        outbox::queue_delete(store, terms.now, handle)?;
    }
    Ok(ended)
}

/// Drops a trusted issuer's data whose time is over. The session itself is its issuer's affair.
pub(super) fn drop_lapsed<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    handle: &str,
) -> Result<(), StoreFault> {
    store.drop_foreign(handle)?;
    outbox::queue_delete(store, terms.now, handle)
}
