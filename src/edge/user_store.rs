//! The storage of a user's object over SQLite. One function per method of [`UserStore`]; every rule lives in the core.

use js_sys::Array;
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;

use super::{js::SqlStorage, number};
use crate::{
    session::{
        lineage::Lineage,
        record::{
            CopyAction, CopyTask, Ending, ForeignRecord, SessionRecord, SessionSummary, StoreFault,
            Stored, Tombstone, UserStore,
        },
    },
    time::UnixMillis,
};

/// The version of the tables below. A newer one in storage is refused, never guessed at.
pub(super) const SCHEMA: u32 = 1;
/// Session data is kept in parts of at most this many bytes; SQLite caps a value at 2 MB here.
const PART_BYTES: usize = 1_000_000;

const TABLES: &str = "
CREATE TABLE schema (version INTEGER NOT NULL);
INSERT INTO schema VALUES (1);
CREATE TABLE session (
  handle TEXT PRIMARY KEY, user_id TEXT NOT NULL, tenant_id TEXT NOT NULL, live INTEGER NOT NULL,
  created INTEGER NOT NULL, expiry INTEGER NOT NULL, access_expires_max INTEGER NOT NULL, last_refreshed INTEGER,
  salt TEXT NOT NULL, secret_number INTEGER NOT NULL, generation INTEGER NOT NULL, used_index INTEGER NOT NULL,
  children INTEGER NOT NULL, first_exchanged INTEGER, by_service_api INTEGER NOT NULL, use_dynamic_key INTEGER NOT NULL,
  payload TEXT NOT NULL, device TEXT, data_seq INTEGER NOT NULL, copy_expires INTEGER NOT NULL,
  ended INTEGER, ending TEXT, keep_until INTEGER
) WITHOUT ROWID;
CREATE INDEX session_of_user ON session (user_id, tenant_id) WHERE live = 1;
CREATE INDEX session_by_expiry ON session (expiry) WHERE live = 1;
CREATE INDEX session_by_end ON session (keep_until) WHERE live = 0;
CREATE TABLE foreign_session (
  handle TEXT PRIMARY KEY, live INTEGER NOT NULL, keep_until INTEGER NOT NULL, data_seq INTEGER NOT NULL,
  copy_expires INTEGER NOT NULL, ended INTEGER, ending TEXT
) WITHOUT ROWID;
CREATE TABLE session_data (handle TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (handle, part));
CREATE TABLE outbox (
  handle TEXT PRIMARY KEY, action TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due);
";

/// [`UserStore`] over an object's SQLite database.
pub(super) struct SqlUserStore {
    sql: SqlStorage,
}

/// What the database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing; reading it leaves it so.
    Empty,
    /// Tables of the version we write.
    Current,
    /// Tables of a version that a newer Worker wrote.
    Newer,
}

impl SqlUserStore {
    pub(super) const fn new(sql: SqlStorage) -> Self {
        Self { sql }
    }

    /// What the database holds, found without writing to it.
    pub(super) fn shape(&self) -> Result<Shape, StoreFault> {
        #[derive(Deserialize)]
        struct Row {
            version: u32,
        }
        let tables: Vec<serde::de::IgnoredAny> =
            self.rows("SELECT 1 FROM sqlite_master WHERE name = 'schema'", &[])?;
        if tables.is_empty() {
            return Ok(Shape::Empty);
        }
        let versions: Vec<Row> = self.rows("SELECT version FROM schema", &[])?;
        Ok(match versions.first() {
            Some(row) if row.version == SCHEMA => Shape::Current,
            _ => Shape::Newer,
        })
    }

    /// Makes the tables. Call it on an empty database, before the first write.
    pub(super) fn create_tables(&self) -> Result<(), StoreFault> {
        self.run(TABLES, &[]).map(drop)
    }

    /// Runs a statement and gives the number of rows it wrote to tables and indexes.
    fn run(&self, query: &str, bindings: &[JsValue]) -> Result<bool, StoreFault> {
        let cursor = self
            .sql
            .exec(query, &bindings.iter().collect::<Array>())
            .map_err(|e| fault(&e))?;
        Ok(cursor.rows_written().map_err(|e| fault(&e))? > 0.0)
    }

    /// Runs a query; the rows cross into Rust as one JSON text.
    fn rows<T: DeserializeOwned>(
        &self,
        query: &str,
        bindings: &[JsValue],
    ) -> Result<Vec<T>, StoreFault> {
        let cursor = self
            .sql
            .exec(query, &bindings.iter().collect::<Array>())
            .map_err(|e| fault(&e))?;
        let rows = cursor.to_array().map_err(|e| fault(&e))?;
        let text = js_sys::JSON::stringify(&rows).map_err(|e| fault(&e))?;
        serde_json::from_str(&String::from(text))
            .map_err(|error| StoreFault(format!("a stored row: {error}")))
    }

