//! Duplicate cookies after a change of the cookie domain (fdi.md 1.4): one refresh repairs them.
//!
//! The upstream answer (200 without a front token, or 500) breaks the current browser SDK. Here the refresh goes on
//! with the token that is newest, and the same answer clears what is left of the older domain.

use std::borrow::Cow;

use crate::http::cookie::Cookies;
use crate::settings::origin::{host_name, is_local_name, origin_host};
use crate::settings::{Settings, TokenTransferMethod};

use super::headers::SessionHeaders;
use super::request::REFRESH_TOKEN_COOKIE;

/// Different sessions among doubled refresh cookies that are tried; more is no change of domain but an attack.
pub const MAX_REFRESH_CANDIDATES: usize = 4;

/// Domains guessed at when the older one is not given.
const MAX_GUESSED_DOMAINS: usize = 8;

/// Adds the clearing of every session cookie that was sent twice, on the domain it had before. To be called before
/// tokens are set or cleared on the current domain.
pub fn clear_duplicates(
    headers: &mut SessionHeaders<'_>,
    settings: &Settings,
    cookies: Cookies<'_>,
) {
    if settings.token_transfer_method == TokenTransferMethod::Header {
        return;
    }
    for name in [settings.access_token_cookie(), REFRESH_TOKEN_COOKIE] {
        if cookies.count(name) > 1 {
            for domain in older_domains(settings) {
                headers.clear_on_domain(name, &domain);
            }
        }
    }
}

/// `OLDER_COOKIE_DOMAIN`, or without it every domain that a cookie of this host can have had: host-only (empty), the
/// host, and each parent of two labels or more. A browser ignores those that it does not allow.
fn older_domains(settings: &Settings) -> Vec<String> {
    if let Some(older) = &settings.older_cookie_domain {
        return vec![older.clone()];
    }
    let current = settings
        .cookie_domain
        .as_deref()
        .map(|domain| domain.trim_start_matches('.'));
    let name = host_name(origin_host(&settings.api_domain));
    let host_only = current.map(|_| "");
    let parents = std::iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, parent)| parent)
    })
    .filter(|parent| !is_local_name(name) && parent.contains('.') && Some(*parent) != current);
    host_only
        .into_iter()
        .chain(parents)
        .take(MAX_GUESSED_DOMAINS)
        .map(str::to_owned)
        .collect()
}

/// The refresh cookies worth trying: for each session only the newest, because presenting a superseded token is how
/// theft is recognised. Of several sessions the one whose cookie was set last comes first (browsers send cookies of one
/// path in the order they were made, RFC 6265 section 5.4): one left on an older domain may be long superseded.
///
/// `lineage` reads handle and place (generation, then index) of a token that is one of ours by its handle; others are
/// left out. The caller tries one after the other until a session is found that lives.
pub fn refresh_candidates<'a, P: PartialOrd>(
    cookies: Cookies<'a>,
    lineage: impl Fn(&str) -> Option<(String, P)>,
) -> Vec<Cow<'a, str>> {
    let mut newest: Vec<(String, P, Cow<'a, str>)> = Vec::new();
    let sent: Vec<Cow<'a, str>> = cookies.all(REFRESH_TOKEN_COOKIE).collect();
    for token in sent.into_iter().rev() {
        let Some((handle, place)) = lineage(&token) else {
            continue;
        };
        let has_room = newest.len() < MAX_REFRESH_CANDIDATES;
        match newest.iter_mut().find(|(known, _, _)| *known == handle) {
            Some(found) if place > found.1 => *found = (handle, place, token),
            None if has_room => newest.push((handle, place, token)),
            Some(_) | None => {}
        }
    }
    newest.into_iter().map(|(_, _, token)| token).collect()
}

#[cfg(test)]
mod tests {
    use super::{clear_duplicates, older_domains, refresh_candidates};
    use crate::frontend::headers::SessionHeaders;
    use crate::http::cookie::Cookies;
    use crate::settings::testing::parsed;

    const DOUBLED: &str = "sAccessToken=a; sRefreshToken=b; sAccessToken=c";

    #[test]
    fn only_doubled_cookies_are_cleared_on_the_older_domain() {
        let settings = parsed(&[
            ("OLDER_COOKIE_DOMAIN", ".example.com"),
            ("API_BASE_PATH", "/x"),
        ]);
        let mut headers = SessionHeaders::new(&settings);
        clear_duplicates(&mut headers, &settings, Cookies::new(Some(DOUBLED)));
        assert_eq!(
            headers.into_headers(),
            [(
                "set-cookie".to_owned(),
                "sAccessToken=; Domain=.example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; \
                 SameSite=Lax"
                    .to_owned()
            )]
        );
    }

    #[test]
    fn in_header_mode_cookies_do_not_matter() {
        let settings = parsed(&[("TOKEN_TRANSFER_METHOD", "header")]);
        let mut headers = SessionHeaders::new(&settings);
        clear_duplicates(&mut headers, &settings, Cookies::new(Some(DOUBLED)));
        assert_eq!(headers.into_headers(), []);
    }

    #[test]
    fn without_the_setting_the_older_domain_is_guessed() {
        for (api, current, older, domains) in [
            (
                "https://a.b.example.com",
                "",
                None,
                vec!["a.b.example.com", "b.example.com", "example.com"],
            ),
            (
                "https://api.example.com",
                ".example.com",
                None,
                vec!["", "api.example.com"],
            ),
            (
                "https://api.example.com",
                "",
                Some(".example.com"),
                vec![".example.com"],
            ),
            (
                "https://api.example.com",
                ".example.com",
                Some(""),
                vec![""],
            ),
            ("http://127.0.0.1:8787", "", None, vec![]),
            ("http://localhost:8787", "localhost", None, vec![""]),
        ] {
            let mut values = vec![("API_DOMAIN", api), ("COOKIE_DOMAIN", current)];
            values.extend(older.map(|older| ("OLDER_COOKIE_DOMAIN", older)));
            assert_eq!(
                older_domains(&parsed(&values)),
                domains,
                "{api} {current} {older:?}"
            );
        }
        let deep = format!("https://{}example.com", "x.".repeat(30));
        assert_eq!(older_domains(&parsed(&[("API_DOMAIN", &deep)])).len(), 8);
    }

    #[test]
    fn of_each_session_only_the_newest_token_is_tried() {
        let lineage = |token: &str| {
            let (handle, generation) = token.split_once('.')?;
            Some((handle.to_owned(), generation.parse::<u32>().ok()?))
        };
        for (values, expected) in [
            (vec!["a.1", "a.3", "a.2"], vec!["a.3"]),
            (vec!["b.1", "a.1", "b.0"], vec!["b.1", "a.1"]),
            (vec!["older.5", "current.0"], vec!["current.0", "older.5"]),
            (vec!["garbage", "a.1", "a.1"], vec!["a.1"]),
            (
                vec!["a.0", "b.0", "c.0", "d.0", "e.0", "a.1"],
                vec!["a.1", "e.0", "d.0", "c.0"],
            ),
            (vec![], vec![]),
        ] {
            let header = values
                .iter()
                .map(|value| format!("sRefreshToken={value}"))
                .collect::<Vec<_>>()
                .join("; ");
            assert_eq!(
                refresh_candidates(Cookies::new(Some(&header)), lineage),
                expected
            );
        }
    }
}
