//! The outbox of events: written with the change, delivered in order, tried again until they are taken.
//!
//! Each destination has its own place in the line, and one that does not answer holds up none but itself. An event that was
//! taken by every destination that it was written for is gone from storage.

use super::{Event, EventType, Member, Value};
use crate::store_fault::StoreFault;
use postern_jwt::time::{Millis, UnixMillis};

/// How many events wait in one object at most.
pub const MAX_BACKLOG: u64 = 1_000;
/// How many of the oldest are given up at once when one more would not fit: a tenth, so that the next ones fit.
const DROPPED_AT_ONCE: u32 = 100;
/// How many events one message to the queue's platform holds: far below its limits of 100 and of 256 KB.
pub const QUEUE_BATCH: u32 = 25;
/// What is sent right after its change is sent by then, or its instance is gone and the alarm takes over.
pub const GUARD: Millis = Millis(10_000);
/// The pause after the first failure; it doubles with each one that follows.
const FIRST_PAUSE: Millis = Millis(5_000);
/// The longest pause.
const LONGEST_PAUSE: Millis = Millis(3_600_000);

/// Where events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The queue behind the binding `EVENTS`.
    Queue,
    /// The webhook at `EVENTS_WEBHOOK_URL`.
    Webhook,
}

impl Destination {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Queue, Self::Webhook];

    /// The name in logs and metrics, and in the columns of storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Webhook => "webhook",
        }
    }

    /// How many events one attempt sends.
    const fn batch(self) -> u32 {
        match self {
            Self::Queue => QUEUE_BATCH,
            Self::Webhook => 1,
        }
    }
}

/// Which destinations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destinations {
    /// There is a queue.
    pub queue: bool,
    /// There is a webhook.
    pub webhook: bool,
}

impl Destinations {
    /// Whether there is one at all.
    pub const fn any(self) -> bool {
        self.queue || self.webhook
    }

    /// Whether this is one.
    pub const fn has(self, to: Destination) -> bool {
        match to {
            Destination::Queue => self.queue,
            Destination::Webhook => self.webhook,
        }
    }
}

/// An event that waits for a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When the alarm takes it on, or tries again.
    pub due: UnixMillis,
    /// How often it was refused.
    pub attempts: u32,
}

/// An event in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the line, which grows: also over the time in which nothing waits.
    pub sequence: u64,
    /// Unique, and the same at every attempt.
    pub id: String,
    /// What is sent.
    pub body: String,
    /// When it happened.
    pub time: UnixMillis,
    /// How many events it stands for that were given up; 0 = it is none of the kind.
    pub lost: u64,
    /// Whether it waits for the queue.
    pub queue: Option<Waiting>,
    /// Whether it waits for the webhook.
    pub webhook: Option<Waiting>,
}

impl StoredEvent {
    const fn waiting(&self, to: Destination) -> Option<Waiting> {
        match to {
            Destination::Queue => self.queue,
            Destination::Webhook => self.webhook,
        }
    }
}

/// Storage of an outbox. Every call happens inside one transaction that the shell opens.
pub trait EventStore {
    /// How many events there are, and the last one's place; 0 = none. Makes what an outbox is stored in.
    fn extent(&self) -> Result<(u64, u64), StoreFault>;
    /// A new id, and a time as RFC 3339 has it.
    fn stamp(&self, time: UnixMillis) -> Result<(String, String), StoreFault>;
    /// Stores an event.
    fn insert(&self, event: &StoredEvent) -> Result<(), StoreFault>;
    /// At most `limit` events, the oldest first; those that wait for a destination, or all.
    fn oldest(&self, to: Option<Destination>, limit: u32) -> Result<Vec<StoredEvent>, StoreFault>;
    /// Removes the events up to this place.
    fn remove(&self, up_to: u64) -> Result<(), StoreFault>;
    /// Notes that the events up to this place wait for a destination no more, and removes those that wait for none.
    fn delivered(&self, to: Destination, up_to: u64) -> Result<(), StoreFault>;
    /// Notes that the event at this place is refused by a destination.
    fn postpone(&self, to: Destination, at: u64, waiting: Waiting) -> Result<(), StoreFault>;
}

