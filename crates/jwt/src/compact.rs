//! The strict parser of the JWS compact serialisation (RFC 7515 section 7.1).
//!
//! Each accepted token has exactly one spelling: what is accepted re-encodes to itself.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::json::ObjectText;
use crate::{Form, TokenFault, Unverified, unverified::Header};

/// Takes a compact token of at most `max_bytes` apart.
pub fn parse(token: &str, max_bytes: usize) -> Result<Unverified<'_>, TokenFault> {
    parse_jws(token, max_bytes, |payload| {
        // A JWS may carry nothing; claims are at least `{}`.
        if payload.is_empty() {
            return Err(TokenFault::NotThreeParts);
        }
        ObjectText::parse(text(payload)?).map_err(|_| TokenFault::BadPayload)
    })
}

/// Takes a compact JWS apart. `read` makes an object of its payload; what is no claims the pipeline verifies for nobody.
pub(super) fn parse_jws(
    token: &str,
    max_bytes: usize,
    read: impl FnOnce(Vec<u8>) -> Result<ObjectText, TokenFault>,
) -> Result<Unverified<'_>, TokenFault> {
    let parts = split(token, max_bytes)?;
    let header = Header::parse(&decode_text(parts.header)?)?;
    Ok(Unverified {
        form: Form::Compact,
        header,
        signing_input: parts.signing_input,
        payload: read(decode(parts.payload)?)?,
        signature: decode(parts.signature)?,
    })
}

/// The three parts as sent, and the first two together.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The header.
    pub header: &'a str,
    /// The payload.
    pub payload: &'a str,
    /// The signature; may be empty.
    pub signature: &'a str,
    /// `header.payload`.
    pub signing_input: &'a str,
}

/// Splits at exactly two dots. An empty signature is let through here, so that `alg: none` is refused by its name; so is
/// an empty payload, which a JWS may have.
pub fn split(token: &str, max_bytes: usize) -> Result<Parts<'_>, TokenFault> {
    if token.len() > max_bytes {
        return Err(TokenFault::TooLarge);
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenFault::NotThreeParts)?;
    let (header, payload) = signing_input
        .split_once('.')
        .ok_or(TokenFault::NotThreeParts)?;
    if payload.contains('.') || header.is_empty() {
        return Err(TokenFault::NotThreeParts);
    }
    Ok(Parts {
        header,
        payload,
        signature,
        signing_input,
    })
}

/// Canonical unpadded base64url: refuses padding, foreign characters and trailing bits that are not zero.
///
/// Not base64ct, which takes the same time for every secret and ten times as long: whoever sends a token knows it.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    let (groups, rest) = part.as_bytes().as_chunks::<4>();
    // Two characters say one byte, three say two; one says none. What they say beyond that must be zero.
    let (last, last_bytes, unused): ([u8; 4], usize, u8) = match *rest {
        [] => ([b'A'; 4], 0, 0),
        [a, b] => ([a, b, b'A', b'A'], 1, 0b1111),
        [a, b, c] => ([a, b, c, b'A'], 2, 0b11),
        _ => return Err(TokenFault::BadEncoding),
    };
    let mut bytes = vec![0; groups.len().saturating_mul(3).saturating_add(last_bytes)];
    let (places, last_places) = bytes.as_chunks_mut::<3>();
    let mut seen = 0;
    for (group, place) in groups.iter().zip(places) {
        *place = joined(*group, &mut seen);
    }
    for (place, byte) in last_places.iter_mut().zip(joined(last, &mut seen)) {
        *place = byte;
    }
    let trailing = rest.last().map_or(0, |character| sextet(*character)) & unused;
    if seen & !LARGEST != 0 || trailing != 0 {
        return Err(TokenFault::BadEncoding);
    }
    Ok(bytes)
}

/// The three bytes that four characters say. Their bits are added to `seen`.
#[expect(
    clippy::inline_always,
    reason = "the Worker is built for size, and every token passes through here"
)]
#[inline(always)]
fn joined([a, b, c, d]: [u8; 4], seen: &mut u8) -> [u8; 3] {
    let (a, b, c, d) = (sextet(a), sextet(b), sextet(c), sextet(d));
    *seen |= a | b | c | d;
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn sextet(character: u8) -> u8 {
    let found = SEXTETS.get(usize::from(character));
    found.copied().unwrap_or(FOREIGN)
}

/// What a character says at most: all bits that one may have.
const LARGEST: u8 = 63;
/// Marks a character that base64url does not have.
const FOREIGN: u8 = 0xff;
/// What each character says (RFC 4648 section 5).
static SEXTETS: [u8; 256] = sextets();

const fn sextets() -> [u8; 256] {
    let mut table = [FOREIGN; 256];
    let mut places = table.as_mut_slice();
    let mut character: u8 = 0;
    while let [place, others @ ..] = places {
        *place = match character {
            b'A'..=b'Z' => character.wrapping_sub(b'A'),
            b'a'..=b'z' => character.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => character.wrapping_sub(b'0').wrapping_add(52),
            b'-' => 62,
            b'_' => 63,
            _ => FOREIGN,
        };
        character = character.wrapping_add(1);
        places = others;
    }
    table
}

/// The text that a part says.
pub fn decode_text(part: &str) -> Result<String, TokenFault> {
    text(decode(part)?)
}

fn text(bytes: Vec<u8>) -> Result<String, TokenFault> {
    String::from_utf8(bytes).map_err(|_| TokenFault::BadEncoding)
}

/// Unpadded base64url, as every part of a compact token is spelled.
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
