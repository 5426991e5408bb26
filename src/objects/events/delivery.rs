//! Telling what waits in an object's outbox: to the queue in batches, to the webhook one by one, in order.

use std::cell::Cell;

use js_sys::{Array, JSON};
use wasm_bindgen::JsValue;

use super::{SqlEvents, destinations, queue};
use crate::runtime::{
    clock,
    durable::{Durable, fault},
    http::fetch,
    js, log, metrics,
    number::message_of,
    promise, random, settings,
    sql::Sql,
};
use postern_core::{
    events::{self, Destination, Outcome, StoredEvent, webhook},
    metrics::Point,
    store_fault::StoreFault,
};
use postern_jwt::time::{Millis, UnixMillis};

/// How long one attempt may take.
const TIMEOUT: Millis = Millis(10_000);
/// How long events are sent in one go; the alarm goes on with what is left.
const BUDGET: Millis = Millis(30_000);
/// An attempt that has not come to its end by then never will: another may begin.
const LOST_AFTER: Millis = Millis(60_000);

/// The delivery of one object's events: one attempt at a time, or they would not arrive in order.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// Until when an attempt is under way.
    busy_until: Cell<UnixMillis>,
}

impl Delivery {
    /// Whether events are being sent right now.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy_until.get() > clock::now()
    }

    /// Tells what waits until nothing is left, a destination takes no more, or the time is over. `false` when somebody else
    /// is at it, who delivers this, too.
    pub(crate) async fn deliver(&self, durable: &Durable) -> Result<bool, StoreFault> {
        if self.is_busy() {
            return Ok(false);
        }
        let outcome = self.deliver_all(durable).await;
        self.busy_until.set(UnixMillis(0));
        outcome.map(|()| true)
    }

    async fn deliver_all(&self, durable: &Durable) -> Result<(), StoreFault> {
        let begun = clock::now();
        let to = destinations(&durable.env);
        let sql = sql_of(durable)?;
        if !to.any() || !SqlEvents(&sql).exists()? {
            return Ok(());
        }
        loop {
            let mut goes_on = false;
            for destination in Destination::ALL.into_iter().filter(|at| to.has(*at)) {
                self.busy_until.set(clock::now().plus(LOST_AFTER));
                goes_on |= attempt(durable, &sql, destination).await?;
            }
            if !goes_on || clock::now() > begun.plus(BUDGET) {
                return Ok(());
            }
        }
    }
}

fn sql_of(durable: &Durable) -> Result<Sql, StoreFault> {
    let sql = durable.storage()?.sql();
    Ok(Sql(sql.map_err(|error| fault(&error))?))
}

/// One attempt. `true` when it sent something.
async fn attempt(durable: &Durable, sql: &Sql, to: Destination) -> Result<bool, StoreFault> {
    let sent = events::deliverable(&SqlEvents(sql), to, clock::now())?;
    let Some(first) = sent.first() else {
        return Ok(false);
    };
    let outcome = match to {
        Destination::Queue => send(durable, &sent).await,
        Destination::Webhook => post(durable, first).await,
    };
    let now = clock::now();
    let count = u64::try_from(sent.len()).unwrap_or(u64::MAX);
    let (outcome, named) = match outcome {
        Ok(()) => (Outcome::Taken, "delivered"),
        Err((outcome, why)) => {
            log::write_at_times(log::Event::EventDelivery, &why, now);
            (outcome, "failed")
        }
    };
    metrics::add(&Point::events(to.name(), named, count));
    if outcome == Outcome::Taken {
        for event in &sent {
            metrics::add(&Point::event_delay(to.name(), now.since(event.time)));
        }
    }
    let random = random::random::<4>().map_or(0, u32::from_be_bytes);
    durable.transaction(|| events::settled(&SqlEvents(sql), to, &sent, outcome, now, random))?;
    Ok(outcome == Outcome::Taken)
}

/// Why an attempt came to nothing, and what is said of it.
type Refused = (Outcome, String);

async fn send(durable: &Durable, sent: &[StoredEvent]) -> Result<(), Refused> {
    let refused = |why: &str| (Outcome::Refused, format!("the queue took nothing: {why}"));
    let messages = Array::new();
    for event in sent {
        let body = JSON::parse(&event.body).map_err(|_| refused("a body that is not JSON"))?;
        let message = js::object(&[("body", body), ("contentType", JsValue::from_str("json"))]);
        let message = message.ok_or_else(|| refused("a message that cannot be made"))?;
        messages.push(message.as_ref());
    }
    let queue = queue(&durable.env).ok_or_else(|| refused("there is none"))?;
    match promise::within(queue.send_batch(&messages), TIMEOUT).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(refused(&message_of(&error))),
        None => Err(refused("no answer in time")),
    }
}

async fn post(durable: &Durable, event: &StoredEvent) -> Result<(), Refused> {
    let refused = |why: &str| (Outcome::Refused, format!("the webhook {why}"));
    let settings = settings::current(&durable.env);
    let settings = settings.map_err(|settings::Misconfigured| refused("has no settings"))?;
    let url = settings.events_webhook_url.as_deref();
    let url = url.ok_or_else(|| refused("has no address"))?;
    let seconds = clock::now().as_seconds();
    let secrets = &settings.events_webhook_secrets;
    let signatures = webhook::signatures(secrets, &event.id, seconds, &event.body);
    let headers = [
        ("content-type", "application/json"),
        (webhook::ID, &event.id),
        (webhook::TIMESTAMP, &seconds.to_string()),
        (webhook::SIGNATURE, &signatures),
    ];
    match fetch::post(url, &event.body, &headers, TIMEOUT).await {
        Ok(200..=299) => Ok(()),
        Ok(410) => Err((Outcome::Gone, "the webhook answered 410".to_owned())),
        Ok(status) => Err(refused(&format!("answered {status}"))),
        Err(_) => Err(refused("is out of reach, or gave no answer in time")),
    }
}