    fn one<T: DeserializeOwned>(
        &self,
        query: &str,
        bindings: &[JsValue],
    ) -> Result<Option<T>, StoreFault> {
        Ok(self.rows(query, bindings)?.into_iter().next())
    }

    fn handles(&self, query: &str, bindings: &[JsValue]) -> Result<Vec<String>, StoreFault> {
        #[derive(Deserialize)]
        struct Row {
            handle: String,
        }
        Ok(self
            .rows::<Row>(query, bindings)?
            .into_iter()
            .map(|row| row.handle)
            .collect())
    }

    fn drop_data(&self, handle: &str) -> Result<(), StoreFault> {
        self.run(
            "DELETE FROM session_data WHERE handle = ?",
            &[handle.into()],
        )
        .map(drop)
    }
}

fn fault(error: &JsValue) -> StoreFault {
    StoreFault(super::message_of(error))
}

fn time(at: UnixMillis) -> JsValue {
    number(at.0)
}

fn optional_time(at: Option<UnixMillis>) -> JsValue {
    at.map_or(JsValue::NULL, time)
}

fn text_of<T: serde::Serialize>(value: &T) -> JsValue {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(JsValue::from_str))
        .unwrap_or(JsValue::NULL)
}

#[derive(Deserialize)]
struct SessionRow {
    handle: String,
    user_id: String,
    tenant_id: String,
    live: u8,
    created: UnixMillis,
    expiry: UnixMillis,
    access_expires_max: UnixMillis,
    last_refreshed: Option<UnixMillis>,
    salt: String,
    secret_number: u32,
    generation: u32,
    used_index: u32,
    children: u32,
    first_exchanged: Option<UnixMillis>,
    by_service_api: u8,
    use_dynamic_key: u8,
    payload: String,
    device: Option<String>,
    data_seq: u64,
    copy_expires: UnixMillis,
    ended: Option<UnixMillis>,
    ending: Option<Ending>,
    keep_until: Option<UnixMillis>,
}

fn tombstone(
    ended: Option<UnixMillis>,
    ending: Option<Ending>,
    keep_until: Option<UnixMillis>,
) -> Tombstone {
    Tombstone {
        ended: ended.unwrap_or(UnixMillis(0)),
        ending: ending.unwrap_or(Ending::Revoked),
        keep_until: keep_until.unwrap_or(UnixMillis(0)),
    }
}

impl SessionRow {
    fn into_stored(self) -> Result<Stored<SessionRecord>, StoreFault> {
        if self.live == 0 {
            return Ok(Stored::Ended(tombstone(
                self.ended,
                self.ending,
                self.keep_until,
            )));
        }
        let device = self.device.as_deref().map(serde_json::from_str).transpose();
        Ok(Stored::Live(SessionRecord {
            handle: self.handle,
            user_id: self.user_id,
            tenant_id: self.tenant_id,
            created: self.created,
            expiry: self.expiry,
            access_expires_max: self.access_expires_max,
            last_refreshed: self.last_refreshed,
            salt: self.salt,
            secret_number: self.secret_number,
            lineage: Lineage {
                generation: self.generation,
                used_index: self.used_index,
                children: self.children,
                first_exchanged: self.first_exchanged,
            },
            by_service_api: self.by_service_api != 0,
            use_dynamic_key: self.use_dynamic_key != 0,
            payload: self.payload,
            device: device.map_err(|error| StoreFault(format!("stored device facts: {error}")))?,
            data_seq: self.data_seq,
            copy_expires: self.copy_expires,
        }))
    }
}

/// The columns that an update may change, in the order of [`changing_columns`].
fn changing_columns(record: &SessionRecord) -> Result<Vec<JsValue>, StoreFault> {
    let device = record
        .device
        .as_ref()
        .map(serde_json::to_string)
        .transpose();
    let device = device.map_err(|error| StoreFault(format!("device facts: {error}")))?;
    Ok(vec![
        time(record.expiry),
        time(record.access_expires_max),
        optional_time(record.last_refreshed),
        record.lineage.generation.into(),
        record.lineage.used_index.into(),
        record.lineage.children.into(),
        optional_time(record.lineage.first_exchanged),
        u8::from(record.use_dynamic_key).into(),
        record.payload.as_str().into(),
        device.as_deref().map_or(JsValue::NULL, JsValue::from_str),
        number(record.data_seq),
        time(record.copy_expires),
    ])
}

