//! One object or array, opened: decoded names, raw values, typed access.

use super::member::Member;
use std::borrow::Cow;

use super::{JsonFault, JsonReason, Number, scanner::Scanner};

/// The six types of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `-1.5e3`
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

/// The type of a value whose text has been checked.
pub fn kind(value: &str) -> Kind {
    match value.trim_start().bytes().next() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// An object whose whole text has been checked, to every depth.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
}

/// Checks that `text` is one JSON object and opens it.
pub fn parse_object(text: &str) -> Result<Object<'_>, JsonFault> {
    let mut scanner = Scanner::new(text);
    scanner.document(|scanner| {
        if !matches!(kind(text), Kind::Object) {
            // Not JSON at all is the better message, so look at the value first.
            scanner.value(0)?;
            return Err(JsonFault::new(JsonReason::Expected("an object")));
        }
        scanner.object(0).map(|members| Object { members })
    })
}

/// Checks that `text` is one JSON array and gives the texts of its elements.
pub fn parse_array(text: &str) -> Result<Vec<&str>, JsonFault> {
    let mut elements = Vec::new();
    Scanner::new(text).document(|scanner| {
        if !matches!(kind(text), Kind::Array) {
            scanner.value(0)?;
            return Err(JsonFault::new(JsonReason::Expected("an array")));
        }
        scanner.array(0, &mut |element| elements.push(element))
    })?;
    Ok(elements)
}

/// Decodes a value whose text has been checked, if it is a string.
///
/// # Errors
/// It is none.
pub fn string_of(value: &str) -> Result<Cow<'_, str>, JsonFault> {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner {
        // Checked, so an escape is all that could be in it besides itself.
        Some(plain) if !plain.as_bytes().contains(&b'\\') => Ok(Cow::Borrowed(plain)),
        _ => parse_string(value),
    }
}

/// The value of a text that has been checked, if it is a whole number from 0 to `u64::MAX`, however it is spelled.
pub fn unsigned_of(value: &str) -> Option<u64> {
    match kind(value) {
        Kind::Number => Number::from_valid(value).to_u64(),
        _ => None,
    }
}

/// Checks that `text` is one JSON string and decodes it.
pub fn parse_string(text: &str) -> Result<Cow<'_, str>, JsonFault> {
    Scanner::new(text).document(|scanner| {
        if !matches!(kind(text), Kind::String) {
            scanner.value(0)?;
            return Err(JsonFault::new(JsonReason::Expected("a string")));
        }
        scanner.string()
    })
}

impl<'a> Object<'a> {
    /// The members, in the order they were sent.
    pub fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter()
    }

    /// An object of members that were read before.
    pub(super) fn of(members: Vec<Member<'a>>) -> Self {
        Self { members }
    }

    /// The members, for good.
    pub fn into_members(self) -> Vec<Member<'a>> {
        self.members
    }

    /// True when there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// True when there is a member of this name, `null` included.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text of a member's value.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.members
            .iter()
            .find(|member| member.name == name)
            .map(|member| member.value)
    }

    /// A string member; absent is `None`, another type is a fault.
    pub fn string(&self, name: &str) -> Result<Option<Cow<'a, str>>, JsonFault> {
        self.get(name)
            .map(string_of)
            .transpose()
            .map_err(|fault| fault.in_member(name))
    }

    /// A number member, exact.
    pub fn number(&self, name: &str) -> Result<Option<Number<'a>>, JsonFault> {
        Ok(self
            .typed(name, Kind::Number, "a number")?
            .map(Number::from_valid))
    }

    /// A member that is a whole number from 0 to `u64::MAX`, however it is spelled.
    pub fn unsigned(&self, name: &str) -> Result<Option<u64>, JsonFault> {
        let expected = || JsonFault::new(JsonReason::Expected("a whole number")).in_member(name);
        match self.number(name)? {
            None => Ok(None),
            Some(number) => number.to_u64().map(Some).ok_or_else(expected),
        }
    }

    /// A boolean member.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, JsonFault> {
        Ok(self
            .typed(name, Kind::Boolean, "a boolean")?
            .map(|text| text == "true"))
    }

    /// The text of a member that is an object.
    pub fn object(&self, name: &str) -> Result<Option<&'a str>, JsonFault> {
        self.typed(name, Kind::Object, "an object")
    }

    /// The texts of the elements of a member that is an array.
    pub fn array(&self, name: &str) -> Result<Option<Vec<&'a str>>, JsonFault> {
        self.typed(name, Kind::Array, "an array")?
            .map(parse_array)
            .transpose()
            .map_err(|fault| fault.in_member(name))
    }

    /// A member that is an array of strings.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<Cow<'a, str>>>, JsonFault> {
        let Some(text) = self.typed(name, Kind::Array, "an array of strings")? else {
            return Ok(None);
        };
        parse_array(text)
            .and_then(|elements| {
                elements
                    .into_iter()
                    .enumerate()
                    .map(|(position, element)| {
                        parse_string(element).map_err(|fault| fault.in_element(position))
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
            .map(Some)
            .map_err(|fault| fault.in_member(name))
    }

    /// A member that is a string or an array of strings, such as `aud` (RFC 7519 section 4.1.3).
    pub fn string_or_strings(&self, name: &str) -> Result<Option<Vec<Cow<'a, str>>>, JsonFault> {
        match self.get(name).map(kind) {
            Some(Kind::String) => Ok(self.string(name)?.map(|text| vec![text])),
            _ => self.strings(name),
        }
    }

    fn typed(
        &self,
        name: &str,
        wanted: Kind,
        expected: &'static str,
    ) -> Result<Option<&'a str>, JsonFault> {
        match self.get(name) {
            Some(text) if kind(text) != wanted => {
                Err(JsonFault::new(JsonReason::Expected(expected)).in_member(name))
            }
            found => Ok(found),
        }
    }
}
