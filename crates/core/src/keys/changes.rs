//! What a change of the ring is published as.

use super::{KeyRing, SigningKey};
use crate::events::{Event, EventType, Member, Value};

/// The events between two states of the ring; `before` is `None` when there was none.
pub fn changes(before: Option<&KeyRing>, after: &KeyRing) -> Vec<Event> {
    let known = |key: &SigningKey| {
        let mut keys = before.iter().flat_map(|ring| ring.keys.iter());
        keys.find(|known| known.kid == key.kid)
    };
    let mut events = Vec::new();
    let moment = after.head.not_before;
    if before.is_some_and(|ring| ring.head.not_before < moment) {
        let moment = [(Member::Moment, Value::Number(moment.0))];
        events.push(Event::new(EventType::SessionsEndedBefore, &moment));
    }
    for key in &after.keys {
        let of_key = [
            (Member::Kid, Value::Text(&key.kid)),
            (Member::Kind, Value::Text(key.kind.name())),
            (Member::SignsFrom, Value::Number(key.signs_from.0)),
        ];
        let known = known(key);
        if known.is_none() {
            events.push(Event::new(EventType::KeyCreated, &of_key));
        }
        if key.withdrawn && known.is_none_or(|known| !known.withdrawn) {
            let named = of_key.get(..2).unwrap_or_default();
            events.push(Event::new(EventType::KeyWithdrawn, named));
        }
    }
    events
}
