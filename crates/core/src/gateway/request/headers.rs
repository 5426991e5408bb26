//! What of a request's headers an origin gets: nothing of one connection, nothing that only the gateway may say, and
//! none of our credentials unless the rule asks for it.

use crate::gateway::request::upgrade::is_websocket;
use std::net::IpAddr;

use crate::http::bearer::{Authorization, authorization};
use crate::http::credential_names;
use crate::settings::Settings;
use crate::supertokens::cdi::request::api_key;
use crate::tokens::candidate;

use crate::gateway::own_tokens::{self, IsOurs, Kind};
use crate::gateway::request::claimed::{is_of_methods, is_of_proxies};
use crate::gateway::request::{socket_token, trace_context};
use crate::gateway::reserved::{is_hop_by_hop, is_ours, listed, normal};
use crate::gateway::rules::Rule;
use crate::gateway::rules::origins::Origin;

/// What is read of a request's headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent<'a> {
    /// `Connection`.
    pub connection: Option<&'a str>,
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
    /// The new value of `Sec-WebSocket-Protocol`, in the same way.
    pub protocols: Option<String>,
    /// True when an API key was removed.
    pub had_api_key: bool,
    /// True when a credential is left: what is made of it is for nobody else.
    pub has_credential: bool,
}

/// Which of our credentials an origin gets: a refresh token only where its own SDK refreshes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passing {
    access: bool,
    refresh: bool,
}

impl Passing {
    /// Of a request that falls under a rule with `forward_credentials` or without.
    pub fn of(rule: &Rule, origin: &Origin, method: &str, path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        let refreshes = method == "POST" && path.rsplit('/').next() == Some("refresh");
        Self {
            access: rule.forward_credentials,
            refresh: rule.forward_credentials && origin.sets_sessions && refreshes,
        }
    }

    /// Whether a text with such a token may pass.
    pub fn lets(self, held: Option<Kind>) -> bool {
        match held {
            None => true,
            Some(Kind::Access) => self.access,
            Some(Kind::Refresh) => self.refresh,
        }
    }
}

/// Judges the headers of a request that goes to `origin`, all of which are given, with their values.
///
/// `Upgrade` stays for WebSockets, which is how the runtime is asked for one.
pub fn changes<'n>(
    settings: &Settings,
    origin: &Origin,
    passing: Passing,
    sent: Sent<'_>,
    headers: impl Iterator<Item = (&'n str, &'n str)>,
    is_ours: IsOurs<'_>,
) -> Changes {
    let mut changes = Changes::default();
    let is_websocket = is_websocket(sent.upgrade);
    let of_connection: Vec<_> = listed(sent.connection).collect();
    let (mut proof, mut state, mut has_trace) = (None, None, false);
    for (name, value) in headers {
        let normal = normal(name);
        let is_kept = match &*normal {
            "upgrade" if is_websocket => true,
            "authorization" => {
                let has_api_key = !sent.authorization_is_ours && is_api_key(settings, value);
                changes.had_api_key |= has_api_key;
                let is_kept =
                    !has_api_key && keeps_authorization(settings, passing, sent, value, is_ours);
                changes.has_credential |= is_kept;
                is_kept
            }
            "cookie" => {
                let left = without_our_cookies(value, passing, is_ours, &|name| {
                    settings.is_token_cookie(name)
                });
                let is_empty = left.is_empty();
                changes.cookie = (left != value && !is_empty).then_some(left);
                !is_empty
            }
            "sec-websocket-protocol" => {
                let is_others =
                    |protocol: &str| !passing.access && settings.is_token_protocol(protocol);
                let others = socket_token::others(value, is_others);
                let left = without_our_tokens(&others, passing, is_ours);
                let is_empty = left.is_empty();
                changes.protocols = (left != value && !is_empty).then_some(left);
                !is_empty
            }
            credential_names::API_KEY => {
                changes.had_api_key |= settings.accepts_api_key(value.trim());
                false
            }
            name if credential_names::is_request_header(name) => {
                passing.access && !credential_names::is_refresh_token(name)
            }
            "traceparent" if !trace_context::is_traceparent(value) => false,
            "tracestate" if !trace_context::is_tracestate(value) => false,
            // The credential of an issuer's user, whatever it holds.
            name if settings.is_token_header(name) => passing.access,
            _ => !is_dropped(&normal, origin) && passing.lets(own_tokens::held(value, is_ours)),
        };
        let is_listed = of_connection.contains(&normal) && !(is_websocket && normal == "upgrade");
        if !is_kept || is_listed || origin.removes(&normal) {
            changes.remove.push(name.to_owned());
        } else {
            match &*normal {
                "dpop" => proof = Some(name.to_owned()),
                "traceparent" => has_trace = true,
                "tracestate" => state = Some(name.to_owned()),
                _ => {}
            }
        }
    }
    // What the state says belongs to the trace (W3C Trace Context section 4.3).
    if !has_trace {
        changes.remove.extend(state);
    }
    let is_removed = |name: &str| {
        let mut removed = changes.remove.iter();
        removed.any(|known| known.eq_ignore_ascii_case(name))
    };
    // A proof of possession goes with the token that it is for.
    if is_removed("authorization") {
        changes.remove.extend(proof);
    }
    let is_removed = |name: &str| {
        let mut removed = changes.remove.iter();
        removed.any(|known| known.eq_ignore_ascii_case(name))
    };
    if is_removed("cookie") {
        changes.cookie = None;
    }
    changes.has_credential |= passing.access;
    if is_removed("sec-websocket-protocol") {
        changes.protocols = None;
    }
    changes
}

