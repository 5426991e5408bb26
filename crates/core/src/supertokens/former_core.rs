//! A SuperTokens core whose sessions are taken over: what its refresh tokens look like, which handle a session of it has here, and
//! what it answers (docs/protocol/cdi.md).
//!
//! The random part of a handle here is the UUID that the core named the session by. So the two are told from each other without a
//! table, and a session has one handle here, before it is taken over and after.

pub mod unknown_tokens;

use data_encoding::HEXLOWER;

use crate::{
    session::handle::{CheckedHandle, HandleKeys, HandleKind},
    settings::{IssuerKeys, Settings, TrustedIssuer},
    tenant::PUBLIC_TENANT,
};
use postern_jwt::{json, time::UnixMillis};

/// The version of the protocol that the core is asked in. From it on tenants are named, and up to 5.5 a refresh token may be
/// exchanged again until one that was issued for it is used: an answer may be lost.
pub const PROTOCOL_VERSION: &str = "5.0";

/// What a core's keys are called among those of trusted issuers; no id in settings has a hyphen.
const KEYS_ID: &str = "former-core";

/// Whether a text has the form of a core's refresh token: what only the core can read in Base64, a nonce in hexadecimal, and `V2`.
pub fn is_refresh_token(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(encrypted), Some(nonce), Some("V2"), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    let all = |text: &str, is_fit: fn(u8) -> bool| !text.is_empty() && text.bytes().all(is_fit);
    all(encrypted, is_base64) && all(nonce, |byte| byte.is_ascii_hexdigit())
}

/// Where the keys of the core are that `FORMER_CORE_URL` names; `None` = no sessions are taken over. Of the entry only id,
/// algorithms and keys mean something.
pub fn keys(settings: &Settings) -> Option<TrustedIssuer> {
    let url = settings.former_core_url.as_ref()?;
    let keys = IssuerKeys::Uri(format!("{url}/.well-known/jwks.json"));
    Some(TrustedIssuer::only_keys(KEYS_ID, keys))
}

/// The UUID (version 4, RFC 9562) and the tenant that a core's handle is made of; `None` for anything else.
pub fn parse_handle(text: &str) -> Option<([u8; 16], &str)> {
    let (id, tenant) = text.split_once('_').unwrap_or((text, PUBLIC_TENANT));
    let bytes = HEXLOWER.decode(id.replace('-', "").as_bytes()).ok()?;
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    let is_one = is_random_uuid(&bytes) && uuid(&bytes) == id && is_tenant(tenant);
    is_one.then_some((bytes, tenant))
}

/// A core's tenants are named by these letters only.
fn is_tenant(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_letter)
}

/// The handle here of a core's session; `None` when the core's handle has another form than theirs have.
pub fn handle_here(keys: &HandleKeys, user_id: &str, theirs: &str) -> Option<CheckedHandle> {
    let (random, tenant) = parse_handle(theirs)?;
    Some(keys.issue(user_id, tenant, random))
}

/// The handle that the core has for a session; `None` for one that was made here.
pub fn handle_there(handle: &CheckedHandle) -> Option<String> {
    let HandleKind::Own { tenant } = handle.kind() else {
        return None;
    };
    if !is_tenant(tenant) {
        return None;
    }
    let random = handle.random().filter(is_random_uuid)?;
    let id = uuid(&random);
    Some(if tenant == PUBLIC_TENANT {
        id
    } else {
        format!("{id}_{tenant}")
    })
}

/// The random part of a new handle, so that it is never taken for a core's.
pub fn not_a_cores(mut random: [u8; 16]) -> [u8; 16] {
    let [_, _, _, _, _, _, version, ..] = &mut random;
    *version |= 0x80;
    random
}

fn is_random_uuid(bytes: &[u8; 16]) -> bool {
    let [_, _, _, _, _, _, version, _, variant, ..] = bytes;
    version >> 4 == 4 && variant >> 6 == 2
}

fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = HEXLOWER.encode(bytes);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

/// A session of the core's by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The core's handle.
    pub handle: String,
    /// Whose it is.
    pub user_id: String,
}

/// What the core says of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// It is the one of this session.
    Of(Named),
    /// It is none, or the session has ended.
    Unauthorised,
    /// It was used before, by somebody else.
    Theft(Named),
}

/// Reads the answer to `POST /recipe/session/refresh`; `None` when it cannot be read.
pub fn refreshed(text: &str) -> Option<Refreshed> {
    let answer = json::parse_object(text).ok()?;
    let named = || {
        let session = json::parse_object(answer.object("session").ok()??).ok()?;
        Some(Named {
            handle: session.string("handle").ok()??.into_owned(),
            user_id: session.string("userId").ok()??.into_owned(),
        })
    };
    match &*answer.string("status").ok()?? {
        "OK" => named().map(Refreshed::Of),
        "TOKEN_THEFT_DETECTED" => named().map(Refreshed::Theft),
        "UNAUTHORISED" => Some(Refreshed::Unauthorised),
        _ => None,
    }
}

/// What the core has stored about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// Whose it is.
    pub user_id: String,
    /// The payload: the text of one JSON object.
    pub payload: String,
    /// The session data: the text of one JSON object.
    pub session_data: String,
    /// When it was created.
    pub created: UnixMillis,
    /// When it ends unless it is refreshed.
    pub expiry: UnixMillis,
}

/// Reads the answer to `GET /recipe/session`: `Some(None)` = there is no such session; `None` when it cannot be read.
pub fn information(text: &str) -> Option<Option<Information>> {
    let answer = json::parse_object(text).ok()?;
    match &*answer.string("status").ok()?? {
        "OK" => {}
        "UNAUTHORISED" => return Some(None),
        _ => return None,
    }
    let object = |name| json::minify(answer.object(name).ok()??).ok();
    let time = |name| answer.unsigned(name).ok()?.map(UnixMillis);
    Some(Some(Information {
        user_id: answer.string("userId").ok()??.into_owned(),
        payload: object("userDataInJWT")?,
        session_data: object("userDataInDatabase")?,
        created: time("timeCreated")?,
        expiry: time("expiry")?,
    }))
}

/// Reads an answer that is a list of handles under `name`; `None` when it cannot be read.
pub fn handles(text: &str, name: &str) -> Option<Vec<String>> {
    let answer = json::parse_object(text).ok()?;
    if answer.string("status").ok()?? != "OK" {
        return None;
    }
    let handles = answer.strings(name).ok()??;
    Some(handles.into_iter().map(Into::into).collect())
}

#[cfg(test)]
mod tests;
