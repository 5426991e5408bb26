use std::fmt::Write;

use proptest::prelude::*;

use super::{
    JsonReason, MAX_DEPTH, minify, parse_array, parse_object, parse_string, quote, same_value,
};

fn reason(text: &str) -> JsonReason {
    minify(text).expect_err(text).reason
}

#[test]
fn refuses_what_rfc_8259_does_not_allow() {
    use JsonReason::{
        ControlCharacter, InvalidEscape, InvalidNumber, TrailingText, UnexpectedCharacter,
        UnexpectedEnd,
    };
    for (text, expected) in [
        ("", UnexpectedEnd),
        (" ", UnexpectedEnd),
        ("{", UnexpectedEnd),
        ("[1", UnexpectedEnd),
        ("\"a", UnexpectedEnd),
        ("\"\\", UnexpectedEnd),
        ("{\"a\"", UnexpectedEnd),
        ("{\"a\":", UnexpectedEnd),
        ("{} {}", TrailingText),
        ("{}\u{0}", TrailingText),
        ("1 2", TrailingText),
        ("truefalse", TrailingText),
        ("\u{feff}{}", UnexpectedCharacter),
        ("\u{a0}{}", UnexpectedCharacter),
        ("{a:1}", UnexpectedCharacter),
        ("{'a':1}", UnexpectedCharacter),
        ("{\"a\":1,}", UnexpectedCharacter),
        ("{,}", UnexpectedCharacter),
        ("[1,]", UnexpectedCharacter),
        ("[,1]", UnexpectedCharacter),
        ("[1 2]", UnexpectedCharacter),
        ("{\"a\" 1}", UnexpectedCharacter),
        ("True", UnexpectedCharacter),
        ("nul", UnexpectedCharacter),
        ("NaN", UnexpectedCharacter),
        ("Infinity", UnexpectedCharacter),
        ("/**/1", UnexpectedCharacter),
        ("+1", UnexpectedCharacter),
        (".5", UnexpectedCharacter),
        ("-", InvalidNumber),
        ("01", InvalidNumber),
        ("-01", InvalidNumber),
        ("1.", InvalidNumber),
        ("1e", InvalidNumber),
        ("1e+", InvalidNumber),
        ("-Infinity", InvalidNumber),
        ("0x1", TrailingText),
        ("\"\n\"", ControlCharacter),
        ("\"\u{1f}\"", ControlCharacter),
        ("\"\\x41\"", InvalidEscape),
        ("\"\\u12\"", InvalidEscape),
        ("\"\\u+123\"", InvalidEscape),
        ("\"\\u00é\"", InvalidEscape),
        ("\"\\'\"", InvalidEscape),
    ] {
        assert_eq!(reason(text), expected, "{text:?}");
    }
}

