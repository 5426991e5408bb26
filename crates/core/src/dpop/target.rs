//! The URL of a request as two parties compare it: RFC 9449 section 4.3 number 9, with RFC 3986 sections 6.2.2 and 6.2.3.

use fluent_uri::Uri;

/// The longest URL that is compared, in bytes.
const MAX_BYTES: usize = 4096;

/// Scheme, host, port and path of a URL in their one spelling, without query and fragment. A WebSocket's handshake is the
/// HTTP request that it is. `None` for what is no such URL: relative, of another scheme, without a host, with a user part,
/// with bytes that RFC 3986 does not allow, or longer than 4,096 bytes.
pub fn normal(url: &str) -> Option<String> {
    let url = url.split(['?', '#']).next()?;
    if url.len() > MAX_BYTES {
        return None;
    }
    let url = Uri::parse(url).ok()?.normalize();
    let scheme = match url.scheme().as_str() {
        "https" | "wss" => "https",
        "http" | "ws" => "http",
        _ => return None,
    };
    let authority = url.authority()?;
    if authority.host().is_empty() || authority.has_userinfo() {
        return None;
    }
    let path = match url.path().as_str() {
        "" => "/",
        path => path,
    };
    Some([scheme, "://", authority.as_str(), path].concat())
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, normal};
    use proptest::prelude::*;

    #[test]
    fn two_spellings_of_one_url_are_equal() {
        for (url, expected) in [
            (
                "HTTPS://EXAMPLE.com:443/a/../b?x=1#f",
                "https://example.com/b",
            ),
            ("http://e.com:80", "http://e.com/"),
            ("http://e.com:443/", "http://e.com:443/"),
            ("https://e.com:0443/", "https://e.com/"),
            ("https://e.com:8443/x", "https://e.com:8443/x"),
            ("https://e.com/%7Efoo/%61", "https://e.com/~foo/a"),
            ("https://e.com/a%2fb", "https://e.com/a%2Fb"),
            ("https://e.com/a/b/", "https://e.com/a/b/"),
            ("https://e.com/../../x", "https://e.com/x"),
            ("wss://e.com:443/x", "https://e.com/x"),
            ("ws://127.0.0.1:8787/x", "http://127.0.0.1:8787/x"),
            ("https://[::1]:8787", "https://[::1]:8787/"),
            (
                "https://xn--bcher-kva.example/%c3%a4",
                "https://xn--bcher-kva.example/%C3%A4",
            ),
        ] {
            assert_eq!(normal(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_http_is_none() {
        let long = format!("https://e.com/{}", "a".repeat(5000));
        for url in [
            "",
            "/path",
            "e.com/x",
            "https:",
            "https:///x",
            "https://user:pw@e.com/x",
            "https://user@e.com/",
            "ftp://e.com/",
            "javascript:alert(1)",
            "https://bücher.example/",
            "https://e.com/a b",
            "https://e.com/%zz",
            "https://e.com\\@f.com/",
            " https://e.com/",
            long.as_str(),
        ] {
            assert_eq!(normal(url), None, "{url}");
        }
    }

    #[test]
    fn the_longest_url_is_read_and_one_byte_more_is_not() {
        let of_length = |length: usize| format!("https://e.com/{}", "a".repeat(length - 14));
        assert!(normal(&of_length(MAX_BYTES)).is_some());
        assert_eq!(normal(&of_length(MAX_BYTES + 1)), None);
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(url in "(https?|wss?)://[a-zA-Z0-9.]{1,12}(:[0-9]{1,5})?(/([a-z.~]|%[0-9a-fA-F]{2}){0,6}){0,5}") {
            if let Some(once) = normal(&url) {
                prop_assert_eq!(normal(&once), Some(once.clone()));
            }
        }

        #[test]
        fn any_text_is_read_without_harm(text in "\\PC{0,80}") {
            let _ = normal(&text);
        }
    }
}
