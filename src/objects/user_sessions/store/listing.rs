//! Lists of a user's sessions, live and ended.

use wasm_bindgen::JsValue;

use super::{
    SqlUserStore,
    columns::{optional_time, session_columns, time},
};
use crate::runtime::sql::Row;
use postern_core::session::{
    listing::{ListedSession, MAX_ENDED},
    model::Device,
    record::{PageOf, SessionRecord, StoreFault, Stored},
};
use postern_jwt::time::UnixMillis;

impl SqlUserStore {
    pub(super) fn live_records(&self, page: &PageOf<'_>) -> Result<Vec<SessionRecord>, StoreFault> {
        let query = concat!(
            "SELECT ",
            session_columns!(),
            " FROM session
             WHERE user_id = ? AND live = 1 AND (? IS NULL OR tenant_id = ?) AND expiry > ? AND created >= ?
               AND (? IS NULL OR (created, handle) < (?, ?))
             ORDER BY created DESC, handle DESC LIMIT ?"
        );
        let tenant = page.tenant_id.map_or(JsValue::NULL, JsValue::from_str);
        let mut bindings = vec![
            page.user_id.into(),
            tenant.clone(),
            tenant,
            time(page.now),
            time(page.not_before),
        ];
        bindings.extend(place(page));
        let rows = self.sql.rows(query, &bindings)?;
        let mut records = Vec::new();
        for row in rows {
            if let Stored::Live(record) = row.read(Row::session)? {
                records.push(record);
            }
        }
        Ok(records)
    }

    pub(super) fn ended_records(
        &self,
        page: &PageOf<'_>,
    ) -> Result<Vec<ListedSession>, StoreFault> {
        let tenant = page.tenant_id.map_or(JsValue::NULL, JsValue::from_str);
        let mut bindings = vec![page.user_id.into(), tenant.clone(), tenant, time(page.now)];
        bindings.extend(place(page));
        let rows = self.sql.rows(
            "SELECT handle, user_id, tenant_id, created, last_refreshed, last_seen, expiry, device, made_by, ended, reason,
               ended_by
             FROM ended_session
             WHERE user_id = ? AND (? IS NULL OR tenant_id = ?) AND forget > ?
               AND (? IS NULL OR (ended, handle) < (?, ?))
             ORDER BY ended DESC, handle DESC LIMIT ?",
            &bindings,
        )?;
        rows.into_iter().map(|row| row.read(Row::ended)).collect()
    }

    pub(super) fn remember(
        &self,
        session: &ListedSession,
        forget: UnixMillis,
    ) -> Result<(), StoreFault> {
        let Some(ended) = &session.ended else {
            return Ok(());
        };
        let text = |text: Option<&str>| text.map_or(JsValue::NULL, JsValue::from_str);
        let device = session.device.as_ref().map(Device::to_json);
        self.change(
            "INSERT OR IGNORE INTO ended_session (handle, user_id, tenant_id, created, last_refreshed, last_seen, expiry,
               device, made_by, ended, reason, ended_by, forget)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                session.handle.as_str().into(),
                session.user_id.as_str().into(),
                session.tenant_id.as_str().into(),
                time(session.created),
                optional_time(session.last_refreshed),
                time(session.last_seen),
                time(session.expiry),
                text(device.as_deref()),
                text(session.made_by.as_deref()),
                time(ended.time),
                ended.reason.as_str().into(),
                text(ended.by.as_deref()),
                time(forget),
            ],
        )
        .map(drop)
    }

    pub(super) fn forget_remembered(&self, now: UnixMillis) -> Result<(), StoreFault> {
        self.change("DELETE FROM ended_session WHERE forget <= ?", &[time(now)])?;
        self.change(
            "DELETE FROM ended_session WHERE handle IN
               (SELECT handle FROM ended_session ORDER BY ended DESC, handle DESC LIMIT -1 OFFSET ?)",
            &[MAX_ENDED.into()],
        )
        .map(drop)
    }

    /// Forgets the ended sessions of one user; `true` when there may be more.
    pub(super) fn forget_remembered_of(
        &self,
        user_id: &str,
        limit: u32,
    ) -> Result<bool, StoreFault> {
        let handles = self.texts(
            "handle",
            "DELETE FROM ended_session WHERE handle IN (SELECT handle FROM ended_session WHERE user_id = ? LIMIT ?)
             RETURNING handle",
            &[user_id.into(), limit.into()],
        )?;
        self.note_change();
        Ok(is_full(&handles, limit))
    }

    /// Takes out of tombstones what says whose they are; `true` when there may be more. What is left refuses tokens.
    pub(super) fn strip(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault> {
        let handles = self.texts(
            "handle",
            "UPDATE session SET user_id = '', tenant_id = '', salt = '', last_refreshed = NULL, last_seen = NULL, made_by = NULL,
               bound_thumbprint = NULL, bound_at = NULL
             WHERE handle IN (SELECT handle FROM session WHERE live = 0 AND user_id = ? AND user_id != '' LIMIT ?)
             RETURNING handle",
            &[user_id.into(), limit.into()],
        )?;
        Ok(is_full(&handles, limit))
    }

    pub(super) fn write_seen(
        &self,
        handle: &str,
        now: UnixMillis,
        since: UnixMillis,
    ) -> Result<(), StoreFault> {
        // Not a `change`: nothing is due for it.
        self.sql
            .run(
                "UPDATE session SET last_seen = ?
                 WHERE handle = ? AND live = 1
                   AND MAX(created, IFNULL(last_refreshed, 0), IFNULL(child_seen, 0), IFNULL(last_seen, 0)) < ?",
                &[time(now), handle.into(), time(since)],
            )
            .map(drop)
    }
}

/// Whether as many rows were met as were asked for.
fn is_full(handles: &[String], limit: u32) -> bool {
    handles.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Where a page begins, and how long it is.
fn place(page: &PageOf<'_>) -> [JsValue; 4] {
    let at = optional_time(page.after.map(|after| after.at));
    let handle = page
        .after
        .map_or(JsValue::NULL, |after| after.handle.as_str().into());
    [at.clone(), at, handle, page.limit.into()]
}
