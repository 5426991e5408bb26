//! A request body: one JSON object, read field by field.
//!
//! The protocol's typing rules: an optional field may be absent but not `null`, unknown fields are ignored, and
//! objects are kept as their own text, minified, so that numbers survive storage unchanged.

use std::borrow::Cow;

use crate::http::reply::Reply;
use crate::supertokens::cdi::reply;
use postern_jwt::json::{self, Kind, Object};

/// A type that a field can have. Numbers are whole and written without fraction and exponent.
pub(crate) trait Field: Sized {
    /// Reads the text of a value that has been checked; `None` when it is of another type.
    fn read(value: &str) -> Option<Self>;
}

impl Field for String {
    fn read(value: &str) -> Option<Self> {
        json::parse_string(value).ok().map(Cow::into_owned)
    }
}

impl Field for bool {
    fn read(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl Field for i64 {
    fn read(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl Field for u64 {
    fn read(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl Field for Vec<String> {
    fn read(value: &str) -> Option<Self> {
        let elements = json::parse_array(value).ok()?;
        elements.into_iter().map(String::read).collect()
    }
}

/// The fields of one request body, values still as text.
#[derive(Debug)]
pub(crate) struct Body<'a>(Object<'a>);

impl<'a> Body<'a> {
    /// Reads a body, strictly: whatever two readers could understand differently is refused.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Reply> {
        std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| json::parse_object(text).ok())
            .map(Self)
            .ok_or_else(reply::invalid_json)
    }

    /// A field that must be there: a string, a boolean, an integer or an array, as `T` says.
    pub(crate) fn required<T: Field>(&self, name: &str) -> Result<T, Reply> {
        self.optional(name)?
            .ok_or_else(|| reply::invalid_field(name))
    }

    /// A field that may be absent. An explicit `null` is a value of the wrong type.
    pub(crate) fn optional<T: Field>(&self, name: &str) -> Result<Option<T>, Reply> {
        self.0
            .get(name)
            .map(|value| T::read(value).ok_or_else(|| reply::invalid_field(name)))
            .transpose()
    }

    /// The minified text of a field that must be there and be an object.
    pub(crate) fn object(&self, name: &str) -> Result<String, Reply> {
        self.optional_object(name)?
            .ok_or_else(|| reply::invalid_field(name))
    }

    /// The minified text of a field that may be absent but must otherwise be an object.
    pub(crate) fn optional_object(&self, name: &str) -> Result<Option<String>, Reply> {
        self.0
            .get(name)
            .map(|value| match json::kind(value) {
                Kind::Object => json::minify(value).map_err(|_| reply::invalid_field(name)),
                _ => Err(reply::invalid_field(name)),
            })
            .transpose()
    }
}
