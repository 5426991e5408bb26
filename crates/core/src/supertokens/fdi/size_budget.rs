//! The size budget: browsers silently drop a cookie that is too long, so a session that would not fit is refused.

use crate::http::cookie::{MAX_COOKIE_BYTES, SetCookie};
use crate::http::credential_names;
use crate::refusal::Refusal;
use crate::request::credentials::Transfer;
use crate::settings::Settings;
use postern_jwt::time::UnixMillis;

/// What the browser SDK writes around a value, at its longest except for a domain that only the page knows.
const SCRIPT_COOKIE_ATTRIBUTES: &str =
    ";expires=Fri, 31 Dec 9999 23:59:59 GMT;path=/;samesite=none;secure";

/// The lengths of what a browser is to keep, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct TokenLengths {
    /// The access token.
    pub access_token: usize,
    /// The refresh token.
    pub refresh_token: usize,
    /// The front token (`front_token_length`).
    pub front_token: usize,
}

/// Refuses a session of which any cookie would be longer than 4,096 bytes, or whose access token is above
/// `MAX_ACCESS_TOKEN_BYTES`. To be asked before the session is made.
///
/// # Errors
/// Bad input that names both numbers.
pub fn check_size_budget(
    settings: &Settings,
    transfer: Transfer,
    lengths: TokenLengths,
) -> Result<(), Refusal> {
    check(
        "access token",
        lengths.access_token,
        settings.max_access_token_bytes,
    )?;
    check(
        "front-token cookie",
        script_cookie(credential_names::FRONT_TOKEN, lengths.front_token),
        MAX_COOKIE_BYTES,
    )?;
    let (access_cookie, refresh_cookie) = match transfer {
        Transfer::Cookie => (
            server_cookie(
                settings,
                settings.access_token_cookie(),
                lengths.access_token,
            ),
            server_cookie(
                settings,
                settings.refresh_token_cookie(),
                lengths.refresh_token,
            ),
        ),
        Transfer::Header => (
            script_cookie(credential_names::HEADER_ACCESS_TOKEN, lengths.access_token),
            script_cookie(
                credential_names::HEADER_REFRESH_TOKEN,
                lengths.refresh_token,
            ),
        ),
    };
    check("access-token cookie", access_cookie, MAX_COOKIE_BYTES)?;
    if settings.expose_access_token {
        let script_cookie =
            script_cookie(credential_names::HEADER_ACCESS_TOKEN, lengths.access_token);
        check(
            "access-token cookie of scripts",
            script_cookie,
            MAX_COOKIE_BYTES,
        )?;
    }
    check("refresh-token cookie", refresh_cookie, MAX_COOKIE_BYTES)
}

fn check(what: &str, size: usize, limit: u64) -> Result<(), Refusal> {
    let size = u64::try_from(size).unwrap_or(u64::MAX);
    if size > limit {
        return Err(Refusal::BadInput(format!(
            "jwtPayload is too large: the {what} would take {size} bytes; the limit is {limit} bytes"
        )));
    }
    Ok(())
}

/// Our tokens need no percent-encoding: each byte is one of the cookie.
fn server_cookie(settings: &Settings, name: &str, value: usize) -> usize {
    let path = settings.cookie_path(name);
    let empty = SetCookie {
        name,
        value: "",
        domain: settings.cookie_domain.as_deref(),
        path: &path,
        expires: UnixMillis(0),
        secure: settings.cookie_secure,
        same_site: settings.same_site(),
        partitioned: settings.cookie_partitioned,
    };
    empty.header_value().len().saturating_add(value)
}

fn script_cookie(name: &str, value: usize) -> usize {
    name.len()
        .saturating_add(1)
        .saturating_add(value)
        .saturating_add(SCRIPT_COOKIE_ATTRIBUTES.len())
}

#[cfg(test)]
mod tests {
    use super::{TokenLengths, check_size_budget};
    use crate::refusal::Refusal;
    use crate::request::credentials::Transfer;
    use crate::settings::testing::parsed;

    #[test]
    fn what_fits_is_taken_and_one_byte_more_is_refused_with_both_numbers() {
        let settings = parsed(&[("MAX_ACCESS_TOKEN_BYTES", "16KiB")]);
        let small = TokenLengths {
            access_token: 700,
            refresh_token: 200,
            front_token: 600,
        };
        for (transfer, longest, numbers) in [
            (
                Transfer::Cookie,
                TokenLengths {
                    access_token: 4004,
                    ..small
                },
                "the access-token cookie would take 4097 bytes; the limit is 4096 bytes",
            ),
            (
                Transfer::Cookie,
                TokenLengths {
                    refresh_token: 3983,
                    ..small
                },
                "the refresh-token cookie would take 4097 bytes; the limit is 4096 bytes",
            ),
            (
                Transfer::Cookie,
                TokenLengths {
                    front_token: 4018,
                    ..small
                },
                "the front-token cookie would take 4097 bytes; the limit is 4096 bytes",
            ),
            (
                Transfer::Header,
                TokenLengths {
                    access_token: 4014,
                    ..small
                },
                "the access-token cookie would take 4097 bytes; the limit is 4096 bytes",
            ),
        ] {
            assert_eq!(
                check_size_budget(&settings, transfer, longest),
                Ok(()),
                "{numbers}"
            );
            let one_more = TokenLengths {
                access_token: longest.access_token + usize::from(longest.access_token > 700),
                refresh_token: longest.refresh_token + usize::from(longest.refresh_token > 200),
                front_token: longest.front_token + usize::from(longest.front_token > 600),
            };
            let Err(Refusal::BadInput(text)) = check_size_budget(&settings, transfer, one_more)
            else {
                panic!("not refused: {numbers}");
            };
            assert_eq!(text, format!("jwtPayload is too large: {numbers}"));
        }
    }

    #[test]
    fn the_setting_limits_the_access_token() {
        let settings = parsed(&[("MAX_ACCESS_TOKEN_BYTES", "1000")]);
        let lengths = |access_token| TokenLengths {
            access_token,
            refresh_token: 200,
            front_token: 600,
        };
        assert_eq!(
            check_size_budget(&settings, Transfer::Header, lengths(1000)),
            Ok(())
        );
        let refused = check_size_budget(&settings, Transfer::Header, lengths(1001));
        assert!(
            matches!(refused, Err(Refusal::BadInput(text)) if text.contains("1001") && text.contains("1000"))
        );
    }
}
