//! What passes for an access token before anything is verified (fdi.md 4.7).
//!
//! A request may carry tokens that are none of our business. Those that look like ours, or name an issuer we trust,
//! count; the others are as good as absent. Decides nothing else.

use super::{MAX_TOKEN_BYTES, access_token, compact::decode_text, legacy};
use crate::{
    json::{self, Object},
    settings::TrustedIssuer,
};

/// Whether a text is an access token by its structure: one of ours, good or not, or one that names a trusted issuer.
pub fn is_access_token(token: &str, issuers: &[TrustedIssuer]) -> bool {
    if token.len() > MAX_TOKEN_BYTES {
        return false;
    }
    if legacy::form(token).is_some() {
        return access_token::parse(token)
            .is_ok_and(|token| access_token::AccessClaims::from_unverified(&token).is_ok());
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Ok(header), Ok(payload)) = (decode_text(header), decode_text(payload)) else {
        return false;
    };
    let (Ok(header), Ok(claims)) = (json::parse_object(&header), json::parse_object(&payload))
    else {
        return false;
    };
    let issuer = text(&claims, "iss");
    let is_foreign = issuer.is_some_and(|name| issuers.iter().any(|issuer| issuer.issuer == name));
    is_foreign || (has_our_header(&header) && has_our_claims(&claims))
}

fn has_our_header(header: &Object<'_>) -> bool {
    let version = text(header, "version").and_then(|version| version.parse::<u8>().ok());
    let is_version = match version {
        Some(version) => version >= 3,
        None => !header.contains("version"),
    };
    // Whatever `typ` says: one of ours with a wrong one is to be refused, not to be overlooked.
    text(header, "kid").is_some() && is_version
}

fn has_our_claims(claims: &Object<'_>) -> bool {
    let strings = ["sub", "sessionHandle", "refreshTokenHash1"];
    let numbers = ["exp", "iat"];
    strings.iter().all(|name| text(claims, name).is_some())
        && numbers.iter().all(|name| matches!(claims.number(name), Ok(Some(_))))
        // Other values mark tokens of another kind, made for other receivers.
        && (!claims.contains("stt") || matches!(claims.unsigned("stt"), Ok(Some(0))))
}

fn text(object: &Object<'_>, name: &str) -> Option<String> {
    object
        .string(name)
        .ok()
        .flatten()
        .map(std::borrow::Cow::into_owned)
}
