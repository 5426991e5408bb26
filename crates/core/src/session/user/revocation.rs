//! The outbox towards the authority on revocations: which endings isolates must hear of, and until when.
//!
//! An entry is needed as long as anything could still pass for the session where nobody asks this object: an access
//! token, or the KV copy. So it is reported when the session ends, and reported again with a later time as long as the
//! copy's delete is not acknowledged. It stays here until its time is over: what the authority holds of this user is
//! known here to the entry.

use super::{UserContext, outbox::backoff};
use crate::session::record::{CopyAction, CopyTask, RevocationTask, StoreFault, UserStore};
use postern_jwt::time::{Millis, UnixMillis};

/// How many revocations one report holds.
pub const REPORT_BATCH: u32 = 5_000;
/// Isolates whose clocks are behind may take a token for good this much longer.
const CLOCK_MARGIN: Millis = Millis(10_000);
/// How long a KV copy may be seen somewhere after its delete was acknowledged.
const COPY_LINGERS: Millis = Millis(10 * 60_000);
/// How far ahead an entry reaches while the copy's delete is not acknowledged.
const WHILE_COPY_STANDS: Millis = Millis(20 * 60_000);

/// Queues the revocation of a session whose last access token dies at `tokens_end`.
///
/// There is none for a session that nothing could pass for any more.
pub(super) fn queue<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    tokens_end: UnixMillis,
    has_copy: bool,
) -> Result<(), StoreFault> {
    let mut expires = tokens_end
        .plus(context.settings.clock_tolerance)
        .plus(CLOCK_MARGIN);
    if has_copy {
        expires = expires.max(context.now.plus(WHILE_COPY_STANDS));
    }
    if expires <= context.now {
        return Ok(());
    }
    store.queue_revocation(&RevocationTask {
        handle: handle.to_owned(),
        expires,
        due: context.now,
        attempts: 0,
        recorded: false,
    })
}

/// What is to be reported now, at most [`REPORT_BATCH`] entries. Forgets entries whose time is over.
pub fn due_reports<S: UserStore>(
    store: &S,
    now: UnixMillis,
) -> Result<Vec<RevocationTask>, StoreFault> {
    let mut reports = Vec::new();
    let mut forgotten = false;
    for mut task in store.due_revocations(now, REPORT_BATCH)? {
        if copy_stands(store, &task.handle)? {
            task.expires = task.expires.max(now.plus(WHILE_COPY_STANDS));
            reports.push(task);
        } else if task.expires <= now {
            store.clear_revocation(&task.handle)?;
            forgotten = true;
        } else if task.recorded {
            // By one report, while another one failed: there is nothing to do before its time is over.
            task.due = task.expires;
            store.queue_revocation(&task)?;
        } else {
            reports.push(task);
        }
    }
    if forgotten {
        store.forget_tombstones(now)?;
    }
    Ok(reports)
}

/// Notes how a report ended.
pub fn reported<S: UserStore>(
    store: &S,
    reports: &[RevocationTask],
    accepted: bool,
    now: UnixMillis,
) -> Result<(), StoreFault> {
    for report in reports {
        let Some(mut task) = store.revocation_task(&report.handle)? else {
            continue;
        };
        if accepted {
            // It may have been extended while the report was on its way.
            if task.expires <= report.expires {
                task.expires = report.expires;
                task.recorded = true;
                task.attempts = 0;
                task.due = next_look(store, &task)?;
            }
        } else {
            task.attempts = task.attempts.saturating_add(1);
            task.due = now.plus(backoff(task.attempts));
        }
        store.queue_revocation(&task)?;
    }
    Ok(())
}

/// Notes that the delete of a handle's KV copy was acknowledged: the entry must outlast it by what KV may lag.
pub(super) fn copy_gone<S: UserStore>(
    store: &S,
    handle: &str,
    now: UnixMillis,
) -> Result<(), StoreFault> {
    let Some(mut task) = store.revocation_task(handle)? else {
        return Ok(());
    };
    let needed = now.plus(COPY_LINGERS);
    if task.expires < needed {
        task.expires = needed;
        task.due = now;
        task.recorded = false;
    } else if task.recorded && task.due != task.expires {
        task.due = task.expires;
    } else {
        return Ok(());
    }
    store.queue_revocation(&task)
}

/// Notes that the delete of a handle's KV copy was refused: the entry is looked at before its time is over.
pub(super) fn copy_outlasts<S: UserStore>(store: &S, handle: &str) -> Result<(), StoreFault> {
    match store.revocation_task(handle)? {
        Some(mut task) if task.recorded && task.due == task.expires => {
            task.due = next_look(store, &task)?;
            store.queue_revocation(&task)
        }
        _ => Ok(()),
    }
}

/// When a recorded entry is looked at again: when its time is over, or before, while a KV copy that could not be deleted at
/// once may outlast it.
fn next_look<S: UserStore>(store: &S, task: &RevocationTask) -> Result<UnixMillis, StoreFault> {
    let copy = store.copy_task(&task.handle)?;
    let is_refused = |copy: CopyTask| copy.action != CopyAction::DeleteAgain && copy.attempts > 0;
    Ok(if copy.is_some_and(is_refused) {
        task.expires.minus(COPY_LINGERS)
    } else {
        task.expires
    })
}

/// Whether a KV copy may stand: nobody has acknowledged its delete.
fn copy_stands<S: UserStore>(store: &S, handle: &str) -> Result<bool, StoreFault> {
    let task = store.copy_task(handle)?;
    Ok(task.is_some_and(|task| task.action != CopyAction::DeleteAgain))
}
