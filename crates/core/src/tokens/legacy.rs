//! The strict parser of the two legacy access tokens: fixed headers, standard base64 with padding.
//!
//! The header is compared as text, never decoded, so nothing in it can be chosen by the sender.

use data_encoding::BASE64;

use postern_jwt::json::ObjectText;
use postern_jwt::{Algorithm, Form, TokenFault, Unverified, compact};

/// The header part of a version 1 access token: `{"alg":"RS256","typ":"JWT","version":"1"}`.
pub const HEADER_V1: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIxIn0=";

/// The header part of a version 2 access token.
pub const HEADER_V2: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0=";

/// The legacy form that a token claims by its first part.
pub fn form(token: &str) -> Option<Form> {
    match token.split('.').next() {
        Some(HEADER_V1) => Some(Form::LegacyV1),
        Some(HEADER_V2) => Some(Form::LegacyV2),
        _ => None,
    }
}

/// Takes a legacy token of at most `max_bytes` apart.
pub fn parse(token: &str, max_bytes: usize) -> Result<Unverified<'_>, TokenFault> {
    let parts = compact::split(token, max_bytes)?;
    let form = form(token).ok_or(TokenFault::BadHeader)?;
    let payload = String::from_utf8(decode(parts.payload)?).map_err(|_| TokenFault::BadEncoding)?;
    let payload = ObjectText::parse(payload).map_err(|_| TokenFault::BadPayload)?;
    let version = if form == Form::LegacyV1 { "1" } else { "2" };
    Ok(Unverified::with_fixed_header(
        form,
        Algorithm::RS256,
        version,
        parts.signing_input,
        payload,
        decode(parts.signature)?,
    ))
}

/// Canonical padded base64: missing padding, trailing bits that are not zero and padding in the middle are refused.
fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    BASE64
        .decode(part.as_bytes())
        .ok()
        .filter(|bytes| encode(bytes) == part)
        .ok_or(TokenFault::BadEncoding)
}

/// Padded standard base64, as the payload and signature of a legacy token are spelled.
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};
    use proptest::prelude::{prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_part_is_read_as_by_another_strict_decoder(part in "([AQgwZ0+/-]{4}){0,2}[AQgwZ0_=]{0,4}([AQg=]{4})?") {
            prop_assert_eq!(super::decode(&part).ok(), Base64::decode_vec(&part).ok());
        }
    }
}
