//! The outbox towards the authority on revocations.

use super::{SqlUserStore, columns::time};
use crate::runtime::sql::Row;
use postern_core::session::record::{RevocationTask, StoreFault};
use postern_jwt::time::UnixMillis;

pub(super) fn queue(store: &SqlUserStore, task: &RevocationTask) -> Result<(), StoreFault> {
    let bindings = [
        task.handle.as_str().into(),
        time(task.expires),
        time(task.due),
        task.attempts.into(),
        u8::from(task.recorded).into(),
    ];
    store.change(
        "INSERT INTO revocation (handle, expires, due, attempts, recorded) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (handle) DO UPDATE SET expires = excluded.expires, due = excluded.due,
           attempts = excluded.attempts, recorded = excluded.recorded",
        &bindings,
    )
    .map(drop)
}

pub(super) fn task(
    store: &SqlUserStore,
    handle: &str,
) -> Result<Option<RevocationTask>, StoreFault> {
    let row = store.sql.one(
        "SELECT handle, expires, due, attempts, recorded FROM revocation WHERE handle = ?",
        &[handle.into()],
    )?;
    row.map(|row| row.read(Row::revocation)).transpose()
}

pub(super) fn clear(store: &SqlUserStore, handle: &str) -> Result<(), StoreFault> {
    store
        .change("DELETE FROM revocation WHERE handle = ?", &[handle.into()])
        .map(drop)
}

pub(super) fn count_live(store: &SqlUserStore, now: UnixMillis) -> Result<u64, StoreFault> {
    let row = store.sql.one(
        "SELECT COUNT(*) AS live FROM revocation WHERE expires > ?",
        &[time(now)],
    )?;
    row.map_or(Ok(0), |row| row.read(|row| row.number("live")))
}

pub(super) fn due(
    store: &SqlUserStore,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<RevocationTask>, StoreFault> {
    let rows = store.sql.rows(
        "SELECT handle, expires, due, attempts, recorded FROM revocation WHERE due <= ? ORDER BY due LIMIT ?",
        &[time(now), limit.into()],
    )?;
    rows.iter().map(|row| row.read(Row::revocation)).collect()
}

pub(super) fn hasten(store: &SqlUserStore, now: UnixMillis) -> Result<(), StoreFault> {
    store
        .change(
            "UPDATE revocation SET due = ? WHERE recorded = 0 AND due > ?",
            &[time(now), time(now)],
        )
        .map(drop)
}
