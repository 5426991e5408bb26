//! The outbox towards KV.

use super::{SqlUserStore, columns::time};
use crate::runtime::sql::Row;
use postern_core::session::record::{CopyTask, StoreFault};
use postern_jwt::time::UnixMillis;

pub(super) fn queue(store: &SqlUserStore, task: &CopyTask) -> Result<(), StoreFault> {
    let bindings = [
        task.handle.as_str().into(),
        task.action.name().into(),
        time(task.due),
        task.attempts.into(),
    ];
    store.change(
        "INSERT INTO outbox (handle, action, due, attempts) VALUES (?, ?, ?, ?)
         ON CONFLICT (handle) DO UPDATE SET action = excluded.action, due = excluded.due, attempts = excluded.attempts",
        &bindings,
    )
    .map(drop)
}

pub(super) fn task(store: &SqlUserStore, handle: &str) -> Result<Option<CopyTask>, StoreFault> {
    let row = store.sql.one(
        "SELECT handle, action, due, attempts FROM outbox WHERE handle = ?",
        &[handle.into()],
    )?;
    row.map(|row| row.read(Row::task)).transpose()
}

pub(super) fn clear(store: &SqlUserStore, handle: &str) -> Result<(), StoreFault> {
    store
        .change("DELETE FROM outbox WHERE handle = ?", &[handle.into()])
        .map(drop)
}

pub(super) fn due(
    store: &SqlUserStore,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<CopyTask>, StoreFault> {
    let rows = store.sql.rows(
        "SELECT handle, action, due, attempts FROM outbox WHERE due <= ? ORDER BY due LIMIT ?",
        &[time(now), limit.into()],
    )?;
    rows.iter().map(|row| row.read(Row::task)).collect()
}
