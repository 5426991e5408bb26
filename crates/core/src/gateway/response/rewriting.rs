//! The origin's own address in its answers: an origin that does not know under which address it is known names itself
//! in redirects and cookies, and nobody outside can follow. Such an address becomes the one that the client used.

use std::net::Ipv6Addr;

/// Where an origin is, and where the client thinks it is.
#[derive(Debug, Clone, Copy)]
pub struct Addresses<'a> {
    /// `scheme://host[:port]` of the origin.
    pub origin: &'a str,
    /// The same as the client used it.
    pub client: &'a str,
}

/// True for headers that hold addresses; takes a name in lower case.
pub fn holds_address(name: &str) -> bool {
    matches!(name, "location" | "content-location" | "refresh" | "link")
}

impl Addresses<'_> {
    /// A header's value with the client's address in place of the origin's; `None` = as it is.
    pub fn header(&self, name: &str, value: &str) -> Option<String> {
        match name {
            "location" | "content-location" => self.url(value),
            "refresh" => self.refresh(value),
            "link" => self.link(value),
            _ => None,
        }
    }

    /// A `Set-Cookie` value without a `Domain` that is the origin's host; `None` = as it is. Browsers refuse a cookie whose
    /// domain is not that of the address that they asked; where it is, the origin means it.
    pub fn cookie(&self, value: &str) -> Option<String> {
        let host = host_of(authority_of(self.origin));
        let client = host_of(authority_of(self.client));
        let is_own = |attribute: &str| {
            attribute.split_once('=').is_some_and(|(name, domain)| {
                let domain = domain.trim().trim_start_matches('.').to_ascii_lowercase();
                let is_the_clients = client
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                name.trim().eq_ignore_ascii_case("domain")
                    && (domain == host || host.trim_matches(['[', ']']) == domain)
                    && !is_the_clients
            })
        };
        if !value.split(';').skip(1).any(is_own) {
            return None;
        }
        let mut parts = value.split(';');
        let pair = parts.next().into_iter();
        let kept = pair.chain(parts.filter(|attribute| !is_own(attribute)));
        Some(kept.collect::<Vec<_>>().join(";"))
    }

    /// A URL, absolute or without a scheme; a path needs no change.
    fn url(&self, url: &str) -> Option<String> {
        let url = url.trim();
        let (scheme, rest) = match url.split_once("//")? {
            ("", rest) => (None, rest),
            (scheme, rest) => (Some(scheme.strip_suffix(':')?), rest),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at_checked(end)?;
        let is_own = match scheme {
            Some(scheme) => self.is_own(scheme, authority),
            None => self.is_own(scheme_of(self.client), authority),
        };
        if !is_own {
            return None;
        }
        let address = match scheme {
            Some(_) => self.client,
            None => self.client.split_once(':')?.1,
        };
        let mapped = [address, behind].concat();
        (mapped != url).then_some(mapped)
    }

    /// Whether this is the address of the origin, or the same with the scheme that the request said the client used: many
    /// take the scheme from `X-Forwarded-Proto`, and the host from `Host`.
    fn is_own(&self, scheme: &str, authority: &str) -> bool {
        let schemes = [scheme_of(self.origin), scheme_of(self.client)];
        schemes.iter().any(|own| own.eq_ignore_ascii_case(scheme))
            && normal_authority(scheme, authority)
                == normal_authority(scheme_of(self.origin), authority_of(self.origin))
    }

    /// `5; url=…`, in quotes or without.
    fn refresh(&self, value: &str) -> Option<String> {
        let seconds = value.find([';', ','])?.saturating_add(1);
        let (before, rest) = value.split_at_checked(seconds)?;
        let unspaced = rest.trim_start();
        let is_named = unspaced
            .get(..3)
            .is_some_and(|name| name.eq_ignore_ascii_case("url"));
        let named = if is_named {
            unspaced.get(3..)?.trim_start().strip_prefix('=')
        } else {
            None
        };
        let url = named.unwrap_or(unspaced).trim_start();
        let quote = url
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''));
        let url = quote.map_or(url, |quote| url.strip_prefix(quote).unwrap_or(url));
        let url = quote.map_or(url, |quote| url.split(quote).next().unwrap_or(url));
        let start = rest.find(url).filter(|_| !url.is_empty())?;
        let (lead, tail) = (
            rest.get(..start)?,
            rest.get(start.saturating_add(url.len())..)?,
        );
        Some([before, lead, &self.url(url)?, tail].concat())
    }

    /// `<…>; rel=…, <…>; rel=…`
    fn link(&self, value: &str) -> Option<String> {
        let mut mapped = String::with_capacity(value.len());
        let mut is_changed = false;
        let mut rest = value;
        while let Some((before, behind)) = rest.split_once('<') {
            mapped.push_str(before);
            mapped.push('<');
            let Some((url, behind)) = behind.split_once('>') else {
                rest = behind;
                break;
            };
            let new = self.url(url);
            is_changed |= new.is_some();
            mapped.push_str(new.as_deref().unwrap_or(url));
            mapped.push('>');
            rest = behind;
        }
        mapped.push_str(rest);
        is_changed.then_some(mapped)
    }
}