/// Whether `Authorization` passes, whatever its scheme.
fn keeps_authorization(
    settings: &Settings,
    passing: Passing,
    sent: Sent<'_>,
    value: &str,
    is_ours: IsOurs<'_>,
) -> bool {
    if sent.authorization_is_ours {
        return passing.access;
    }
    let is_hidden = !passing.access && is_ours_to_hide(settings, Some(value));
    !is_hidden && passing.lets(own_tokens::held_in_credentials(value, is_ours))
}

/// Whether `Authorization` is a key of the service API, which may stand there too.
fn is_api_key(settings: &Settings, value: &str) -> bool {
    !settings.api_key_digests.is_empty()
        && api_key::presented(None, Some(value)).is_some_and(|key| {
            // What no key is made of need not be digested.
            key.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'=' || b == b'-')
                && settings.accepts_api_key(key)
        })
}

fn is_dropped(normal: &str, origin: &Origin) -> bool {
    is_hop_by_hop(normal)
        || is_ours(normal)
        || normal == "expect"
        || normal == "http2-settings"
        || is_of_proxies(normal)
        || (!origin.accepts_method_override && is_of_methods(normal))
}

/// True when `Authorization` carries a token of ours or of a trusted issuer, or may: of two credentials one may be.
fn is_ours_to_hide(settings: &Settings, header: Option<&str>) -> bool {
    match authorization(header) {
        Authorization::Doubled => true,
        Authorization::Bearer(token) | Authorization::Dpop(token) => {
            candidate::is_access_token(token, &settings.trusted_issuers)
        }
        Authorization::None => false,
    }
}

/// A `Cookie` header without the cookies of sessions, and without any that holds a token of ours; the others stay as they
/// are. Some runtimes join repeated headers with commas, so names of ours are looked for behind those, too.
pub fn without_our_cookies(
    header: &str,
    passing: Passing,
    is_ours: IsOurs<'_>,
    is_token_cookie: &dyn Fn(&str) -> bool,
) -> String {
    let has_our_name = |part: &str| {
        let name = cookie_name(part);
        let is_of_session = credential_names::is_cookie(name)
            && !(passing.access && (passing.refresh || !credential_names::is_refresh_token(name)));
        is_of_session || (!passing.access && is_token_cookie(name))
    };
    let is_ours_by_value = |text: &str| !passing.lets(own_tokens::held(text, is_ours));
    if !header.split([';', ',']).any(has_our_name) && !is_ours_by_value(header) {
        return header.to_owned();
    }
    let kept = header.split(';').filter_map(|pair| {
        let parts: Vec<&str> = pair
            .split(',')
            .filter(|part| !(has_our_name(part) || is_pair(part) && is_ours_by_value(part)))
            .collect();
        let left = parts.join(",");
        let left = left.trim();
        (!left.is_empty() && !is_ours_by_value(left)).then(|| left.to_owned())
    });
    kept.collect::<Vec<_>>().join("; ")
}

fn cookie_name(pair: &str) -> &str {
    let name = pair.split('=').next().unwrap_or_default();
    name.trim_matches(|c: char| !c.is_ascii_graphic())
}

/// Whether a part of a cookie that holds commas may be one of its own: a comma may belong to a value, as in JSON.
fn is_pair(part: &str) -> bool {
    part.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim();
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&b))
    })
}

/// A list without the members that hold a token of ours.
fn without_our_tokens(list: &str, passing: Passing, is_ours: IsOurs<'_>) -> String {
    if passing.lets(own_tokens::held(list, is_ours)) {
        return list.to_owned();
    }
    let kept = list.split(',').map(str::trim);
    let kept = kept.filter(|member| passing.lets(own_tokens::held(member, is_ours)));
    kept.collect::<Vec<_>>().join(", ")
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
