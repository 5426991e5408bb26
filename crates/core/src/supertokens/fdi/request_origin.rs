//! Where a request comes from, as its browser says: from us, from a website of ours, or from somebody else's page.
//!
//! The browser API, the gateway, WebSockets and edge routes all ask here. Browsers send cookies along
//! with whatever any page asks for; `Origin` and `Sec-Fetch-Site` are what a page cannot write itself (the Fetch standard,
//! W3C Fetch Metadata).

use crate::settings::Settings;

use super::cors::is_website;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// A page of the host that it was sent to, or of `API_DOMAIN`; or the person, by hand.
    Own,
    /// One of `WEBSITE_ORIGINS`.
    Website,
    /// Any other page, or one that its browser does not name.
    Foreign,
    /// The request does not say: a program, or a browser of before 2020.
    Unknown,
}

/// What a request says about where it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sender<'a> {
    /// The host that it was sent to, `name[:port]`.
    pub host: &'a str,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<&'a str>,
}

/// Other websites that a rule lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OtherSites {
    /// None.
    #[default]
    None,
    /// Those of these origins.
    Named(Vec<String>),
    /// All.
    Any,
}

impl OtherSites {
    /// True when a page of this origin is let in.
    pub fn admits(&self, origin: Option<&str>) -> bool {
        match self {
            Self::None => false,
            Self::Named(origins) => {
                origin.is_some_and(|origin| origins.iter().any(|known| known == origin))
            }
            Self::Any => true,
        }
    }
}

/// Says where a request comes from.
///
/// What the browser itself found to be the same origin is ours, also where a proxy on the way wrote another `Host`.
/// `Origin: null` is a page without a name, such as a sandboxed frame; it is ours only if the browser says so, which it
/// does for pages with `Referrer-Policy: no-referrer`. `same-site` is not ours: a sibling subdomain is another website.
pub fn request_site(settings: &Settings, sender: Sender<'_>) -> Site {
    let fetched = sender.sec_fetch_site.filter(|value| !value.is_empty());
    if fetched == Some("same-origin") {
        return Site::Own;
    }
    match (sender.origin, fetched) {
        // The person's own doing: an address that was typed, a share to an installed app.
        (None | Some("null"), Some("none")) => Site::Own,
        (None, None) => Site::Unknown,
        (Some(origin), _) if is_own(settings, origin, sender.host) => Site::Own,
        (Some(origin), _) if is_website(settings, origin) => Site::Website,
        (Some(_), _) | (None, Some(_)) => Site::Foreign,
    }
}

