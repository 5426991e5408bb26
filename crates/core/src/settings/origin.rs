//! Origins, hosts and cookie domains: the few URL forms that settings take.
//!
//! Their normal forms. A full URL parser would accept far more than is meant here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::http::host;

/// `scheme://host[:port]`, lower-case, without the scheme's default port: what browsers send as `Origin` (RFC 6454).
pub(crate) fn parse_origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = parse_host(authority.strip_suffix('/').unwrap_or(authority))?;
    Some(format!(
        "{scheme}://{}",
        host.strip_suffix(default_port).unwrap_or(&host)
    ))
}

/// The schemes of app frameworks and browser extensions whose pages send an origin of their own.
const APP_SCHEMES: [&str; 7] = [
    "app",
    "capacitor",
    "chrome-extension",
    "ionic",
    "moz-extension",
    "safari-web-extension",
    "tauri",
];

/// Schemes whose pages have no origin of their own, or share one with everybody's.
const NO_ORIGIN: [&str; 9] = [
    "about",
    "blob",
    "content",
    "data",
    "file",
    "ftp",
    "javascript",
    "ws",
    "wss",
];

/// The origin of a website or an app: as [`parse_origin`], or `scheme://name` of an app. An app's name is kept as it is
/// written: browsers lower the case of `http` and `https` hosts only.
pub(crate) fn parse_website(text: &str) -> Option<String> {
    let (scheme, name) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if matches!(scheme.as_str(), "http" | "https") {
        return parse_origin(text);
    }
    let name = name.strip_suffix('/').unwrap_or(name);
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    parse_host(name)?;
    (is_scheme && !NO_ORIGIN.contains(&scheme.as_str())).then(|| format!("{scheme}://{name}"))
}

/// True for an origin of a scheme that neither browsers nor the usual app frameworks have.
pub(super) fn has_unusual_scheme(origin: &str) -> bool {
    let scheme = origin.split("://").next().unwrap_or_default();
    !is_web_origin(origin) && !APP_SCHEMES.contains(&scheme)
}

/// True for the origin of a web page, and not of an app.
pub(crate) fn is_web_origin(origin: &str) -> bool {
    origin.starts_with("https://") || origin.starts_with("http://")
}

/// `host[:port]`, lower-case.
pub(crate) fn parse_host(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (name, port) = split_port(&text);
    let name_is_good = match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(name),
    };
    let port_is_good = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|number| number > 0)
    });
    (name_is_good && port_is_good).then_some(text)
}

/// Letters, digits, hyphens and dots, no empty label; a name of digits and dots only must be an IPv4 address.
fn is_host_name(name: &str) -> bool {
    let labels_are_good = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    let looks_like_address = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    labels_are_good
        && name.len() <= 253
        && (!looks_like_address || name.parse::<Ipv4Addr>().is_ok())
}

/// Host and port of `host[:port]`; the colons inside an IPv6 literal are part of the host.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// The host name of `host[:port]`, without the port.
pub(crate) fn host_name(host: &str) -> &str {
    split_port(host).0
}

/// `host[:port]` of an origin that [`parse_origin`] made.
pub(crate) fn origin_host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// True for `localhost`, names under it, and address literals: places where browsers and the protocol are lenient
/// because no registrable domain exists (fdi.md 1.3).
pub(crate) fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost") || address(name).is_some()
}

/// True for names and addresses that never leave the machine.
pub(crate) fn is_loopback_name(name: &str) -> bool {
    name == "localhost"
        || name.ends_with(".localhost")
        || address(name).is_some_and(|address| address.is_loopback())
}

fn address(name: &str) -> Option<IpAddr> {
    name.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name)
        .parse()
        .ok()
}

/// True when a request for `host` is one for a listed host. A listed host without a port stands for all its ports.
pub(crate) fn host_is_listed(listed: &[String], host: &str) -> bool {
    let Some(host) = host::normal(host) else {
        return false;
    };
    listed
        .iter()
        .any(|entry| *entry == host || *entry == host_name(&host))
}

/// A cookie domain (fdi.md 1.3): scheme, port and path dropped, lower-case, a leading dot kept except before
/// `localhost` and addresses.
pub(super) fn parse_cookie_domain(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let rest = text
        .split_once("://")
        .map_or(text.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let (dot, host) = match authority.strip_prefix('.') {
        Some(host) => (".", host),
        None => ("", authority),
    };
    let name = host_name(host);
    parse_host(host)?;
    let dot = if is_local_name(name) { "" } else { dot };
    Some(format!("{dot}{name}"))
}

/// True when the host `name` may set cookies for `domain`, and gets them back (RFC 6265 section 5.1.3).
pub(crate) fn lies_under(name: &str, domain: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    name == domain
        || (address(name).is_none()
            && name
                .strip_suffix(domain)
                .is_some_and(|prefix| prefix.ends_with('.')))
}

/// A path prefix: leading slash, no trailing one; the root is empty. Segments are plain, so that no two spellings
/// name one path.
pub(super) fn parse_base_path(text: &str) -> Option<String> {
    let inner = text.strip_prefix('/').unwrap_or(text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return Some(String::new());
    }
    let is_good = inner.split('/').all(|segment| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    });
    is_good.then(|| format!("/{inner}"))
}

/// True for an absolute URL that may be fetched: in visible ASCII, without user information, https; http only where it never
/// leaves the machine.
pub(crate) fn is_fetchable(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    url.bytes().all(|b| b.is_ascii_graphic()) && secure_origin(scheme, authority).is_some()
}

