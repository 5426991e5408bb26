//! The strict parser of the JWS compact serialisation (RFC 7515 section 7.1).
//!
//! Each accepted token has exactly one spelling: what is accepted re-encodes to itself.

use data_encoding::BASE64URL_NOPAD;

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
    BASE64URL_NOPAD
        .decode(part.as_bytes())
        .map_err(|_| TokenFault::BadEncoding)
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
    BASE64URL_NOPAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use proptest::prelude::{prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_part_is_read_as_by_another_strict_decoder(part in "[AQgwZz09+/_=-]{0,9}[ \\n.]?") {
            let other = Base64UrlUnpadded::decode_vec(&part);
            prop_assert_eq!(super::decode(&part).ok(), other.ok());
        }
    }
}
