//! The reader beside `serde_json`'s own, by which older releases read.

use std::collections::BTreeMap;

use proptest::{
    collection::{btree_map, vec},
    prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest},
    sample::Index,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Unread, read};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    text: String,
    count: u64,
    small: u32,
    is_so: bool,
    maybe: Option<String>,
    #[serde(default)]
    list: Vec<Choice>,
    map: BTreeMap<String, Option<u32>>,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Nothing,
    Empty {},
    Named { number: u32 },
    Holds(Held),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Held(u64);

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Nothing),
        Just(Choice::Empty {}),
        any::<u32>().prop_map(|number| Choice::Named { number }),
        any::<u64>().prop_map(|held| Choice::Holds(Held(held))),
    ]
}

/// Parts to put into a text, or over a part of it.
const PARTS: [&str; 13] = [
    "", "null", "{}", "0", "-1", "1.5", "1e3", "\"\"", "\"a\":", ",", "}", "\\", "\\ud800",
];

proptest! {
    #[test]
    fn whatever_is_written_is_read_by_both(
        text: String,
        numbers: (u64, u32),
        is_so: bool,
        maybe: Option<String>,
        list in vec(choice(), 0..4),
        map in btree_map(any::<String>(), any::<Option<u32>>(), 0..4),
        edits in vec((any::<Index>(), 0..9_usize, any::<Index>()), 0..3),
    ) {
        let (count, small) = numbers;
        let more = serde_json::json!({"new": [1, -2, 1.5, null, true, {"a": "\u{0}\"ü"}]});
        let more = serde_json::from_value(more).unwrap();
        let written = Everything { text, count, small, is_so, maybe, list, map, more };
        let mut text = serde_json::to_string(&written).unwrap();
        prop_assert_eq!(&read(&text), &Ok(written));
        for (at, length, part) in edits {
            let at = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary(at.saturating_add(length).min(text.len()));
            text.replace_range(at..end, part.get::<&str>(&PARTS));
        }
        let theirs: Option<Everything> = serde_json::from_str(&text).ok();
        prop_assert_eq!(read(&text).ok(), theirs, "{}", text);
    }
}

#[test]
fn an_object_is_an_object() {
    assert_eq!(
        serde_json::from_str(r#"{"named":[1]}"#).ok(),
        Some(Choice::Named { number: 1 })
    );
    assert_eq!(read::<Choice>(r#"{"named":[1]}"#), Err(Unread::Damaged));
    for text in [
        "[]",
        "{}",
        "7",
        "null",
        r#"{"nothing":{}}"#,
        r#"{"empty":{},"nothing":null}"#,
    ] {
        assert_eq!(read::<Choice>(text), Err(Unread::Damaged), "{text}");
    }
    assert_eq!(read(r#" { "empty" : { } } "#), Ok(Choice::Empty {}));
}

#[test]
fn what_is_nested_without_end_is_damage() {
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        read::<BTreeMap<String, Value>>(&format!(r#"{{"kept":{open}{close}}}"#))
    };
    assert!(deep(100).is_ok());
    assert_eq!(deep(100_000), Err(Unread::Damaged));
}
