use std::cell::RefCell;

use super::{
    DROPPED_AT_ONCE, Destination, Destinations, EventStore, GUARD, MAX_BACKLOG, Outcome,
    StoredEvent, Waiting, append, deliverable, pause, settled,
};
use crate::{
    events::{Event, EventType, Member, Value},
    store_fault::StoreFault,
};
use postern_jwt::time::{Millis, UnixMillis};

#[derive(Default)]
struct Memory(RefCell<Vec<StoredEvent>>, RefCell<u64>);

impl Memory {
    fn bodies(&self) -> Vec<String> {
        self.0
            .borrow()
            .iter()
            .map(|event| event.body.clone())
            .collect()
    }
}

impl EventStore for Memory {
    fn extent(&self) -> Result<(u64, u64), StoreFault> {
        let events = self.0.borrow();
        let last = events.last().map_or(0, |event| event.sequence);
        Ok((events.len() as u64, last))
    }

    fn stamp(&self, time: UnixMillis) -> Result<(String, String), StoreFault> {
        *self.1.borrow_mut() += 1;
        Ok((format!("id{}", self.1.borrow()), format!("at {}", time.0)))
    }

    fn insert(&self, event: &StoredEvent) -> Result<(), StoreFault> {
        let mut events = self.0.borrow_mut();
        events.push(event.clone());
        events.sort_by_key(|event| event.sequence);
        assert!(
            events
                .windows(2)
                .all(|two| two[0].sequence < two[1].sequence)
        );
        Ok(())
    }

    fn oldest(&self, to: Option<Destination>, limit: u32) -> Result<Vec<StoredEvent>, StoreFault> {
        let events = self.0.borrow();
        let waiting = events
            .iter()
            .filter(|event| to.is_none_or(|to| event.waiting(to).is_some()));
        Ok(waiting.take(limit as usize).cloned().collect())
    }

    fn remove(&self, up_to: u64) -> Result<(), StoreFault> {
        self.0.borrow_mut().retain(|event| event.sequence > up_to);
        Ok(())
    }

    fn delivered(&self, to: Destination, up_to: u64) -> Result<(), StoreFault> {
        let mut events = self.0.borrow_mut();
        for event in events.iter_mut().filter(|event| event.sequence <= up_to) {
            match to {
                Destination::Queue => event.queue = None,
                Destination::Webhook => event.webhook = None,
            }
        }
        events.retain(|event| event.queue.is_some() || event.webhook.is_some());
        Ok(())
    }

    fn postpone(&self, to: Destination, at: u64, waiting: Waiting) -> Result<(), StoreFault> {
        for event in self.0.borrow_mut().iter_mut() {
            if event.sequence == at {
                match to {
                    Destination::Queue => event.queue = Some(waiting),
                    Destination::Webhook => event.webhook = Some(waiting),
                }
            }
        }
        Ok(())
    }
}

const BOTH: Destinations = Destinations {
    queue: true,
    webhook: true,
};
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn event(n: u64) -> Event {
    Event::new(
        EventType::SessionCreated,
        &[(Member::Count, Value::Number(n))],
    )
}

fn numbers(events: &[StoredEvent]) -> Vec<String> {
    let number = |event: &StoredEvent| {
        let (_, rest) = event.body.split_once("\"count\":").unwrap();
        rest.trim_end_matches('}').to_owned()
    };
    events.iter().map(number).collect()
}

#[test]
fn events_are_told_in_order_and_each_destination_has_its_own_place() {
    let store = Memory::default();
    for n in 0..40 {
        assert_eq!(append(&store, &event(n), BOTH, NOW), Ok(0));
    }
    let queue = deliverable(&store, Destination::Queue, NOW).unwrap();
    assert_eq!(
        numbers(&queue),
        (0..25).map(|n| n.to_string()).collect::<Vec<_>>()
    );
    settled(&store, Destination::Queue, &queue, Outcome::Taken, NOW, 0).unwrap();
    let webhook = deliverable(&store, Destination::Webhook, NOW).unwrap();
    assert_eq!(numbers(&webhook), ["0"]);
    settled(
        &store,
        Destination::Webhook,
        &webhook,
        Outcome::Taken,
        NOW,
        0,
    )
    .unwrap();
    assert_eq!(store.bodies().len(), 39);
    assert_eq!(
        numbers(&deliverable(&store, Destination::Webhook, NOW).unwrap()),
        ["1"]
    );
    assert_eq!(
        numbers(&deliverable(&store, Destination::Queue, NOW).unwrap())[0],
        "25"
    );
}

