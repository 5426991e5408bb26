//! Names that are ours: headers that only the gateway writes. Those of credentials are `http::credential_names`' to say.
//!
//! Names are compared in a normal form: lower case, and a hyphen for whatever is no letter or digit. To programs that
//! hand headers on as variables (`HTTP_POSTERN_USER_ID`) `-` and `_` are one, and to some every other sign is, too.

use std::borrow::Cow;

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

/// The names that `Connection` lists, in normal form.
pub(super) fn listed(connection: Option<&str>) -> impl Iterator<Item = Cow<'_, str>> {
    let names = connection
        .into_iter()
        .flat_map(|connection| connection.split(','));
    names.map(|name| normal(name.trim()))
}
