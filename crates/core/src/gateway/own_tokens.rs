//! Tokens of ours inside other texts: a cookie, a header, a query, whatever its name and whatever stands around them.
//!
//! Names can be configured away, values cannot. A text shorter than any token costs a comparison, any other one pass over
//! its bytes; more is done only where something has the outline of a token.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;

use crate::http::cookie::hex_digit;
use crate::session::handle::has_own_form;
use crate::tokens::candidate;

/// Whatever is shorter holds no token of ours: the handle in a refresh token and the MAC take more.
const SHORTEST: usize = 100;
/// How every header of ours begins: `{"a` as base64; and every payload: `{"`.
const BEGINNING: &str = "eyJ";
const BEGINNING_OF_PAYLOAD: &str = "ey";
/// The longest header of a token, encoded.
const LONGEST_HEADER: usize = 512;
/// The digest at the end of a refresh token, encoded.
const MAC_LENGTH: usize = 43;
/// How often a text is decoded in search of a token: what encodes twice is a mistake, more often is intent.
const MOST_LAYERS: usize = 4;
/// How much may be decoded in search of headers, by the length of the text. What needs more is made to cost time.
const WORK_PER_BYTE: usize = 8;

/// What of ours a text holds; the more dangerous is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
}

/// What has the structure of a token of ours.
#[derive(Debug, Clone, Copy)]
pub struct Suspect<'a> {
    /// What it would be.
    pub kind: Kind,
    /// The key that it names.
    pub key_id: Option<&'a str>,
    /// The handle that it names.
    pub handle: &'a str,
}

/// Says whether a suspect is ours, by its handle's tag or by its key.
pub type IsOurs<'a> = &'a dyn Fn(&Suspect<'_>) -> bool;

/// The most dangerous token of ours that a text holds.
pub fn held(text: &str, is_ours: IsOurs<'_>) -> Option<Kind> {
    if text.len() < SHORTEST {
        return None;
    }
    let mut layer = Cow::Borrowed(text);
    let mut found = None;
    for _ in 0..MOST_LAYERS {
        found = found.max(look(&layer, is_ours));
        if found == Some(Kind::Refresh) || !layer.contains('%') {
            break;
        }
        layer = Cow::Owned(percent_decoded(&layer));
    }
    found
}

/// The same of a text whose words may be base64, as those of `Authorization: Basic` are.
pub fn held_in_credentials(text: &str, is_ours: IsOurs<'_>) -> Option<Kind> {
    if text.len() < SHORTEST {
        return None;
    }
    let packed = text.split([' ', '\t', ',', '"', ';']).filter_map(|word| {
        let word = word.trim_end_matches('=');
        if word.len() < SHORTEST || word.contains('.') {
            return None;
        }
        let word = word.replace('+', "-").replace('/', "_");
        let bytes = BASE64URL_NOPAD.decode(word.as_bytes()).ok()?;
        held(&String::from_utf8_lossy(&bytes), is_ours)
    });
    packed.max().max(held(text, is_ours))
}

fn look(text: &str, is_ours: IsOurs<'_>) -> Option<Kind> {
    let mut work = text.len().saturating_mul(WORK_PER_BYTE);
    let mut found = None;
    for run in text.split(|c: char| !is_of_tokens(c)) {
        if run.len() < SHORTEST {
            continue;
        }
        let parts: Vec<&str> = run.split('.').collect();
        for window in parts.windows(3) {
            if let [header, payload, _] = window
                && holds_access_token(header, payload, &mut work, is_ours)
            {
                found = found.max(Some(Kind::Access));
            }
        }
        if parts
            .windows(7)
            .any(|window| is_refresh_token(window, is_ours))
        {
            return Some(Kind::Refresh);
        }
    }
    found
}

/// What tokens are made of, the padded legacy ones among them.
const fn is_of_tokens(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=')
}

/// Whether `header`, or its end, is that of a token of ours.
fn holds_access_token(header: &str, payload: &str, work: &mut usize, is_ours: IsOurs<'_>) -> bool {
    if !payload.starts_with(BEGINNING_OF_PAYLOAD) {
        return false;
    }
    let start = header.len().saturating_sub(LONGEST_HEADER);
    let end = header.get(start..).unwrap_or_default();
    end.match_indices(BEGINNING).any(|(at, _)| {
        let header = end.get(at..).unwrap_or_default();
        *work = work.saturating_sub(header.len());
        // Nothing honest looks like a header again and again: what cannot be looked at is not let through.
        *work == 0
            || candidate::own(header, payload).is_some_and(|own| {
                is_ours(&Suspect {
                    kind: Kind::Access,
                    key_id: own.key_id.as_deref(),
                    handle: &own.handle,
                })
            })
    })
}

/// Whether seven parts are a refresh token; something may stand before it, and behind it.
fn is_refresh_token(parts: &[&str], is_ours: IsOurs<'_>) -> bool {
    let &[version, route, random, tag, generation, index, mac] = parts else {
        return false;
    };
    let is_number = |text: &str| {
        (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !version.ends_with('1')
        || mac.len() < MAC_LENGTH
        || !is_number(generation)
        || !is_number(index)
    {
        return false;
    }
    let handle = [route, random, tag].join(".");
    has_own_form(&handle)
        && is_ours(&Suspect {
            kind: Kind::Refresh,
            key_id: None,
            handle: &handle,
        })
}

/// Without percent-encoding; what is no escape stays as it is.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let escaped = (byte == b'%')
            .then(|| Some((hex_digit(ahead.next()?)? << 4) | hex_digit(ahead.next()?)?))
            .flatten();
        decoded.push(escaped.unwrap_or(byte));
        if escaped.is_some() {
            bytes = ahead;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
