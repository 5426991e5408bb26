//! What is wrong with a JSON text, and where: never what it says.

use std::fmt;

/// The longest path that a fault shows, in bytes.
const MAX_PATH_BYTES: usize = 160;

/// The longest member name that a path shows, in characters.
const MAX_NAME_CHARACTERS: usize = 24;

/// Why a JSON text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonReason {
    /// The text ends inside a value.
    UnexpectedEnd,
    /// A character that the grammar does not allow here, a byte order mark among them.
    UnexpectedCharacter,
    /// Something follows the value.
    TrailingText,
    /// Two members of one object have the same name, after escapes are decoded.
    DuplicateMember,
    /// More than [`super::MAX_DEPTH`] arrays and objects are open.
    TooDeep,
    /// A string holds an unescaped control character.
    ControlCharacter,
    /// A string holds an escape that JSON does not know.
    InvalidEscape,
    /// A string escapes half of a surrogate pair, so it is not Unicode text.
    LoneSurrogate,
    /// Something that begins like a number but is none.
    InvalidNumber,
    /// The value has another type than this one.
    Expected(&'static str),
}

impl fmt::Display for JsonReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("the text ends too early"),
            Self::UnexpectedCharacter => f.write_str("unexpected character"),
            Self::TrailingText => f.write_str("text after the value"),
            Self::DuplicateMember => f.write_str("duplicate member"),
            Self::TooDeep => write!(f, "nested deeper than {}", super::MAX_DEPTH),
            Self::ControlCharacter => f.write_str("unescaped control character"),
            Self::InvalidEscape => f.write_str("invalid escape"),
            Self::LoneSurrogate => f.write_str("lone surrogate"),
            Self::InvalidNumber => f.write_str("invalid number"),
            Self::Expected(kind) => write!(f, "must be {kind}"),
        }
    }
}

/// A refused JSON text: the reason and the place, bounded in length, without any value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFault {
    /// Why.
    pub reason: JsonReason,
    /// Steps from the fault up to the root; built only once something is wrong.
    steps: Vec<String>,
}

impl JsonFault {
    /// A fault at the place that the caller is reading.
    pub(super) const fn new(reason: JsonReason) -> Self {
        Self {
            reason,
            steps: Vec::new(),
        }
    }

    /// The same fault, seen from the object that holds the faulty member.
    pub(super) fn in_member(mut self, name: &str) -> Self {
        let mut step = String::from(".");
        step.extend(name.chars().take(MAX_NAME_CHARACTERS).map(|character| {
            if character.is_control() {
                '?'
            } else {
                character
            }
        }));
        if name.chars().nth(MAX_NAME_CHARACTERS).is_some() {
            step.push('…');
        }
        self.steps.push(step);
        self
    }

    /// The same fault, seen from the array that holds the faulty element.
    pub(super) fn in_element(mut self, position: usize) -> Self {
        self.steps.push(format!("[{position}]"));
        self
    }

    /// Where: `$` is the whole text, `$.a[3]` the fourth element of its member `a`. At most 160 bytes.
    pub fn path(&self) -> String {
        let mut path = String::from("$");
        for step in self.steps.iter().rev() {
            if path.len().saturating_add(step.len()) > MAX_PATH_BYTES.saturating_sub('…'.len_utf8())
            {
                path.push('…');
                break;
            }
            path.push_str(step);
        }
        path
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path(), self.reason)
    }
}

impl std::error::Error for JsonFault {}