#[test]
fn what_was_refused_holds_up_its_destination_alone_and_is_the_same_when_it_is_told_again() {
    let store = Memory::default();
    for n in 0..3 {
        append(&store, &event(n), BOTH, NOW).unwrap();
    }
    let first = deliverable(&store, Destination::Webhook, NOW).unwrap();
    settled(
        &store,
        Destination::Webhook,
        &first,
        Outcome::Refused,
        NOW,
        u32::MAX,
    )
    .unwrap();
    assert_eq!(
        deliverable(&store, Destination::Webhook, NOW),
        Ok(Vec::new())
    );
    append(&store, &event(3), BOTH, NOW).unwrap();
    assert_eq!(
        deliverable(&store, Destination::Webhook, NOW),
        Ok(Vec::new())
    );
    assert_eq!(
        deliverable(&store, Destination::Queue, NOW).unwrap().len(),
        4
    );
    let due = store.0.borrow()[0].webhook.unwrap().due;
    assert_eq!(
        deliverable(&store, Destination::Webhook, due.minus(Millis(1))),
        Ok(Vec::new())
    );
    assert!(deliverable(&store, Destination::Webhook, due).is_ok_and(|events| !events.is_empty()));
    let later = NOW.plus(Millis(5_000));
    let again = deliverable(&store, Destination::Webhook, later).unwrap();
    assert_eq!(again[0].id, first[0].id);
    assert_eq!(again[0].body, first[0].body);
}

#[test]
fn places_grow_also_when_nothing_is_left_of_what_was_told() {
    let store = Memory::default();
    let mut before = 0;
    for n in 0..50 {
        let now = NOW.plus(Millis(n / 10));
        append(&store, &event(n), BOTH, now).unwrap();
        let last = store.0.borrow().last().unwrap().sequence;
        assert!(last > before || n % 10 != 0);
        if n % 10 == 9 {
            before = last;
            store.0.borrow_mut().clear();
        }
    }
}

#[test]
fn pauses_double_up_to_an_hour_and_are_spread() {
    let whole = |attempts| pause(attempts, false, u32::MAX).0.next_multiple_of(10);
    assert_eq!([1, 2, 3, 4].map(whole), [5_000, 10_000, 20_000, 40_000]);
    assert_eq!(whole(60), 3_600_000);
    assert_eq!(pause(60, false, 0), Millis(1_800_000));
    assert_eq!(pause(1, false, 0), Millis(2_500));
    // Who says that it is gone is asked seldom from the first time on.
    assert_eq!(pause(1, true, 0), Millis(1_800_000));
}

#[test]
fn a_full_backlog_gives_up_its_oldest_events_and_says_how_many() {
    let store = Memory::default();
    let webhook = Destinations {
        queue: false,
        webhook: true,
    };
    for n in 0..MAX_BACKLOG {
        assert_eq!(append(&store, &event(n), webhook, NOW), Ok(0));
    }
    let first = deliverable(&store, Destination::Webhook, NOW).unwrap();
    settled(
        &store,
        Destination::Webhook,
        &first,
        Outcome::Refused,
        NOW,
        0,
    )
    .unwrap();
    assert_eq!(append(&store, &event(1_000), webhook, NOW), Ok(100));
    assert_eq!(store.bodies().len(), 902);
    // The attempt that was under way meanwhile ends well: what it told is not what is there now.
    settled(&store, Destination::Webhook, &first, Outcome::Taken, NOW, 0).unwrap();
    let later = NOW.plus(Millis(3_600_000));
    let marker = deliverable(&store, Destination::Webhook, later).unwrap();
    assert!(
        marker[0].body.contains("\"events.dropped\""),
        "{}",
        marker[0].body
    );
    assert_eq!(numbers(&marker), ["100"]);
    assert_eq!(marker[0].queue, None);
    // It is refused as what it stands for was, not at once again.
    assert_eq!(
        deliverable(&store, Destination::Webhook, NOW),
        Ok(Vec::new())
    );

    // Once more: what was given up before is counted, and told of once.
    for n in 0..98 {
        append(&store, &event(2_000 + n), webhook, NOW).unwrap();
    }
    assert_eq!(
        append(&store, &event(3_000), webhook, NOW),
        Ok(u64::from(DROPPED_AT_ONCE) - 1)
    );
    let marker = deliverable(&store, Destination::Webhook, later).unwrap();
    assert_eq!(numbers(&marker), ["199"]);
    let left = store.oldest(Some(Destination::Webhook), 2).unwrap();
    assert_eq!(numbers(&left[1..]), ["199"]);
    assert!(left[1].body.contains("session.created"));
}

#[test]
fn what_is_told_at_once_is_the_alarms_only_after_a_while() {
    let store = Memory::default();
    append(&store, &event(1), BOTH, NOW).unwrap();
    let queued = &deliverable(&store, Destination::Queue, NOW).unwrap()[0];
    assert_eq!(queued.queue.unwrap().due, NOW.plus(GUARD));
}
