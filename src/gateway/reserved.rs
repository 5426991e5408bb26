//! Names that are ours: headers that only the gateway writes, and the cookies of sessions.
//!
//! Names are compared in a normal form: lower case, and a hyphen for whatever is no letter or digit. To programs that
//! hand headers on as variables (`HTTP_POSTERN_USER_ID`) `-` and `_` are one, and to some every other sign is, too.

use std::borrow::Cow;

use crate::frontend::request::REFRESH_TOKEN_COOKIE;
use crate::http::credentials::LEGACY_ID_COOKIE;

use super::renewal::TRIED_COOKIE;

/// Headers of one connection (RFC 9110 section 7.6.1), `Proxy-*` among them.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The cookies of a session, whoever sets them: the Worker, or the browser SDK in a page.
const COOKIES: [&str; 7] = [
    "sAccessToken",
    "__Host-sAccessToken",
    REFRESH_TOKEN_COOKIE,
    LEGACY_ID_COOKIE,
    "sFrontToken",
    "sAntiCsrf",
    TRIED_COOKIE,
];

/// The normal form of a header name; most names are their own.
pub(super) fn normal(name: &str) -> Cow<'_, str> {
    let is_normal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.bytes().all(is_normal) {
        return Cow::Borrowed(name);
    }
    name.chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect::<String>()
        .into()
}

/// True for headers of one connection; takes the normal form.
pub(super) fn is_hop_by_hop(normal: &str) -> bool {
    HOP_BY_HOP.contains(&normal)
}

/// True for names that only the gateway may write towards either side; takes the normal form.
pub(super) fn is_ours(normal: &str) -> bool {
    normal.starts_with("postern-") || normal == "postern"
}

/// True for response headers that the browser SDK acts on; takes the normal form.
pub(super) fn is_of_sessions(normal: &str) -> bool {
    matches!(normal, "front-token" | "anti-csrf" | "id-refresh-token") || normal.starts_with("st-")
}

/// True for the name of a cookie of ours. In any case: what differs only in case is meant to deceive.
pub(super) fn is_our_cookie(name: &str) -> bool {
    COOKIES.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

/// The names that `Connection` lists, in normal form.
pub(super) fn listed(connection: Option<&str>) -> impl Iterator<Item = Cow<'_, str>> {
    let names = connection
        .into_iter()
        .flat_map(|connection| connection.split(','));
    names.map(|name| normal(name.trim()))
}
