//! The release after this one, as far as the tests of two releases side by side need it (`tests/releases/`): built with
//! `--cfg postern_next`, it has one more member in every message and every stored record, one more variant of every call, one
//! more step of every table, and the next protocol number. Nothing of it is in the Worker that ships.

use serde_json::{Map, Value, json};

use super::Unread;

/// The member that it adds everywhere.
const MEMBER: &str = "postern_next";
/// Members whose values are not ours.
const RAW: [&str; 3] = ["payload", "session_data", "changes"];

/// Members whose values are a call or an answer by its name.
const VARIANTS: [&str; 2] = ["call", "reply"];

/// Members whose parts stay as they are: what a release has to add stands beside them ([`crate::keys::shared`]).
const CLOSED: [&str; 1] = ["shared"];

/// The text with the member in every object of ours.
pub(crate) fn with_members(text: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    add(&mut value);
    serde_json::to_string(&value).ok()
}

fn add(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                match value {
                    // The name of a call or an answer is the only one there.
                    Value::Object(named) if VARIANTS.contains(&name.as_str()) => {
                        named.values_mut().for_each(add);
                    }
                    Value::Object(closed) if CLOSED.contains(&name.as_str()) => note(closed),
                    value if !RAW.contains(&name.as_str()) => add(value),
                    _ => {}
                }
            }
            note(members);
        }
        Value::Array(values) => values.iter_mut().for_each(add),
        _ => {}
    }
}

fn note(members: &mut Map<String, Value>) {
    members.insert(MEMBER.to_owned(), json!({"n": [1, null], "text": "ü\""}));
}

/// Refuses a message of this release's number that lacks the member.
pub(crate) fn check(protocol: u32, text: &str) -> Result<(), Unread> {
    let has = || text.contains(MEMBER);
    (protocol < super::NEWEST || has())
        .then_some(())
        .ok_or(Unread::Damaged)
}
