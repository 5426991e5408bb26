//! Cookies: reading the `Cookie` header without ever failing, and writing `Set-Cookie` (RFC 6265).
//!
//! The grammars of both headers; which cookies there are is for the callers to know.

use std::borrow::Cow;
use std::fmt::Write;

use super::date::http_date;
use postern_jwt::time::UnixMillis;

/// The longest cookie that every browser keeps: name, value and attributes together (RFC 6265 section 6.1).
pub const MAX_COOKIE_BYTES: u64 = 4096;

/// A `Cookie` request header, read on demand.
///
/// Nothing is stored and nothing is decoded but the value asked for, so that a header of thousands of pairs costs one
/// pass over its bytes, and a broken pair costs nothing to its neighbours.
#[derive(Clone, Copy)]
pub struct Cookies<'a> {
    header: &'a str,
}

impl<'a> Cookies<'a> {
    /// Reads the header's value; an absent header is the same as an empty one.
    pub fn new(header: Option<&'a str>) -> Self {
        Self {
            header: header.unwrap_or_default(),
        }
    }

    /// The value of the first cookie called `name`: browsers send the most specific path first.
    pub fn first(&self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    /// Every value of `name`, in the order sent. More than one is the mark of a changed cookie domain.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.pairs()
            .filter(move |(found, _)| *found == name)
            .map(|(_, value)| decode(value))
    }

    /// How often `name` occurs.
    pub fn count(&self, name: &str) -> usize {
        self.pairs().filter(|(found, _)| *found == name).count()
    }

    /// True when the cookie was sent, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.pairs().any(|(found, _)| found == name)
    }

    /// Every name with its value, which is decoded when it is asked for.
    pub fn decoded(&self) -> impl Iterator<Item = (&'a str, impl FnOnce() -> Cow<'a, str>)> {
        self.pairs()
            .map(|(name, value)| (name, move || decode(value)))
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.header.split(';').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((trim(name), trim(value)))
        })
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Without one pair of surrounding quotes, and percent-decoded when that succeeds.
fn decode(value: &str) -> Cow<'_, str> {
    let bare = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    if !bare.contains('%') {
        return Cow::Borrowed(bare);
    }
    percent_decode(bare).map_or(Cow::Borrowed(bare), Cow::Owned)
}

/// Decodes like `decodeURIComponent`: nothing when an escape is broken or the result is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let high = hex_digit(bytes.next()?)?;
            let low = hex_digit(bytes.next()?)?;
            (high << 4) | low
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// A cookie to set. Tokens are HttpOnly always: no script of the page may read them.
#[derive(Debug, Clone, Copy)]
pub struct SetCookie<'a> {
    /// The name, written as it is.
    pub name: &'a str,
    /// The value before percent-encoding.
    pub value: &'a str,
    /// `Domain`; left out for host-only cookies.
    pub domain: Option<&'a str>,
    /// `Path`.
    pub path: &'a str,
    /// `Expires`; the epoch deletes the cookie.
    pub expires: UnixMillis,
    /// `Secure`.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Partitioned` (CHIPS): kept for each website that embeds this host, apart.
    pub partitioned: bool,
}

impl SetCookie<'_> {
    /// The value of the `Set-Cookie` header, with the attributes in the order of fdi.md 1.1.
    pub fn header_value(&self) -> String {
        let mut text = format!("{}={}", self.name, percent_encode(self.value));
        // Writing to a `String` cannot fail.
        if let Some(domain) = self.domain {
            let _ = write!(text, "; Domain={domain}");
        }
        let _ = write!(
            text,
            "; Path={}; Expires={}; HttpOnly",
            self.path,
            http_date(self.expires)
        );
        if self.secure {
            text.push_str("; Secure");
        }
        let _ = write!(text, "; SameSite={}", self.same_site.attribute());
        if self.partitioned {
            text.push_str("; Partitioned");
        }
        text
    }
}

/// Which requests a cookie goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// `None`: every request.
    None,
    /// `Lax`: requests of the same site, and navigations to it.
    Lax,
    /// `Strict`: requests of the same site.
    Strict,
}

