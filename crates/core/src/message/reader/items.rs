//! The members of an object and the elements of an array.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};

use super::{Cursor, Unread};

/// What is still to be read of an object or an array. A member that is named twice is there twice: a derived type refuses that.
pub(super) struct Items<'a, 'de> {
    cursor: &'a mut Cursor<'de>,
    close: u8,
    is_first: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    pub(super) fn object(cursor: &'a mut Cursor<'de>) -> Result<Self, Unread> {
        Self::within(cursor, b'{', b'}')
    }

    pub(super) fn array(cursor: &'a mut Cursor<'de>) -> Result<Self, Unread> {
        Self::within(cursor, b'[', b']')
    }

    fn within(cursor: &'a mut Cursor<'de>, open: u8, close: u8) -> Result<Self, Unread> {
        cursor.expect(open)?;
        Ok(Self {
            cursor,
            close,
            is_first: true,
        })
    }

    /// Whether another one follows. The end is passed over: nobody asks again after it.
    fn another(&mut self) -> Result<bool, Unread> {
        if self.cursor.peek() == Some(self.close) {
            return self.cursor.skip(1).map(|()| false);
        }
        if !self.is_first {
            self.cursor.expect(b',')?;
        }
        self.is_first = false;
        Ok(true)
    }

    /// The name of the next member of an object.
    pub(super) fn name(&mut self) -> Result<Option<Cow<'de, str>>, Unread> {
        if !self.another()? {
            return Ok(None);
        }
        let name = self.cursor.string()?;
        self.cursor.expect(b':').map(|()| Some(name))
    }

    /// The text of its value.
    pub(super) fn value(&mut self) -> Result<&'de str, Unread> {
        self.cursor.raw()
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unread> {
        match self.name()? {
            Some(name) => seed
                .deserialize(name.as_ref().into_deserializer())
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unread> {
        seed.deserialize(&mut *self.cursor)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unread> {
        if !self.another()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.cursor).map(Some)
    }
}
