//! Which tickets were used.

use super::{SqlUserStore, columns::time};
use postern_core::session::record::StoreFault;
use postern_jwt::time::UnixMillis;

pub(super) fn is_used(store: &SqlUserStore, handle: &str, id: &str) -> Result<bool, StoreFault> {
    let row = store.sql.one(
        "SELECT 1 FROM used_ticket WHERE handle = ? AND id = ?",
        &[handle.into(), id.into()],
    )?;
    Ok(row.is_some())
}

pub(super) fn count(store: &SqlUserStore, handle: &str) -> Result<u64, StoreFault> {
    let row = store.sql.one(
        "SELECT COUNT(*) AS count FROM used_ticket WHERE handle = ?",
        &[handle.into()],
    )?;
    let count = row.map(|row| row.read(|row| row.number("count")));
    Ok(count.transpose()?.unwrap_or_default())
}

pub(super) fn note_use(
    store: &SqlUserStore,
    handle: &str,
    id: &str,
    expires: UnixMillis,
) -> Result<(), StoreFault> {
    // Not a `change`: nothing is due for it.
    store
        .sql
        .run(
            "INSERT INTO used_ticket (handle, id, expires) VALUES (?, ?, ?)",
            &[handle.into(), id.into(), time(expires)],
        )
        .map(drop)
}

pub(super) fn forget(store: &SqlUserStore, now: UnixMillis) -> Result<(), StoreFault> {
    store
        .sql
        .run("DELETE FROM used_ticket WHERE expires <= ?", &[time(now)])
        .map(drop)
}
