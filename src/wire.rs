//! Messages between two instances of one bundle: values one after the other, each text with its length before it.
//!
//! Owns that form. Both ends are the same code, so there is no version and no name in it; and a text crosses without
//! being escaped, which matters for session data of megabytes. Nothing that is stored has this form.

use crate::{
    secret::AntiCsrfToken,
    time::{Millis, UnixMillis},
};

/// A value that can be a part of a message.
pub trait Wire: Sized {
    /// Appends the value.
    fn write(&self, to: &mut String);
    /// Reads the value; any value when the message is damaged, which the reader remembers.
    fn read(from: &mut Reader<'_>) -> Self;
}

/// The message that holds `value`.
pub fn encode(value: &impl Wire) -> String {
    let mut message = String::new();
    value.write(&mut message);
    message
}

/// The value that `message` holds; `None` when it is not a whole message of that type.
pub fn decode<T: Wire>(message: &str) -> Option<T> {
    let mut reader = Reader {
        rest: message,
        is_damaged: false,
    };
    let value = T::read(&mut reader);
    (!reader.is_damaged && reader.rest.is_empty()).then_some(value)
}

/// The part of a message that is still to be read. Damage is remembered, not returned: one check at the end is enough.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a str,
    is_damaged: bool,
}

impl<'a> Reader<'a> {
    /// Notes that the message is not what it should be.
    pub fn damaged(&mut self) {
        self.is_damaged = true;
        self.rest = "";
    }

    fn take(&mut self, parts: Option<(&'a str, &'a str)>) -> &'a str {
        let Some((taken, rest)) = parts else {
            self.damaged();
            return "";
        };
        self.rest = rest;
        taken
    }

    fn number(&mut self) -> u64 {
        let digits = self.take(self.rest.split_once(' '));
        digits.parse().unwrap_or_else(|_| {
            self.damaged();
            0
        })
    }

    fn text(&mut self) -> &'a str {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        self.take(self.rest.split_at_checked(length))
    }
}

fn write_number(to: &mut String, number: u64) {
    to.push_str(&number.to_string());
    to.push(' ');
}

fn write_length(to: &mut String, length: usize) {
    write_number(to, u64::try_from(length).unwrap_or(u64::MAX));
}

impl Wire for u64 {
    fn write(&self, to: &mut String) {
        write_number(to, *self);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        from.number()
    }
}

impl Wire for u32 {
    fn write(&self, to: &mut String) {
        write_number(to, u64::from(*self));
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self::try_from(from.number()).unwrap_or_else(|_| {
            from.damaged();
            0
        })
    }
}

impl Wire for bool {
    fn write(&self, to: &mut String) {
        write_number(to, u64::from(*self));
    }

    fn read(from: &mut Reader<'_>) -> Self {
        from.number() == 1
    }
}

impl Wire for Millis {
    fn write(&self, to: &mut String) {
        write_number(to, self.0);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.number())
    }
}

impl Wire for UnixMillis {
    fn write(&self, to: &mut String) {
        write_number(to, self.0);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self(from.number())
    }
}

impl Wire for AntiCsrfToken {
    fn write(&self, to: &mut String) {
        write_length(to, self.expose().len());
        to.push_str(self.expose());
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self::new(from.text().to_owned())
    }
}

impl Wire for String {
    fn write(&self, to: &mut String) {
        write_length(to, self.len());
        to.push_str(self);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        from.text().to_owned()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, to: &mut String) {
        self.is_some().write(to);
        if let Some(value) = self {
            value.write(to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        bool::read(from).then(|| T::read(from))
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, to: &mut String) {
        write_length(to, self.len());
        for value in self {
            value.write(to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        let mut values = Self::new();
        // The number is only believed as long as there is something to read.
        for _ in 0..from.number() {
            if from.is_damaged {
                break;
            }
            values.push(T::read(from));
        }
        values
    }
}

/// Implements [`Wire`] for structs: their members in the order given.
macro_rules! wire_struct {
    ($($name:ident { $($member:ident),* $(,)? })*) => {$(
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut String) {
                $($crate::wire::Wire::write(&self.$member, to);)*
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Self {
                Self { $($member: $crate::wire::Wire::read(from)),* }
            }
        }
    )*};
}
pub(crate) use wire_struct;

/// Implements [`Wire`] for an enum: the number given to each variant, then its members. The one after `else` is what a
/// damaged message is read as.
macro_rules! wire_enum {
    ($name:ident {
        $($number:literal => $variant:ident $({ $($member:ident),* $(,)? })? $(($inner:ident))?,)*
        else $fallback:expr $(,)?
    }) => {
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut String) {
                match self {
                    $(Self::$variant $({ $($member),* })? $(($inner))? => {
                        $crate::wire::Wire::write(&{ let number: u32 = $number; number }, to);
                        $($($crate::wire::Wire::write($member, to);)*)?
                        $($crate::wire::Wire::write($inner, to);)?
                    })*
                }
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Self {
                match <u32 as $crate::wire::Wire>::read(from) {
                    $($number => Self::$variant
                        $({ $($member: $crate::wire::Wire::read(from)),* })?
                        $(({ let $inner = $crate::wire::Wire::read(from); $inner }))?,)*
                    _ => {
                        from.damaged();
                        $fallback
                    }
                }
            }
        }
    };
}
pub(crate) use wire_enum;

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::time::Millis;

    #[derive(Debug, PartialEq)]
    struct Pair {
        text: String,
        more: Vec<Option<Millis>>,
    }
    wire_struct! { Pair { text, more } }

    #[derive(Debug, PartialEq)]
    enum Either {
        Nothing,
        One(Pair),
        Both { flag: bool, number: u32 },
    }
    wire_enum! { Either {
        0 => Nothing,
        1 => One(pair),
        2 => Both { flag, number },
        else Self::Nothing,
    } }

    fn samples() -> Vec<Either> {
        vec![
            Either::Nothing,
            Either::One(Pair {
                text: "3 ü\"\n".to_owned(),
                more: vec![None, Some(Millis(u64::MAX))],
            }),
            Either::Both {
                flag: true,
                number: u32::MAX,
            },
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        for value in samples() {
            assert_eq!(decode::<Either>(&encode(&value)), Some(value));
        }
    }

    #[test]
    fn a_part_of_a_message_or_more_than_one_is_refused() {
        for value in samples() {
            let message = encode(&value);
            for end in (0..message.len()).filter(|end| message.is_char_boundary(*end)) {
                assert_eq!(
                    decode::<Either>(&message[..end]),
                    None,
                    "{end} of {message}"
                );
            }
            assert_eq!(decode::<Either>(&format!("{message}0 ")), None);
        }
    }

    #[test]
    fn numbers_that_do_not_fit_and_unknown_variants_are_refused() {
        assert_eq!(decode::<u32>("4294967296 "), None);
        assert_eq!(decode::<Either>("3 "), None);
        assert_eq!(decode::<Vec<u64>>("18446744073709551615 1 "), None);
        assert_eq!(decode::<String>("2 ü"), Some("ü".to_owned()));
        assert_eq!(decode::<String>("1 ü"), None);
    }
}
