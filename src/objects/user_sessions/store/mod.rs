//! The storage of a user's object over SQLite. One function per method of [`UserStore`]; every rule lives in the core.

mod listing;
mod row;
mod schema;

use std::cell::Cell;

use wasm_bindgen::JsValue;

use crate::runtime::{
    js::SqlStorage,
    number::number,
    sql::{Row, Sql},
};
use postern_core::session::{
    listing::ListedSession,
    model::Device,
    record::{
        CopyTask, ForeignRecord, PageOf, RevocationTask, SessionRecord, SessionSummary, StoreFault,
        Stored, Tombstone, UserStore,
    },
};
use postern_jwt::time::UnixMillis;

/// Session data is kept in parts of at most this many bytes; SQLite caps a value at 2 MB here.
const PART_BYTES: usize = 1_000_000;

/// What [`Row::session`] reads.
const SESSION_COLUMNS: &str = "handle, user_id, tenant_id, live, created, expiry, access_expires_max, last_refreshed, salt,
  secret_number, generation, used_index, children, first_exchanged, last_issued, child_seen, seen_generation, seen_children,
  by_service_api, use_dynamic_key, payload, device, made_by, last_seen, data_seq, copy_expires, ended, ending, keep_until,
  bound_key, bound_thumbprint, bound_at, bound_confirmed, bound_secret_number,
  dpop_key, dpop_secret_number";

/// [`UserStore`] over an object's SQLite database.
pub(crate) struct SqlUserStore {
    sql: Sql,
    has_changed: Cell<bool>,
}

impl SqlUserStore {
    pub(crate) const fn new(sql: SqlStorage) -> Self {
        Self {
            sql: Sql(sql),
            has_changed: Cell::new(false),
        }
    }

    /// Whether something may be due earlier than before, because of what this store has written.
    pub(crate) const fn has_changed(&self) -> bool {
        self.has_changed.get()
    }

    /// Notes that something may be due earlier than before.
    fn note_change(&self) {
        self.has_changed.set(true);
    }

    fn change(&self, query: &str, bindings: &[JsValue]) -> Result<bool, StoreFault> {
        self.note_change();
        self.sql.run(query, bindings)
    }

    /// One text column of every row.
    fn texts(
        &self,
        column: &'static str,
        query: &str,
        bindings: &[JsValue],
    ) -> Result<Vec<String>, StoreFault> {
        let rows = self.sql.rows(query, bindings)?;
        rows.into_iter()
            .map(|row| row.read(|row| row.text(column)))
            .collect()
    }

    fn drop_data(&self, handle: &str) -> Result<(), StoreFault> {
        self.change(
            "DELETE FROM session_data WHERE handle = ?",
            &[handle.into()],
        )
        .map(drop)
    }
}

/// The number of no secret: what a bound session has in place of its own, see the steps to 6 and 7.
const NO_SECRET: u32 = u32::MAX;

/// The columns of a session's device, and the number of its refresh-token secret, as `update_session` names them.
fn device_columns(record: &SessionRecord) -> [JsValue; 6] {
    let Some(binding) = &record.binding else {
        let none = JsValue::NULL;
        let secret_number = told_secret_number(record).into();
        return [
            none.clone(),
            none.clone(),
            none.clone(),
            none.clone(),
            none,
            secret_number,
        ];
    };
    let is_asked_for = binding.is_confirmed;
    [
        binding.key.as_str().into(),
        binding.thumbprint.to_string().into(),
        time(binding.bound),
        u8::from(is_asked_for).into(),
        record.secret_number.into(),
        if is_asked_for {
            NO_SECRET
        } else {
            record.secret_number
        }
        .into(),
    ]
}

/// The number in `secret_number` of a session that is bound to no device.
const fn told_secret_number(record: &SessionRecord) -> u32 {
    match record.dpop_key {
        Some(_) => NO_SECRET,
        None => record.secret_number,
    }
}

fn time(at: UnixMillis) -> JsValue {
    number(at.0)
}

fn optional_time(at: Option<UnixMillis>) -> JsValue {
    at.map_or(JsValue::NULL, time)
}

/// The columns that an update may change, in the order of [`changing_columns`].
fn changing_columns(record: &SessionRecord) -> Vec<JsValue> {
    vec![
        time(record.expiry),
        time(record.access_expires_max),
        optional_time(record.last_refreshed),
        record.lineage.generation.into(),
        record.lineage.used_index.into(),
        record.lineage.children.into(),
        optional_time(record.lineage.first_exchanged),
        optional_time(record.lineage.last_issued),
        optional_time(record.lineage.child_seen),
        record.lineage.generation.into(),
        record.lineage.children.into(),
        u8::from(record.use_dynamic_key).into(),
        record.payload.as_str().into(),
        number(record.data_seq),
        time(record.copy_expires),
    ]
}

