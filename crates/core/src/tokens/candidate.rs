//! What passes for an access token before anything is verified (fdi.md 4.7).
//!
//! A request may carry tokens that are none of our business. Those that look like ours, or name an issuer we trust,
//! count; the others are as good as absent. Decides nothing else.

use std::borrow::Cow;

use super::{access_token::AccessClaims, form, legacy, trusted_issuer};
use crate::settings::TrustedIssuer;
use postern_jwt::json::{self, Kind, Object, ObjectText};
use postern_jwt::{Form, MAX_TOKEN_BYTES, Unverified, compact::decode_text};

/// A text that passes for an access token.
#[derive(Debug)]
pub struct Structure<'a, 's> {
    /// The token in parts. `None` = whoever verifies it parses it, and hears why the strict parser refuses it, if that does.
    pub parsed: Option<Unverified<'a>>,
    /// The trusted issuer that it names. Whether it is telling the truth, its keys will show.
    pub issuer: Option<&'s TrustedIssuer>,
}

/// The structure of a text; `None` when it is no access token by its structure, neither one of ours, good or not, nor one that
/// names a trusted issuer.
pub fn structure<'a, 's>(
    token: &'a str,
    issuers: &'s [TrustedIssuer],
) -> Option<Structure<'a, 's>> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (passes, issuer, parsed) = if let Ok(parsed) = form::parse(token) {
        let issuer = named(&parsed, issuers);
        let passes = issuer.is_some() || is_like_ours(&parsed);
        (passes, issuer, Some(parsed))
    } else {
        let (header, claims) = opened(token)?;
        let (header, claims) = (header.object(), claims.object());
        let issuer = trusted_issuer::of_claims(issuers, &claims);
        let is_like_ours = || has_our_header(&header) && has_our_claims(members(&claims));
        (issuer.is_some() || is_like_ours(), issuer, None)
    };
    passes.then_some(Structure { parsed, issuer })
}

/// The trusted issuer whose name a text misses by a slash at its end, or by the case of its letters: almost always the
/// setting is at fault.
pub fn nearly_names<'s>(token: &str, issuers: &'s [TrustedIssuer]) -> Option<&'s TrustedIssuer> {
    if issuers.is_empty() || token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (_, claims) = opened(token)?;
    let name = claims.object().string("iss").ok().flatten()?.into_owned();
    issuers.iter().find(|issuer| issuer.names.nearly(&name))
}

/// Whether a text is an access token by its structure.
pub fn is_access_token(token: &str, issuers: &[TrustedIssuer]) -> bool {
    structure(token, issuers).is_some()
}

/// What a text with the structure of a session token of ours says of itself, whoever signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The key that it names; the legacy forms name none.
    pub key_id: Option<String>,
    /// The handle of its session.
    pub handle: String,
}

/// Reads a text as [`structure`] does, and more kindly: either alphabet of base64 will do, with padding or without. For who
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
    if !is_legacy && !has_our_claims(members(&claims)) {
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

fn named<'s>(token: &Unverified<'_>, issuers: &'s [TrustedIssuer]) -> Option<&'s TrustedIssuer> {
    (token.form() == Form::Compact)
        .then(|| trusted_issuer::claimed(issuers, token))
        .flatten()
}

fn is_like_ours(token: &Unverified<'_>) -> bool {
    if token.form() != Form::Compact {
        return AccessClaims::from_unverified(token).is_ok();
    }
    let is_our_version = !token.has_foreign_version() && may_be_ours(token.version());
    token.key_id().is_some() && is_our_version && has_our_claims(token.members_unverified())
}

/// Header and payload of a text that the strict parser may refuse: three parts, of which two are JSON objects.
fn opened(token: &str) -> Option<(ObjectText, ObjectText)> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let object = |part| ObjectText::parse(decode_text(part).ok()?).ok();
    Some((object(header)?, object(payload)?))
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

fn members<'o>(object: &'o Object<'_>) -> impl Iterator<Item = (&'o str, &'o str)> {
    object
        .members()
        .map(|member| (member.name(), member.value()))
}

/// Names and texts of values; no name is there twice.
fn has_our_claims<'c>(claims: impl Iterator<Item = (&'c str, &'c str)>) -> bool {
    let mut found: u8 = 0;
    for (name, value) in claims {
        let is_ours = match name {
            "sub" | "sessionHandle" | "refreshTokenHash1" => json::kind(value) == Kind::String,
            "exp" | "iat" => json::kind(value) == Kind::Number,
            // Other values mark tokens of another kind, made for other receivers.
            "stt" if json::unsigned_of(value) != Some(0) => return false,
            _ => continue,
        };
        if !is_ours {
            return false;
        }
        found = found.saturating_add(1);
    }
    found == 5
}

fn is_text(object: &Object<'_>, name: &str) -> bool {
    matches!(object.string(name), Ok(Some(_)))
}
