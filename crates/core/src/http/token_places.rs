//! Where in a request an issuer's token may be, and what stands in such places (`token_from`). Never in an address: those are
//! logged, kept and passed on.

use super::cookie::Cookies;
use crate::settings::{Settings, TrustedIssuer};

/// The places of one issuer's tokens. None of the usual ones is among them unless it is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPlaces {
    /// Names of headers, in lower case, of letters, digits and hyphens. `authorization` is read as `Bearer`, others with that word or without.
    pub headers: Vec<String>,
    /// Names of cookies.
    pub cookies: Vec<String>,
    /// What a WebSocket's subprotocol begins with that goes on with a token.
    pub protocols: Vec<String>,
}

/// One place in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'p> {
    /// `Authorization`, or what stands for it where a page can set no header.
    Authorization,
    /// A cookie of our own sessions.
    SessionCookie,
    /// Another header, by its name in lower case.
    Header(&'p str),
    /// Another cookie.
    Cookie(&'p str),
    /// A subprotocol with this beginning.
    Protocol(&'p str),
}

/// As an operator reads it.
impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Authorization => f.write_str("authorization"),
            Self::SessionCookie => f.write_str("the cookie of own access tokens"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Protocol(beginning) => write!(f, "websocket protocol {beginning}"),
        }
    }
}

/// A text that stands where some issuer's tokens may be. A credential: never log it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<'s> {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub place: Place<'s>,
}

/// The most texts of one request that are looked at: more is an attack.
const MAX_PLACED: usize = 8;

impl TrustedIssuer {
    /// Every place in which its tokens count; `Authorization` first, where it is one.
    pub fn places(&self) -> Vec<Place<'_>> {
        let Some(places) = &self.token_from else {
            return vec![Place::Authorization, Place::SessionCookie];
        };
        let others = places
            .headers
            .iter()
            .filter(|name| *name != "authorization")
            .map(|name| Place::Header(name))
            .chain(places.cookies.iter().map(|name| Place::Cookie(name)))
            .chain(places.protocols.iter().map(|one| Place::Protocol(one)));
        let authorization =
            std::iter::once(Place::Authorization).filter(|place| self.takes_from(*place));
        authorization.chain(others).collect()
    }

    /// Whether its tokens count at a place.
    pub fn takes_from(&self, place: Place<'_>) -> bool {
        let Some(places) = &self.token_from else {
            return matches!(place, Place::Authorization | Place::SessionCookie);
        };
        let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
        match place {
            Place::Authorization => has(&places.headers, "authorization"),
            Place::SessionCookie => false,
            Place::Header(name) => has(&places.headers, name),
            Place::Cookie(name) => has(&places.cookies, name),
            Place::Protocol(beginning) => has(&places.protocols, beginning),
        }
    }
}

impl Settings {
    fn places(&self) -> impl Iterator<Item = &TokenPlaces> {
        let issuers = self.trusted_issuers.iter();
        issuers.filter_map(|issuer| issuer.token_from.as_ref())
    }

    /// Names of headers in which tokens may be, in lower case, but for `Authorization`.
    pub fn token_headers(&self) -> impl Iterator<Item = &str> {
        let names = self.places().flat_map(|places| &places.headers);
        names
            .map(String::as_str)
            .filter(|name| *name != "authorization")
    }

    /// True for a header that is to carry tokens, by its name in lower case with hyphens.
    pub fn is_token_header(&self, name: &str) -> bool {
        self.token_headers().any(|known| known == name)
    }

    /// True for a cookie that is to carry tokens. In any case: what differs only in case is meant to deceive.
    pub fn is_token_cookie(&self, name: &str) -> bool {
        let mut names = self.places().flat_map(|places| &places.cookies);
        names.any(|known| known.eq_ignore_ascii_case(name))
    }

    /// True for a WebSocket's subprotocol that carries a token.
    pub fn is_token_protocol(&self, protocol: &str) -> bool {
        let mut beginnings = self.places().flat_map(|places| &places.protocols);
        beginnings.any(|beginning| protocol.starts_with(beginning.as_str()))
    }
}

