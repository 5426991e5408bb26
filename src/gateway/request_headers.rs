//! What of a request's headers an origin gets: nothing of one connection, nothing that only the gateway may say, and
//! none of our credentials unless the rule asks for it.

use std::net::IpAddr;

use crate::http::bearer::{Authorization, authorization};
use crate::settings::Settings;
use crate::token::candidate;

use super::reserved::{is_hop_by_hop, is_our_cookie, is_ours, listed, normal};
use super::rules::Rule;

/// Headers by which a client would say what only a proxy can know, in normal form; `x-forwarded…` are besides.
const OF_PROXIES: [&str; 8] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
];

/// Headers that some frameworks take for the method, in normal form.
const OF_METHODS: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// What is read of a request's headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent<'a> {
    /// `Connection`.
    pub connection: Option<&'a str>,
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Upgrade`.
    pub upgrade: Option<&'a str>,
    /// True when `Authorization` is known to carry a token of ours; nobody need look then.
    pub authorization_is_ours: bool,
}

/// What is to be done with a request's headers before anything of ours is added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names to remove, as they were given.
    pub remove: Vec<String>,
    /// The new value of `Cookie`; it is among the names to remove when nothing is left of it.
    pub cookie: Option<String>,
}

/// Whether a WebSocket is asked for.
pub fn is_websocket(upgrade: Option<&str>) -> bool {
    upgrade.is_some_and(|upgrade| upgrade.trim().eq_ignore_ascii_case("websocket"))
}

/// Judges the headers of a request that falls under `rule`. `names` are all of its header names.
///
/// `Upgrade` stays for WebSockets, which is how the runtime is asked for one.
pub fn changes<'n>(
    settings: &Settings,
    rule: &Rule,
    sent: Sent<'_>,
    names: impl Iterator<Item = &'n str>,
) -> Changes {
    let mut changes = Changes::default();
    let is_websocket = is_websocket(sent.upgrade);
    let of_connection: Vec<_> = listed(sent.connection).collect();
    for name in names {
        let normal = normal(name);
        let is_kept = match &*normal {
            "upgrade" if is_websocket => true,
            "authorization" => {
                rule.forward_credentials
                    || !(sent.authorization_is_ours
                        || is_ours_to_hide(settings, sent.authorization))
            }
            "cookie" if !rule.forward_credentials => {
                let cookie = sent.cookie.unwrap_or_default();
                let left = without_our_cookies(cookie);
                let is_changed = left != cookie;
                let is_empty = left.is_empty();
                changes.cookie = (is_changed && !is_empty).then_some(left);
                !is_empty
            }
            "anti-csrf" => rule.forward_credentials,
            _ => !is_dropped(&normal, rule),
        };
        let is_listed = of_connection.contains(&normal) && !(is_websocket && normal == "upgrade");
        if !is_kept || is_listed {
            changes.remove.push(name.to_owned());
        }
    }
    if changes
        .remove
        .iter()
        .any(|name| name.eq_ignore_ascii_case("cookie"))
    {
        changes.cookie = None;
    }
    changes
}

fn is_dropped(normal: &str, rule: &Rule) -> bool {
    is_hop_by_hop(normal)
        || is_ours(normal)
        || normal == "expect"
        || normal == "http2-settings"
        || normal.starts_with("x-forwarded")
        || OF_PROXIES.contains(&normal)
        || (!rule.methods.is_empty() && OF_METHODS.contains(&normal))
}

/// True when `Authorization` carries a token of ours or of a trusted issuer, or may: of two credentials one may be.
fn is_ours_to_hide(settings: &Settings, header: Option<&str>) -> bool {
    match authorization(header) {
        Authorization::Doubled => true,
        Authorization::Bearer(token) => {
            candidate::is_access_token(token, &settings.trusted_issuers)
        }
        Authorization::None => false,
    }
}

/// A `Cookie` header without the cookies of sessions; the others stay as they are. Some runtimes join repeated headers
/// with commas, so ours are looked for behind those, too.
pub fn without_our_cookies(header: &str) -> String {
    if !header.split([';', ',']).any(is_pair_of_ours) {
        return header.to_owned();
    }
    let kept = header.split(';').filter_map(|pair| {
        let parts: Vec<&str> = pair
            .split(',')
            .filter(|part| !is_pair_of_ours(part))
            .collect();
        let left = parts.join(",");
        let left = left.trim();
        (!left.is_empty()).then(|| left.to_owned())
    });
    kept.collect::<Vec<_>>().join("; ")
}

fn is_pair_of_ours(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    is_our_cookie(name.trim_matches(|c: char| !c.is_ascii_graphic()))
}

/// The headers about the client, in place of whatever it said itself. What is no address is left out.
pub fn forwarded(client: Option<&str>, host: &str, scheme: &str) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    let mut forwarded = String::new();
    if let Some(address) = client.and_then(|client| client.trim().parse::<IpAddr>().ok()) {
        let text = address.to_string();
        // RFC 7239 section 6: an IPv6 address is bracketed, and quoted for its colons.
        forwarded.push_str(&match address {
            IpAddr::V4(_) => ["for=", &text, ";"].concat(),
            IpAddr::V6(_) => ["for=\"[", &text, "]\";"].concat(),
        });
        headers.push(("x-forwarded-for", text));
    }
    forwarded.push_str(&["host=\"", host, "\";proto=", scheme].concat());
    headers.push(("x-forwarded-host", host.to_owned()));
    headers.push(("x-forwarded-proto", scheme.to_owned()));
    headers.push(("forwarded", forwarded));
    headers
}
