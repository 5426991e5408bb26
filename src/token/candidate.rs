//! What passes for an access token before anything is verified (fdi.md 4.7).
//!
//! A request may carry tokens that are none of our business. Those that look like ours, or name an issuer we trust,
//! count; the others are as good as absent. Decides nothing else.

use std::borrow::Cow;

use super::{
    AccessClaims, Form, MAX_TOKEN_BYTES, Unverified, claimant, compact::decode_text, issuer, legacy,
};
use crate::{
    json::{self, Object},
    settings::TrustedIssuer,
};

/// A text that passes for an access token.
#[derive(Debug)]
pub enum Look<'a> {
    /// It was taken apart already.
    Parsed(Unverified<'a>),
    /// It is not kept in parts: whoever verifies it parses it, and hears why the strict parser refuses it, if that does.
    Unparsed,
}

/// Looks at a text; `None` when it is no access token by its structure, neither one of ours, good or not, nor one that
/// names a trusted issuer.
pub fn look<'a>(token: &'a str, issuers: &[TrustedIssuer]) -> Option<Look<'a>> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    match claimant::parse(token) {
        Ok(parsed) => passes(&parsed, issuers).then_some(Look::Parsed(parsed)),
        Err(_) => passes_unparsed(token, issuers).then_some(Look::Unparsed),
    }
}

/// Whether a text is an access token by its structure.
pub fn is_access_token(token: &str, issuers: &[TrustedIssuer]) -> bool {
    look(token, issuers).is_some()
}

/// What a text with the structure of a session token of ours says of itself, whoever signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The key that it names; the legacy forms name none.
    pub key_id: Option<String>,
    /// The handle of its session.
    pub handle: String,
}

/// Looks at a text as [`look`] does, and more kindly: either alphabet of base64 will do, with padding or without. For who
/// is to keep tokens from going astray, not for who is to believe them.
pub fn own(header: &str, payload: &str) -> Option<Own> {
    let header_text = kindly_decoded(header)?;
    let head = json::parse_object(&header_text).ok()?;
    let is_legacy = [legacy::HEADER_V1, legacy::HEADER_V2]
        .iter()
        .any(|known| known.trim_end_matches('=') == header.trim_end_matches('='));
    if !is_legacy && !has_our_header(&head) {
        return None;
    }
    let payload = kindly_decoded(payload)?;
    let claims = json::parse_object(&payload).ok()?;
    if !is_legacy && !has_our_claims(&claims) {
        return None;
    }
    Some(Own {
        key_id: head.string("kid").ok().flatten().map(Cow::into_owned),
        handle: claims.string("sessionHandle").ok()??.into_owned(),
    })
}

fn kindly_decoded(part: &str) -> Option<String> {
    if part.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let part = part.trim_end_matches('=');
    if part.contains(['+', '/']) {
        decode_text(&part.replace('+', "-").replace('/', "_")).ok()
    } else {
        decode_text(part).ok()
    }
}

fn passes(token: &Unverified<'_>, issuers: &[TrustedIssuer]) -> bool {
    if token.form() != Form::Compact {
        return AccessClaims::from_unverified(token).is_ok();
    }
    let is_our_version = !token.header.has_foreign_version && may_be_ours(token.version());
    issuer::claimed(issuers, token).is_some()
        || (token.key_id().is_some() && is_our_version && has_our_claims(&token.payload.object()))
}

/// The same of a text that the strict parser refuses: header and payload are at least JSON objects.
fn passes_unparsed(token: &str, issuers: &[TrustedIssuer]) -> bool {
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
    let issuer = claims.string("iss").ok().flatten();
    let is_foreign = issuer.is_some_and(|name| issuers.iter().any(|issuer| issuer.issuer == name));
    is_foreign || (has_our_header(&header) && has_our_claims(&claims))
}

fn has_our_header(header: &Object<'_>) -> bool {
    // Whatever `typ` says: one of ours with a wrong one is to be refused, not to be overlooked.
    let version = header.string("version");
    is_text(header, "kid") && version.is_ok_and(|version| may_be_ours(version.as_deref()))
}

/// The `version` of a header; absent, it says nothing.
fn may_be_ours(version: Option<&str>) -> bool {
    version.is_none_or(|version| version.parse::<u8>().is_ok_and(|version| version >= 3))
}

fn has_our_claims(claims: &Object<'_>) -> bool {
    let strings = ["sub", "sessionHandle", "refreshTokenHash1"];
    let numbers = ["exp", "iat"];
    strings.iter().all(|name| is_text(claims, name))
        && numbers.iter().all(|name| matches!(claims.number(name), Ok(Some(_))))
        // Other values mark tokens of another kind, made for other receivers.
        && (!claims.contains("stt") || matches!(claims.unsigned("stt"), Ok(Some(0))))
}

fn is_text(object: &Object<'_>, name: &str) -> bool {
    matches!(object.string(name), Ok(Some(_)))
}
