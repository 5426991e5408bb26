//! What is read, what is refused, and as what.

use serde::{Deserialize, Serialize};

use super::{Answered, Asked, NEWEST, OLDEST, Unread, agreed, decode, encode, raw, variants};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    Look {},
    Put {
        name: String,
        count: u32,
        #[serde(default)]
        again: bool,
        #[serde(with = "raw")]
        payload: String,
        #[serde(default, with = "raw::optional")]
        more: Option<String>,
    },
}

fn read(text: &str) -> Result<Call, Unread> {
    decode::<Asked<Call>>(text).map(|asked| asked.call)
}

fn put(payload: &str, more: Option<&str>) -> Call {
    Call::Put {
        name: "ü\"\n".to_owned(),
        count: u32::MAX,
        again: true,
        payload: payload.to_owned(),
        more: more.map(str::to_owned),
    }
}

#[test]
fn what_was_written_is_read_and_texts_cross_as_they_are() {
    for payload in ["{}", r#"{"b":1e999,"a":"\u00fc\/","n":1.0}"#] {
        for more in [None, Some("[1, 2]")] {
            let call = put(payload, more);
            let text = encode(&Asked {
                protocol: NEWEST,
                call: &call,
            })
            .unwrap();
            assert!(text.contains(&format!("\"payload\":{payload}")), "{text}");
            assert_eq!(read(&text), Ok(call));
        }
    }
}

#[test]
fn a_payload_that_is_not_json_makes_no_message() {
    for payload in ["", "{", "{}{}", "nul"] {
        assert_eq!(encode(&put(payload, None)), None, "{payload}");
    }
}

#[test]
fn unknown_members_are_passed_over_and_absent_ones_have_their_default() {
    let text = r#"{"new":[{}],"protocol":1,"call":{"put":{"x":{"y":[]},"payload":{},"count":2,"name":"a"}}}"#;
    let Ok(Call::Put { again, more, .. }) = read(text) else {
        panic!("not read");
    };
    assert_eq!((again, more), (false, None));
    assert_eq!(
        read(r#"{"protocol":1,"call":{"look":{"new":1}}}"#),
        Ok(Call::Look {})
    );
}

#[test]
fn a_member_that_is_missing_or_out_of_range_is_damage() {
    let with = |name: &str, value: &str| {
        let members = [
            ("name", "\"a\""),
            ("count", "1"),
            ("again", "true"),
            ("payload", "{}"),
        ];
        let members: Vec<String> = members
            .iter()
            .map(|(known, usual)| {
                format!("\"{known}\":{}", if *known == name { value } else { usual })
            })
            .collect();
        format!(
            r#"{{"protocol":1,"call":{{"put":{{{}}}}}}}"#,
            members.join(",")
        )
    };
    assert!(read(&with("", "")).is_ok());
    for (name, value) in [
        ("count", "4294967296"),
        ("count", "-1"),
        ("count", "1.5"),
        ("count", "\"1\""),
        ("count", "null"),
        ("again", "1"),
        ("again", "\"true\""),
        ("again", "null"),
        ("name", "1"),
        ("payload", "{"),
    ] {
        assert_eq!(
            read(&with(name, value)),
            Err(Unread::Damaged),
            "{name}: {value}"
        );
    }
    for text in [
        "",
        "{}",
        "[]",
        "7",
        r#"{"protocol":1}"#,
        r#"{"call":{"look":{}}}"#,
        r#"{"protocol":-1,"call":{"look":{}}}"#,
        r#"{"protocol":1,"call":{"put":{}}}"#,
        r#"{"protocol":1,"call":{"look":{},"put":{}}}"#,
        r#"{"protocol":1,"protocol":1,"call":{"look":{}}}"#,
        r#"{"protocol":1,"call":{"look":{}}}{}"#,
    ] {
        assert_eq!(read(text), Err(Unread::Damaged), "{text}");
    }
}

#[test]
fn a_part_of_a_message_is_never_read() {
    let text = encode(&Asked {
        protocol: NEWEST,
        call: put("{}", None),
    })
    .unwrap();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(read(&text[..end]).is_err(), "{end} of {text}");
    }
}

#[test]
fn what_another_release_says_is_unsupported_and_not_damage() {
    for text in [
        // A call that nobody here knows, by whatever number.
        r#"{"protocol":1,"call":{"jump":{"far":true}}}"#,
        r#"{"protocol":2,"call":{"jump":{}}}"#,
        // A call that has changed beyond recognition takes a higher number along.
        r#"{"protocol":4000000000,"call":{"put":{}}}"#,
        r#"{"protocol":0,"call":{"look":{}}}"#,
    ] {
        assert_eq!(read(text), Err(Unread::Unsupported), "{text}");
    }
    for text in [
        r#"{"protocol":1,"reply":{"jump":{}}}"#,
        r#"{"protocol":0,"reply":{"look":{}}}"#,
    ] {
        let answer = decode::<Answered<Call>>(text);
        assert_eq!(answer, Err(Unread::Unsupported), "{text}");
    }
}

#[test]
fn a_newer_caller_is_answered_in_the_lower_number() {
    let text = format!(r#"{{"protocol":{},"call":{{"look":{{}}}}}}"#, NEWEST + 3);
    let asked: Asked<Call> = decode(&text).unwrap();
    assert_eq!(agreed(asked.protocol), NEWEST);
    assert_eq!(agreed(OLDEST), OLDEST);
}

#[test]
fn the_names_of_an_enum_are_known() {
    assert_eq!(variants::<Call>(), ["look", "put"]);
    assert!(variants::<String>().is_empty());
}