/// The origin of an https address, or of an http one that never leaves the machine; `None` for every other.
pub(crate) fn secure_origin(scheme: &str, authority: &str) -> Option<String> {
    let origin = parse_origin(&format!("{scheme}://{authority}"))?;
    let is_secure =
        origin.starts_with("https://") || is_loopback_name(host_name(origin_host(&origin)));
    is_secure.then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::{
        has_unusual_scheme, host_is_listed, is_local_name, lies_under, parse_base_path,
        parse_cookie_domain, parse_host, parse_origin, parse_website,
    };

    #[test]
    fn origins_have_one_spelling() {
        for (text, origin) in [
            ("https://Site.Example", Some("https://site.example")),
            ("https://site.example/", Some("https://site.example")),
            ("https://site.example:443", Some("https://site.example")),
            ("http://site.example:80/", Some("http://site.example")),
            ("http://site.example:443", Some("http://site.example:443")),
            ("http://127.0.0.1:8787", Some("http://127.0.0.1:8787")),
            ("http://[::1]:8787", Some("http://[::1]:8787")),
            ("https://[::1]", Some("https://[::1]")),
            ("site.example", None),
            ("*", None),
            ("null", None),
            ("https://*.example", None),
            ("https://site.example/path", None),
            ("https://user@site.example", None),
            ("https://site.example?x", None),
            ("https://", None),
            ("https://site.example:0", None),
            ("https://site.example:99999", None),
            ("https://site.example:+80", None),
            ("https://site..example", None),
            ("https://1.2.3", None),
            ("https://[::1", None),
            ("ftp://site.example", None),
            ("https://sité.example", None),
        ] {
            assert_eq!(parse_origin(text).as_deref(), origin, "{text}");
        }
    }

    #[test]
    fn origins_of_apps_are_kept_as_browsers_send_them() {
        for (text, origin) in [
            ("https://Site.Example/", Some("https://site.example")),
            ("capacitor://localhost", Some("capacitor://localhost")),
            ("Ionic://localhost/", Some("ionic://localhost")),
            ("app://x", Some("app://x")),
            ("app://-", Some("app://-")),
            ("tauri://localhost", Some("tauri://localhost")),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
                Some("chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
            ),
            (
                "safari-web-extension://0E1B2C3D-AAAA",
                Some("safari-web-extension://0E1B2C3D-AAAA"),
            ),
            (
                "com.example.app://localhost:3000",
                Some("com.example.app://localhost:3000"),
            ),
            ("app://", None),
            ("app://x/path", None),
            ("app://*", None),
            ("://x", None),
            ("1app://x", None),
            ("a b://x", None),
            ("file://x", None),
            ("data://x", None),
            ("ws://site.example", None),
            ("ftp://site.example", None),
            ("null", None),
            ("*", None),
        ] {
            assert_eq!(parse_website(text).as_deref(), origin, "{text}");
        }
        assert!(has_unusual_scheme("htps://site.example"));
        assert!(!has_unusual_scheme("https://site.example") && !has_unusual_scheme("app://x"));
    }

    #[test]
    fn a_listed_host_without_port_stands_for_all_ports() {
        let listed = [String::from("core.example"), String::from("localhost:8787")];
        for (host, is_listed) in [
            ("core.example", true),
            ("CORE.example:8443", true),
            ("core.example.", true),
            ("Core.Example.:8443", true),
            ("core.example..", false),
            ("localhost:8787", true),
            ("localhost:8788", false),
            ("localhost", false),
            ("x.core.example", false),
        ] {
            assert_eq!(host_is_listed(&listed, host), is_listed, "{host}");
        }
        assert_eq!(parse_host("core.example/x"), None);
    }

    #[test]
    fn cookie_domains_are_normalised_as_the_protocol_says() {
        for (text, domain) in [
            (".Example.com", Some(".example.com")),
            ("example.com", Some("example.com")),
            ("https://api.example.com:3000/x", Some("api.example.com")),
            (".localhost", Some("localhost")),
            (".127.0.0.1", Some("127.0.0.1")),
            ("..example.com", None),
            ("example.com; Secure", None),
            (".", None),
        ] {
            assert_eq!(parse_cookie_domain(text).as_deref(), domain, "{text}");
        }
    }

    #[test]
    fn a_host_lies_under_its_own_suffixes_only() {
        assert!(lies_under("api.example.com", ".example.com"));
        assert!(lies_under("example.com", ".example.com"));
        assert!(!lies_under("badexample.com", ".example.com"));
        assert!(!lies_under("example.com", "api.example.com"));
        assert!(!lies_under("127.0.0.1", "0.0.1"));
        assert!(
            is_local_name("[::1]")
                && is_local_name("x.localhost")
                && !is_local_name("localhost.example")
        );
    }

    #[test]
    fn base_paths_have_one_spelling() {
        for (text, path) in [
            ("/auth", Some("/auth")),
            ("auth/", Some("/auth")),
            ("/a/b", Some("/a/b")),
            ("/", Some("")),
            ("", Some("")),
            ("//", Some("")),
            ("/a//b", None),
            ("/a/../b", None),
            ("/a%2fb", None),
            ("/a b", None),
            ("/a;b", None),
        ] {
            assert_eq!(parse_base_path(text).as_deref(), path, "{text}");
        }
    }
}
