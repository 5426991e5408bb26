//! Hosts of requests: one normal form, which every entry point compares.
//!
//! Two spellings of one host are equal here. Who compares a host as it was sent lets a rule be walked around by another
//! spelling of the same name.

use std::borrow::Cow;

/// The normal form of `name[:port]`: lower case, without the root's dot behind the name (RFC 1034 section 3.1) and
/// without an empty port. `None` for what is no host: an empty label, a port that is none, or any other character than
/// those of names and addresses; international names are written as URLs write them.
pub fn normal(host: &str) -> Option<Cow<'_, str>> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name = if is_address_literal(name) {
        name
    } else {
        let name = name.strip_suffix('.').unwrap_or(name);
        name.split('.').all(is_label).then_some(name)?
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => {
            let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
            Some(port.parse::<u16>().ok().filter(|_| is_number)?)
        }
    };
    let port = port.map_or_else(String::new, |port| [":", &port.to_string()].concat());
    let is_normal = host.len() == name.len().saturating_add(port.len())
        && host.ends_with(&port)
        && !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_normal {
        Cow::Borrowed(host)
    } else {
        Cow::Owned(name.to_ascii_lowercase() + &port)
    })
}

fn is_label(label: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.bytes().all(is_of_names)
}

/// An IPv6 address in brackets.
fn is_address_literal(name: &str) -> bool {
    name.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::normal;

    #[test]
    fn one_host_has_one_normal_form() {
        for (host, expected) in [
            ("app.example", "app.example"),
            ("APP.Example", "app.example"),
            ("app.example.", "app.example"),
            ("APP.EXAMPLE.:8443", "app.example:8443"),
            ("app.example:", "app.example"),
            ("app.example.:", "app.example"),
            ("app.example:08443", "app.example:8443"),
            ("localhost:8787", "localhost:8787"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::1]:80", "[2001:db8::1]:80"),
            ("xn--caf-dma.example", "xn--caf-dma.example"),
            ("under_score.example", "under_score.example"),
        ] {
            let found = normal(host);
            assert_eq!(found.as_deref(), Some(expected), "{host}");
            let is_copied = matches!(found, Some(Cow::Owned(_)));
            assert_eq!(is_copied, host != expected, "{host}");
        }
    }

    #[test]
    fn what_is_no_host_has_none() {
        for host in [
            "",
            ".",
            "..",
            ".app.example",
            "app..example",
            "app.example..",
            "app.example..:80",
            ":80",
            "app.example:x",
            "app.example:99999",
            "app.example:+1",
            "app.example:80:80",
            "user@app.example",
            "app.example/x",
            "app.example\\x",
            "app.example?x",
            "app.example#x",
            "app.example,other.example",
            "app example",
            "app%2eexample",
            "caf\u{e9}.example",
            "[::1",
            "[::1].",
            "[app.example]",
        ] {
            assert_eq!(normal(host), None, "{host}");
        }
    }
}
