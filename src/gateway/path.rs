//! Path safety: a rule must see the very path that the origin will act on.
//!
//! Owns which paths two programs could read differently. Every case has been used against some gateway: the rule was
//! matched on one reading and the origin served the other. The escapes are judged on the text, never on decoded bytes.

use crate::http::cookie::hex_digit;

/// Why a path is ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// The path that would be sent is not the one that came: `..` was resolved, `\` turned, characters encoded.
    Changed,
    /// It does not begin with a slash.
    NotAbsolute,
    /// `//`: some servers merge slashes.
    EmptySegment,
    /// `.` or `..`.
    DotSegment,
    /// `\`: a slash to some servers.
    Backslash,
    /// `;`: some servers cut path parameters before they route.
    Semicolon,
    /// `%` without two hexadecimal digits.
    BrokenEscape,
    /// `%2f`
    EncodedSlash,
    /// `%5c`
    EncodedBackslash,
    /// `%2e`
    EncodedDot,
    /// What its escapes stand for holds an escape again (`%252e`): another path to who decodes twice.
    DoubleEscape,
    /// A control character, NUL among them, plain or escaped.
    ControlCharacter,
    /// Escapes that are no UTF-8: overlong forms hide characters, other encodings are a matter of taste.
    NotUtf8,
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
            Self::EncodedBackslash => "holds an encoded backslash",
            Self::EncodedDot => "holds an encoded dot",
            Self::DoubleEscape => "is encoded twice",
            Self::ControlCharacter => "holds a control character",
            Self::NotUtf8 => "is not UTF-8",
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

/// Judges one segment.
pub(super) fn check_segment(segment: &str) -> Result<(), PathFault> {
    if matches!(segment, "." | "..") {
        return Err(PathFault::DotSegment);
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'\\' => return Err(PathFault::Backslash),
            b';' => return Err(PathFault::Semicolon),
            b'%' => {
                let mut next = || bytes.next().and_then(hex_digit);
                let (Some(high), Some(low)) = (next(), next()) else {
                    return Err(PathFault::BrokenEscape);
                };
                let byte = (high << 4) | low;
                check_escaped(byte)?;
                byte
            }
            plain => plain,
        };
        if byte.is_ascii_control() {
            return Err(PathFault::ControlCharacter);
        }
        decoded.push(byte);
    }
    if holds_escape(&decoded) {
        return Err(PathFault::DoubleEscape);
    }
    match std::str::from_utf8(&decoded) {
        Ok(text) if text.chars().any(char::is_control) => Err(PathFault::ControlCharacter),
        Ok(_) => Ok(()),
        Err(_) => Err(PathFault::NotUtf8),
    }
}

const fn check_escaped(byte: u8) -> Result<(), PathFault> {
    match byte {
        b'/' => Err(PathFault::EncodedSlash),
        b'\\' => Err(PathFault::EncodedBackslash),
        b'.' => Err(PathFault::EncodedDot),
        _ => Ok(()),
    }
}

/// Whether a decoded segment holds an escape: whoever decodes twice would read another path.
fn holds_escape(decoded: &[u8]) -> bool {
    decoded.windows(3).any(|window| {
        matches!(window, [b'%', high, low] if hex_digit(*high).is_some() && hex_digit(*low).is_some())
    })
}
