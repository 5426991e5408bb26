//! How the ring lies in the object's SQLite storage.
//!
//! `ring` has one row, the head; `signing_keys` one row for each session key, because a row of SQLite holds 2 MB at
//! most; `assertion_keys` the same for assertion keys, apart because older code refuses a kind of key that it does not
//! know. All hold JSON text, which may be sealed (`records`): nothing is ever looked up but the whole.

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::fault::Fault;
use crate::{
    objects::events,
    runtime::{
        js::{ObjectStorage, SqlStorage},
        sql::Sql,
    },
};
use postern_core::{
    events::{Destinations, Event},
    keys::KeyKind,
    store_fault::StoreFault,
};
use postern_jwt::{json, time::UnixMillis};

/// The table of the head.
pub(super) const RING_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS ring (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL)";

const SIGNING_KEYS: &str = "signing_keys";
const ASSERTION_KEYS: &str = "assertion_keys";

/// All records of the ring.
#[derive(PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) head: String,
    pub(super) keys: Vec<StoredKey>,
}

/// The record of one key.
#[derive(PartialEq, Eq)]
pub(super) struct StoredKey {
    pub(super) table: &'static str,
    pub(super) kid: String,
    pub(super) record: String,
}

/// Where keys of a kind are.
pub(super) const fn table_of(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Assertion => ASSERTION_KEYS,
        KeyKind::Dynamic | KeyKind::Static => SIGNING_KEYS,
    }
}

/// What is stored; `None` in an object that was never used, which reading leaves as it is.
pub(super) fn read(storage: &ObjectStorage) -> Result<Option<Stored>, Fault> {
    let sql = storage.sql().map_err(|_| Fault::Storage)?;
    let tables = texts(
        &sql,
        "SELECT name AS record FROM sqlite_master WHERE type = 'table' AND name IN ('ring', 'signing_keys', 'assertion_keys')",
    )?;
    let has = |table: &str| tables.iter().any(|known| known == table);
    if !has("ring") {
        return Ok(None);
    }
    let Some(head) = texts(&sql, "SELECT record FROM ring")?.into_iter().next() else {
        return Ok(None);
    };
    let mut keys = Vec::new();
    // Storage from before there were assertion keys: they are due, and saving makes the table.
    for table in [SIGNING_KEYS, ASSERTION_KEYS]
        .into_iter()
        .filter(|table| has(table))
    {
        for row in rows(&sql, &format!("SELECT kid, record FROM {table}"))? {
            keys.push(StoredKey {
                table,
                kid: text(&row, "kid")?,
                record: text(&row, "record")?,
            });
        }
    }
    Ok(Some(Stored { head, keys }))
}

/// Replaces what is stored, whole or not at all, if it is what was read `before`: false when it is not. Tables and columns that
/// another release has added stay as they are. The events of the change are written with it, for these destinations.
pub(super) fn replace(
    storage: &ObjectStorage,
    before: Option<&Stored>,
    new: &Stored,
    (events, to, now): (&[Event], Destinations, UnixMillis),
) -> Result<bool, Fault> {
    if read(storage)?.as_ref() != before {
        return Ok(false);
    }
    let sql = storage.sql().map_err(|_| Fault::Storage)?;
    storage
        .transaction_sync(&mut || {
            let run = |query: &str, values: &[&str]| {
                let values: Array = values.iter().map(|value| JsValue::from_str(value)).collect();
                sql.exec(&JsValue::from_str(query), &values)
            };
            run(RING_TABLE, &[])?;
            run(
                "INSERT INTO ring (id, record) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
                &[&new.head],
            )?;
            for table in [SIGNING_KEYS, ASSERTION_KEYS] {
                run(&format!("CREATE TABLE IF NOT EXISTS {table} (kid TEXT PRIMARY KEY, record TEXT NOT NULL)"), &[])?;
                let of_table = new.keys.iter().filter(|key| key.table == table);
                run(
                    &format!("DELETE FROM {table} WHERE kid NOT IN (SELECT value FROM json_each(?))"),
                    &[&json::strings(of_table.map(|key| key.kid.as_str()))],
                )?;
            }
            for StoredKey { table, kid, record } in &new.keys {
                run(
                    &format!(
                        "INSERT INTO {table} (kid, record) VALUES (?, ?)
                         ON CONFLICT (kid) DO UPDATE SET record = excluded.record"
                    ),
                    &[kid, record],
                )?;
            }
            for event in events {
                events::publish(&Sql(sql.clone()), event, to, now)
                    .map_err(|StoreFault(fault)| JsValue::from_str(&fault))?;
            }
            Ok(JsValue::UNDEFINED)
        })
        .map(|_| true)
        .map_err(|_| Fault::Storage)
}

/// The column `record` of every row.
pub(super) fn texts(sql: &SqlStorage, query: &str) -> Result<Vec<String>, Fault> {
    let rows = rows(sql, query)?;
    rows.iter().map(|row| text(row, "record")).collect()
}

fn rows(sql: &SqlStorage, query: &str) -> Result<Vec<JsValue>, Fault> {
    let rows = sql.exec(&JsValue::from_str(query), &Array::new());
    let rows = rows.and_then(|cursor| cursor.to_array());
    rows.map(|rows| rows.iter().collect())
        .map_err(|_| Fault::Storage)
}

fn text(row: &JsValue, column: &str) -> Result<String, Fault> {
    let value = Reflect::get(row.unchecked_ref(), &JsValue::from_str(column)).ok();
    value
        .and_then(|value| value.as_string())
        .ok_or(Fault::Storage)
}