impl UserStore for SqlUserStore {
    fn session(&self, handle: &str) -> Result<Option<Stored<SessionRecord>>, StoreFault> {
        let query = format!("SELECT {SESSION_COLUMNS} FROM session WHERE handle = ?");
        let row = self.sql.one(&query, &[handle.into()])?;
        row.map(|row| row.read(Row::session)).transpose()
    }

    fn insert_session(&self, record: &SessionRecord) -> Result<bool, StoreFault> {
        let device = record.device.as_ref().map(Device::to_json);
        let mut bindings = vec![
            record.handle.as_str().into(),
            record.user_id.as_str().into(),
            record.tenant_id.as_str().into(),
            time(record.created),
            record.salt.as_str().into(),
            told_secret_number(record).into(),
            record
                .dpop_key
                .map_or(JsValue::NULL, |key| key.to_string().into()),
            record
                .dpop_key
                .map_or(JsValue::NULL, |_| record.secret_number.into()),
            u8::from(record.by_service_api).into(),
            device.as_deref().map_or(JsValue::NULL, JsValue::from_str),
            record
                .made_by
                .as_deref()
                .map_or(JsValue::NULL, JsValue::from_str),
        ];
        bindings.append(&mut changing_columns(record));
        self.change(
            "INSERT OR IGNORE INTO session (handle, user_id, tenant_id, live, created, salt, secret_number, dpop_key,
               dpop_secret_number, by_service_api,
               device, made_by, expiry, access_expires_max, last_refreshed, generation, used_index, children, first_exchanged,
               last_issued, child_seen, seen_generation, seen_children, use_dynamic_key, payload, data_seq, copy_expires)
             VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &bindings,
        )
    }

    fn update_session(&self, record: &SessionRecord) -> Result<bool, StoreFault> {
        let mut bindings = changing_columns(record);
        bindings.extend(device_columns(record));
        bindings.push(record.handle.as_str().into());
        bindings.push(record.user_id.as_str().into());
        // Not a `change`: nothing is due earlier, because a life is only ever made longer.
        self.sql.run(
            "UPDATE session SET expiry = ?, access_expires_max = ?, last_refreshed = ?, generation = ?, used_index = ?,
               children = ?, first_exchanged = ?, last_issued = ?, child_seen = ?, seen_generation = ?, seen_children = ?,
               use_dynamic_key = ?, payload = ?, data_seq = ?,
               copy_expires = ?, bound_key = ?, bound_thumbprint = ?, bound_at = ?, bound_confirmed = ?,
               bound_secret_number = ?, secret_number = ?
             WHERE handle = ? AND user_id = ? AND live = 1",
            &bindings,
        )
    }

    fn end_session(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault> {
        let ended = self.change(
            "UPDATE session SET live = 0, payload = '{}', device = NULL, bound_key = NULL, ended = ?, ending = ?, keep_until = ?
             WHERE handle = ? AND live = 1",
            &[
                time(tombstone.ended),
                tombstone.ending.name().into(),
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
        let tenant = tenant_id.map_or(JsValue::NULL, JsValue::from_str);
        let rows = self.sql.rows(
            "SELECT handle, created, expiry FROM session
             WHERE user_id = ? AND live = 1 AND (? IS NULL OR tenant_id = ?) ORDER BY created, handle",
            &[user_id.into(), tenant.clone(), tenant],
        )?;
        rows.iter().map(|row| row.read(Row::summary)).collect()
    }

    fn live_page(&self, page: &PageOf<'_>) -> Result<Vec<SessionRecord>, StoreFault> {
        self.live_records(page)
    }

    fn ended_page(&self, page: &PageOf<'_>) -> Result<Vec<ListedSession>, StoreFault> {
        self.ended_records(page)
    }

    fn remember_ended(
        &self,
        session: &ListedSession,
        forget: UnixMillis,
    ) -> Result<(), StoreFault> {
        self.remember(session, forget)
    }

    fn forget_ended(&self, now: UnixMillis) -> Result<(), StoreFault> {
        self.forget_remembered(now)
    }

    fn forget_ended_of(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault> {
        self.forget_remembered_of(user_id, limit)
    }

    fn strip_tombstones_of(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault> {
        self.strip(user_id, limit)
    }

    fn mark_seen(
        &self,
        handle: &str,
        now: UnixMillis,
        since: UnixMillis,
    ) -> Result<(), StoreFault> {
        self.write_seen(handle, now, since)
    }

    fn count_sessions_of(&self, user_id: &str) -> Result<usize, StoreFault> {
        let row = self.sql.one(
            "SELECT COUNT(*) AS count FROM session WHERE user_id = ? AND live = 1",
            &[user_id.into()],
        )?;
        let count = row.map(|row| row.read(|row| row.number("count")));
        let count = count.transpose()?.unwrap_or_default();
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.texts(
            "handle",
            "SELECT handle FROM session WHERE live = 1 AND expiry < ? ORDER BY expiry LIMIT ?",
            &[time(now), limit.into()],
        )
    }

    fn foreign(&self, handle: &str) -> Result<Option<Stored<ForeignRecord>>, StoreFault> {
        let row = self.sql.one(
            "SELECT handle, live, keep_until, data_seq, copy_expires, ended, ending FROM foreign_session WHERE handle = ?",
            &[handle.into()],
        )?;
        row.map(|row| row.read(Row::foreign)).transpose()
    }

    fn put_foreign(&self, record: &ForeignRecord) -> Result<bool, StoreFault> {
        self.change(
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
        self.change(
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

    fn revive_foreign(&self, handle: &str, keep_until: UnixMillis) -> Result<bool, StoreFault> {
        self.change(
            "UPDATE foreign_session SET live = 1, keep_until = ?, data_seq = data_seq + 1, copy_expires = 0
             WHERE handle = ? AND live = 0",
            &[time(keep_until), handle.into()],
        )
    }

    fn drop_foreign(&self, handle: &str) -> Result<(), StoreFault> {
        self.change(
            "DELETE FROM foreign_session WHERE handle = ?",
            &[handle.into()],
        )?;
        self.drop_data(handle)
    }

    fn lapsed_foreign(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.texts(
            "handle",
            "SELECT handle FROM foreign_session WHERE live = 1 AND keep_until < ? LIMIT ?",
            &[time(now), limit.into()],
        )
    }

    fn live_foreign(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.texts(
            "handle",
            "SELECT handle FROM foreign_session WHERE live = 1 AND handle > ? ORDER BY handle LIMIT ?",
            &[after.unwrap_or_default().into(), limit.into()],
        )
    }

    fn data(&self, handle: &str) -> Result<Option<String>, StoreFault> {
        let parts = self.texts(
            "text",
            "SELECT text FROM session_data WHERE handle = ? ORDER BY part",
            &[handle.into()],
        )?;
        Ok((!parts.is_empty()).then(|| parts.concat()))
    }

    fn set_data(&self, handle: &str, text: &str) -> Result<(), StoreFault> {
        self.drop_data(handle)?;
        let mut rest = text;
        let mut part: u32 = 0;
        while !rest.is_empty() {
            let (head, tail) = rest
                .split_at_checked(rest.floor_char_boundary(PART_BYTES))
                .unwrap_or((rest, ""));
            self.change(
                "INSERT INTO session_data (handle, part, text) VALUES (?, ?, ?)",
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
            task.action.name().into(),
            time(task.due),
            task.attempts.into(),
        ];
        self.change(
            "INSERT INTO outbox (handle, action, due, attempts) VALUES (?, ?, ?, ?)
             ON CONFLICT (handle) DO UPDATE SET action = excluded.action, due = excluded.due, attempts = excluded.attempts",
            &bindings,
        )
        .map(drop)
    }

    fn copy_task(&self, handle: &str) -> Result<Option<CopyTask>, StoreFault> {
        let row = self.sql.one(
            "SELECT handle, action, due, attempts FROM outbox WHERE handle = ?",
            &[handle.into()],
        )?;
        row.map(|row| row.read(Row::task)).transpose()
    }

    fn clear_copy(&self, handle: &str) -> Result<(), StoreFault> {
        self.change("DELETE FROM outbox WHERE handle = ?", &[handle.into()])
            .map(drop)
    }

    fn due_copies(&self, now: UnixMillis, limit: u32) -> Result<Vec<CopyTask>, StoreFault> {
        let rows = self.sql.rows(
            "SELECT handle, action, due, attempts FROM outbox WHERE due <= ? ORDER BY due LIMIT ?",
            &[time(now), limit.into()],
        )?;
        rows.iter().map(|row| row.read(Row::task)).collect()
    }

    fn pending_deletes(&self, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.texts(
            "handle",
            "SELECT handle FROM outbox WHERE action = 'delete' ORDER BY due LIMIT ?",
            &[limit.into()],
        )
    }

    fn last_ended_together(
        &self,
        user_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Vec<String>, StoreFault> {
        let tenant = tenant_id.map_or(JsValue::NULL, JsValue::from_str);
        self.texts(
            "handle",
            "WITH together AS (
               SELECT handle, created, ended FROM session
               WHERE live = 0 AND ending = 'revoked_with_all' AND user_id = ? AND (? IS NULL OR tenant_id = ?))
             SELECT handle FROM together WHERE ended = (SELECT MAX(ended) FROM together) ORDER BY created, handle",
            &[user_id.into(), tenant.clone(), tenant],
        )
    }

    fn queue_revocation(&self, task: &RevocationTask) -> Result<(), StoreFault> {
        let bindings = [
            task.handle.as_str().into(),
            time(task.expires),
            time(task.due),
            task.attempts.into(),
            u8::from(task.recorded).into(),
        ];
        self.change(
            "INSERT INTO revocation (handle, expires, due, attempts, recorded) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (handle) DO UPDATE SET expires = excluded.expires, due = excluded.due,
               attempts = excluded.attempts, recorded = excluded.recorded",
            &bindings,
        )
        .map(drop)
    }

    fn revocation_task(&self, handle: &str) -> Result<Option<RevocationTask>, StoreFault> {
        let row = self.sql.one(
            "SELECT handle, expires, due, attempts, recorded FROM revocation WHERE handle = ?",
            &[handle.into()],
        )?;
        row.map(|row| row.read(Row::revocation)).transpose()
    }

    fn clear_revocation(&self, handle: &str) -> Result<(), StoreFault> {
        self.change("DELETE FROM revocation WHERE handle = ?", &[handle.into()])
            .map(drop)
    }

    fn live_revocations(&self, now: UnixMillis) -> Result<u64, StoreFault> {
        let row = self.sql.one(
            "SELECT COUNT(*) AS live FROM revocation WHERE expires > ?",
            &[time(now)],
        )?;
        row.map_or(Ok(0), |row| row.read(|row| row.number("live")))
    }

    fn due_revocations(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<RevocationTask>, StoreFault> {
        let rows = self.sql.rows(
            "SELECT handle, expires, due, attempts, recorded FROM revocation WHERE due <= ? ORDER BY due LIMIT ?",
            &[time(now), limit.into()],
        )?;
        rows.iter().map(|row| row.read(Row::revocation)).collect()
    }

    fn hasten_revocations(&self, now: UnixMillis) -> Result<(), StoreFault> {
        self.change(
            "UPDATE revocation SET due = ? WHERE recorded = 0 AND due > ?",
            &[time(now), time(now)],
        )
        .map(drop)
    }

    fn is_ticket_used(&self, handle: &str, id: &str) -> Result<bool, StoreFault> {
        let row = self.sql.one(
            "SELECT 1 FROM used_ticket WHERE handle = ? AND id = ?",
            &[handle.into(), id.into()],
        )?;
        Ok(row.is_some())
    }

    fn count_tickets(&self, handle: &str) -> Result<u64, StoreFault> {
        let row = self.sql.one(
            "SELECT COUNT(*) AS count FROM used_ticket WHERE handle = ?",
            &[handle.into()],
        )?;
        let count = row.map(|row| row.read(|row| row.number("count")));
        Ok(count.transpose()?.unwrap_or_default())
    }

    fn use_ticket(&self, handle: &str, id: &str, expires: UnixMillis) -> Result<(), StoreFault> {
        // Not a `change`: nothing is due for it.
        self.sql
            .run(
                "INSERT INTO used_ticket (handle, id, expires) VALUES (?, ?, ?)",
                &[handle.into(), id.into(), time(expires)],
            )
            .map(drop)
    }

    fn forget_tickets(&self, now: UnixMillis) -> Result<(), StoreFault> {
        self.sql
            .run("DELETE FROM used_ticket WHERE expires <= ?", &[time(now)])
            .map(drop)
    }

    fn forget_tombstones(&self, now: UnixMillis) -> Result<(), StoreFault> {
        for table in ["session", "foreign_session"] {
            let forget = format!(
                "DELETE FROM {table} WHERE live = 0 AND keep_until < ? AND handle NOT IN (SELECT handle FROM outbox)
                   AND handle NOT IN (SELECT handle FROM revocation)"
            );
            self.change(&forget, &[time(now)])?;
        }
        Ok(())
    }

    fn next_due(&self) -> Result<Option<UnixMillis>, StoreFault> {
        // Nested: the platform's SQLite takes five terms in a compound SELECT, and no more.
        let row = self.sql.one(
            "SELECT MIN(due) AS due FROM (
               SELECT MIN(due) AS due FROM (
                 SELECT MIN(due) AS due FROM outbox
                 UNION ALL SELECT MIN(due) FROM revocation
                 UNION ALL SELECT MIN(forget) FROM ended_session)
               UNION ALL SELECT MIN(expiry) + 1 FROM session WHERE live = 1
               UNION ALL SELECT MIN(keep_until) + 1 FROM session
                 WHERE live = 0 AND handle NOT IN (SELECT handle FROM outbox)
                   AND handle NOT IN (SELECT handle FROM revocation)
               UNION ALL SELECT MIN(keep_until) + 1 FROM foreign_session
                 WHERE live = 1 OR (handle NOT IN (SELECT handle FROM outbox)
                   AND handle NOT IN (SELECT handle FROM revocation)))",
            &[],
        )?;
        Ok(match row {
            Some(row) => row.read(|row| row.optional_time("due"))?,
            None => None,
        })
    }
}
