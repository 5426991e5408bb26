//! Duplicate cookies after a change of the cookie domain (fdi.md 1.4): one refresh repairs them.
//!
//! The upstream answer (200 without a front token, or 500) breaks the current browser SDK. Here the refresh goes on
//! with the token that is newest, and the same answer clears what is left of the older domain.

use super::domains::former_domains;

use crate::settings::{Settings, TokenTransferMethod};

use super::headers::SessionHeaders;
use super::session_cookies::SentCookies;

/// Adds the clearing of every session cookie of ours that was sent twice, on the domain it had before. To be called before
/// tokens are set or cleared on the current domain. Where another deployment's is among them nothing is cleared: it may
/// be on that very domain, and does not disturb.
pub fn clear_duplicates(headers: &mut SessionHeaders<'_>, settings: &Settings, sent: SentCookies) {
    if settings.token_transfer_method == TokenTransferMethod::Header {
        return;
    }
    for name in [
        settings.access_token_cookie(),
        settings.refresh_token_cookie(),
    ] {
        if sent.under(name).is_doubled() {
            // A name with the prefix has no domain, so it can be doubled by a partition only.
            if !settings.host_prefixed_cookie {
                for domain in former_domains(settings) {
                    headers.clear_on_domain(name, &domain);
                }
            }
            headers.clear_with_other_partition(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::clear_duplicates;
    use crate::settings::testing::parsed;
    use crate::supertokens::fdi::domains::former_domains;
    use crate::supertokens::fdi::headers::SessionHeaders;
    use crate::supertokens::fdi::session_cookies::{Sent, SentCookies};

    const DOUBLED: SentCookies = SentCookies {
        access: Sent {
            ours: 2,
            anothers: 0,
        },
        refresh: Sent {
            ours: 1,
            anothers: 0,
        },
        host_access: Sent {
            ours: 0,
            anothers: 0,
        },
        host_refresh: Sent {
            ours: 0,
            anothers: 0,
        },
    };

    #[test]
    fn only_doubled_cookies_are_cleared_on_the_older_domain() {
        let settings = parsed(&[
            ("OLDER_COOKIE_DOMAIN", ".example.com"),
            ("API_BASE_PATH", "/x"),
        ]);
        let mut headers = SessionHeaders::new(&settings);
        clear_duplicates(&mut headers, &settings, DOUBLED);
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
    fn beside_another_deployments_nothing_is_cleared() {
        let settings = parsed(&[("OLDER_COOKIE_DOMAIN", ".example.com")]);
        let mut headers = SessionHeaders::new(&settings);
        let mut sent = DOUBLED;
        sent.access.anothers = 1;
        clear_duplicates(&mut headers, &settings, sent);
        assert_eq!(headers.into_headers(), []);
    }

    #[test]
    fn in_header_mode_cookies_do_not_matter() {
        let settings = parsed(&[("TOKEN_TRANSFER_METHOD", "header")]);
        let mut headers = SessionHeaders::new(&settings);
        clear_duplicates(&mut headers, &settings, DOUBLED);
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
                former_domains(&parsed(&values)),
                domains,
                "{api} {current} {older:?}"
            );
        }
        let deep = format!("https://{}example.com", "x.".repeat(30));
        assert_eq!(former_domains(&parsed(&[("API_DOMAIN", &deep)])).len(), 8);
    }
}
