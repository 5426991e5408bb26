//! The outbox towards KV: what has to be written or deleted there, and when.
//!
//! KV is a read copy. Whatever goes there is taken from the object's own newest value at the moment of writing, so a
//! late, repeated or reordered attempt can only bring KV closer to the object.

use crate::session::record::{CopyAction, CopyTask, StoreFault, UserStore};
use postern_jwt::time::{Millis, UnixMillis};

/// How many outbox entries, expired sessions and lapsed records one alarm works through.
pub const COPY_BATCH: u32 = 500;

/// A write that its caller waits for is over by then, or its instance is.
const TAKE_OVER_AFTER: Millis = Millis(10_000);
/// The longest wait between two attempts.
const MAX_BACKOFF: Millis = Millis(3_600_000);

/// What to do to a KV copy right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copy {
    /// Write this value.
    Put {
        /// The text of one JSON object.
        text: String,
        /// Its sequence number.
        seq: u64,
        /// When the session ends unless refreshed.
        session_expires: UnixMillis,
    },
    /// Delete the key.
    Delete,
}

/// Queues a write that the shell starts at once; the alarm takes over if the instance dies meanwhile.
pub(super) fn queue_put_under_way<S: UserStore>(
    store: &S,
    now: UnixMillis,
    handle: &str,
) -> Result<(), StoreFault> {
    queue(store, now.plus(TAKE_OVER_AFTER), handle, CopyAction::Put)
}

pub(super) fn queue_put<S: UserStore>(
    store: &S,
    now: UnixMillis,
    handle: &str,
) -> Result<(), StoreFault> {
    queue(store, now, handle, CopyAction::Put)
}

pub(super) fn queue_delete<S: UserStore>(
    store: &S,
    now: UnixMillis,
    handle: &str,
) -> Result<(), StoreFault> {
    queue(store, now, handle, CopyAction::Delete)
}

fn queue<S: UserStore>(
    store: &S,
    due: UnixMillis,
    handle: &str,
    action: CopyAction,
) -> Result<(), StoreFault> {
    store.queue_copy(&CopyTask {
        handle: handle.to_owned(),
        action,
        due,
        attempts: 0,
    })
}

/// How long to wait after this many failures in a row.
pub(super) fn backoff(attempts: u32) -> Millis {
    Millis(1000_u64.saturating_mul(1_u64 << attempts.min(12))).min(MAX_BACKOFF)
}
