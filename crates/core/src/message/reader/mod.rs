//! What serde calls a deserializer, for the texts of messages and of what is stored like them.
//!
//! `serde_json`'s own makes twice the code of every derived type: it also reads structs out of arrays, and a fault says
//! what was found and where. Here a text is split into its members, level by level, by the one lexer; a struct is an object and
//! nothing else, and a fault is no more than that.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, VariantAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::value::RawValue;

use super::{Unread, raw};

/// Reads what [`super::encode`] wrote, in this release or another.
///
/// # Errors
/// [`Unread::Damaged`]: it is not JSON, or not what the type asks for.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unread> {
    let whole: &RawValue = lexed(text)?;
    T::deserialize(Value(whole.get()))
}

/// The members of an object, in their order.
pub(super) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, Unread> {
    lexed(text).map(|Members(members)| members)
}

fn lexed<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unread> {
    serde_json::from_str(text).map_err(|_| Unread::Damaged)
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

/// The text of one value, without whitespace around it.
#[derive(Clone, Copy)]
pub(super) struct Value<'de>(&'de str);

impl<'de> Value<'de> {
    /// Its text.
    pub(super) const fn text(&self) -> &'de str {
        self.0
    }

    fn string(self) -> Result<Cow<'de, str>, Unread> {
        lexed(self.0).map(|Name(text)| text)
    }

    fn unsigned(self) -> Result<u64, Unread> {
        self.0.parse().map_err(|_| Unread::Damaged)
    }
}

impl<'de> IntoDeserializer<'de, Unread> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Unread;

    /// For members that this release does not know, and keeps. They are of any depth, which `serde_json` bounds.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let value: serde_json::Value = lexed(self.0)?;
        value.deserialize_any(visitor).map_err(Unread::custom)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.0 {
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
        match self.0 {
            "null" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// The text of a value itself, by [`raw::NAME`].
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match name {
            raw::NAME => visitor.visit_borrowed_str(self.0),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let elements: Vec<&RawValue> = lexed(self.0)?;
        let elements = elements.iter().map(|element| Self(element.get()));
        visitor.visit_seq(SeqDeserializer::new(elements))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        let members = members(self.0)?;
        let members = members.iter().map(|(name, value)| (name.as_ref(), *value));
        visitor.visit_map(MapDeserializer::new(members))
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
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// One of several, by its name: a string, or the only member of an object.
struct Variant<'de> {
    name: Cow<'de, str>,
    content: Option<Value<'de>>,
}

impl<'de> Variant<'de> {
    fn of(value: Value<'de>) -> Result<Self, Unread> {
        if value.0.starts_with('"') {
            return Ok(Self {
                name: value.string()?,
                content: None,
            });
        }
        let mut members = members(value.0)?.into_iter();
        match (members.next(), members.next()) {
            (Some((name, content)), None) => Ok(Self {
                name,
                content: Some(content),
            }),
            _ => Err(Unread::Damaged),
        }
    }

    fn content(self) -> Result<Value<'de>, Unread> {
        self.content.ok_or(Unread::Damaged)
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Unread;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unread> {
        let name = seed.deserialize(self.name.as_ref().into_deserializer());
        name.map(|name: V::Value| (name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Unread;

    fn unit_variant(self) -> Result<(), Unread> {
        match self.content {
            None | Some(Value("null")) => Ok(()),
            Some(_) => Err(Unread::Damaged),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unread> {
        seed.deserialize(self.content()?)
    }

    /// Messages have none.
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unread> {
        Err(Unread::Damaged)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.content()?.deserialize_map(visitor)
    }
}

/// A string as it stands there, if nothing in it is escaped.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object. One that is named twice is there twice: a derived type refuses that.
struct Members<'de>(Vec<(Cow<'de, str>, Value<'de>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfMembers)
    }
}

struct OfMembers;

impl<'de> Visitor<'de> for OfMembers {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry::<_, &RawValue>()? {
            members.push((name, Value(value.get())));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests;
