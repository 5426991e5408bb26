//! Path safety: a rule must see the very path that the origin will act on.
//!
//! Which paths two programs could read differently. Every case has been used against some gateway: the rule was
//! matched on one reading and the origin served the other. A segment is judged by its decoded text, by one list: what is
//! refused as it stands is refused in whatever escapes.

use crate::http::cookie::hex_digit;

use crate::gateway::matching::readings;

/// Why a path is ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// The path that would be sent is not the one that came: `..` was resolved, `\` turned, characters encoded.
    Changed,
    /// It does not begin with a slash.
    NotAbsolute,
    /// `//`: some servers merge slashes.
    EmptySegment,
    /// A segment of nothing but dots and blanks: `.`, `..`, and what becomes one where blanks and further dots are
    /// stripped.
    DotSegment,
    /// `\`: a slash to some servers.
    Backslash,
    /// `;`: some servers cut path parameters before they route.
    Semicolon,
    /// `%` without two hexadecimal digits.
    BrokenEscape,
    /// `%2f`
    EncodedSlash,
    /// `%2e`: nobody need encode a dot.
    EncodedDot,
    /// What its escapes stand for holds an escape again (`%252e`): another path to who decodes twice.
    DoubleEscape,
    /// A control character, NUL among them.
    ControlCharacter,
    /// Escapes that are no UTF-8: overlong forms hide characters, other encodings are a matter of taste.
    NotUtf8,
    /// A character that Unicode normalisation, or the conversion to a code page, turns into a slash or a backslash.
    LikeASlash,
    /// Another rule is for it as other servers read it: without what they cut behind `?`, `#` or a name's trailing dots
    /// and blanks, or with fullwidth letters as plain ones.
    OtherRule,
}

impl PathFault {
    /// What is wrong, to be read after `the path `.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Changed => "is not in its normal form",
            Self::NotAbsolute => "does not begin with a slash",
            Self::EmptySegment => "holds an empty segment",
            Self::DotSegment => "holds a dot segment",
            Self::Backslash => "holds a backslash",
            Self::Semicolon => "holds a semicolon",
            Self::BrokenEscape => "holds a broken escape",
            Self::EncodedSlash => "holds an encoded slash",
            Self::EncodedDot => "holds an encoded dot",
            Self::DoubleEscape => "is encoded twice",
            Self::ControlCharacter => "holds a control character",
            Self::NotUtf8 => "is not UTF-8",
            Self::LikeASlash => "holds a character that some servers take for a slash",
            Self::OtherRule => "is read by some servers as one of another rule",
        }
    }
}

/// Judges a path: `raw` is what came, `serialised` the path of the URL that would be sent.
///
/// # Errors
/// The first reason for which the two sides could read it differently.
pub fn check(raw: &str, serialised: &str) -> Result<(), PathFault> {
    // A request line without a path asks for the root.
    let raw = if raw.is_empty() { "/" } else { raw };
    let segments = raw.strip_prefix('/').ok_or(PathFault::NotAbsolute)?;
    let mut rest = segments;
    while let Some((segment, behind)) = rest.split_once('/') {
        if segment.is_empty() {
            return Err(PathFault::EmptySegment);
        }
        check_segment(segment)?;
        rest = behind;
    }
    check_segment(rest)?;
    if raw == serialised {
        Ok(())
    } else {
        Err(PathFault::Changed)
    }
}

/// True when a URL surely keeps this path as it is, so that [`check`] may be given `raw` for both and no URL need be
/// made to find out.
pub fn is_kept_by_urls(raw: &str) -> bool {
    raw.starts_with('/')
        && raw
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,:=@%".contains(&byte))
        && check(raw, raw).is_ok()
}

/// Judges one segment, as it was sent.
pub(crate) fn check_segment(segment: &str) -> Result<(), PathFault> {
    if !segment.contains('%') {
        return check_decoded(segment);
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut next = || bytes.next().and_then(hex_digit);
        let (Some(high), Some(low)) = (next(), next()) else {
            return Err(PathFault::BrokenEscape);
        };
        let byte = (high << 4) | low;
        if byte == b'.' {
            return Err(PathFault::EncodedDot);
        }
        decoded.push(byte);
    }
    let text = std::str::from_utf8(&decoded).map_err(|_| PathFault::NotUtf8)?;
    check_decoded(text)
}

/// The list of refusals, for the text that a segment stands for.
fn check_decoded(text: &str) -> Result<(), PathFault> {
    for character in text.chars() {
        match character {
            '/' => return Err(PathFault::EncodedSlash),
            '\\' => return Err(PathFault::Backslash),
            ';' => return Err(PathFault::Semicolon),
            _ if character.is_control() => return Err(PathFault::ControlCharacter),
            _ => {}
        }
    }
    let folded = readings::folded(text);
    if folded.contains(['/', '\\']) {
        return Err(PathFault::LikeASlash);
    }
    if holds_escape(&folded) {
        return Err(PathFault::DoubleEscape);
    }
    if !text.is_empty() && readings::is_dots(&folded) {
        return Err(PathFault::DotSegment);
    }
    Ok(())
}

/// Whether a decoded text holds an escape: whoever decodes twice would read another path.
fn holds_escape(decoded: &str) -> bool {
    decoded.as_bytes().windows(3).any(|window| {
        matches!(window, [b'%', high, low] if hex_digit(*high).is_some() && hex_digit(*low).is_some())
    })
}
