//! What follows from settings: names, and questions that are asked of them.
//!
//! Answers that depend on settings alone.

use super::{SameSite, Settings, origin};
use crate::http::cookie::{MAX_COOKIE_BYTES, SetCookie};
use crate::http::credential_names::{
    ACCESS_TOKEN, HOST_ACCESS_TOKEN, HOST_REFRESH_TOKEN, REFRESH_TOKEN,
};
use postern_jwt::secret::digest;
use postern_jwt::time::UnixMillis;

impl Settings {
    /// The `iss` of every token of ours, and the base of its discovery documents.
    pub fn issuer(&self) -> String {
        format!("{}{}", self.api_domain, self.api_base_path)
    }

    /// True when `presented` is one of `API_KEYS`. All keys are compared, so that time tells nothing about which.
    pub fn accepts_api_key(&self, presented: &str) -> bool {
        self.place_of_api_key(presented).is_some()
    }

    /// The place of a presented API key among the accepted ones; `None` = it is none. Compares with all of them.
    pub fn place_of_api_key(&self, presented: &str) -> Option<usize> {
        let presented = digest(presented.as_bytes());
        let keys = (0..).zip(&self.api_key_digests);
        keys.fold(None, |found, (place, key)| {
            if key.equals(presented.expose()) {
                Some(place)
            } else {
                found
            }
        })
    }

    /// True when a client at `address` may use `LEGACY_KEYLESS_HOSTS`; never for what is no address.
    pub fn allows_keyless_client(&self, address: &str) -> bool {
        address.parse().is_ok_and(|address| {
            self.legacy_keyless_allow
                .iter()
                .any(|network| network.contains(address))
        })
    }

    /// The SameSite attribute of our cookies: `COOKIE_SAME_SITE`, or `lax` when every website is same-site with this
    /// Worker as far as can be told without a list of public suffixes, else `none`. Apps do not count: their web views
    /// hold back cookies of other sites, whatever these say, and use headers.
    pub fn same_site(&self) -> SameSite {
        self.cookie_same_site.unwrap_or_else(|| {
            if self
                .website_origins
                .iter()
                .filter(|origin| origin::is_web_origin(origin))
                .all(|origin| self.is_same_site(origin))
            {
                SameSite::Lax
            } else {
                SameSite::None
            }
        })
    }

    /// True when scheme and host are ours, or scheme is ours and both hosts lie under `COOKIE_DOMAIN`. A different
    /// scheme makes browsers treat the website as cross-site, whatever its host.
    fn is_same_site(&self, website: &str) -> bool {
        let [(ours, our_host), (theirs, their_host)] = [self.api_domain.as_str(), website]
            .map(|origin| origin.split_once("://").unwrap_or_default());
        let [our_name, their_name] = [our_host, their_host].map(origin::host_name);
        let shares_domain = self.cookie_domain.as_ref().is_some_and(|domain| {
            origin::lies_under(our_name, domain) && origin::lies_under(their_name, domain)
        });
        ours == theirs && (our_name == their_name || shares_domain)
    }

    /// True when browsers would take a cookie of ours that is `Partitioned`.
    pub(crate) fn may_be_partitioned(&self) -> bool {
        self.cookie_secure && self.same_site() == SameSite::None
    }

    /// The longest access token whose cookie, attributes included, is kept by every browser: 4,096 bytes
    /// ([`MAX_COOKIE_BYTES`]) less what an empty cookie takes. Tokens need no percent-encoding.
    pub(crate) fn largest_cookie_token(&self) -> u64 {
        let empty = SetCookie {
            name: self.access_token_cookie(),
            value: "",
            domain: self.cookie_domain.as_deref(),
            path: "/",
            expires: UnixMillis(0),
            secure: self.cookie_secure,
            same_site: self.same_site(),
            partitioned: self.cookie_partitioned,
        };
        let overhead = u64::try_from(empty.header_value().len()).unwrap_or(u64::MAX);
        MAX_COOKIE_BYTES.saturating_sub(overhead)
    }

    /// The name of the access-token cookie: `sAccessToken`, or `__Host-sAccessToken` (`HOST_PREFIXED_COOKIE`).
    pub const fn access_token_cookie(&self) -> &'static str {
        if self.host_prefixed_cookie {
            HOST_ACCESS_TOKEN
        } else {
            ACCESS_TOKEN
        }
    }

    /// The name of the refresh-token cookie: `sRefreshToken`, or `__Host-sRefreshToken`.
    pub const fn refresh_token_cookie(&self) -> &'static str {
        if self.host_prefixed_cookie {
            HOST_REFRESH_TOKEN
        } else {
            REFRESH_TOKEN
        }
    }

    /// The path of a cookie of ours by its name: the plain refresh token goes where it is exchanged only; a name with
    /// `__Host-` must be for every path.
    pub(crate) fn cookie_path(&self, name: &str) -> String {
        if name == REFRESH_TOKEN {
            format!("{}/session/refresh", self.api_base_path)
        } else {
            "/".to_owned()
        }
    }
}
