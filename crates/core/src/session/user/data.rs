//! Session data and the stored payload: reading, and overwriting as a whole.

use super::{GONE, UserContext, live, outbox, update, view};
use crate::{
    session::{
        call::UserReply,
        handle::is_foreign,
        minting::{Misfit, TokenLimit},
        record::{ForeignRecord, SessionRecord, StoreFault, Stored, UserStore},
    },
    tokens::access_token::PayloadFault,
};
use postern_jwt::{
    json,
    time::{Millis, UnixMillis},
};

/// The data of a live session that never stored any.
pub const EMPTY: &str = "{}";

/// The newest session data of a handle that is not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Current {
    /// Its sequence number; 0 = none was ever stored.
    pub(super) seq: u64,
    /// It is kept no longer: reads as never stored. Trusted issuers' sessions only.
    lapsed: bool,
}

pub(super) fn read<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<UserReply, StoreFault> {
    let Some(current) = current(store, context, handle)? else {
        return Ok(GONE);
    };
    let session_data = if current.lapsed {
        EMPTY.to_owned()
    } else {
        text(store, handle)?
    };
    Ok(UserReply::Data {
        session_data,
        seq: current.seq,
    })
}

pub(super) fn write<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    session_data: &str,
    keep_for: Option<Millis>,
) -> Result<UserReply, StoreFault> {
    let Some(seq) = current(store, context, handle)?.map(|current| current.seq.saturating_add(1))
    else {
        return Ok(GONE);
    };
    let stored = match keep_for {
        Some(span) => {
            let copy_expires = match store.foreign(handle)? {
                Some(Stored::Live(record)) => record.copy_expires,
                _ => UnixMillis(0),
            };
            store.put_foreign(&ForeignRecord {
                handle: handle.to_owned(),
                keep_until: context.now.plus(span),
                data_seq: seq,
                copy_expires,
                // As the store has it.
                ended: UnixMillis(0),
            })?
        }
        None => match live(store, context, handle)? {
            Some(mut record) => {
                record.data_seq = seq;
                store.update_session(&record)?
            }
            None => false,
        },
    };
    if !stored {
        return Ok(GONE);
    }
    store.set_data(handle, session_data)?;
    outbox::queue_put_under_way(store, context.now, handle)?;
    Ok(UserReply::Written { seq })
}

pub(super) fn information<S: UserStore>(
    store: &S,
    record: SessionRecord,
) -> Result<UserReply, StoreFault> {
    Ok(UserReply::Information {
        session: view(&record),
        session_data: text(store, &record.handle)?,
        expiry: record.expiry,
        created: record.created,
        last_refreshed: record.last_refreshed,
        device: record.device,
        bound: record.binding.map(|binding| binding.bound),
        dpop_key: record.dpop_key,
    })
}

pub(super) fn replace_payload<S: UserStore>(
    store: &S,
    record: SessionRecord,
    payload: String,
) -> Result<UserReply, StoreFault> {
    update(store, &SessionRecord { payload, ..record })
}

pub(super) fn merge_payload<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    changes: &str,
    limit: &TokenLimit,
) -> Result<UserReply, StoreFault> {
    record.payload = json::merge(&record.payload, changes)
        .map_err(|_| StoreFault("a payload or its changes are not JSON".to_owned()))?;
    let (claim, token_bytes) = match limit.check(
        &view(&record),
        record.dpop_key,
        context.settings,
        context.now,
    ) {
        Ok(()) => return update(store, &record),
        Err(Misfit::Payload(PayloadFault::Protected(claim))) => (Some(claim.to_owned()), None),
        Err(Misfit::Payload(PayloadFault::Malformed(_))) => {
            return Err(StoreFault("a merged payload is not JSON".to_owned()));
        }
        Err(Misfit::Long(bytes)) => (None, Some(bytes)),
    };
    Ok(UserReply::PayloadRefused { claim, token_bytes })
}

fn text<S: UserStore>(store: &S, handle: &str) -> Result<String, StoreFault> {
    Ok(store.data(handle)?.unwrap_or_else(|| EMPTY.to_owned()))
}

/// What stands of a handle's data; `None` when the session is unknown, expired or ended.
pub(super) fn current<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<Option<Current>, StoreFault> {
    if !is_foreign(handle) {
        let record = live(store, context, handle)?;
        return Ok(record.map(|record| Current {
            seq: record.data_seq,
            lapsed: false,
        }));
    }
    Ok(match store.foreign(handle)? {
        // Never written: the handle's tag proves that a verified token made it.
        None => Some(Current {
            seq: 0,
            lapsed: false,
        }),
        Some(Stored::Live(record)) => Some(Current {
            seq: record.data_seq,
            lapsed: record.keep_until <= context.now,
        }),
        Some(Stored::Ended(_)) => None,
    })
}
