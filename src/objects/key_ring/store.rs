//! How the ring lies in the object's SQLite storage.
//!
//! `ring` has one row, the head; `signing_keys` one row for each session key, because a row of SQLite holds 2 MB at
//! most; `assertion_keys` the same for assertion keys, apart because older code refuses a kind of key that it does not
//! know. All hold JSON text: nothing is ever looked up but the whole.

use js_sys::Array;
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
    events::Destinations,
    keys::{KeyKind, KeyRing, RingHead, SCHEMA, SigningKey, changes},
    store_fault::StoreFault,
};
use postern_jwt::{json, time::UnixMillis};

/// The table of the head.
pub(super) const RING_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS ring (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL)";

/// The stored ring; `None` in an object that was never used, which reading leaves as it is.
pub(crate) fn load(storage: &ObjectStorage) -> Result<Option<KeyRing>, Fault> {
    let sql = storage.sql().map_err(|_| Fault::Storage)?;
    let tables = texts(
        &sql,
        "SELECT name AS record FROM sqlite_master WHERE type = 'table' AND name IN ('ring', 'assertion_keys')",
    )?;
    let has = |table: &str| tables.iter().any(|known| known == table);
    if !has("ring") {
        return Ok(None);
    }
    let Some(head) = texts(&sql, "SELECT record FROM ring")?.into_iter().next() else {
        return Ok(None);
    };
    let head = readable(&head)?;
    let mut records = texts(&sql, "SELECT record FROM signing_keys")?;
    // Storage from before there were assertion keys: they are due, and saving makes the table.
    if has("assertion_keys") {
        records.append(&mut texts(&sql, "SELECT record FROM assertion_keys")?);
    }
    let keys = records
        .iter()
        .map(|record| SigningKey::from_json(record).map_err(|_| Fault::Storage))
        .collect::<Result<_, _>>()?;
    Ok(Some(KeyRing { head, keys }))
}

/// Replaces the stored ring, whole or not at all. Tables and columns that another release has added stay as they are.
/// The events of the change from what was stored `before` are written with it, for these destinations.
pub(crate) fn save(
    storage: &ObjectStorage,
    before: Option<&KeyRing>,
    ring: &KeyRing,
    at: (Destinations, UnixMillis),
) -> Result<(), Fault> {
    let (to, now) = at;
    let events = if to.any() {
        changes(before, ring)
    } else {
        Vec::new()
    };
    let sql = storage.sql().map_err(|_| Fault::Storage)?;
    let head = ring.head.to_json().map_err(|_| Fault::Storage)?;
    let mut rows = Vec::with_capacity(ring.keys.len());
    for key in &ring.keys {
        let table = match key.kind {
            KeyKind::Assertion => "assertion_keys",
            KeyKind::Dynamic | KeyKind::Static => "signing_keys",
        };
        let record = key.to_json().map_err(|_| Fault::Storage)?;
        rows.push((table, key.kid.as_str(), record));
    }
    storage
        .transaction_sync(&mut || {
            let run = |query: &str, values: &[&str]| {
                let values: Array = values.iter().map(|value| JsValue::from_str(value)).collect();
                sql.exec(query, &values)
            };
            run(RING_TABLE, &[])?;
            run(
                "INSERT INTO ring (id, record) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
                &[&head],
            )?;
            for table in ["signing_keys", "assertion_keys"] {
                run(&format!("CREATE TABLE IF NOT EXISTS {table} (kid TEXT PRIMARY KEY, record TEXT NOT NULL)"), &[])?;
                let kids = rows.iter().filter(|(of, ..)| *of == table).map(|(_, kid, _)| *kid);
                run(
                    &format!("DELETE FROM {table} WHERE kid NOT IN (SELECT value FROM json_each(?))"),
                    &[&json::strings(kids)],
                )?;
            }
            for (table, kid, record) in &rows {
                run(
                    &format!(
                        "INSERT INTO {table} (kid, record) VALUES (?, ?)
                         ON CONFLICT (kid) DO UPDATE SET record = excluded.record"
                    ),
                    &[kid, record],
                )?;
            }
            for event in &events {
                events::publish(&Sql(sql.clone()), event, to, now)
                    .map_err(|StoreFault(fault)| JsValue::from_str(&fault))?;
            }
            Ok(JsValue::UNDEFINED)
        })
        .map(drop)
        .map_err(|_| Fault::Storage)
}

/// The head, if this code is not older than what wrote it.
fn readable(text: &str) -> Result<RingHead, Fault> {
    match json::parse_object(text).and_then(|head| head.unsigned("schema")) {
        Ok(Some(version)) if version > u64::from(SCHEMA) => Err(Fault::NewerSchema),
        _ => RingHead::from_json(text).map_err(|_| Fault::Storage),
    }
}

/// The column `record` of every row.
pub(super) fn texts(sql: &SqlStorage, query: &str) -> Result<Vec<String>, Fault> {
    let rows = sql
        .exec(query, &Array::new())
        .and_then(|cursor| cursor.to_array())
        .map_err(|_| Fault::Storage)?;
    rows.iter()
        .map(|row| {
            js_sys::Reflect::get(row.unchecked_ref(), &JsValue::from_str("record"))
                .ok()
                .and_then(|record| record.as_string())
                .ok_or(Fault::Storage)
        })
        .collect()
}
