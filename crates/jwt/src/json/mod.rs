//! Strict JSON (RFC 8259): no duplicate members, bounded depth, numbers and text kept verbatim.
//!
//! JSON that decides something is read here: tokens, keys, bodies, payloads. Two readers of one text must never see
//! two meanings, so whatever is ambiguous is refused: members named twice (after escapes are decoded), lone surrogates,
//! a byte order mark, bytes after the value. Values stay raw text, so `1`, `1.0` and `1e21` come out as they went in and
//! `__proto__` is a name like any other. What a member means is for the callers to know.
//!
//! Work is `O(n log n)` in the input, also for hostile input; nothing is recursive beyond [`MAX_DEPTH`].

mod equality;
mod fault;
mod member;
mod number;
mod object;
mod object_text;
mod scanner;
pub(crate) mod typed;
mod writer;

pub use equality::same_value;
pub use fault::{JsonFault, JsonReason};
pub use member::Member;
pub use number::Number;
pub use object::{
    Kind, Object, kind, parse_array, parse_object, parse_string, string_of, unsigned_of,
};
pub use object_text::ObjectText;
pub use writer::{ObjectWriter, strings};

use std::fmt::Write;

use scanner::Scanner;

/// How many arrays and objects may be open at once.
pub const MAX_DEPTH: usize = 64;

/// Checks one JSON value and gives its text without insignificant whitespace; numbers and escapes stay verbatim.
pub fn minify(text: &str) -> Result<String, JsonFault> {
    let mut scanner = Scanner::minifying(text);
    scanner.document(|scanner| scanner.value(0).map(drop))?;
    Ok(scanner.into_minified())
}

/// A JSON string literal that means `text`.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    push_quoted(&mut quoted, text);
    quoted
}

/// Adds a JSON string literal that means `text`.
fn push_quoted(quoted: &mut String, text: &str) {
    quoted.push('"');
    let is_plain = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\' | 0x7f);
    if text.bytes().all(is_plain) {
        quoted.push_str(text);
        quoted.push('"');
        return;
    }
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // DEL needs no escape, but a control character in a log line is nobody's friend.
            control if control < ' ' || control == '\u{7f}' => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
}

/// The object `base` with the members of `changes` in place of its own; a member that `changes` sets to `null` goes.
pub fn merge(base: &str, changes: &str) -> Result<String, JsonFault> {
    let (base, changes) = (parse_object(base)?, parse_object(changes)?);
    let kept = base
        .members()
        .filter(|member| !changes.contains(member.name()));
    let set = changes.members().filter(|member| member.value() != "null");
    let mut merged = ObjectWriter::new();
    for member in kept.chain(set) {
        merged.json(member.name(), member.value());
    }
    Ok(merged.finish())
}

#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "count-steps"))]
pub mod work;
