//! How a key set lies in its keeper's SQLite storage: one row.

use crate::runtime::{
    js::SqlStorage,
    number::number,
    sql::Sql,
    sql::schema::{SchemaState, Steps},
};
use postern_core::{key_sets::Confirmed, session::record::StoreFault};
use postern_jwt::time::Millis;

const STEPS: Steps = &[
    (1, FIRST),
    #[cfg(postern_next)]
    (2, TO_NEXT),
];

const FIRST: &str = "
CREATE TABLE schema (version INTEGER NOT NULL, step INTEGER);
INSERT INTO schema (version) VALUES (1);
CREATE TABLE key_set (
  id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL, etag TEXT, version INTEGER NOT NULL,
  confirmed INTEGER NOT NULL, lifetime INTEGER NOT NULL
);
";

/// What the next release might add (`postern_core::message::next`).
#[cfg(postern_next)]
const TO_NEXT: &str = "
ALTER TABLE key_set ADD COLUMN postern_next TEXT DEFAULT 'n';
";

/// A set with its text.
#[derive(Debug, Clone)]
pub(crate) struct StoredSet {
    pub(crate) confirmed: Confirmed,
    pub(crate) text: String,
    pub(crate) etag: Option<String>,
}

/// The stored set; `None` in an object that was never used, which reading leaves as it is, and in one that a newer release
/// wrote: the set is fetched again.
pub(crate) fn load(sql: SqlStorage) -> Result<Option<StoredSet>, StoreFault> {
    let sql = Sql(sql);
    if matches!(sql.shape(STEPS)?, SchemaState::Empty | SchemaState::Newer) {
        return Ok(None);
    }
    let row = sql.one(
        "SELECT text, etag, version, confirmed, lifetime FROM key_set",
        &[],
    )?;
    row.map(|row| {
        row.read(|row| StoredSet {
            confirmed: Confirmed {
                at: row.time("confirmed"),
                lifetime: Millis(row.number("lifetime")),
                version: row.number("version"),
            },
            text: row.text("text"),
            etag: row.optional_text("etag"),
        })
    })
    .transpose()
}

/// Stores a set in place of the one before. Call it in a transaction.
pub(crate) fn save(sql: SqlStorage, set: &StoredSet) -> Result<(), StoreFault> {
    let sql = Sql(sql);
    let shape = sql.shape(STEPS)?;
    if shape == SchemaState::Newer {
        return Ok(());
    }
    sql.prepare(shape, STEPS)?;
    sql.run(
        "INSERT INTO key_set (id, text, etag, version, confirmed, lifetime) VALUES (1, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET text = excluded.text, etag = excluded.etag, version = excluded.version,
           confirmed = excluded.confirmed, lifetime = excluded.lifetime",
        &[
            set.text.as_str().into(),
            set.etag.as_deref().into(),
            number(set.confirmed.version),
            number(set.confirmed.at.0),
            number(set.confirmed.lifetime.0),
        ],
    )
    .map(drop)
}