/// The texts of a request that stand where tokens of some issuer may be, headers first. `header` gives a header by its name in
/// lower case.
pub fn placed<'s>(
    settings: &'s Settings,
    is_websocket: bool,
    header: impl Fn(&str) -> Option<String>,
) -> Vec<Placed<'s>> {
    let mut found: Vec<Placed<'s>> = Vec::new();
    if settings.places().next().is_none() {
        return found;
    }
    let mut add = |text: &str, place: Place<'s>| {
        let placed = Placed {
            text: without_bearer(text).to_owned(),
            place,
        };
        if !placed.text.is_empty() && found.len() < MAX_PLACED && !found.contains(&placed) {
            found.push(placed);
        }
    };
    for name in settings.token_headers() {
        if let Some(value) = header(name) {
            add(&value, Place::Header(name));
        }
    }
    let protocols = header("sec-websocket-protocol").filter(|_| is_websocket);
    if let Some(protocols) = protocols {
        for beginning in settings.places().flat_map(|places| &places.protocols) {
            for protocol in protocols.split(',').map(str::trim) {
                if let Some(text) = protocol.strip_prefix(beginning.as_str()) {
                    add(text, Place::Protocol(beginning));
                }
            }
        }
    }
    let cookie = header("cookie");
    let cookies = Cookies::new(cookie.as_deref());
    for name in settings.places().flat_map(|places| &places.cookies) {
        for text in cookies.all(name) {
            add(&text, Place::Cookie(name));
        }
    }
    found
}

/// A token that may have the word `Bearer` before it.
fn without_bearer(value: &str) -> &str {
    let value = value.trim();
    match value.split_once([' ', '\t']) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, placed};
    use crate::settings::testing::parsed;

    const ISSUERS: &str = r#"[{"id":"access","provider":"cloudflare-access","issuer":"https://t.cloudflareaccess.com","audience":["f"]},
        {"id":"hasura","issuer":"https://h.example","audience":["x"],"token_from":{"headers":["X-Id-Token"],"websocket_protocols":["bearer."]}},
        {"id":"plain","issuer":"https://p.example","audience":["x"]}]"#;

    #[test]
    fn texts_are_found_where_the_issuers_say() {
        let settings = parsed(&[("TRUSTED_ISSUERS", ISSUERS)]);
        let of = |headers: &[(&str, &str)], is_websocket: bool| {
            let header = |name: &str| {
                let found = headers.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            placed(&settings, is_websocket, header)
                .into_iter()
                .map(|placed| format!("{:?} {}", placed.place, placed.text))
                .collect::<Vec<_>>()
        };
        let headers = [
            ("authorization", "Bearer no"),
            ("cf-access-jwt-assertion", " a.b.c "),
            ("x-id-token", "bearer  d.e.f"),
            ("x-other", "no"),
            (
                "cookie",
                "CF_Authorization=g; cf_authorization=no; sAccessToken=no; CF_Authorization=h",
            ),
            ("sec-websocket-protocol", "chat, bearer.i.j.k, bearer."),
        ];
        let all = [
            r#"Header("cf-access-jwt-assertion") a.b.c"#,
            r#"Header("x-id-token") d.e.f"#,
            r#"Protocol("bearer.") i.j.k"#,
            r#"Cookie("CF_Authorization") g"#,
            r#"Cookie("CF_Authorization") h"#,
        ];
        assert_eq!(of(&headers, true), all);
        assert_eq!(of(&headers, false).len(), all.len() - 1);
        assert!(of(&[], true).is_empty());
        let many = "CF_Authorization=1; ".repeat(3)
            + &(0..50)
                .map(|n| ["CF_Authorization=t", &n.to_string(), "; "].concat())
                .collect::<String>();
        assert_eq!(of(&[("cookie", &many)], false).len(), 8);
    }

    #[test]
    fn an_issuers_tokens_count_in_its_places_only() {
        let settings = parsed(&[("TRUSTED_ISSUERS", ISSUERS)]);
        let [access, hasura, plain] = settings.trusted_issuers.as_slice() else {
            panic!("three entries");
        };
        for (place, of_access, of_hasura, of_plain) in [
            (Place::Authorization, true, false, true),
            (Place::SessionCookie, false, false, true),
            (Place::Header("cf-access-jwt-assertion"), true, false, false),
            (Place::Header("x-id-token"), false, true, false),
            (Place::Cookie("CF_Authorization"), true, false, false),
            (Place::Protocol("bearer."), false, true, false),
        ] {
            assert_eq!(access.takes_from(place), of_access, "{place:?}");
            assert_eq!(hasura.takes_from(place), of_hasura, "{place:?}");
            assert_eq!(plain.takes_from(place), of_plain, "{place:?}");
            for (issuer, expected) in [(access, of_access), (hasura, of_hasura), (plain, of_plain)]
            {
                assert_eq!(issuer.places().contains(&place), expected, "{place:?}");
            }
        }
        assert!(
            settings.is_token_header("x-id-token") && !settings.is_token_header("authorization")
        );
        assert!(settings.is_token_cookie("cf_authorization") && !settings.is_token_cookie("x"));
        assert!(settings.is_token_protocol("bearer.x") && !settings.is_token_protocol("bearer"));
    }
}