/// Writes an event behind all others. Gives how many had to be given up for it.
pub fn append<S: EventStore>(
    store: &S,
    event: &Event,
    to: Destinations,
    now: UnixMillis,
) -> Result<u64, StoreFault> {
    let (count, last) = store.extent()?;
    let dropped = if count >= MAX_BACKLOG {
        make_room(store, now)?
    } else {
        0
    };
    // By the clock, so that places grow though nothing is left of the events before; a thousand of them in a millisecond.
    let sequence = last.saturating_add(1).max(now.0.saturating_mul(1_000));
    let waiting = Waiting {
        due: now.plus(GUARD),
        attempts: 0,
    };
    insert(
        store,
        event,
        &StoredEvent {
            sequence,
            id: String::new(),
            body: String::new(),
            time: now,
            lost: 0,
            queue: to.queue.then_some(waiting),
            webhook: to.webhook.then_some(waiting),
        },
    )?;
    Ok(dropped)
}

fn insert<S: EventStore>(store: &S, event: &Event, at: &StoredEvent) -> Result<(), StoreFault> {
    let (id, time) = store.stamp(at.time)?;
    store.insert(&StoredEvent {
        body: event.body(&id, at.sequence, &time),
        id,
        ..at.clone()
    })
}

/// Gives up the oldest events, and leaves one in their place that says how many.
fn make_room<S: EventStore>(store: &S, now: UnixMillis) -> Result<u64, StoreFault> {
    let oldest = store.oldest(None, DROPPED_AT_ONCE)?;
    let Some(last) = oldest.last() else {
        return Ok(0);
    };
    let stands_for = |event: &StoredEvent| event.lost.max(1);
    let all: u64 = oldest.iter().map(stands_for).sum();
    let known: u64 = oldest.iter().map(|event| event.lost).sum();
    // It waits as the first of them did: to be refused is no reason to be asked sooner.
    let waits = |to| oldest.iter().find_map(|event| event.waiting(to));
    let marker = StoredEvent {
        sequence: last.sequence,
        id: String::new(),
        body: String::new(),
        time: now,
        lost: all,
        queue: waits(Destination::Queue),
        webhook: waits(Destination::Webhook),
    };
    store.remove(last.sequence)?;
    let count = [(Member::Count, Value::Number(all))];
    insert(
        store,
        &Event::new(EventType::EventsDropped, &count),
        &marker,
    )?;
    Ok(all.saturating_sub(known))
}

/// What is to be sent to a destination now, in order: what it has not refused yet, or is to be asked about again.
pub fn deliverable<S: EventStore>(
    store: &S,
    to: Destination,
    now: UnixMillis,
) -> Result<Vec<StoredEvent>, StoreFault> {
    let waiting = store.oldest(Some(to), to.batch())?;
    let is_ready = waiting
        .first()
        .and_then(|first| first.waiting(to))
        .is_some_and(|first| first.attempts == 0 || first.due <= now);
    Ok(if is_ready { waiting } else { Vec::new() })
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was taken.
    Taken,
    /// Nothing of it is known to be taken.
    Refused,
    /// The destination says that it will take nothing any more.
    Gone,
}

/// Notes what came of an attempt. `random` spreads the next ones.
pub fn settled<S: EventStore>(
    store: &S,
    to: Destination,
    sent: &[StoredEvent],
    outcome: Outcome,
    now: UnixMillis,
    random: u32,
) -> Result<(), StoreFault> {
    let (Some(first), Some(last)) = (sent.first(), sent.last()) else {
        return Ok(());
    };
    if outcome == Outcome::Taken {
        return store.delivered(to, last.sequence);
    }
    let attempts = first
        .waiting(to)
        .map_or(0, |waiting| waiting.attempts)
        .saturating_add(1);
    let longest = outcome == Outcome::Gone;
    let due = now.plus(pause(attempts, longest, random));
    store.postpone(to, first.sequence, Waiting { due, attempts })
}

/// How long to wait after so many failures in a row: between half of it and all of it.
fn pause(attempts: u32, longest: bool, random: u32) -> Millis {
    let doubled = FIRST_PAUSE
        .0
        .saturating_mul(1_u64 << attempts.saturating_sub(1).min(20));
    let whole = if longest {
        LONGEST_PAUSE.0
    } else {
        doubled.min(LONGEST_PAUSE.0)
    };
    let half = whole.div_euclid(2);
    let share = half.saturating_mul(u64::from(random)) >> 32;
    Millis(half.saturating_add(share))
}

#[cfg(test)]
mod tests;
