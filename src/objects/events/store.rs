//! The outbox of events over SQLite.
//!
//! Its table is no step of an object's tables: it is made with the first event, so that a deployment that has none pays for
//! none, and a release that does not know it passes over it.

use std::fmt::Write;

use data_encoding::BASE64URL_NOPAD;
use js_sys::Date;

use crate::runtime::{
    log, metrics,
    number::number,
    random,
    sql::{Row, Sql},
};
use postern_core::{
    events::{self, Destination, Destinations, Event, EventStore, StoredEvent, Waiting},
    metrics::Point,
    store_fault::StoreFault,
};
use postern_jwt::time::UnixMillis;
use wasm_bindgen::JsValue;

/// `…_due` is NULL when the event does not wait for that destination.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS event (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, time INTEGER NOT NULL, lost INTEGER NOT NULL,
  queue_due INTEGER, queue_attempts INTEGER NOT NULL, webhook_due INTEGER, webhook_attempts INTEGER NOT NULL
);";

/// The outbox in an object's database.
pub(crate) struct SqlEvents<'a>(pub(crate) &'a Sql);

impl SqlEvents<'_> {
    /// Whether there ever was an event in this database, since it was last emptied.
    pub(super) fn exists(&self) -> Result<bool, StoreFault> {
        let table = self.0.one(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'event'",
            &[],
        )?;
        Ok(table.is_some())
    }
}

/// Writes an event down; call it in the transaction of the change.
pub(crate) fn publish(
    sql: &Sql,
    event: &Event,
    to: Destinations,
    now: UnixMillis,
) -> Result<(), StoreFault> {
    let dropped = events::append(&SqlEvents(sql), event, to, now)?;
    let destinations = Destination::ALL.into_iter().filter(|at| to.has(*at));
    for destination in destinations {
        metrics::add(&Point::events(destination.name(), "queued", 1));
        if dropped > 0 {
            metrics::add(&Point::events(destination.name(), "dropped", dropped));
        }
    }
    if dropped > 0 {
        let count = dropped.to_string();
        log::write_with(
            log::Event::EventsDropped,
            &[(log::Member::Count, &count)],
            "the backlog of an object was full",
        );
    }
    Ok(())
}

/// When the alarm has to deliver the next event; `None` = none waits for a destination that there is.
pub(crate) fn next_due(sql: &Sql, to: Destinations) -> Result<Option<UnixMillis>, StoreFault> {
    if !to.any() || !SqlEvents(sql).exists()? {
        return Ok(None);
    }
    let mut due = None;
    for at in Destination::ALL.into_iter().filter(|at| to.has(*at)) {
        let name = at.name();
        let row = sql.one(
            format!(
                "SELECT {name}_due AS due FROM event WHERE {name}_due IS NOT NULL ORDER BY sequence LIMIT 1"
            ),
            &[],
        )?;
        if let Some(row) = row {
            let next = row.read(|row| row.time("due"))?;
            due = Some(due.map_or(next, |due: UnixMillis| due.min(next)));
        }
    }
    Ok(due)
}

fn due(waiting: Option<Waiting>) -> JsValue {
    waiting.map_or(JsValue::NULL, |waiting| number(waiting.due.0))
}

fn attempts(waiting: Option<Waiting>) -> JsValue {
    waiting.map_or(0, |waiting| waiting.attempts).into()
}

fn stored(row: &Row) -> StoredEvent {
    let waiting = |due, attempts| {
        row.optional_time(due).map(|due| Waiting {
            due,
            attempts: row.small(attempts),
        })
    };
    StoredEvent {
        sequence: row.number("sequence"),
        id: row.text("id"),
        body: row.text("body"),
        time: row.time("time"),
        lost: row.number("lost"),
        queue: waiting("queue_due", "queue_attempts"),
        webhook: waiting("webhook_due", "webhook_attempts"),
    }
}

impl EventStore for SqlEvents<'_> {
    fn extent(&self) -> Result<(u64, u64), StoreFault> {
        let query = [
            TABLE,
            " SELECT COUNT(*) AS count, IFNULL(MAX(sequence), 0) AS last FROM event",
        ];
        let row = self.0.one(query.concat(), &[])?;
        let extent = row.map(|row| row.read(|row| (row.number("count"), row.number("last"))));
        Ok(extent.transpose()?.unwrap_or_default())
    }

    fn stamp(&self, time: UnixMillis) -> Result<(String, String), StoreFault> {
        let random = random::random::<16>();
        let random = random.map_err(|_| StoreFault("no randomness".to_owned()))?;
        let id = ["evt_", &BASE64URL_NOPAD.encode(&random)].concat();
        let time = Date::new(&number(time.0)).to_iso_string();
        Ok((id, time.into()))
    }

    fn insert(&self, event: &StoredEvent) -> Result<(), StoreFault> {
        let bindings = [
            number(event.sequence),
            event.id.as_str().into(),
            event.body.as_str().into(),
            number(event.time.0),
            number(event.lost),
            due(event.queue),
            attempts(event.queue),
            due(event.webhook),
            attempts(event.webhook),
        ];
        self.0
            .run(
                "INSERT INTO event (sequence, id, body, time, lost, queue_due, queue_attempts, webhook_due, webhook_attempts)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                &bindings,
            )
            .map(drop)
    }

    fn oldest(&self, to: Option<Destination>, limit: u32) -> Result<Vec<StoredEvent>, StoreFault> {
        let mut query =
            "SELECT sequence, id, body, time, lost, queue_due, queue_attempts, webhook_due, webhook_attempts FROM event"
                .to_owned();
        if let Some(to) = to {
            // A text takes whatever is written to it.
            let _ = write!(query, " WHERE {}_due IS NOT NULL", to.name());
        }
        query.push_str(" ORDER BY sequence LIMIT ?");
        let rows = self.0.rows(query, &[limit.into()])?;
        rows.iter().map(|row| row.read(stored)).collect()
    }

    fn remove(&self, up_to: u64) -> Result<(), StoreFault> {
        self.0
            .run("DELETE FROM event WHERE sequence <= ?", &[number(up_to)])
            .map(drop)
    }

    fn delivered(&self, to: Destination, up_to: u64) -> Result<(), StoreFault> {
        let (name, other) = match to {
            Destination::Queue => (to, Destination::Webhook),
            Destination::Webhook => (to, Destination::Queue),
        };
        let (name, other) = (name.name(), other.name());
        let up_to = [number(up_to)];
        self.0.run(
            format!(
                "UPDATE event SET {name}_due = NULL
                 WHERE sequence <= ? AND {name}_due IS NOT NULL AND {other}_due IS NOT NULL"
            ),
            &up_to,
        )?;
        self.0
            .run(
                format!("DELETE FROM event WHERE sequence <= ? AND {other}_due IS NULL"),
                &up_to,
            )
            .map(drop)
    }

    fn postpone(&self, to: Destination, at: u64, waiting: Waiting) -> Result<(), StoreFault> {
        let name = to.name();
        self.0
            .run(
                format!(
                    "UPDATE event SET {name}_due = ?, {name}_attempts = ? WHERE sequence = ? AND {name}_due IS NOT NULL"
                ),
                &[number(waiting.due.0), waiting.attempts.into(), number(at)],
            )
            .map(drop)
    }
}
