//! The storage of a user's object over SQLite. One function per method of [`UserStore`]; every rule lives in the core.

mod columns;
mod copies;
mod data;
mod foreign;
mod listing;
mod revocations;
mod row;
mod schema;
mod tickets;

use std::cell::Cell;

use wasm_bindgen::JsValue;

use self::columns::{changing_columns, device_columns, session_columns, time, told_secret_number};
use crate::{
    objects::events,
    runtime::{
        js::SqlStorage,
        sql::{Row, Sql, Statement},
    },
};
use postern_core::{
    events::{Destinations, Event},
    session::{
        listing::ListedSession,
        model::Device,
        record::{
            CopyTask, ForeignRecord, PageOf, RevocationTask, SessionRecord, SessionSummary,
            StoreFault, Stored, Tombstone, UserStore,
        },
    },
};
use postern_jwt::time::UnixMillis;

/// [`UserStore`] over an object's SQLite database.
pub(crate) struct SqlUserStore {
    sql: Sql,
    events: Destinations,
    has_changed: Cell<bool>,
    has_published: Cell<bool>,
}

impl SqlUserStore {
    /// Events go to these destinations.
    pub(crate) const fn new(sql: SqlStorage, events: Destinations) -> Self {
        Self {
            sql: Sql(sql),
            events,
            has_changed: Cell::new(false),
            has_published: Cell::new(false),
        }
    }

    /// Whether this store has written an event.
    pub(crate) const fn has_published(&self) -> bool {
        self.has_published.get()
    }

    /// Whether something may be due earlier than before, because of what this store has written.
    pub(crate) const fn has_changed(&self) -> bool {
        self.has_changed.get()
    }

    /// Notes that something may be due earlier than before.
    fn note_change(&self) {
        self.has_changed.set(true);
    }

    fn change(
        &self,
        statement: impl Into<Statement>,
        bindings: &[JsValue],
    ) -> Result<bool, StoreFault> {
        self.note_change();
        self.sql.run(statement, bindings)
    }

    /// One text column of every row.
    fn texts(
        &self,
        column: &'static str,
        query: &'static str,
        bindings: &[JsValue],
    ) -> Result<Vec<String>, StoreFault> {
        let rows = self.sql.rows(query, bindings)?;
        rows.into_iter()
            .map(|row| row.read(|row| row.text(column)))
            .collect()
    }
}

