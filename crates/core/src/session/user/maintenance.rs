//! What is due: KV writes that are carried out, their outcomes, and records whose time is over.

use super::{
    UserContext, data, end, foreign,
    outbox::{COPY_BATCH, Copy, backoff, queue_put},
    revocation,
};
use crate::session::{
    handle::is_foreign,
    record::{CopyAction, CopyTask, Ending, SessionRecord, StoreFault, Stored, UserStore},
};
use postern_jwt::time::{Millis, UnixMillis};

/// A delete is repeated once, this long after it was acknowledged.
const REPEAT_DELETE_AFTER: Millis = Millis(120_000);

/// Renews the copy of a session whose life was extended well beyond what the copy knows.
pub(super) fn renew_if_half_spent<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: &SessionRecord,
) -> Result<(), StoreFault> {
    let half = Millis(record.expiry.since(context.now).0 / 2);
    if record.data_seq > 0 && record.copy_expires < context.now.plus(half) {
        queue_put(store, context.now, &record.handle)?;
    }
    Ok(())
}

/// Queues a renewal of a handle's copy, for a reader who found it missing or lapsed.
pub(super) fn renew<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<(), StoreFault> {
    match data::current(store, context, handle)? {
        Some(current) if current.seq > 0 => queue_put(store, context.now, handle),
        _ => Ok(()),
    }
}

/// What the outbox wants done to the KV copy of a handle, with the newest value; `None` when nothing is queued.
pub fn copy_now<S: UserStore>(store: &S, handle: &str) -> Result<Option<Copy>, StoreFault> {
    if store.copy_task(handle)?.is_none() {
        return Ok(None);
    }
    let newest = if is_foreign(handle) {
        match store.foreign(handle)? {
            Some(Stored::Live(record)) => Some((record.data_seq, record.keep_until)),
            _ => None,
        }
    } else {
        match store.session(handle)? {
            Some(Stored::Live(record)) => Some((record.data_seq, record.expiry)),
            _ => None,
        }
    };
    let Some((seq, session_expires)) = newest else {
        return Ok(Some(Copy::Delete));
    };
    Ok(Some(match store.data(handle)? {
        Some(text) => Copy::Put {
            text,
            seq,
            session_expires,
        },
        None => Copy::Delete,
    }))
}

/// Notes how an attempt at a copy ended.
pub fn copied<S: UserStore>(
    store: &S,
    handle: &str,
    attempt: &Copy,
    accepted: bool,
    now: UnixMillis,
) -> Result<(), StoreFault> {
    let Some(mut task) = store.copy_task(handle)? else {
        return Ok(());
    };
    if !accepted {
        task.attempts = task.attempts.saturating_add(1);
        task.due = now.plus(backoff(task.attempts));
        store.queue_copy(&task)?;
        return revocation::copy_outlasts(store, handle);
    }
    match (attempt, task.action) {
        (
            Copy::Put {
                seq,
                session_expires,
                ..
            },
            CopyAction::Put,
        ) => {
            if copy_is_newest(store, handle, *seq, *session_expires)? {
                store.clear_copy(handle)?;
            }
            Ok(())
        }
        (Copy::Delete, CopyAction::Delete | CopyAction::Put) => {
            store.queue_copy(&CopyTask {
                action: CopyAction::DeleteAgain,
                due: now.plus(REPEAT_DELETE_AFTER),
                attempts: 0,
                ..task
            })?;
            revocation::copy_gone(store, handle, now)
        }
        (Copy::Delete, CopyAction::DeleteAgain) => {
            store.clear_copy(handle)?;
            store.forget_tombstones(now)
        }
        // The session ended while the write was on its way: the delete that is queued stays queued.
        (Copy::Put { .. }, CopyAction::Delete | CopyAction::DeleteAgain) => Ok(()),
    }
}

/// Whether an acknowledged copy holds the newest value; if so, notes how long it will do.
fn copy_is_newest<S: UserStore>(
    store: &S,
    handle: &str,
    seq: u64,
    session_expires: UnixMillis,
) -> Result<bool, StoreFault> {
    if is_foreign(handle) {
        let Some(Stored::Live(mut record)) = store.foreign(handle)? else {
            return Ok(false);
        };
        record.copy_expires = session_expires;
        return Ok(record.data_seq == seq && store.put_foreign(&record)?);
    }
    let Some(Stored::Live(mut record)) = store.session(handle)? else {
        return Ok(false);
    };
    if record.data_seq != seq || record.copy_expires == session_expires {
        return Ok(record.data_seq == seq);
    }
    record.copy_expires = session_expires;
    store.update_session(&record)
}

/// What an alarm does first: ends what has expired, forgets what need not be kept, and lists the copies that are due.
pub fn sweep<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
) -> Result<Vec<String>, StoreFault> {
    for handle in store.expired_sessions(context.now, COPY_BATCH)? {
        end::end_by_handle(store, context, &handle, Ending::Expired, None)?;
    }
    for handle in store.lapsed_foreign(context.now, COPY_BATCH)? {
        foreign::drop_lapsed(store, context, &handle)?;
    }
    store.forget_tombstones(context.now)?;
    store.forget_tickets(context.now)?;
    store.forget_ended(context.now)?;
    due_copies(store, context.now)
}

/// The handles of the copies that are due, a batch at most.
pub fn due_copies<S: UserStore>(store: &S, now: UnixMillis) -> Result<Vec<String>, StoreFault> {
    let due = store.due_copies(now, COPY_BATCH)?;
    Ok(due.into_iter().map(|task| task.handle).collect())
}
