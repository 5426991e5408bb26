//! An object whose text was checked once, and which can be opened again without being read again.

use std::{borrow::Cow, ops::Range};

use super::{JsonFault, Member, Object, parse_object};

/// The text of one JSON object, checked, with the places of its members. The default is no object: its text is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectText {
    text: String,
    members: Vec<MemberRange>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct MemberRange {
    name: Name,
    value: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// As it stands in the text.
    At(Range<usize>),
    /// Decoded from escapes.
    Decoded(String),
}

impl ObjectText {
    /// Checks a text.
    pub fn parse(text: String) -> Result<Self, JsonFault> {
        let place = |part: &str| {
            let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
            start..start.saturating_add(part.len())
        };
        let members = parse_object(&text)?
            .into_members()
            .into_iter()
            .map(|Member { name, value }| MemberRange {
                name: match name {
                    Cow::Borrowed(name) => Name::At(place(name)),
                    Cow::Owned(name) => Name::Decoded(name),
                },
                value: place(value),
            })
            .collect();
        Ok(Self { text, members })
    }

    /// The members in the order they were sent: names, escapes decoded, and texts of values.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        let part = |place: &Range<usize>| self.text.get(place.clone()).unwrap_or_default();
        self.members.iter().map(move |MemberRange { name, value }| {
            let name = match name {
                Name::At(place) => part(place),
                Name::Decoded(name) => name.as_str(),
            };
            (name, part(value))
        })
    }

    /// The object.
    pub fn object(&self) -> Object<'_> {
        let members = self.members().map(|(name, value)| Member {
            name: Cow::Borrowed(name),
            value,
        });
        Object::of(members.collect())
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::ObjectText;
    use crate::json::{Member, parse_object};

    #[test]
    fn what_is_opened_again_is_what_was_read() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":1,"b":{"c":[1,2,{}]},"":null}"#,
            " {\"\\u0061\" : \"x\\n\" ,\n\"b\\\"\":\ttrue , \"\u{fc}\":\"\u{1f600}\" } ",
        ] {
            let kept = ObjectText::parse(text.to_owned()).unwrap();
            let members = |object: &crate::json::Object<'_>| -> Vec<(String, String)> {
                let owned =
                    |member: &Member<'_>| (member.name().to_owned(), member.value().to_owned());
                object.members().map(owned).collect()
            };
            assert_eq!(
                members(&kept.object()),
                members(&parse_object(text).unwrap()),
                "{text}"
            );
            assert_eq!(kept.text(), text);
        }
        for text in ["", "[]", r#"{"a":1,"a":1}"#, r#"{"a":1"#] {
            assert!(ObjectText::parse(text.to_owned()).is_err(), "{text}");
        }
    }
}
