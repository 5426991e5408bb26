//! Typed values out of strict JSON: what serde calls a deserializer, over texts that the scanner has checked.
//!
//! Whatever is ambiguous was refused before a type sees anything of it (docs/decisions/strict-parsing.md), so that types can be
//! derived. A fault says nothing of the text; serde's own would quote it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{Kind, Number, Object, kind, object::string_of, parse_array, parse_object};

/// A text is good JSON and not what a type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value is missing or of another type")
    }
}

impl std::error::Error for Unfit {}

impl serde::de::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What a member of an object is, where only some types mean anything and every other is for the caller to judge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// It is not there.
    #[default]
    Absent,
    /// A string.
    Text(Cow<'a, str>),
    /// A whole number from 0 to `u64::MAX`, however it is spelled.
    Whole(u64),
    /// Anything else, `null` among it.
    Other,
}

impl<'a> Field<'a> {
    /// The string that it is, if it is there.
    ///
    /// # Errors
    /// It is of another type.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Unfit> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Whole(_) | Self::Other => Err(Unfit),
        }
    }

    /// True when it is there.
    pub(crate) const fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfField)
    }
}

struct OfField;

impl<'de> Visitor<'de> for OfField {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    /// With an escape; a `String` comes here, too.
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Field::Whole(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    // What is in them was checked, and is not read.
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Ok(Field::Other)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Ok(Field::Other)
    }
}

impl<'a> Object<'a> {
    /// Reads what a type asks for; other members are passed over.
    ///
    /// # Errors
    /// A member is missing or of another type.
    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Result<T, Unfit> {
        let members = self.members();
        let members = members.map(|member| (member.name(), Value(member.value())));
        T::deserialize(MapDeserializer::new(members))
    }
}

/// The text of a value that was checked.
struct Value<'de>(&'de str);

impl<'de> serde::de::IntoDeserializer<'de, Unfit> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let Self(text) = self;
        match kind(text) {
            Kind::String => match string_of(text).map_err(|_| Unfit)? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Kind::Number => match Number::from_valid(text).to_u64() {
                Some(whole) => visitor.visit_u64(whole),
                // No type here has another number, and none is to take it for one.
                None => visitor.visit_unit(),
            },
            Kind::Boolean => visitor.visit_bool(text == "true"),
            Kind::Null => visitor.visit_unit(),
            Kind::Array => {
                let elements = parse_array(text).map_err(|_| Unfit)?;
                visitor.visit_seq(SeqDeserializer::new(elements.into_iter().map(Self)))
            }
            Kind::Object => {
                let object = parse_object(text).map_err(|_| Unfit)?;
                let members = object.members();
                let members = members.map(|member| (member.name(), Self(member.value())));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match kind(self.0) {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    /// What nobody asks for was checked, and is not read again.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{prop_assert_eq, proptest};
    use serde::Deserialize;

    use super::{Field, Unfit};
    use crate::json::parse_object;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Asked<'a> {
        #[serde(borrow, default)]
        a: Field<'a>,
        list: Option<Vec<String>>,
        #[serde(default)]
        inner: BTreeMap<String, bool>,
    }

    fn read(text: &str) -> Result<Asked<'_>, Unfit> {
        parse_object(text).unwrap().read()
    }

    #[test]
    fn a_field_says_which_types_mean_something() {
        for (text, expected) in [
            ("{}", Field::Absent),
            (r#"{"a":"x\u0041"}"#, Field::Text("xA".into())),
            (r#"{"\u0061":""}"#, Field::Text("".into())),
            (r#"{"a":1e3}"#, Field::Whole(1000)),
            (r#"{"a":1.0,"b":[{"c":1e999}]}"#, Field::Whole(1)),
            (r#"{"a":-1}"#, Field::Other),
            (r#"{"a":1e999}"#, Field::Other),
            (r#"{"a":true}"#, Field::Other),
            (r#"{"a":null}"#, Field::Other),
            (r#"{"a":["x"]}"#, Field::Other),
            (r#"{"a":{"a":"x"}}"#, Field::Other),
        ] {
            assert_eq!(read(text).unwrap().a, expected, "{text}");
        }
    }

    #[test]
    fn what_is_derived_is_read_to_any_depth_and_nothing_of_it_is_said_in_a_fault() {
        let text = r#"{"list":["a","\n"],"inner":{"x":true,"y":false},"other":{"list":1}}"#;
        let asked = read(text).unwrap();
        assert_eq!(asked.list, Some(vec!["a".to_owned(), "\n".to_owned()]));
        assert_eq!(
            asked.inner.into_iter().collect::<Vec<_>>(),
            [("x".to_owned(), true), ("y".to_owned(), false)]
        );
        assert_eq!(read(r#"{"list":null}"#).unwrap().list, None);
        for text in [
            r#"{"list":["a",1]}"#,
            r#"{"list":"secret"}"#,
            r#"{"inner":{"x":"secret"}}"#,
        ] {
            let fault = read(text).unwrap_err();
            assert!(!fault.to_string().contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn strings_and_lists_are_what_another_reader_reads(
            list in proptest::collection::vec(".{0,6}", 0..4), name in ".{0,4}", is in proptest::bool::ANY,
        ) {
            let text = serde_json::json!({ "list": list, "inner": { name: is } }).to_string();
            let ours = read(&text).unwrap();
            let theirs: Asked<'_> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
