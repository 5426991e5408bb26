//! One of several, by its name: a string, or the only member of an object.

use std::borrow::Cow;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};

use super::{Cursor, Unread};

pub(super) struct Variant<'a, 'de> {
    name: Cow<'de, str>,
    /// Where its content begins; `None` for a name without content.
    content: Option<&'a mut Cursor<'de>>,
}

impl<'a, 'de> Variant<'a, 'de> {
    pub(super) fn of(cursor: &'a mut Cursor<'de>) -> Result<Self, Unread> {
        if cursor.peek() == Some(b'"') {
            let name = cursor.string()?;
            return Ok(Self {
                name,
                content: None,
            });
        }
        cursor.expect(b'{')?;
        let name = cursor.string()?;
        cursor.expect(b':')?;
        Ok(Self {
            name,
            content: Some(cursor),
        })
    }

    /// Reads the content, after which the object ends.
    fn content<T>(
        self,
        read: impl FnOnce(&mut Cursor<'de>) -> Result<T, Unread>,
    ) -> Result<T, Unread> {
        let cursor = self.content.ok_or(Unread::Damaged)?;
        let content = read(cursor)?;
        cursor.expect(b'}').map(|()| content)
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unread;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unread> {
        let name = seed.deserialize(self.name.as_ref().into_deserializer());
        name.map(|name: V::Value| (name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unread;

    fn unit_variant(self) -> Result<(), Unread> {
        if self.content.is_none() {
            return Ok(());
        }
        match self.content(Cursor::raw)? {
            "null" => Ok(()),
            _ => Err(Unread::Damaged),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unread> {
        self.content(|cursor| seed.deserialize(cursor))
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
        self.content(|cursor| cursor.deserialize_map(visitor))
    }
}
