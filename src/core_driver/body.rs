//! A request body: one JSON object, read field by field.
//!
//! Owns the protocol's typing rules: an optional field may be absent but not `null`, unknown fields are ignored, and
//! objects are kept as their own text, minified, so that numbers survive storage unchanged.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::reply::Reply;

/// The members of one JSON object, values still as text.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(String, &'a str)>);

impl<'a> Members<'a> {
    /// The members of the object that `text` is; `None` when it is not exactly one JSON object.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let object: std::collections::BTreeMap<String, &'a RawValue> =
            serde_json::from_str(text).ok()?;
        Some(Self(
            object
                .into_iter()
                .map(|(name, value)| (name, value.get()))
                .collect(),
        ))
    }

    /// The members of a request body.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Self, Reply> {
        std::str::from_utf8(body)
            .ok()
            .and_then(Self::parse)
            .ok_or_else(Reply::invalid_json)
    }

    /// The names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A field that must be there: a string, a boolean, an integer or an array, as `T` says.
    pub(super) fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, Reply> {
        self.optional(name)?
            .ok_or_else(|| Reply::invalid_field(name))
    }

    /// A field that may be absent. An explicit `null` is a value of the wrong type.
    pub(super) fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Reply> {
        self.raw(name)
            .map(|value| serde_json::from_str(value).map_err(|_| Reply::invalid_field(name)))
            .transpose()
    }

    /// The minified text of a field that must be there and be an object.
    pub(super) fn object(&self, name: &str) -> Result<String, Reply> {
        self.optional_object(name)?
            .ok_or_else(|| Reply::invalid_field(name))
    }

    /// The minified text of a field that may be absent but must otherwise be an object.
    pub(super) fn optional_object(&self, name: &str) -> Result<Option<String>, Reply> {
        self.raw(name)
            .map(|value| {
                if value.starts_with('{') {
                    Ok(minified(value))
                } else {
                    Err(Reply::invalid_field(name))
                }
            })
            .transpose()
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }
}

/// Valid JSON text without the white space between its tokens.
fn minified(json: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    json.chars()
        .filter(|&character| {
            let keep = in_string || !character.is_ascii_whitespace();
            match character {
                '"' if !escaped => in_string = !in_string,
                _ => {}
            }
            escaped = in_string && character == '\\' && !escaped;
            keep
        })
        .collect()
}
