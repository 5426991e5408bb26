//! What a request holds where tokens of issuers may be (`token_from`).

use crate::http::cookie::Cookies;
use crate::http::token_places::Place;
use crate::settings::Settings;

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

/// The texts of a request that stand where tokens of some issuer may be, headers first. `header` gives a header by its name in
/// lower case.
pub fn placed<'s>(
    settings: &'s Settings,
    is_websocket: bool,
    header: impl Fn(&str) -> Option<String>,
) -> Vec<Placed<'s>> {
    let mut found: Vec<Placed<'s>> = Vec::new();
    if settings.token_places().next().is_none() {
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
        for beginning in settings.token_places().flat_map(|places| &places.protocols) {
            for protocol in protocols.split(',').map(str::trim) {
                if let Some(text) = protocol.strip_prefix(beginning.as_str()) {
                    add(text, Place::Protocol(beginning));
                }
            }
        }
    }
    let cookie = header("cookie");
    let cookies = Cookies::new(cookie.as_deref());
    for name in settings.token_places().flat_map(|places| &places.cookies) {
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
    use super::placed;
    use crate::http::token_places::Place;
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
