//! Members that are JSON texts of their own: payloads and session data. They cross as they are: nothing is escaped, and
//! the reader looks at them once.
//!
//! For `#[serde(with = "raw")]` on a `String`, and [`optional`] on an `Option<String>`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

/// Writes the text of one JSON value.
pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| S::Error::custom("not JSON"))?;
    raw.serialize(serializer)
}

/// Reads what [`serialize`] wrote, as it was.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(|raw| Box::<str>::from(raw).into_string())
}

/// The same for a text that may be absent.
pub mod optional {
    use super::{Deserialize, Deserializer, RawValue, Serializer};

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
        let raw: Option<Box<RawValue>> = Option::deserialize(deserializer)?;
        Ok(raw.map(|raw| Box::<str>::from(raw).into_string()))
    }
}
