//! Session data, in parts.

use super::SqlUserStore;
use postern_core::session::record::StoreFault;

/// Session data is kept in parts of at most this many bytes; SQLite caps a value at 2 MB here.
const PART_BYTES: usize = 1_000_000;

pub(super) fn read(store: &SqlUserStore, handle: &str) -> Result<Option<String>, StoreFault> {
    let parts = store.texts(
        "text",
        "SELECT text FROM session_data WHERE handle = ? ORDER BY part",
        &[handle.into()],
    )?;
    Ok((!parts.is_empty()).then(|| parts.concat()))
}

pub(super) fn write(store: &SqlUserStore, handle: &str, text: &str) -> Result<(), StoreFault> {
    let mut rest = text;
    let mut part: u32 = 0;
    while !rest.is_empty() {
        let (head, tail) = rest
            .split_at_checked(rest.floor_char_boundary(PART_BYTES))
            .unwrap_or((rest, ""));
        // In place: it costs one row written, where deleting and inserting costs two.
        store.change(
            "INSERT INTO session_data (handle, part, text) VALUES (?, ?, ?)
             ON CONFLICT (handle, part) DO UPDATE SET text = excluded.text",
            &[handle.into(), part.into(), head.into()],
        )?;
        rest = tail;
        part = part.saturating_add(1);
    }
    store
        .change(
            "DELETE FROM session_data WHERE handle = ? AND part >= ?",
            &[handle.into(), part.into()],
        )
        .map(drop)
}

pub(super) fn remove(store: &SqlUserStore, handle: &str) -> Result<(), StoreFault> {
    store
        .change(
            "DELETE FROM session_data WHERE handle = ?",
            &[handle.into()],
        )
        .map(drop)
}