impl UserStore for SqlUserStore {
    fn session(&self, handle: &str) -> Result<Option<Stored<SessionRecord>>, StoreFault> {
        let query = concat!(
            "SELECT ",
            session_columns!(),
            " FROM session WHERE handle = ?"
        );
        let row = self.sql.one(query, &[handle.into()])?;
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
        bindings.push(record.secret_number.into());
        bindings.push(record.handle.as_str().into());
        bindings.push(record.user_id.as_str().into());
        // Not a `change`: nothing is due earlier, because a life is only ever made longer.
        self.sql.run(
            "UPDATE session SET expiry = ?, access_expires_max = ?, last_refreshed = ?, generation = ?, used_index = ?,
               children = ?, first_exchanged = ?, last_issued = ?, child_seen = ?, seen_generation = ?, seen_children = ?,
               use_dynamic_key = ?, payload = ?, data_seq = ?,
               copy_expires = ?, bound_key = ?, bound_thumbprint = ?, bound_at = ?, bound_confirmed = ?,
               bound_secret_number = ?, secret_number = ?,
               dpop_secret_number = CASE WHEN dpop_key IS NULL THEN dpop_secret_number ELSE ? END
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
        data::remove(self, handle)?;
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

    fn owner(&self) -> Result<Option<String>, StoreFault> {
        let owner = self.texts(
            "user_id",
            "SELECT user_id FROM session WHERE live = 1 UNION ALL SELECT user_id FROM ended_session LIMIT 1",
            &[],
        )?;
        Ok(owner.into_iter().next())
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
        foreign::find(self, handle)
    }

    fn put_foreign(&self, record: &ForeignRecord) -> Result<bool, StoreFault> {
        foreign::put(self, record)
    }

    fn end_foreign(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault> {
        foreign::end(self, handle, tombstone)
    }

    fn revive_foreign(&self, handle: &str, keep_until: UnixMillis) -> Result<bool, StoreFault> {
        foreign::revive(self, handle, keep_until)
    }

    fn drop_foreign(&self, handle: &str) -> Result<(), StoreFault> {
        foreign::remove(self, handle)
    }

    fn lapsed_foreign(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        foreign::lapsed(self, now, limit)
    }

    fn live_foreign(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, StoreFault> {
        self.texts(
            "handle",
            "SELECT handle FROM foreign_session WHERE live = 1 AND handle > ? ORDER BY handle LIMIT ?",
            &[after.unwrap_or_default().into(), limit.into()],
        )
    }

    fn data(&self, handle: &str) -> Result<Option<String>, StoreFault> {
        data::read(self, handle)
    }

    fn set_data(&self, handle: &str, text: &str) -> Result<(), StoreFault> {
        data::write(self, handle, text)
    }

    fn queue_copy(&self, task: &CopyTask) -> Result<(), StoreFault> {
        copies::queue(self, task)
    }

    fn copy_task(&self, handle: &str) -> Result<Option<CopyTask>, StoreFault> {
        copies::task(self, handle)
    }

    fn clear_copy(&self, handle: &str) -> Result<(), StoreFault> {
        copies::clear(self, handle)
    }

    fn due_copies(&self, now: UnixMillis, limit: u32) -> Result<Vec<CopyTask>, StoreFault> {
        copies::due(self, now, limit)
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
        revocations::queue(self, task)
    }

    fn revocation_task(&self, handle: &str) -> Result<Option<RevocationTask>, StoreFault> {
        revocations::task(self, handle)
    }

    fn clear_revocation(&self, handle: &str) -> Result<(), StoreFault> {
        revocations::clear(self, handle)
    }

    fn live_revocations(&self, now: UnixMillis) -> Result<u64, StoreFault> {
        revocations::count_live(self, now)
    }

    fn due_revocations(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<RevocationTask>, StoreFault> {
        revocations::due(self, now, limit)
    }

    fn hasten_revocations(&self, now: UnixMillis) -> Result<(), StoreFault> {
        revocations::hasten(self, now)
    }

    fn is_ticket_used(&self, handle: &str, id: &str) -> Result<bool, StoreFault> {
        tickets::is_used(self, handle, id)
    }

    fn count_tickets(&self, handle: &str) -> Result<u64, StoreFault> {
        tickets::count(self, handle)
    }

    fn use_ticket(&self, handle: &str, id: &str, expires: UnixMillis) -> Result<(), StoreFault> {
        tickets::note_use(self, handle, id, expires)
    }

    fn forget_tickets(&self, now: UnixMillis) -> Result<(), StoreFault> {
        tickets::forget(self, now)
    }

    fn publishes_events(&self) -> bool {
        self.events.any()
    }

    fn publish(&self, event: &Event, now: UnixMillis) -> Result<(), StoreFault> {
        self.note_change();
        self.has_published.set(true);
        events::publish(&self.sql, event, self.events, now)
    }

    fn forget_tombstones(&self, now: UnixMillis) -> Result<(), StoreFault> {
        for table in ["session", "foreign_session"] {
            let forget = format!(
                "DELETE FROM {table} WHERE live = 0 AND keep_until < ? AND handle NOT IN (SELECT handle FROM outbox)
                   AND handle NOT IN (SELECT handle FROM revocation)"
            );
            self.change(forget, &[time(now)])?;
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
        let due = match row {
            Some(row) => row.read(|row| row.optional_time("due"))?,
            None => None,
        };
        let event = events::next_due(&self.sql, self.events)?;
        Ok(due.into_iter().chain(event).min())
    }
}
