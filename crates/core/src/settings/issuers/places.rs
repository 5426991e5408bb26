//! `token_from`: where an entry's tokens may be.

use super::entry::Entry;
use super::presets::Preset;
use super::printable;
use crate::http::credential_names;
use crate::http::token_places::TokenPlaces;
use postern_jwt::json::{self, Object};

/// The longest name of a header, a cookie or a subprotocol's beginning, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Headers with a meaning of their own.
const TAKEN: [&str; 15] = [
    "cookie",
    "set-cookie",
    "host",
    "connection",
    "upgrade",
    "origin",
    "referer",
    "forwarded",
    "te",
    "trailer",
    "transfer-encoding",
    "expect",
    "accept",
    "rid",
    "user-agent",
];

/// How names of headers begin that have one.
const TAKEN_BEGINNINGS: [&str; 5] = [
    "sec-",
    "content-",
    "postern-",
    "x-forwarded-",
    "access-control-",
];

impl Entry<'_> {
    /// `None` = the usual places.
    pub(super) fn token_from(&mut self) -> Option<TokenPlaces> {
        const FORM: &str = "token_from must be a table with one or more of headers, cookies, websocket_protocols, each a list of names";
        if !self.has("token_from") {
            return self.preset.and_then(Preset::token_from);
        }
        let text = self.object.get("token_from")?.to_owned();
        let Ok(table) = json::parse_object(&text) else {
            self.fault(FORM);
            return None;
        };
        for member in table.members() {
            if !["headers", "cookies", "websocket_protocols"].contains(&member.name()) {
                self.fault(format!(
                    "unknown field `token_from.{}`",
                    printable(member.name())
                ));
            }
        }
        let mut names = |member: &str, form: &str, is_good: &dyn Fn(&str) -> bool| {
            let Some(names) = names_in(&table, member) else {
                self.fault(FORM);
                return Vec::new();
            };
            if !names.iter().all(|name| is_good(name)) {
                self.fault(format!("token_from.{member} must be {form}"));
            }
            names
        };
        let headers = names(
            "headers",
            "names of headers, of letters, digits and hyphens, that have no other meaning",
            &is_free_header,
        );
        let cookies = names(
            "cookies",
            "names of cookies that are none of Postern's own",
            &|name| is_token(name) && !credential_names::is_cookie(name),
        );
        let protocols = names(
            "websocket_protocols",
            "what a subprotocol begins with, such as \"bearer.\", which is not \"postern\"",
            &|name| is_token(name) && !name.starts_with("postern"),
        );
        if headers.is_empty() && cookies.is_empty() && protocols.is_empty() {
            self.fault(FORM);
        }
        Some(TokenPlaces {
            headers: headers
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
            cookies,
            protocols,
        })
    }
}

/// The names of a list; none when it is absent. `None` = it is no list of texts.
fn names_in(table: &Object<'_>, member: &str) -> Option<Vec<String>> {
    let names = table.strings(member).ok()?.unwrap_or_default();
    Some(
        names
            .into_iter()
            .map(std::borrow::Cow::into_owned)
            .collect(),
    )
}

fn is_free_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_form = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_form
        && !TAKEN.contains(&name.as_str())
        && !TAKEN_BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
        && !credential_names::is_response_header(&name)
}

/// A token of HTTP (RFC 9110 section 5.6.2).
fn is_token(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