#[derive(Deserialize)]
struct ForeignRow {
    handle: String,
    live: u8,
    keep_until: UnixMillis,
    data_seq: u64,
    copy_expires: UnixMillis,
    ended: Option<UnixMillis>,
    ending: Option<Ending>,
}

#[derive(Deserialize)]
struct TaskRow {
    handle: String,
    action: CopyAction,
    due: UnixMillis,
    attempts: u32,
}

impl From<TaskRow> for CopyTask {
    fn from(row: TaskRow) -> Self {
        Self {
            handle: row.handle,
            action: row.action,
            due: row.due,
            attempts: row.attempts,
        }
    }
}

impl UserStore for SqlUserStore {
    fn session(&self, handle: &str) -> Result<Option<Stored<SessionRecord>>, StoreFault> {
        let row: Option<SessionRow> =
            self.one("SELECT * FROM session WHERE handle = ?", &[handle.into()])?;
        row.map(SessionRow::into_stored).transpose()
    }

    fn insert_session(&self, record: &SessionRecord) -> Result<bool, StoreFault> {
        let mut bindings = vec![
            record.handle.as_str().into(),
            record.user_id.as_str().into(),
            record.tenant_id.as_str().into(),
            time(record.created),
            record.salt.as_str().into(),
            record.secret_number.into(),
            u8::from(record.by_service_api).into(),
        ];
        bindings.append(&mut changing_columns(record)?);
        self.run(
            "INSERT OR IGNORE INTO session (handle, user_id, tenant_id, live, created, salt, secret_number, by_service_api,
               expiry, access_expires_max, last_refreshed, generation, used_index, children, first_exchanged,
               use_dynamic_key, payload, device, data_seq, copy_expires)
             VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &bindings,
        )
    }

    fn update_session(&self, record: &SessionRecord) -> Result<bool, StoreFault> {
        let mut bindings = changing_columns(record)?;
        bindings.push(record.handle.as_str().into());
        bindings.push(record.user_id.as_str().into());
        self.run(
            "UPDATE session SET expiry = ?, access_expires_max = ?, last_refreshed = ?, generation = ?, used_index = ?,
               children = ?, first_exchanged = ?, use_dynamic_key = ?, payload = ?, device = ?, data_seq = ?,
               copy_expires = ?
             WHERE handle = ? AND user_id = ? AND live = 1",
            &bindings,
        )
    }

    fn end_session(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault> {
        let ended = self.run(
            "UPDATE session SET live = 0, payload = '{}', device = NULL, ended = ?, ending = ?, keep_until = ?
             WHERE handle = ? AND live = 1",
            &[
                time(tombstone.ended),
                text_of(&tombstone.ending),
                time(tombstone.keep_until),
                handle.into(),
            ],
        )?;
        self.drop_data(handle)?;
        Ok(ended)
    }

    fn sessions_of(
        &self,
        user_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Vec<SessionSummary>, StoreFault> {
        #[derive(Deserialize)]
        struct Row {
            handle: String,
            created: UnixMillis,
            expiry: UnixMillis,
        }
        let tenant = tenant_id.map_or(JsValue::NULL, JsValue::from_str);
        let rows: Vec<Row> = self.rows(
            "SELECT handle, created, expiry FROM session
             WHERE user_id = ? AND live = 1 AND (? IS NULL OR tenant_id = ?) ORDER BY created, handle",
            &[user_id.into(), tenant.clone(), tenant],
        )?;
        let summaries = rows.into_iter().map(|row| SessionSummary {
            handle: row.handle,
            created: row.created,
            expiry: row.expiry,
        });
        Ok(summaries.collect())
    }

    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.handles(
            "SELECT handle FROM session WHERE live = 1 AND expiry < ? ORDER BY expiry LIMIT ?",
            &[time(now), limit.into()],
        )
    }

    fn foreign(&self, handle: &str) -> Result<Option<Stored<ForeignRecord>>, StoreFault> {
        let row: Option<ForeignRow> = self.one(
            "SELECT * FROM foreign_session WHERE handle = ?",
            &[handle.into()],
        )?;
        Ok(row.map(|row| {
            if row.live == 0 {
                return Stored::Ended(tombstone(row.ended, row.ending, Some(row.keep_until)));
            }
            Stored::Live(ForeignRecord {
                handle: row.handle,
                keep_until: row.keep_until,
                data_seq: row.data_seq,
                copy_expires: row.copy_expires,
            })
        }))
    }

    fn put_foreign(&self, record: &ForeignRecord) -> Result<bool, StoreFault> {
        self.run(
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

    fn end_foreign(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault> {
        self.drop_data(handle)?;
        self.run(
            "INSERT INTO foreign_session (handle, live, keep_until, data_seq, copy_expires, ended, ending)
             VALUES (?, 0, ?, 0, 0, ?, ?)
             ON CONFLICT (handle) DO UPDATE SET live = 0, keep_until = excluded.keep_until, ended = excluded.ended,
               ending = excluded.ending WHERE live = 1",
            &[
                handle.into(),
                time(tombstone.keep_until),
                time(tombstone.ended),
                text_of(&tombstone.ending),
            ],
        )
    }

    fn drop_foreign(&self, handle: &str) -> Result<(), StoreFault> {
        self.run(
            "DELETE FROM foreign_session WHERE handle = ?",
            &[handle.into()],
        )?;
        self.drop_data(handle)
    }

    fn lapsed_foreign(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.handles(
            "SELECT handle FROM foreign_session WHERE live = 1 AND keep_until < ? LIMIT ?",
            &[time(now), limit.into()],
        )
    }

    fn data(&self, handle: &str) -> Result<Option<String>, StoreFault> {
        #[derive(Deserialize)]
        struct Row {
            text: String,
        }
        let parts: Vec<Row> = self.rows(
            "SELECT text FROM session_data WHERE handle = ? ORDER BY part",
            &[handle.into()],
        )?;
        Ok((!parts.is_empty()).then(|| parts.into_iter().map(|row| row.text).collect()))
    }

    fn set_data(&self, handle: &str, text: &str) -> Result<(), StoreFault> {
        self.drop_data(handle)?;
        let mut rest = text;
        let mut part: u32 = 0;
        while !rest.is_empty() {
            let (head, tail) = rest
                .split_at_checked(rest.floor_char_boundary(PART_BYTES))
                .unwrap_or((rest, ""));
            self.run(
                "INSERT INTO session_data VALUES (?, ?, ?)",
                &[handle.into(), part.into(), head.into()],
            )?;
            rest = tail;
            part = part.saturating_add(1);
        }
        Ok(())
    }

    fn queue_copy(&self, task: &CopyTask) -> Result<(), StoreFault> {
        let bindings = [
            task.handle.as_str().into(),
            text_of(&task.action),
            time(task.due),
            task.attempts.into(),
        ];
        self.run(
            "INSERT OR REPLACE INTO outbox (handle, action, due, attempts) VALUES (?, ?, ?, ?)",
            &bindings,
        )
        .map(drop)
    }

    fn copy_task(&self, handle: &str) -> Result<Option<CopyTask>, StoreFault> {
        let row: Option<TaskRow> =
            self.one("SELECT * FROM outbox WHERE handle = ?", &[handle.into()])?;
        Ok(row.map(CopyTask::from))
    }

    fn clear_copy(&self, handle: &str) -> Result<(), StoreFault> {
        self.run("DELETE FROM outbox WHERE handle = ?", &[handle.into()])
            .map(drop)
    }

    fn due_copies(&self, now: UnixMillis, limit: u32) -> Result<Vec<CopyTask>, StoreFault> {
        let rows: Vec<TaskRow> = self.rows(
            "SELECT * FROM outbox WHERE due <= ? ORDER BY due LIMIT ?",
            &[time(now), limit.into()],
        )?;
        Ok(rows.into_iter().map(CopyTask::from).collect())
    }

    fn forget_tombstones(&self, now: UnixMillis) -> Result<(), StoreFault> {
        for table in ["session", "foreign_session"] {
            let forget = format!(
                "DELETE FROM {table} WHERE live = 0 AND keep_until < ? AND handle NOT IN (SELECT handle FROM outbox)"
            );
            self.run(&forget, &[time(now)])?;
        }
        Ok(())
    }

    fn next_due(&self) -> Result<Option<UnixMillis>, StoreFault> {
        #[derive(Deserialize)]
        struct Row {
            due: Option<UnixMillis>,
        }
        let row: Option<Row> = self.one(
            "SELECT MIN(due) AS due FROM (
               SELECT MIN(due) AS due FROM outbox
               UNION ALL SELECT MIN(expiry) + 1 FROM session WHERE live = 1
               UNION ALL SELECT MIN(keep_until) + 1 FROM session
                 WHERE live = 0 AND handle NOT IN (SELECT handle FROM outbox)
               UNION ALL SELECT MIN(keep_until) + 1 FROM foreign_session
                 WHERE live = 1 OR handle NOT IN (SELECT handle FROM outbox))",
            &[],
        )?;
        Ok(row.and_then(|row| row.due))
    }
}
