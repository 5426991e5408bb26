//! Members that are JSON texts of their own: payloads and session data. They cross as they are: nothing is escaped or
//! copied in between, and the reader passes over them once.
//!
//! For `#[serde(with = "raw")]` on a `String`, and [`optional`] on an `Option<String>`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor, ser::Error};
use serde_json::value::RawValue;

/// By this name, as that of a newtype, the reader of messages is asked for a value's text.
pub(super) const NAME: &str = "postern::raw";

/// Writes the text of one JSON value.
pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| S::Error::custom("not JSON"))?;
    raw.serialize(serializer)
}

/// Reads what [`serialize`] wrote, as it was.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Text::deserialize(deserializer).map(|Text(text)| text.to_owned())
}

/// The text of a value.
struct Text<'de>(&'de str);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, OfText)
    }
}

struct OfText;

impl<'de> Visitor<'de> for OfText {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(text))
    }
}

/// The same for a text that may be absent.
pub mod optional {
    use super::{Deserialize, Deserializer, Serializer, Text};

    /// Writes the text of one JSON value, or null.
    pub fn serialize<S: Serializer>(
        text: &Option<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match text {
            Some(text) => super::serialize(text, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let text: Option<Text<'_>> = Option::deserialize(deserializer)?;
        Ok(text.map(|Text(text)| text.to_owned()))
    }
}
