//! The storage of the authority on revocations over SQLite. One function per method of [`JournalStore`].
//!
//! Keys are numbers of 64 bits, which neither JS nor SQLite takes whole: they are stored as digits.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use crate::runtime::{
    js::SqlStorage,
    number::number,
    sql::schema::{SchemaState, Steps},
    sql::{Row, Sql},
};
use postern_core::{
    revocation::{
        cut_off::CutOff,
        journal::{Head, JournalStore, PartKind, RouteRow, SegmentRow, TailRow},
    },
    session::record::StoreFault,
};
use postern_jwt::time::UnixMillis;

const STEPS: Steps = &[
    (1, FIRST),
    (2, TO_2),
    #[cfg(postern_next)]
    (3, TO_NEXT),
];

/// What the next release might add (`postern_core::message::next`).
#[cfg(postern_next)]
const TO_NEXT: &str = "
ALTER TABLE head ADD COLUMN postern_next TEXT DEFAULT 'n';
ALTER TABLE tail ADD COLUMN postern_next TEXT;
ALTER TABLE strict_route ADD COLUMN postern_next TEXT;
ALTER TABLE segment ADD COLUMN postern_next TEXT;
ALTER TABLE part ADD COLUMN postern_next TEXT;
";

const FIRST: &str = "
CREATE TABLE schema (version INTEGER NOT NULL);
INSERT INTO schema (version) VALUES (1);
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, sealed INTEGER NOT NULL, not_before INTEGER NOT NULL,
  key_set_version INTEGER NOT NULL, full_until INTEGER NOT NULL
);
CREATE TABLE tail (position INTEGER PRIMARY KEY, key TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE strict_route (route TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE segment (
  name TEXT PRIMARY KEY, place INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
  expires INTEGER NOT NULL, stale INTEGER NOT NULL, retired INTEGER
) WITHOUT ROWID;
CREATE TABLE part (
  name TEXT NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (name, kind, number)
);
";

/// When a cut-off was recorded, and of which moment that is said.
const TO_2: &str = "
ALTER TABLE schema ADD COLUMN step INTEGER;
ALTER TABLE head ADD COLUMN cut_off_moment INTEGER;
ALTER TABLE head ADD COLUMN cut_off_recorded INTEGER;
";

/// [`JournalStore`] over an object's SQLite database.
pub(crate) struct SqlJournalStore {
    sql: Sql,
    shape: SchemaState,
}

impl SqlJournalStore {
    /// Opens the database, without writing to it.
    pub(crate) fn open(sql: SqlStorage) -> Result<Self, StoreFault> {
        let sql = Sql(sql);
        match sql.shape(STEPS)? {
            SchemaState::Newer => Err(StoreFault(
                "storage was written by a newer version".to_owned(),
            )),
            shape => Ok(Self { sql, shape }),
        }
    }

    /// Makes the tables if there are none, or takes the steps that they lack. Call it in the transaction of every change,
    /// before it.
    pub(crate) fn prepare(&mut self) -> Result<(), StoreFault> {
        self.sql.prepare(self.shape, STEPS)?;
        self.shape = SchemaState::Current;
        Ok(())
    }

    fn run(&self, query: &'static str, bindings: &[JsValue]) -> Result<(), StoreFault> {
        self.sql.run(query, bindings).map(drop)
    }

    fn all<T>(&self, query: &'static str, read: impl Fn(&Row) -> T) -> Result<Vec<T>, StoreFault> {
        // Reading leaves an empty database empty.
        if self.shape == SchemaState::Empty {
            return Ok(Vec::new());
        }
        let rows = self.sql.rows(query, &[])?;
        rows.iter().map(|row| row.read(&read)).collect()
    }
}

fn digits(key: u64) -> JsValue {
    JsValue::from_str(&key.to_string())
}

fn key(row: &Row, column: &'static str) -> u64 {
    row.good(column, row.text(column).parse().ok())
}

fn time(at: UnixMillis) -> JsValue {
    number(at.0)
}

impl JournalStore for SqlJournalStore {
    fn head(&self) -> Result<Option<Head>, StoreFault> {
        // Whole: tables are read before they take the steps that they lack.
        let heads = self.all("SELECT * FROM head", |row| Head {
            seq: row.number("seq"),
            sealed: row.number("sealed"),
            not_before: row.time("not_before"),
            dated_cut_off: row
                .optional_time("cut_off_recorded")
                .map(|recorded| CutOff {
                    moment: row.optional_time("cut_off_moment").unwrap_or_default(),
                    recorded,
                }),
            key_set_version: row.number("key_set_version"),
            full_until: row.time("full_until"),
        })?;
        Ok(heads.into_iter().next())
    }

    fn set_head(&self, head: &Head) -> Result<(), StoreFault> {
        let cut_off = |of: fn(CutOff) -> UnixMillis| {
            head.dated_cut_off
                .map_or(JsValue::NULL, |dated| time(of(dated)))
        };
        self.run(
            "INSERT INTO head (id, seq, sealed, not_before, key_set_version, full_until, cut_off_moment, cut_off_recorded)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, sealed = excluded.sealed,
               not_before = excluded.not_before, key_set_version = excluded.key_set_version,
               full_until = excluded.full_until, cut_off_moment = excluded.cut_off_moment,
               cut_off_recorded = excluded.cut_off_recorded",
            &[
                number(head.seq),
                number(head.sealed),
                time(head.not_before),
                number(head.key_set_version),
                time(head.full_until),
                cut_off(|dated| dated.moment),
                cut_off(|dated| dated.recorded),
            ],
        )
    }

    fn tail(&self) -> Result<Vec<TailRow>, StoreFault> {
        self.all(
            "SELECT position, key, expires FROM tail ORDER BY position",
            |row| TailRow {
                position: row.number("position"),
                key: key(row, "key"),
                expires: row.time("expires"),
            },
        )
    }

    fn put_tail(&self, row: &TailRow) -> Result<(), StoreFault> {
        self.run(
            "INSERT INTO tail (position, key, expires) VALUES (?, ?, ?)
             ON CONFLICT (position) DO UPDATE SET key = excluded.key, expires = excluded.expires",
            &[number(row.position), digits(row.key), time(row.expires)],
        )
    }

    fn forget_tail(&self, until: UnixMillis) -> Result<(), StoreFault> {
        self.run("DELETE FROM tail WHERE expires <= ?", &[time(until)])
    }

    fn routes(&self) -> Result<Vec<RouteRow>, StoreFault> {
        self.all("SELECT route, expires FROM strict_route", |row| RouteRow {
            route: key(row, "route"),
            expires: row.time("expires"),
        })
    }

    fn put_route(&self, row: &RouteRow) -> Result<(), StoreFault> {
        self.run(
            "INSERT INTO strict_route (route, expires) VALUES (?, ?)
             ON CONFLICT (route) DO UPDATE SET expires = excluded.expires",
            &[digits(row.route), time(row.expires)],
        )
    }

    fn forget_routes(&self, until: UnixMillis) -> Result<(), StoreFault> {
        self.run(
            "DELETE FROM strict_route WHERE expires <= ?",
            &[time(until)],
        )
    }

    fn segments(&self) -> Result<Vec<SegmentRow>, StoreFault> {
        self.all(
            "SELECT name, place, count, bytes, expires, stale, retired FROM segment",
            |row| SegmentRow {
                name: row.text("name"),
                place: row.small("place"),
                count: row.number("count"),
                bytes: row.number("bytes"),
                expires: row.time("expires"),
                stale: row.time("stale"),
                retired: row.optional_time("retired"),
            },
        )
    }

    fn put_segment(&self, row: &SegmentRow) -> Result<(), StoreFault> {
        self.run(
            "INSERT INTO segment (name, place, count, bytes, expires, stale, retired)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET place = excluded.place, count = excluded.count, bytes = excluded.bytes,
               expires = excluded.expires, stale = excluded.stale, retired = excluded.retired",
            &[
                row.name.as_str().into(),
                row.place.into(),
                number(row.count),
                number(row.bytes),
                time(row.expires),
                time(row.stale),
                row.retired.map_or(JsValue::NULL, time),
            ],
        )
    }

    fn remove_segment(&self, name: &str) -> Result<(), StoreFault> {
        self.run("DELETE FROM segment WHERE name = ?", &[name.into()])?;
        self.run("DELETE FROM part WHERE name = ?", &[name.into()])
    }

    fn put_part(
        &self,
        name: &str,
        kind: PartKind,
        part: u32,
        bytes: &[u8],
    ) -> Result<(), StoreFault> {
        self.run(
            "INSERT INTO part (name, kind, number, bytes) VALUES (?, ?, ?, ?)
             ON CONFLICT (name, kind, number) DO UPDATE SET bytes = excluded.bytes",
            &[
                name.into(),
                kind.number().into(),
                part.into(),
                Uint8Array::from(bytes).into(),
            ],
        )
    }

    fn part(&self, name: &str, kind: PartKind, part: u32) -> Result<Option<Vec<u8>>, StoreFault> {
        let row = self.sql.one(
            "SELECT bytes FROM part WHERE name = ? AND kind = ? AND number = ?",
            &[name.into(), kind.number().into(), part.into()],
        )?;
        row.map(|row| row.read(|row| row.blob("bytes"))).transpose()
    }
}
