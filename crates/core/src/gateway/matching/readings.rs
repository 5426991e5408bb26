//! How else a path may be read: what servers cut, strip or turn into other characters before they look for a file.
//!
//! Nothing here refuses. [`crate::gateway::matching::path`] refuses what one of these readings makes a slash or a dot segment;
//! [`crate::gateway::decision::decide`] what falls under another rule when it is read this way.

use std::borrow::Cow;

use crate::gateway::matching::segments::{decoded, segments};

/// A path as the most eager servers read it, decoded; `None` when they read it as the rules do.
///
/// `path` is one that [`crate::gateway::matching::path::check`] accepts.
pub(crate) fn other(path: &str) -> Option<String> {
    if !may_differ(path) {
        return None;
    }
    let mut is_other = false;
    let mut read = String::new();
    for segment in segments(path) {
        let text = decoded(segment);
        let eager = of_segment(&text);
        is_other |= eager.text != text;
        read.push('/');
        read.push_str(&eager.text);
        if eager.ends_path {
            break;
        }
    }
    is_other.then_some(read)
}

/// A quick look that most paths need no more than.
fn may_differ(path: &str) -> bool {
    let mut before = b'/';
    for byte in path.bytes() {
        if matches!(byte, b'%' | b':') || !byte.is_ascii() || (byte == b'/' && before == b'.') {
            return true;
        }
        before = byte;
    }
    before == b'.'
}

/// A segment as some server reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What is left of it.
    pub(crate) text: String,
    /// True when everything behind it is no path any more, but a query or a fragment.
    pub(crate) ends_path: bool,
}

/// Reads a decoded segment as the most eager servers do.
pub(crate) fn of_segment(decoded: &str) -> Reading {
    let folded = folded(decoded);
    let (name, ends_path) = name(&folded);
    // Windows strips dots and blanks behind a name, and much else strips blanks around it.
    let text = name
        .trim_start_matches(' ')
        .trim_end_matches([' ', '.'])
        .to_owned();
    Reading { text, ends_path }
}

/// True for what [`folded`] made of a segment that was not empty, when it is nothing but dots and blanks, whatever some
/// server would cut behind them.
pub(crate) fn is_dots(folded: &str) -> bool {
    let (name, _) = name(folded);
    let is_cut_whole = name.is_empty() && !folded.is_empty();
    !is_cut_whole && name.bytes().all(|byte| matches!(byte, b'.' | b' '))
}

/// What comes before whatever a server may cut off, and whether the path ends there:
/// a query or fragment, for who decodes a path and then takes the whole URL apart again; a path parameter (RFC 3986
/// section 3.3); an NTFS stream, such as `::$DATA`.
fn name(folded: &str) -> (&str, bool) {
    let (path, ends_path) = match folded.find(['?', '#']) {
        Some(at) => (folded.get(..at).unwrap_or_default(), true),
        None => (folded, false),
    };
    let end = [";", "::$", ":$"]
        .iter()
        .filter_map(|cut| path.find(cut))
        .min();
    (
        path.get(..end.unwrap_or(path.len())).unwrap_or_default(),
        ends_path,
    )
}

/// A decoded text with ASCII for the characters that Unicode's compatibility forms (NFKC) or the conversion to a code
/// page make it of, blanks for all white space, and without invisible characters.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match ascii_of(character) {
            Some(ascii) => folded.push_str(ascii),
            None if character.is_whitespace() => folded.push(' '),
            None if is_invisible(character) => {}
            None => folded.push(half_width(character)),
        }
    }
    Cow::Owned(folded)
}

/// What some conversion makes of a character, where that means something in a path.
const fn ascii_of(character: char) -> Option<&'static str> {
    Some(match character {
        // Fraction slash, division slash, big solidus, fullwidth solidus; and letters around a slash.
        '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}' => "/",
        '\u{2100}' => "a/c",
        '\u{2101}' => "a/s",
        '\u{2105}' => "c/o",
        '\u{2106}' => "c/u",
        // Set minus, reverse solidus operator, big, small and fullwidth reverse solidus; yen and won, which take its
        // place in Japanese and Korean code pages.
        '\u{2216}' | '\u{29f5}' | '\u{29f9}' | '\u{fe68}' | '\u{ff3c}' | '\u{a5}' | '\u{ffe5}'
        | '\u{20a9}' | '\u{ffe6}' => "\\",
        // One dot leader, small and fullwidth full stop, and the full stops that host names take for one.
        '\u{2024}' | '\u{fe52}' | '\u{ff0e}' | '\u{3002}' | '\u{ff61}' => ".",
        '\u{2025}' | '\u{fe30}' => "..",
        '\u{2026}' | '\u{fe19}' => "...",
        // Greek question mark, which is a semicolon; presentation forms, small and fullwidth semicolon.
        '\u{37e}' | '\u{fe14}' | '\u{fe54}' | '\u{ff1b}' => ";",
        '\u{fe16}' | '\u{fe56}' | '\u{ff1f}' => "?",
        '\u{2047}' => "??",
        '\u{2048}' => "?!",
        '\u{2049}' => "!?",
        '\u{fe5f}' | '\u{ff03}' => "#",
        '\u{fe6a}' | '\u{ff05}' => "%",
        '\u{fe13}' | '\u{fe55}' | '\u{ff1a}' | '\u{2236}' => ":",
        '\u{fe69}' | '\u{ff04}' => "$",
        _ => return None,
    })
}

/// Fullwidth forms as the ASCII that they are forms of.
fn half_width(character: char) -> char {
    let code = u32::from(character);
    if (0xff01..=0xff5e).contains(&code) {
        return char::from_u32(code.saturating_sub(0xfee0)).unwrap_or(character);
    }
    character
}

/// Characters that leave no trace where texts are folded for comparison (Unicode: `Default_Ignorable_Code_Point`).
const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
