//! JSON bodies and payloads: strict reading, against serde_json as an independent reader.

use postern_jwt::json::{self, MAX_DEPTH};

use super::text;

pub const DICTIONARY: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0061",
    "\\ud83d\\ude00",
    "\\udc00",
    "true",
    "false",
    "null",
    "-0",
    "1e999",
    "1.50",
    "\"a\":1",
    "__proto__",
    " ",
    "\u{feff}",
    "\t",
    "[[[[[[[[[[[[[[[[",
    "]]]]]]]]]]]]]]]]",
];

pub fn json(input: &[u8]) {
    let Some(document) = text(input) else { return };
    let independent: Result<serde_json::Value, _> = serde_json::from_str(document);
    let Ok(minified) = json::minify(document) else {
        refuses_no_plain_value(document, independent.ok());
        return;
    };
    assert!(minified.len() <= document.len());
    assert_eq!(
        json::minify(&minified).as_deref(),
        Ok(minified.as_str()),
        "one form"
    );
    assert_eq!(json::same_value(document, &minified), Ok(true));
    // Only numbers beyond its range may be too much for the other reader.
    if let Ok(value) = &independent {
        let again: serde_json::Value =
            serde_json::from_str(&minified).expect("minified JSON is JSON");
        assert_eq!(&again, value);
    } else {
        assert!(
            document.contains(['e', 'E']) || document.len() > 300,
            "accepted, and refused by serde_json: {document}"
        );
    }
    if let Ok(object) = json::parse_object(document) {
        let mut names: Vec<&str> = object.members().map(json::Member::name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "each name once");
        for member in object.members() {
            assert!(object.contains(member.name()));
            assert!(json::minify(member.value()).is_ok());
        }
        // Its own members change nothing.
        assert!(json::merge(document, "{}").is_ok());
    }
    if let Ok(decoded) = json::parse_string(document) {
        let quoted = json::quote(&decoded);
        assert_eq!(json::parse_string(&quoted).as_deref(), Ok(&*decoded));
    }
}

/// What is refused is refused for a reason: it is no JSON, holds a name twice, or is too deep.
fn refuses_no_plain_value(document: &str, value: Option<serde_json::Value>) {
    let Some(value) = value else { return };
    let opened = document.matches(['{', '[']).count();
    if opened > MAX_DEPTH {
        return;
    }
    let has_names = document.contains('{');
    // serde_json keeps the last of two members of a name; a document without objects has none.
    assert!(
        has_names,
        "refused, and read by serde_json as {value}: {document}"
    );
    let written = serde_json::to_string(&value).expect("a value");
    assert!(json::minify(&written).is_ok(), "{written}");
}
