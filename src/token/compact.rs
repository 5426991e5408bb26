//! The strict parser of the JWS compact serialisation (RFC 7515 section 7.1).
//!
//! Each accepted token has exactly one spelling: what is accepted re-encodes to itself.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{Form, TokenFault, Unverified, unverified::Header};
use crate::json;

/// Takes a compact token of at most `max_bytes` apart.
pub fn parse(token: &str, max_bytes: usize) -> Result<Unverified<'_>, TokenFault> {
    parse_jws(token, max_bytes, |payload| {
        // A JWS may carry nothing; claims are at least `{}`.
        if payload.is_empty() {
            return Err(TokenFault::NotThreeParts);
        }
        let payload = text(payload)?;
        json::parse_object(&payload).map_err(|_| TokenFault::BadPayload)?;
        Ok(payload)
    })
}

/// Takes a compact JWS apart. `read` makes text of its payload; what is no claims the pipeline verifies for nobody.
pub(super) fn parse_jws(
    token: &str,
    max_bytes: usize,
    read: impl FnOnce(Vec<u8>) -> Result<String, TokenFault>,
) -> Result<Unverified<'_>, TokenFault> {
    let parts = split(token, max_bytes)?;
    let header = Header::parse(&text(decode(parts.header)?)?)?;
    Ok(Unverified {
        form: Form::Compact,
        header,
        signing_input: parts.signing_input,
        payload: read(decode(parts.payload)?)?,
        signature: decode(parts.signature)?,
    })
}

/// The three parts as sent, and the first two together.
pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
    pub(super) signing_input: &'a str,
}

/// Splits at exactly two dots. An empty signature is let through here, so that `alg: none` is refused by its name; so is
/// an empty payload, which a JWS may have.
pub(super) fn split(token: &str, max_bytes: usize) -> Result<Parts<'_>, TokenFault> {
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

/// Canonical unpadded base64url: base64ct refuses padding, foreign characters and trailing bits that are not zero.
fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| TokenFault::BadEncoding)
}

fn text(bytes: Vec<u8>) -> Result<String, TokenFault> {
    String::from_utf8(bytes).map_err(|_| TokenFault::BadEncoding)
}

/// Unpadded base64url, as every part of a compact token is spelled.
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
