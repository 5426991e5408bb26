//! The one list of names under which a credential of ours travels: cookies, and headers in both directions.
//!
//! Serves what goes to origins and comes from them, the size of cookies, and the tests' watch for leaks, which reads this
//! very file. Names can be set otherwise by who runs a page or an origin; what a value is, `token::own` knows.

/// The cookie of the access token.
pub const ACCESS_TOKEN: &str = "sAccessToken";
/// The same with `HOST_PREFIXED_COOKIE`.
pub const HOST_ACCESS_TOKEN: &str = "__Host-sAccessToken";
/// The cookie of the refresh token.
pub const REFRESH_TOKEN: &str = "sRefreshToken";
/// The same with `HOST_PREFIXED_COOKIE`.
pub const HOST_REFRESH_TOKEN: &str = "__Host-sRefreshToken";
/// The cookie of SDKs before 2023. Its presence means a session that only a refresh can carry over.
pub const LEGACY_ID: &str = "sIdRefreshToken";
/// What the page of such an SDK keeps of it.
pub const LEGACY_ID_IN_PAGE: &str = "sIRTFrontend";
/// The cookie in which the page keeps what it may know of its session, the payload among it.
pub const FRONT_TOKEN: &str = "sFrontToken";
/// The cookie in which the page keeps its anti-CSRF token.
pub const ANTI_CSRF: &str = "sAntiCsrf";
/// The cookie that says for which token a page without script was refreshed.
pub const REFRESHED_FOR: &str = "sRefreshedFor";
/// The cookie, or header, of the access token where tokens travel in headers: the page writes the cookie.
pub const HEADER_ACCESS_TOKEN: &str = "st-access-token";
/// The same of the refresh token.
pub const HEADER_REFRESH_TOKEN: &str = "st-refresh-token";

/// How the cookie begins that shows the device of a bound session ([`crate::device`]); a digest of the session follows.
pub const DEVICE_PREFIX: &str = "sDevice-";
/// The same as it is sent: always with the prefix.
pub const HOST_DEVICE_PREFIX: &str = "__Host-sDevice-";

/// The cookie of an operator's session on the console ([`crate::console`]).
pub const CONSOLE: &str = "sConsole";
/// The same as it is sent: always with the prefix.
pub const HOST_CONSOLE: &str = "__Host-sConsole";

/// Cookies, whoever sets them: the Worker, or the browser SDK in a page. Whatever begins with [`SDK_PREFIX`] is besides.
const COOKIES: [&str; 8] = [
    ACCESS_TOKEN,
    REFRESH_TOKEN,
    LEGACY_ID,
    LEGACY_ID_IN_PAGE,
    FRONT_TOKEN,
    ANTI_CSRF,
    REFRESHED_FOR,
    CONSOLE,
];

/// Headers, in normal form (lower case, hyphens). Whatever begins with [`SDK_PREFIX`] is besides.
const HEADERS: [&str; 4] = ["front-token", "anti-csrf", "id-refresh-token", API_KEY];

/// The header of the service API's keys.
pub const API_KEY: &str = "api-key";

/// How names of the browser SDK begin.
const SDK_PREFIX: &str = "st-";
/// What browsers know at the beginning of a cookie's name, in lower case.
const COOKIE_PREFIXES: [&str; 2] = ["__host-", "__secure-"];

/// How the headers begin by which browser and server speak of bound sessions, and the one that no script can set.
const DEVICE_HEADER_PREFIX: &str = "secure-session-";
const DEVICE_HEADER: &str = "sec-secure-session-id";

/// The one header of the browser SDK that is no credential: how it would like to have its tokens.
const AUTH_MODE: &str = "st-auth-mode";

/// True for the name of a cookie that carries something of a session. In any case: what differs only in case is meant to
/// deceive.
pub fn is_cookie(name: &str) -> bool {
    let name = without_prefix(name);
    is_any(name, &COOKIES)
        || [SDK_PREFIX, DEVICE_PREFIX]
            .iter()
            .any(|prefix| begins(name, prefix).is_some())
}

/// True for a cookie, or a header, that holds a refresh token by its name.
pub fn is_refresh_token(name: &str) -> bool {
    is_any(without_prefix(name), &[REFRESH_TOKEN, HEADER_REFRESH_TOKEN])
}

/// True for a request header that carries a credential of ours by its name. `Authorization` does or does not, by its
/// value. Takes the normal form.
pub fn is_request_header(normal: &str) -> bool {
    (is_response_header(normal) && normal != AUTH_MODE) || normal == DEVICE_HEADER
}

/// True for a response header by which a browser's session is made, changed or ended. Takes the normal form.
pub fn is_response_header(normal: &str) -> bool {
    HEADERS.contains(&normal)
        || normal.starts_with(SDK_PREFIX)
        || normal.starts_with(DEVICE_HEADER_PREFIX)
}

fn without_prefix(name: &str) -> &str {
    let mut prefixes = COOKIE_PREFIXES.iter();
    let rest = prefixes.find_map(|prefix| begins(name, prefix));
    rest.unwrap_or(name)
}

fn is_any(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What follows a beginning, in any case.
fn begins<'n>(name: &'n str, beginning: &str) -> Option<&'n str> {
    let (start, rest) = name.split_at_checked(beginning.len())?;
    start.eq_ignore_ascii_case(beginning).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::{is_cookie, is_refresh_token, is_request_header, is_response_header};

    #[test]
    fn cookies_of_sessions_are_known_in_any_case_and_behind_prefixes() {
        for name in [
            "sAccessToken",
            "SACCESSTOKEN",
            "__Host-sAccessToken",
            "__host-sRefreshToken",
            "__Secure-sRefreshToken",
            "sIdRefreshToken",
            "sIRTFrontend",
            "sFrontToken",
            "sAntiCsrf",
            "st-access-token",
            "ST-Refresh-Token",
            "st-last-access-token-update",
            "__Secure-st-access-token",
            "__Host-sDevice-0123456789abcdef",
            "sdevice-1",
        ] {
            assert!(is_cookie(name), "{name}");
        }
        for name in [
            "",
            "s",
            "st",
            "stx",
            "sid",
            "xsAccessToken",
            "sAccessToken2",
            "__Host-session",
            "first-visit",
            "theme",
            "é-st-",
        ] {
            assert!(!is_cookie(name), "{name}");
        }
    }

    #[test]
    fn headers_of_sessions_are_known_in_both_directions() {
        for (name, in_requests, in_responses) in [
            ("front-token", true, true),
            ("anti-csrf", true, true),
            ("id-refresh-token", true, true),
            ("api-key", true, true),
            ("st-access-token", true, true),
            ("st-refresh-token", true, true),
            ("st-anything", true, true),
            ("st-auth-mode", false, true),
            ("secure-session-response", true, true),
            ("secure-session-registration", true, true),
            ("sec-secure-session-id", true, false),
            ("rid", false, false),
            ("fdi-version", false, false),
            ("authorization", false, false),
            ("x-api-key", false, false),
        ] {
            assert_eq!(is_request_header(name), in_requests, "{name}");
            assert_eq!(is_response_header(name), in_responses, "{name}");
        }
    }

    #[test]
    fn names_of_refresh_tokens() {
        for (name, expected) in [
            ("sRefreshToken", true),
            ("__Host-sRefreshToken", true),
            ("__secure-srefreshtoken", true),
            ("st-refresh-token", true),
            ("sAccessToken", false),
            ("sIdRefreshToken", false),
        ] {
            assert_eq!(is_refresh_token(name), expected, "{name}");
        }
    }
}
