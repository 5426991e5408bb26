//! The bound cookie: its name and its attributes.
//!
//! Host-only, by its `__Host-` name: no sibling host can set one. The name is each session's own, because browsers go by
//! names: two sessions of one jar that shared a name would overwrite each other's cookie for ever.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::COOKIE_LIFE;
use crate::{
    http::{cookie::Cookies, credential_names::HOST_DEVICE_PREFIX},
    settings::{SameSite, Settings},
};

/// How many bytes of the handle's digest stand in the name.
const DIGEST_BYTES: usize = 8;

/// How many an answer takes away: a jar has one, or one for each account of the last minutes.
const MOST_CLEARED: usize = 4;

/// The name of a session's bound cookie.
pub fn cookie_name(handle: &str) -> String {
    let digest = Sha256::digest(handle.as_bytes());
    let mut name = HOST_DEVICE_PREFIX.to_owned();
    for byte in digest.iter().take(DIGEST_BYTES) {
        // Writing to a `String` cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Its attributes. Browsers compare them with those that the session's instructions name: one that differs makes them ask
/// before every request.
pub fn cookie_attributes(settings: &Settings) -> &'static str {
    match settings.same_site() {
        SameSite::None => "Path=/; Secure; HttpOnly; SameSite=None",
        SameSite::Lax => "Path=/; Secure; HttpOnly; SameSite=Lax",
        SameSite::Strict => "Path=/; Secure; HttpOnly; SameSite=Strict",
    }
}

/// The `Set-Cookie` of a value.
pub fn set_cookie(settings: &Settings, handle: &str, value: &str) -> String {
    format!(
        "{}={value}; Max-Age={}; {}",
        cookie_name(handle),
        COOKIE_LIFE.as_seconds(),
        cookie_attributes(settings)
    )
}

/// The `Set-Cookie`s that take away what a request carries of such cookies, at most a few.
pub fn cleared(settings: &Settings, cookies: Cookies<'_>) -> Vec<String> {
    let attributes = cookie_attributes(settings);
    let is_one = |name: &&str| {
        name.strip_prefix(HOST_DEVICE_PREFIX)
            .is_some_and(|digest| digest.len() == 2 * DIGEST_BYTES && is_hex(digest))
    };
    let names = cookies.decoded().map(|(name, _)| name).filter(is_one);
    names
        .take(MOST_CLEARED)
        .map(|name| format!("{name}=; Max-Age=0; {attributes}"))
        .collect()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
