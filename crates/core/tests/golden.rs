//! The messages of every protocol number, as files that are read for ever: `crates/core/tests/golden/NUMBER/KIND.CALL.WHAT.json`.
//!
//! For each call and each answer there is one with every member (`full`), one without any that may be absent (`least`), and
//! more where a member has several names to choose from. An isolate or an object of another release sends exactly these.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs
)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use postern_core::{
    key_sets::call::{KeeperCall, KeeperReply},
    keys::RingCopy,
    message::{Answered, Asked, Message, NEWEST, OLDEST, decode, encode, variants},
    relay::call::{RelayCall, RelayReply},
    revocation::call::{AuthorityCall, AuthorityReply},
    session::call::{UserRequest, UserResponse},
    tokens::logout::call::{SignalCall, SignalReply},
};
use serde_json::Value;

/// What is wrong with a golden file, when its text is one of `kind`.
type Check = fn(&str) -> Result<String, String>;

/// The names of the calls or answers of a kind.
type Names = fn() -> &'static [&'static str];

const KINDS: &[(&str, Check, Names)] = &[
    ("user-call", again::<UserRequest>, names::<UserRequest>),
    ("user-reply", again::<UserResponse>, names::<UserResponse>),
    (
        "authority-call",
        again::<Asked<AuthorityCall>>,
        names::<Asked<AuthorityCall>>,
    ),
    ("ring-copy", again_ring_copy, || &["copy"]),
    (
        "signal-call",
        again::<Asked<SignalCall>>,
        names::<Asked<SignalCall>>,
    ),
    (
        "signal-reply",
        again::<Answered<SignalReply>>,
        names::<Answered<SignalReply>>,
    ),
    (
        "keeper-call",
        again::<Asked<KeeperCall>>,
        names::<Asked<KeeperCall>>,
    ),
    (
        "keeper-reply",
        again::<Answered<KeeperReply>>,
        names::<Answered<KeeperReply>>,
    ),
    (
        "relay-call",
        again::<Asked<RelayCall>>,
        names::<Asked<RelayCall>>,
    ),
    (
        "relay-reply",
        again::<Answered<RelayReply>>,
        names::<Answered<RelayReply>>,
    ),
    (
        "authority-reply",
        again::<Answered<AuthorityReply>>,
        names::<Answered<AuthorityReply>>,
    ),
];

const CHANGED: &str = "Another release sends this message. A new member needs `#[serde(default)]` or an `Option`, and its absence must mean \
     what it meant before; a member or a call that is here must keep its name and its type: add another one in its place \
     (crates/core/src/message/mod.rs)";

fn again<M: Message>(text: &str) -> Result<String, String> {
    let message: M = decode(text).map_err(|why| format!("cannot be read ({why:?}). {CHANGED}"))?;
    encode(&message).ok_or_else(|| "cannot be written again".to_owned())
}

fn again_ring_copy(text: &str) -> Result<String, String> {
    RingCopy::from_json(text)
        .and_then(|copy| copy.to_json())
        .map_err(|_| format!("cannot be read. {CHANGED}"))
}

fn names<M: Message>() -> &'static [&'static str] {
    variants::<M::Content>()
}

struct Golden {
    number: u32,
    /// `KIND.CALL.WHAT`
    name: String,
    text: String,
}

impl Golden {
    fn part(&self, at: usize) -> &str {
        self.name.split('.').nth(at).unwrap()
    }
}

fn golden_files() -> Vec<Golden> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    (OLDEST..=NEWEST)
        .flat_map(|number| {
            let directory = root.join(number.to_string());
            let files = fs::read_dir(&directory).unwrap_or_else(|_| {
                panic!(
                    "{} is missing: protocol number {number} has no golden files",
                    directory.display()
                )
            });
            files
                .map(|file| {
                    let path = file.unwrap().path();
                    Golden {
                        number,
                        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
                        text: fs::read_to_string(&path).unwrap().trim_end().to_owned(),
                    }
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn check_of(golden: &Golden) -> Check {
    let (_, check, _) = KINDS
        .iter()
        .find(|(kind, ..)| *kind == golden.part(0))
        .unwrap_or_else(|| panic!("{}: no such kind of message", golden.name));
    *check
}

/// Whether everything in `old` is in `new`, with the same value.
fn keeps(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => old
            .iter()
            .all(|(name, value)| new.get(name).is_some_and(|new| keeps(value, new))),
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| keeps(old, new))
        }
        _ => old == new,
    }
}

/// The places of all members, payloads and session data left out: these are not ours.
fn members(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let place = format!("{place}/{name}");
                if !["payload", "session_data", "changes"].contains(&name.as_str()) {
                    members(value, &place, found);
                }
                found.insert(place);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| members(value, place, found)),
        _ => {}
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_golden_message_is_read_and_nothing_in_it_is_lost() {
    for golden in golden_files() {
        let Golden { number, name, text } = &golden;
        let written = check_of(&golden)(text).unwrap_or_else(|fault| {
            panic!("crates/core/tests/golden/{number}/{name}.json {fault}")
        });
        assert!(
            keeps(&parsed(text), &parsed(&written)),
            "crates/core/tests/golden/{number}/{name}.json is read, and something in it is lost or changed: a member was renamed, taken \
             away or given another meaning. Releases that are out there send and expect it as it was: add another member in \
             its place (crates/core/src/message/mod.rs). Written again: {written}"
        );
    }
}

#[test]
fn every_call_and_every_answer_has_its_golden_messages() {
    let files = golden_files();
    for (kind, _, names) in KINDS {
        for call in names() {
            for what in ["full", "least"] {
                let wanted = format!("{kind}.{call}.{what}");
                assert!(
                    files.iter().any(|golden| golden.name == wanted),
                    "`{call}` is new: no older release knows it. Raise NEWEST in crates/core/src/message/mod.rs, see to it that nothing is \
                     sent to a release that does not know it without another way, and add crates/core/tests/golden/{NEWEST}/{wanted}.json"
                );
            }
        }
    }
}

#[test]
fn every_member_stands_in_a_golden_message() {
    let files = golden_files();
    for golden in files.iter().filter(|golden| golden.part(2) == "full") {
        let mut known = BTreeSet::new();
        for other in &files {
            if (other.part(0), other.part(1)) == (golden.part(0), golden.part(1)) {
                members(&parsed(&other.text), "", &mut known);
            }
        }
        let written = check_of(golden)(&golden.text).unwrap();
        let mut there = BTreeSet::new();
        members(&parsed(&written), "", &mut there);
        let new: Vec<_> = there.difference(&known).collect();
        let (kind, call) = (golden.part(0), golden.part(1));
        assert!(
            new.is_empty(),
            "{kind} `{call}` has new members: {new:?}. The files that are there stay as they are, for ever; add \
             crates/core/tests/golden/{NEWEST}/{kind}.{call}.more.json (or more2, …), a whole message with the new members set"
        );
    }
}