#[test]
fn refuses_lone_surrogates_in_names_and_values() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#"{"\udfff":1}"#,
    ] {
        assert_eq!(reason(text), JsonReason::LoneSurrogate, "{text}");
    }
    assert_eq!(parse_string(r#""\ud83d\ude00""#).unwrap(), "😀");
}

#[test]
fn refuses_a_member_named_twice_at_any_depth() {
    for (text, path) in [
        (r#"{"a":1,"a":1}"#, "$.a"),
        (r#"{"a":1,"\u0061":2}"#, "$.a"),
        (r#"{"x":[{"b":{},"b":null}]}"#, "$.x[0].b"),
        (
            r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"\u0062":1}"#,
            "$.b",
        ),
    ] {
        let fault = minify(text).unwrap_err();
        assert_eq!(fault.reason, JsonReason::DuplicateMember);
        assert_eq!(fault.path(), path);
    }
    assert!(minify(r#"{"a":{"a":1},"A":2}"#).is_ok());
}

#[test]
fn depth_is_bounded_exactly() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(minify(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(reason(&nested(MAX_DEPTH + 1)), JsonReason::TooDeep);
    let hostile = "{\"a\":".repeat(100_000);
    assert_eq!(reason(&hostile), JsonReason::TooDeep);
}

#[test]
fn many_members_cost_no_quadratic_work() {
    let mut text = String::from("{");
    for number in 0..200_000 {
        write!(text, "\"k{number}\":0,").unwrap();
    }
    text.push_str("\"k7\":1}");
    // Quadratic comparison would be 2 * 10^10 steps: this test would not end.
    assert_eq!(reason(&text), JsonReason::DuplicateMember);
}

#[test]
fn minify_keeps_numbers_escapes_and_order_verbatim() {
    let text = " { \"b\" : [ 1 , 1.0 , 1e21 , -0 ] ,\n\t\"__proto__\" : { \"\\u0061\" : \"\\/ \" } , \"\" : null , \"é😀\": true } ";
    assert_eq!(
        minify(text).unwrap(),
        "{\"b\":[1,1.0,1e21,-0],\"__proto__\":{\"\\u0061\":\"\\/ \"},\"\":null,\"é😀\":true}"
    );
}

#[test]
fn members_have_decoded_names_and_raw_values() {
    let object =
        parse_object(r#"{ "\u0061" : 1.50 , "b":"x\ty", "c":[ "p" , "q" ], "d":true, "e":null }"#)
            .unwrap();
    assert_eq!(object.get("a"), Some("1.50"));
    assert_eq!(object.string("b").unwrap().unwrap(), "x\ty");
    assert_eq!(object.strings("c").unwrap().unwrap(), ["p", "q"]);
    assert_eq!(object.string_or_strings("b").unwrap().unwrap(), ["x\ty"]);
    assert_eq!(object.string_or_strings("absent").unwrap(), None);
    assert_eq!(object.boolean("d").unwrap(), Some(true));
    assert!(object.contains("e") && !object.contains("f"));
    let names: Vec<&str> = object.members().map(super::Member::name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_wrong_type_names_the_member_and_not_its_value() {
    let object = parse_object(r#"{"a":"hunter2","n":null,"l":["x",7],"f":1.5}"#).unwrap();
    for fault in [
        object.unsigned("a").unwrap_err(),
        object.boolean("a").unwrap_err(),
        object.object("a").unwrap_err(),
        object.strings("a").unwrap_err(),
    ] {
        assert_eq!(fault.path(), "$.a");
        assert!(!fault.to_string().contains("hunter2"));
    }
    assert_eq!(
        object.string("n").unwrap_err().to_string(),
        "$.n: must be a string"
    );
    assert_eq!(object.strings("l").unwrap_err().path(), "$.l[1]");
    assert_eq!(
        object.unsigned("f").unwrap_err().reason,
        JsonReason::Expected("a whole number")
    );
    assert_eq!(
        parse_object("[]").unwrap_err().reason,
        JsonReason::Expected("an object")
    );
    assert_eq!(
        parse_array("{}").unwrap_err().reason,
        JsonReason::Expected("an array")
    );
}

#[test]
fn a_fault_is_bounded_in_length() {
    let name = "n".repeat(5000);
    let text = format!("{{\"{name}\":").repeat(50);
    let fault = minify(&text).unwrap_err();
    assert!(fault.to_string().len() < 256);
    assert!(fault.path().starts_with("$.nnn"));
}

#[test]
fn numbers_are_exact() {
    let object = parse_object(
        r#"{"a":9007199254740993,"b":18446744073709551615,"c":18446744073709551616,"d":1.7E9,"e":1700000000.999,
            "f":-1,"g":1e400,"h":1e-400,"i":0.0,"j":1700000000.1234,"k":100e-2,"l":1e99999999999999999999}"#,
    )
    .unwrap();
    assert_eq!(object.unsigned("a").unwrap(), Some(9_007_199_254_740_993));
    assert_eq!(object.unsigned("b").unwrap(), Some(u64::MAX));
    assert!(object.unsigned("c").is_err());
    assert_eq!(object.unsigned("d").unwrap(), Some(1_700_000_000));
    assert_eq!(object.unsigned("k").unwrap(), Some(1));
    let scaled = |name: &str| object.number(name).unwrap().unwrap().floor_scaled(3);
    assert_eq!(scaled("e"), 1_700_000_000_999);
    assert_eq!(scaled("j"), 1_700_000_000_123);
    assert_eq!(scaled("f"), 0);
    assert_eq!(scaled("g"), u64::MAX);
    assert_eq!(scaled("l"), u64::MAX);
    assert_eq!(scaled("h"), 0);
    assert_eq!(scaled("i"), 0);
}

#[test]
fn values_are_compared_by_meaning() {
    for (left, right) in [
        (
            r#"{"a":1,"b":[1.0,true]}"#,
            r#"{ "b":[1e0,true], "a":1.00 }"#,
        ),
        (r#""\u0061""#, r#""a""#),
        ("0", "-0.0e5"),
        ("120", "1.2e2"),
        ("{}", " { } "),
    ] {
        assert!(same_value(left, right).unwrap(), "{left} {right}");
    }
    for (left, right) in [
        ("[1,2]", "[2,1]"),
        ("[1]", "[1,1]"),
        (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
        (r#"{"a":1}"#, r#"{"b":1}"#),
        (r#"{"a":{"x":1}}"#, r#"{"a":{"x":2}}"#),
        ("1", "\"1\""),
        ("1", "-1"),
        ("9007199254740993", "9007199254740992"),
        ("null", "false"),
        ("true", "false"),
        (r#"{"a":null}"#, "{}"),
    ] {
        assert!(!same_value(left, right).unwrap(), "{left} {right}");
    }
    assert!(same_value("{}", "{").is_err());
}

/// JSON trees of every shape, as serde_json values.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::btree_map(".*", inner, 0..8)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_refused_or_read_the_way_serde_json_reads_it(text in "[\\[\\]{}:,\"\\\\a-f0-9.eE+ \\-ntrul]{0,40}") {
        // serde_json takes duplicates and lone escapes of some kinds; what we accept it must accept, with the same meaning.
        if let Ok(minified) = minify(&text) {
            // serde_json has no place for a number that no float holds; such text stays verbatim here.
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(theirs) => prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&minified).unwrap(), theirs),
                Err(error) => prop_assert!(error.to_string().contains("number out of range"), "{}", error),
            }
            prop_assert_eq!(minify(&minified).unwrap(), minified);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".*") {
        let _ = minify(&text);
        let _ = parse_object(&text);
    }

    #[test]
    fn every_value_that_serde_json_writes_is_accepted_unchanged(value in any_json()) {
        let compact = serde_json::to_string(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(&minify(&pretty).unwrap(), &compact);
        prop_assert!(same_value(&compact, &pretty).unwrap());
    }

    #[test]
    fn quoting_is_undone_by_reading(text in ".*") {
        let quoted = quote(&text);
        prop_assert_eq!(parse_string(&quoted).unwrap(), text.as_str());
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
}