impl SameSite {
    /// The attribute's value (RFC 6265bis section 4.1.2.7).
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

/// Encodes like `encodeURIComponent`, so that what browsers and servers of the protocol decode comes back equal.
pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
}

#[cfg(test)]
mod tests {
    use super::{Cookies, SameSite, SetCookie};
    use postern_jwt::time::UnixMillis;

    #[test]
    fn values_are_read_as_the_protocol_says() {
        for (header, expected) in [
            ("a=1", Some("1")),
            ("b=2; a=1", Some("1")),
            ("b=2;a=1", Some("1")),
            ("\t a\t=\t1 ;", Some("1")),
            ("a=1; a=2", Some("1")),        // the first wins
            ("a=x=y==", Some("x=y==")),     // split at the first `=`
            ("a=\"1\"", Some("1")),         // one pair of quotes
            ("a=\"\"1\"\"", Some("\"1\"")), // and only one
            ("a=\"", Some("\"")),           // a lone quote stays
            ("a=%2B%2f%3D", Some("+/=")),
            ("a=%E0%A4%A; b=2", Some("%E0%A4%A")), // broken: as it is
            ("a=%FF", Some("%FF")),                // not UTF-8: as it is
            ("a=%", Some("%")),
            ("a=", Some("")),
            ("b=%zz; a=1; =; ;;; c", Some("1")), // a broken neighbour breaks nothing
            ("A=1", None),                       // names are case-sensitive
            ("a", None),
            ("", None),
            ("aa=1; ba=2", None),
        ] {
            assert_eq!(
                Cookies::new(Some(header)).first("a").as_deref(),
                expected,
                "{header}"
            );
        }
        assert!(Cookies::new(None).first("a").is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_header_breaks_the_reading(header in ".*", neighbours in "[%;=\"a \\t]{0,64}") {
            for header in [&header, &neighbours] {
                let cookies = Cookies::new(Some(header));
                proptest::prop_assert_eq!(cookies.all("a").count(), cookies.count("a"));
                proptest::prop_assert_eq!(cookies.has("a"), cookies.first("a").is_some());
            }
        }

        #[test]
        fn what_is_set_comes_back_equal(value in ".*") {
            let sent = SetCookie {
                name: "a",
                value: &value,
                domain: None,
                path: "/",
                expires: UnixMillis(0),
                secure: false,
                same_site: SameSite::Strict,
                partitioned: false,
            }
            .header_value();
            proptest::prop_assert!(sent.is_ascii());
            let pair = sent.split(';').next();
            let read = Cookies::new(pair).first("a");
            proptest::prop_assert_eq!(read.as_deref(), Some(value.as_str()));
        }
    }

    #[test]
    fn repeats_of_a_name_are_seen() {
        let cookies = Cookies::new(Some("a=1; b=1; a=%32; aa=3; a"));
        assert_eq!(cookies.count("a"), 2);
        assert_eq!(cookies.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert!(cookies.has("b") && !cookies.has("c"));
    }

    #[test]
    fn thousands_of_pairs_hide_nothing() {
        let header = format!("{}a=1", "x%=%;".repeat(14_000));
        assert!(header.len() > 64 * 1024);
        assert_eq!(Cookies::new(Some(&header)).first("a").as_deref(), Some("1"));
        assert_eq!(Cookies::new(Some(&header)).count("x%"), 14_000);
    }

    #[test]
    fn absent_attributes_are_left_out_and_the_order_is_fixed() {
        let mut cookie = SetCookie {
            name: "sRefreshToken",
            value: "a+/=b c",
            domain: Some(".example.com"),
            path: "/auth/session/refresh",
            expires: UnixMillis(0),
            secure: true,
            same_site: SameSite::None,
            partitioned: false,
        };
        assert_eq!(
            cookie.header_value(),
            "sRefreshToken=a%2B%2F%3Db%20c; Domain=.example.com; Path=/auth/session/refresh; \
             Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None"
        );
        cookie.domain = None;
        cookie.secure = false;
        cookie.same_site = SameSite::Lax;
        cookie.value = "1.eyJ_-x.y";
        assert_eq!(
            cookie.header_value(),
            "sRefreshToken=1.eyJ_-x.y; Path=/auth/session/refresh; \
             Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"
        );
    }
}
