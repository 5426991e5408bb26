//! Pages that stay signed in without a script: a navigation whose access token is stale goes through a refresh, once,
//! and comes back.
//!
//! Both addresses, and the proof that one leads to the other. The refresh cookie is sent to the refresh alone, so
//! the gateway cannot know whether one is there: it goes by the stale access token, and remembers for which one the
//! refresh was tried.

use std::fmt::Write;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use crate::http::cookie::{Cookies, SetCookie, percent_decode, percent_encode};
use crate::settings::{SameSite, Settings};
use postern_jwt::time::{Millis, UnixMillis};

/// The parameter with the address to come back to.
const RETURN_TO: &str = "return_to";
/// The parameter with the [witness](witness).
const WITNESS: &str = "for";
pub use crate::http::credential_names::REFRESHED_FOR as TRIED_COOKIE;

/// How long a browser remembers that.
const TRIED_LIFETIME: Millis = Millis::from_seconds(60);
/// The longest address to come back to.
const MAX_ADDRESS: usize = 4096;
/// The longest form that is sent to the refresh and back: browsers send all of it again each time.
pub const MAX_FORM_BYTES: u64 = 1024 * 1024;

/// A refresh that may make a stale session good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// Which access tokens it is for, see [`witness`].
    pub witness: String,
    /// True when only the token's age is wrong: whoever sent it held the session.
    pub is_proven: bool,
}

/// What the address that leads to the refresh says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// Path and query to come back to, fit for a header.
    pub address: String,
    /// The witness, as far as there is one.
    pub witness: Option<String>,
}

/// A digest of the access-token cookies of a request; `None` without any. A website that makes somebody's browser ask for
/// a refresh cannot know it: it stands for the header that a script of ours would send. It is no credential.
pub fn witness(settings: &Settings, cookie: Option<&str>) -> Option<String> {
    let cookies = Cookies::new(cookie);
    let mut digest = Sha256::new();
    let mut count = 0_usize;
    for token in cookies.all(settings.access_token_cookie()) {
        digest.update(token.as_bytes());
        digest.update(b"\n");
        count = count.saturating_add(1);
    }
    let digest = digest.finalize();
    (count > 0).then(|| BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default()))
}

/// What [`TRIED_COOKIE`] says after a refresh for these access-token cookies. Of several, one may stay whatever is
/// refreshed, beside a new one each time: they count as one.
fn tried(settings: &Settings, cookie: Option<&str>) -> Option<String> {
    if Cookies::new(cookie).count(settings.access_token_cookie()) > 1 {
        return Some("several".to_owned());
    }
    witness(settings, cookie)
}

/// True when the refresh was tried for the very access-token cookies that the request still has.
pub fn was_tried(settings: &Settings, cookie: Option<&str>) -> bool {
    let tried = tried(settings, cookie);
    tried.is_some() && Cookies::new(cookie).first(TRIED_COOKIE).as_deref() == tried.as_deref()
}

/// The `Set-Cookie` that says that the refresh was tried for the access-token cookies of this request.
pub fn tried_cookie(settings: &Settings, cookie: Option<&str>, now: UnixMillis) -> Option<String> {
    let value = tried(settings, cookie)?;
    let cookie = SetCookie {
        name: TRIED_COOKIE,
        value: &value,
        domain: None,
        path: "/",
        expires: now.plus(TRIED_LIFETIME),
        secure: settings.cookie_secure,
        same_site: SameSite::Lax,
        partitioned: false,
    };
    Some(cookie.header_value())
}

/// The address of the refresh, on the host of the request itself; `None` when there is no safe way back.
pub fn location(settings: &Settings, witness: &str, path: &str, query: &str) -> Option<String> {
    let mut back = path.to_owned();
    if !query.is_empty() {
        back.push('?');
        back.push_str(query);
    }
    own_address(settings, &back)?;
    let base = &settings.api_base_path;
    Some(format!(
        "{base}/session/refresh?{RETURN_TO}={}&{WITNESS}={witness}",
        percent_encode(&back)
    ))
}

/// Reads the query of a refresh; `None` when it names no address to come back to, an error when that is not ours.
///
/// # Errors
/// The address is not a path, or leads to the refresh itself.
pub fn read(settings: &Settings, own_origin: &str, query: &str) -> Option<Result<Return, ()>> {
    let parameter = |wanted: &str| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name == wanted).then_some(value)
        })
    };
    let back = parameter(RETURN_TO)?.replace('+', " ");
    let address = percent_decode(&back).and_then(|back| {
        let path = back.strip_prefix(own_origin).unwrap_or(&back);
        own_address(settings, path)
    });
    let witness = parameter(WITNESS).map(str::to_owned);
    Some(address.map(|address| Return { address, witness }).ok_or(()))
}

/// An address of the host that is asked: a path that no browser takes for another host's, and not the refresh's own.
/// What no header may hold is escaped.
fn own_address(settings: &Settings, address: &str) -> Option<String> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let is_path = path.starts_with('/')
        && !path.starts_with("//")
        && !address.contains(['\\', '#'])
        && !address.contains(|character: char| character.is_control())
        && path
            .split('/')
            .all(|segment| !matches!(segment, "." | ".."));
    let refresh = [settings.api_base_path.as_str(), "/session/refresh"].concat();
    let is_refresh = path.strip_suffix('/').unwrap_or(path) == refresh;
    if !is_path || is_refresh || address.len() > MAX_ADDRESS {
        return None;
    }
    let mut escaped = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>^`{|}".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    Some(escaped)
}
