//! What serde calls a deserializer, for the texts of messages and of what is stored like them.
//!
//! `serde_json`'s own makes twice the code of every derived type: it also reads structs out of arrays, and a fault says
//! what was found and where. Here a struct is an object and nothing else, and a fault is no more than that. A text is passed
//! over once. What objects and arrays hold between their members is read here; every string with an escape, every number
//! and every text that is kept as it is goes through `serde_json`.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
    forward_to_deserialize_any,
};
use serde_json::value::RawValue;

use super::{Unread, raw};
use items::Items;
use variant::Variant;

mod items;
mod variant;

/// Reads what [`super::encode`] wrote, in this release or another.
///
/// # Errors
/// [`Unread::Damaged`]: it is not JSON, or not what the type asks for.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unread> {
    let mut cursor = Cursor { rest: text };
    let value = T::deserialize(&mut cursor)?;
    cursor.at_end().map(|()| value)
}

/// The members of an object, in their order: names, and the texts of their values.
pub(super) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Unread> {
    let mut cursor = Cursor { rest: text };
    let mut object = Items::object(&mut cursor)?;
    let mut members = Vec::new();
    while let Some(name) = object.name()? {
        members.push((name, object.value()?));
    }
    cursor.at_end().map(|()| members)
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Unread {}

impl Error for Unread {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Damaged
    }
}

/// A text that has been read so far.
struct Cursor<'de> {
    rest: &'de str,
}

impl<'de> Cursor<'de> {
    /// The byte that the next value begins with, or that stands between values.
    fn peek(&mut self) -> Option<u8> {
        let mut bytes = self.rest.bytes().enumerate();
        let (at, byte) = bytes.find(|(_, byte)| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))?;
        self.rest = self.rest.get(at..)?;
        Some(byte)
    }

    /// Passes over one byte, which must be there.
    fn expect(&mut self, byte: u8) -> Result<(), Unread> {
        if self.peek() != Some(byte) {
            return Err(Unread::Damaged);
        }
        self.skip(1)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Unread> {
        self.rest = self.rest.get(bytes..).ok_or(Unread::Damaged)?;
        Ok(())
    }

    fn at_end(&mut self) -> Result<(), Unread> {
        self.peek().map_or(Ok(()), |_| Err(Unread::Damaged))
    }

    /// The text of the next value, without whitespace around it.
    fn raw(&mut self) -> Result<&'de str, Unread> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<&RawValue>();
        let Some(Ok(value)) = values.next() else {
            return Err(Unread::Damaged);
        };
        self.skip(values.byte_offset()).map(|()| value.get())
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Unread> {
        if self.peek() != Some(b'"') {
            return Err(Unread::Damaged);
        }
        let text = self.rest.get(1..).unwrap_or_default();
        let plain = text
            .bytes()
            .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
        match plain.and_then(|length| text.split_at_checked(length)) {
            Some((plain, rest)) if rest.starts_with('"') => {
                self.rest = rest;
                self.skip(1).map(|()| Cow::Borrowed(plain))
            }
            _ => lexed(self.raw()?).map(Cow::Owned),
        }
    }

    fn unsigned(&mut self) -> Result<u64, Unread> {
        self.raw()?.parse().map_err(|_| Unread::Damaged)
    }
}

fn lexed<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unread> {
    serde_json::from_str(text).map_err(|_| Unread::Damaged)
}

impl<'de> Deserializer<'de> for &mut Cursor<'de> {
    type Error = Unread;

    /// For members that this release does not know, and keeps. They are of any depth, which `serde_json` bounds.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let value: serde_json::Value = lexed(self.raw()?)?;
        value.deserialize_any(visitor).map_err(Unread::custom)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.raw()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Unread::Damaged),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_string(self.string()?.into_owned())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if self.peek() != Some(b'n') {
            return visitor.visit_some(self);
        }
        self.raw()?;
        visitor.visit_none()
    }

    /// The text of a value itself, by [`raw::NAME`].
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match name {
            raw::NAME => visitor.visit_borrowed_str(self.raw()?),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_seq(Items::array(self)?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_map(Items::object(self)?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_enum(Variant::of(self)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.raw()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

#[cfg(test)]
mod tests;