fn scheme_of(origin: &str) -> &str {
    origin.split(':').next().unwrap_or_default()
}

fn authority_of(origin: &str) -> &str {
    origin
        .split_once("://")
        .map_or("", |(_, authority)| authority)
}

/// The host without its port.
fn host_of(authority: &str) -> &str {
    let port = authority
        .rfind(':')
        .filter(|at| !authority.get(*at..).is_some_and(|rest| rest.contains(']')));
    port.and_then(|at| authority.get(..at)).unwrap_or(authority)
}

/// In lower case, without the port that the scheme means anyhow; an IPv6 address in its one spelling.
fn normal_authority(scheme: &str, authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let host = host_of(&authority);
    let port = authority.get(host.len()..).unwrap_or_default();
    let is_implied = match port {
        "" | ":" => true,
        ":80" => scheme.eq_ignore_ascii_case("http"),
        ":443" => scheme.eq_ignore_ascii_case("https"),
        _ => false,
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = address.and_then(|text| text.parse::<Ipv6Addr>().ok());
    let host = address.map_or_else(|| host.to_owned(), |address| format!("[{address}]"));
    if is_implied { host } else { host + port }
}

#[cfg(test)]
mod tests {
    use super::Addresses;

    fn between<'a>(origin: &'a str, client: &'a str) -> Addresses<'a> {
        Addresses { origin, client }
    }

    #[test]
    fn redirects_to_the_origin_lead_to_the_address_that_the_client_used() {
        let local = between("http://127.0.0.1:9000", "https://app.example");
        for (sent, expected) in [
            (
                "http://127.0.0.1:9000/login?x=1#f",
                Some("https://app.example/login?x=1#f"),
            ),
            ("http://127.0.0.1:9000", Some("https://app.example")),
            ("HTTP://127.0.0.1:9000/", Some("https://app.example/")),
            ("http://127.0.0.1:9000?x", Some("https://app.example?x")),
            // The scheme as the request said, the host as it was asked.
            ("https://127.0.0.1:9000/x", Some("https://app.example/x")),
            ("//127.0.0.1:9000/x", Some("//app.example/x")),
            (" http://127.0.0.1:9000/x", Some("https://app.example/x")),
            ("/login", None),
            ("login", None),
            ("", None),
            ("?next=http://127.0.0.1:9000/", None),
            ("/go?next=//127.0.0.1:9000/", None),
            ("http://127.0.0.1:9001/", None),
            ("http://127.0.0.1/", None),
            ("http://127.0.0.1:9000.evil.example/", None),
            ("http://127.0.0.1:9000@evil.example/", None),
            ("http://user@127.0.0.1:9000/", None),
            ("https://evil.example/127.0.0.1:9000", None),
            ("ftp://127.0.0.1:9000/", None),
            ("//evil.example/http://127.0.0.1:9000/", None),
            ("https://app.example/x", None),
        ] {
            assert_eq!(
                local.header("location", sent).as_deref(),
                expected,
                "{sent}"
            );
            assert_eq!(
                local.header("content-location", sent).as_deref(),
                expected,
                "{sent}"
            );
        }
    }

    #[test]
    fn headers_that_hold_addresses_are_known_by_name() {
        for name in ["location", "content-location", "refresh", "link"] {
            assert!(super::holds_address(name), "{name}");
        }
        assert!(!super::holds_address("x-location"));
    }

    #[test]
    fn default_ports_and_ipv6_have_one_spelling() {
        for (origin, client, sent, expected) in [
            (
                "http://app.internal",
                "http://a.example:8787",
                "http://app.internal:80/x",
                Some("http://a.example:8787/x"),
            ),
            (
                "http://app.internal",
                "http://a.example",
                "http://app.internal:/x",
                Some("http://a.example/x"),
            ),
            (
                "https://app.internal",
                "http://a.example",
                "https://APP.internal:443/",
                Some("http://a.example/"),
            ),
            (
                "https://app.internal",
                "http://a.example",
                "http://app.internal:443/",
                None,
            ),
            (
                "http://app.internal:8080",
                "http://a.example",
                "http://app.internal/",
                None,
            ),
            (
                "http://[::1]:9000",
                "http://[::2]",
                "http://[0:0:0:0:0:0:0:1]:9000/x",
                Some("http://[::2]/x"),
            ),
            (
                "http://[0::1]",
                "http://a.example",
                "http://[::1]:80/x",
                Some("http://a.example/x"),
            ),
            ("http://[::1]", "http://a.example", "http://[::1]:81/", None),
            (
                "http://a.example",
                "http://a.example",
                "http://a.example/x",
                None,
            ),
        ] {
            assert_eq!(
                between(origin, client).header("location", sent).as_deref(),
                expected,
                "{origin} {sent}"
            );
        }
    }

    #[test]
    fn refresh_and_link_are_read_as_browsers_read_them() {
        let addresses = between("http://127.0.0.1:9000", "https://app.example");
        for (name, sent, expected) in [
            (
                "refresh",
                "5; url=http://127.0.0.1:9000/x",
                Some("5; url=https://app.example/x"),
            ),
            (
                "refresh",
                "0;URL='http://127.0.0.1:9000/x'",
                Some("0;URL='https://app.example/x'"),
            ),
            (
                "refresh",
                "0, url = \"http://127.0.0.1:9000/x\"",
                Some("0, url = \"https://app.example/x\""),
            ),
            (
                "refresh",
                "1;http://127.0.0.1:9000/",
                Some("1;https://app.example/"),
            ),
            ("refresh", "5", None),
            ("refresh", "5; url=/x", None),
            ("refresh", "5; url=", None),
            ("refresh", "5; url=http://evil.example/", None),
            (
                "link",
                "<http://127.0.0.1:9000/2>; rel=\"next\", </3>; rel=x, <http://127.0.0.1:9000/4>",
                Some("<https://app.example/2>; rel=\"next\", </3>; rel=x, <https://app.example/4>"),
            ),
            ("link", "<https://evil.example/>; rel=next", None),
            ("link", "<http://127.0.0.1:9000/", None),
            ("x-other", "http://127.0.0.1:9000/", None),
        ] {
            assert_eq!(
                addresses.header(name, sent).as_deref(),
                expected,
                "{name}: {sent}"
            );
        }
    }

    #[test]
    fn a_cookie_loses_the_domain_that_is_the_origins_host() {
        for (origin, client, sent, expected) in [
            (
                "http://127.0.0.1:9000",
                "https://a.example",
                "s=1; Domain=127.0.0.1; Path=/",
                Some("s=1; Path=/"),
            ),
            (
                "http://app.internal",
                "https://a.example",
                "s=1;domain=.APP.internal",
                Some("s=1"),
            ),
            (
                "http://[::1]:9000",
                "https://a.example",
                "s=1; Domain=[::1]",
                Some("s=1"),
            ),
            (
                "http://app.internal",
                "https://a.example",
                "s=1; Domain=internal",
                None,
            ),
            (
                "http://app.internal",
                "https://a.example",
                "s=1; Domain=a.example",
                None,
            ),
            (
                "http://app.internal",
                "https://a.example",
                "domain=app.internal; Path=/",
                None,
            ),
            ("http://app.internal", "https://a.example", "s=1", None),
            // The browser takes it: the origin means it.
            (
                "http://a.example",
                "https://www.a.example",
                "s=1; Domain=a.example",
                None,
            ),
        ] {
            assert_eq!(
                between(origin, client).cookie(sent).as_deref(),
                expected,
                "{origin} {sent}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_breaks_the_reading(value in ".*", name in "location|content-location|refresh|link") {
            let addresses = between("http://127.0.0.1:9000", "https://app.example");
            let _ = addresses.cookie(&value);
            if let Some(mapped) = addresses.header(&name, &value) {
                proptest::prop_assert!(value.contains("127.0.0.1:9000") && mapped.contains("app.example"));
            }
        }
    }
}