/// True for `API_DOMAIN`, and for the host that was asked by the scheme of `API_DOMAIN`: behind https, a page that came by
/// http is whoever's is on the wire.
fn is_own(settings: &Settings, origin: &str, host: &str) -> bool {
    let Some((scheme, name)) = origin.split_once("://") else {
        return false;
    };
    let api_scheme = settings.api_domain.split("://").next().unwrap_or_default();
    let default_port = match scheme {
        "https" => ":443",
        "http" if api_scheme == "http" => ":80",
        _ => return false,
    };
    let host = host.strip_suffix(default_port).unwrap_or(host);
    origin == settings.api_domain || (!name.is_empty() && name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::Site::{Foreign, Own, Unknown, Website};
    use super::{OtherSites, Sender, request_site};
    use crate::settings::testing::parsed;

    /// `Origin`, `Sec-Fetch-Site`, and what they say of a request to `app.example.com`.
    const OF_HTTPS: &[(Option<&str>, Option<&str>, super::Site)] = &[
        (None, None, Unknown),
        (None, Some(""), Unknown),
        (Some(""), None, Foreign),
        (Some("https://app.example.com"), None, Own),
        (Some("https://api.example.com"), None, Own),
        (Some("https://www.example.com"), None, Website),
        (Some("https://www.example.com"), Some("cross-site"), Website),
        (Some("capacitor://localhost"), Some("cross-site"), Website),
        (Some("ionic://localhost"), Some("cross-site"), Foreign),
        (Some("https://evil.example"), None, Foreign),
        (Some("https://evil.example"), Some("cross-site"), Foreign),
        (Some("https://blog.example.com"), Some("same-site"), Foreign),
        (Some("https://app.example.com:8443"), None, Foreign),
        (Some("https://app.example.com.evil.example"), None, Foreign),
        (Some("https://app.example.com@evil.example"), None, Foreign),
        (Some("http://app.example.com"), None, Foreign),
        (Some("http://api.example.com"), None, Foreign),
        (Some("ftp://app.example.com"), None, Foreign),
        (Some("app.example.com"), None, Foreign),
        (Some("://app.example.com"), None, Foreign),
        (Some("https://"), None, Foreign),
        (
            Some("https://app.example.com, https://evil.example"),
            None,
            Foreign,
        ),
        (Some("null"), None, Foreign),
        (Some("null"), Some("cross-site"), Foreign),
        (Some("null"), Some("same-site"), Foreign),
        (Some("null"), Some("same-origin"), Own),
        (Some("null"), Some("none"), Own),
        (None, Some("same-origin"), Own),
        (None, Some("none"), Own),
        (None, Some("same-site"), Foreign),
        (None, Some("cross-site"), Foreign),
        (None, Some("same-origin, cross-site"), Foreign),
        (None, Some("SAME-ORIGIN"), Foreign),
        (Some("https://evil.example"), Some("none"), Foreign),
        // As a proxy on the way leaves it that writes another `Host`.
        (Some("https://shop.example"), Some("same-origin"), Own),
    ];

    #[test]
    fn a_request_is_ours_only_if_its_browser_says_so() {
        let settings = parsed(&[(
            "WEBSITE_ORIGINS",
            "https://www.example.com,capacitor://localhost",
        )]);
        for (origin, sec_fetch_site, expected) in OF_HTTPS {
            for host in ["app.example.com", "APP.example.com:443"] {
                let sender = Sender {
                    host,
                    origin: *origin,
                    sec_fetch_site: *sec_fetch_site,
                };
                assert_eq!(
                    request_site(&settings, sender),
                    *expected,
                    "{origin:?} {sec_fetch_site:?} {host}"
                );
            }
        }
    }

    #[test]
    fn on_one_machine_http_is_ours_too() {
        let settings = parsed(&[("API_DOMAIN", "http://127.0.0.1:8787")]);
        for (origin, host, expected) in [
            ("http://localhost:8787", "localhost:8787", Own),
            ("https://localhost:8787", "localhost:8787", Own),
            ("http://127.0.0.1:8787", "localhost:8787", Own),
            ("http://localhost:3000", "localhost:8787", Foreign),
            ("http://localhost", "localhost:80", Own),
            ("http://localhost", "", Foreign),
        ] {
            let sender = Sender {
                host,
                origin: Some(origin),
                sec_fetch_site: None,
            };
            assert_eq!(
                request_site(&settings, sender),
                expected,
                "{origin} at {host}"
            );
        }
    }

    #[test]
    fn other_sites_are_let_in_by_name() {
        let named = OtherSites::Named(vec!["https://pay.example".to_owned()]);
        for (others, origin, expected) in [
            (&OtherSites::None, Some("https://pay.example"), false),
            (&OtherSites::None, None, false),
            (&named, Some("https://pay.example"), true),
            (&named, Some("https://pay.example.evil.example"), false),
            (&named, Some("null"), false),
            (&named, None, false),
            (&OtherSites::Any, Some("null"), true),
            (&OtherSites::Any, None, true),
        ] {
            assert_eq!(others.admits(origin), expected, "{others:?} {origin:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_origin_but_the_listed_ones_is_ours(origin in "(https?://)?[a-z.:@/,0-9]{0,40}") {
            let settings = parsed(&[("WEBSITE_ORIGINS", "https://www.example.com")]);
            let sender = Sender { host: "app.example.com", origin: Some(&origin), sec_fetch_site: Some("cross-site") };
            let is_listed = ["https://app.example.com", "https://api.example.com", "https://www.example.com"].contains(&origin.as_str());
            proptest::prop_assert_eq!(request_site(&settings, sender) == Foreign, !is_listed);
        }
    }
}
