//! The sessions of trusted issuers about which something is stored.

use super::{SqlUserStore, columns::time, data};
use crate::runtime::{number::number, sql::Row};
use postern_core::session::record::{ForeignRecord, StoreFault, Stored, Tombstone};
use postern_jwt::time::UnixMillis;

pub(super) fn find(
    store: &SqlUserStore,
    handle: &str,
) -> Result<Option<Stored<ForeignRecord>>, StoreFault> {
    let row = store.sql.one(
        "SELECT handle, live, keep_until, data_seq, copy_expires, ended, ending FROM foreign_session WHERE handle = ?",
        &[handle.into()],
    )?;
    row.map(|row| row.read(Row::foreign)).transpose()
}

pub(super) fn put(store: &SqlUserStore, record: &ForeignRecord) -> Result<bool, StoreFault> {
    store.change(
        "INSERT INTO foreign_session (handle, live, keep_until, data_seq, copy_expires) VALUES (?, 1, ?, ?, ?)
         ON CONFLICT (handle) DO UPDATE SET keep_until = excluded.keep_until, data_seq = excluded.data_seq,
           copy_expires = excluded.copy_expires WHERE live = 1",
        &[
            record.handle.as_str().into(),
            time(record.keep_until),
            number(record.data_seq),
            time(record.copy_expires),
        ],
    )
}

pub(super) fn end(
    store: &SqlUserStore,
    handle: &str,
    tombstone: Tombstone,
) -> Result<bool, StoreFault> {
    data::remove(store, handle)?;
    store.change(
        "INSERT INTO foreign_session (handle, live, keep_until, data_seq, copy_expires, ended, ending)
         VALUES (?, 0, ?, 0, 0, ?, ?)
         ON CONFLICT (handle) DO UPDATE SET live = 0, keep_until = excluded.keep_until, ended = excluded.ended,
           ending = excluded.ending WHERE live = 1",
        &[
            handle.into(),
            time(tombstone.keep_until),
            time(tombstone.ended),
            tombstone.ending.name().into(),
        ],
    )
}

pub(super) fn revive(
    store: &SqlUserStore,
    handle: &str,
    keep_until: UnixMillis,
) -> Result<bool, StoreFault> {
    store.change(
        "UPDATE foreign_session SET live = 1, keep_until = ?, data_seq = data_seq + 1, copy_expires = 0
         WHERE handle = ? AND live = 0",
        &[time(keep_until), handle.into()],
    )
}

pub(super) fn remove(store: &SqlUserStore, handle: &str) -> Result<(), StoreFault> {
    store.change(
        "DELETE FROM foreign_session WHERE handle = ?",
        &[handle.into()],
    )?;
    data::remove(store, handle)
}

pub(super) fn lapsed(
    store: &SqlUserStore,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<String>, StoreFault> {
    store.texts(
        "handle",
        "SELECT handle FROM foreign_session WHERE live = 1 AND keep_until < ? LIMIT ?",
        &[time(now), limit.into()],
    )
}
