//! Which places of a request the settings name for tokens of issuers.

use super::{Settings, TrustedIssuer};
use crate::http::token_places::{Place, TokenPlaces};

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
    /// The places of every issuer that names any.
    pub(crate) fn token_places(&self) -> impl Iterator<Item = &TokenPlaces> {
        let issuers = self.trusted_issuers.iter();
        issuers.filter_map(|issuer| issuer.token_from.as_ref())
    }

    /// Names of headers in which tokens may be, in lower case, but for `Authorization`.
    pub fn token_headers(&self) -> impl Iterator<Item = &str> {
        let names = self.token_places().flat_map(|places| &places.headers);
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
        let mut names = self.token_places().flat_map(|places| &places.cookies);
        names.any(|known| known.eq_ignore_ascii_case(name))
    }

    /// True for a WebSocket's subprotocol that carries a token.
    pub fn is_token_protocol(&self, protocol: &str) -> bool {
        let mut beginnings = self.token_places().flat_map(|places| &places.protocols);
        beginnings.any(|beginning| protocol.starts_with(beginning.as_str()))
    }
}
