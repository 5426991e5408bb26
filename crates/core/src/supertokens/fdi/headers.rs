//! The session headers of one response: cookies and tokens set or cleared, each at most once (fdi.md 1.1, 2.2).
//!
//! The forms in which tokens are set and cleared, and which header replaces which.

use crate::device;
use crate::http::cookie::{Cookies, SetCookie};
use crate::request::credentials::{
    ACCESS_TOKEN_COOKIE, HOST_ACCESS_TOKEN_COOKIE, HOST_REFRESH_TOKEN_COOKIE, LEGACY_ID_COOKIE,
    REFRESH_TOKEN_COOKIE, Transfer,
};
use crate::settings::Settings;
use crate::{
    refusal::Refusal,
    session::model::{IssuedSession, SessionView, TokenInfo},
};
use postern_jwt::time::{Millis, UnixMillis};

use super::domains::{former_domains, guessed_domains};
use super::front_token::{REMOVE, front_token};
use super::request::BrowserRequest;
use super::session_cookies::SentCookies;

/// The access-token cookie outlives its token, so that its presence yields "try refresh" and not "unauthorised";
/// browsers keep no cookie for more than 400 days.
const ACCESS_COOKIE_LIFETIME: Millis = Millis::from_seconds(365 * 86_400);

/// Gathers the session headers of one response.
pub struct SessionHeaders<'s> {
    settings: &'s Settings,
    request: Cookies<'s>,
    sent: SentCookies,
    cookies: Vec<PlannedCookie>,
    cleared_devices: Vec<String>,
    front_token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    anti_csrf: Option<String>,
}

/// A cookie by the three parts that identify it (RFC 6265 section 5.3), and the whole header.
struct PlannedCookie {
    name: &'static str,
    domain: Option<String>,
    path: String,
    /// Partitioned cookies are others than those without (CHIPS).
    is_partitioned: bool,
    header: String,
}

/// The names of session cookies with `HOST_PREFIXED_COOKIE`, and without.
const HOST_NAMES: [&str; 2] = [HOST_ACCESS_TOKEN_COOKIE, HOST_REFRESH_TOKEN_COOKIE];
const PLAIN_NAMES: [&str; 2] = [ACCESS_TOKEN_COOKIE, REFRESH_TOKEN_COOKIE];

impl<'s> SessionHeaders<'s> {
    /// No headers yet.
    pub fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            request: Cookies::new(None),
            sent: SentCookies::default(),
            cookies: Vec::new(),
            cleared_devices: Vec::new(),
            front_token: None,
            access_token: None,
            refresh_token: None,
            anti_csrf: None,
        }
    }

    /// No headers yet, in answer to a request: what it carries of another deployment is not cleared, and what it carries
    /// under the names of the other setting of `HOST_PREFIXED_COOKIE` goes with the rest.
    pub fn answering(settings: &'s Settings, request: &BrowserRequest<'s>) -> Self {
        Self {
            request: request.cookies(),
            sent: request.sent,
            ..Self::new(settings)
        }
    }

    /// Hands out the tokens of a session by one method.
    ///
    /// # Errors
    /// A fault of ours when the access token is not one.
    pub fn set(
        &mut self,
        transfer: Transfer,
        issued: &IssuedSession,
        now: UnixMillis,
    ) -> Result<(), Refusal> {
        self.set_access_token(transfer, &issued.session, &issued.access_token, now)?;
        match transfer {
            Transfer::Cookie => {
                self.clear_other_names();
                self.current_cookie(
                    self.settings.refresh_token_cookie(),
                    &issued.refresh_token.token,
                    issued.refresh_token.expiry,
                );
            }
            Transfer::Header => {
                self.refresh_token = Some(issued.refresh_token.token.clone());
            }
        }
        self.anti_csrf = issued
            .anti_csrf_token
            .as_ref()
            .map(|token| token.expose().to_owned());
        Ok(())
    }

    /// Hands out a new access token of a session that goes on.
    ///
    /// # Errors
    /// A fault of ours when the access token is not one.
    pub fn set_access_token(
        &mut self,
        transfer: Transfer,
        session: &SessionView,
        access_token: &TokenInfo,
        now: UnixMillis,
    ) -> Result<(), Refusal> {
        self.front_token = Some(front_token(session, access_token)?);
        match transfer {
            Transfer::Cookie => {
                let expires = now.plus(ACCESS_COOKIE_LIFETIME);
                let name = self.settings.access_token_cookie();
                self.current_cookie(name, &access_token.token, expires);
                if self.settings.expose_access_token {
                    self.access_token = Some(access_token.token.clone());
                }
            }
            Transfer::Header => self.access_token = Some(access_token.token.clone()),
        }
        Ok(())
    }

    /// Clears the tokens of one method, and tells the browser SDK that the session is gone (unless tokens are set
    /// later).
    pub fn clear(&mut self, transfer: Transfer) {
        match transfer {
            Transfer::Cookie => {
                let settings = self.settings;
                for name in [
                    settings.access_token_cookie(),
                    settings.refresh_token_cookie(),
                ] {
                    if !self.sent.under(name).is_anothers() {
                        self.current_cookie(name, "", UnixMillis(0));
                    }
                }
                self.clear_other_names();
                self.cleared_devices = device::cleared(settings, self.request);
            }
            Transfer::Header => {
                self.access_token = Some(String::new());
                self.refresh_token = Some(String::new());
            }
        }
        self.front_token = Some(REMOVE.to_owned());
        self.anti_csrf = None;
    }

    /// Clears the cookies that the request carries under the names of the other setting of `HOST_PREFIXED_COOKIE`.
    fn clear_other_names(&mut self) {
        if !self.settings.host_prefixed_cookie {
            for name in HOST_NAMES {
                if self.request.has(name) {
                    self.cookie(name, "", None, UnixMillis(0));
                }
            }
            return;
        }
        for name in PLAIN_NAMES {
            let sent = self.sent.under(name);
            if self.request.has(name) && !sent.is_anothers() {
                self.cookie(name, "", None, UnixMillis(0));
                let older = former_domains(self.settings);
                for domain in older.iter().filter(|_| sent.anothers == 0) {
                    self.clear_on_domain(name, domain);
                }
            }
        }
    }

    /// Clears the cookie that told SDKs of the legacy protocol that there is a session (fdi.md 1.5), on whatever domain it
    /// lies: left on any, it would ask for a refresh for ever.
    pub fn clear_legacy_id_cookie(&mut self) {
        self.current_cookie(LEGACY_ID_COOKIE, "", UnixMillis(0));
        for domain in guessed_domains(self.settings) {
            self.clear_on_domain(LEGACY_ID_COOKIE, &domain);
        }
    }

    /// Clears a cookie on a domain that was used before; the empty domain means host-only.
    pub fn clear_on_domain(&mut self, name: &'static str, domain: &str) {
        let domain = (!domain.is_empty()).then_some(domain);
        self.cookie(name, "", domain, UnixMillis(0));
    }

    /// Clears what is left under a name from before `COOKIE_PARTITIONED` was changed.
    pub fn clear_with_other_partition(&mut self, name: &'static str) {
        let settings = self.settings;
        let is_partitioned = !settings.cookie_partitioned;
        if !is_partitioned || settings.may_be_partitioned() {
            let domain = settings.cookie_domain.as_deref();
            self.cookie_of(name, "", domain, UnixMillis(0), is_partitioned);
        }
    }

    fn current_cookie(&mut self, name: &'static str, value: &str, expires: UnixMillis) {
        let settings = self.settings;
        self.cookie(name, value, settings.cookie_domain.as_deref(), expires);
    }

    fn cookie(
        &mut self,
        name: &'static str,
        value: &str,
        domain: Option<&str>,
        expires: UnixMillis,
    ) {
        let is_partitioned = self.settings.cookie_partitioned;
        self.cookie_of(name, value, domain, expires, is_partitioned);
    }

    fn cookie_of(
        &mut self,
        name: &'static str,
        value: &str,
        domain: Option<&str>,
        expires: UnixMillis,
        is_partitioned: bool,
    ) {
        let path = self.settings.cookie_path(name);
        let header = SetCookie {
            name,
            value,
            domain,
            path: &path,
            expires,
            secure: self.settings.cookie_secure || HOST_NAMES.contains(&name),
            same_site: self.settings.same_site(),
            partitioned: is_partitioned,
        }
        .header_value();
        self.cookies.retain(|known| {
            !(known.name == name
                && known.domain.as_deref() == domain
                && known.path == path
                && known.is_partitioned == is_partitioned)
        });
        self.cookies.push(PlannedCookie {
            name,
            domain: domain.map(str::to_owned),
            path,
            is_partitioned,
            header,
        });
    }

    /// The headers to append to the response: names in lower case, `set-cookie` once per cookie, and the names that
    /// scripts of another origin must be allowed to read.
    pub fn into_headers(self) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = self
            .cookies
            .into_iter()
            .map(|cookie| ("set-cookie".to_owned(), cookie.header))
            .collect();
        let cleared = self.cleared_devices.into_iter();
        headers.extend(cleared.map(|header| ("set-cookie".to_owned(), header)));
        let mut exposed = Vec::new();
        for (name, value) in [
            ("front-token", self.front_token),
            ("st-access-token", self.access_token),
            ("st-refresh-token", self.refresh_token),
            ("anti-csrf", self.anti_csrf),
        ] {
            if let Some(value) = value {
                headers.push((name.to_owned(), value));
                exposed.push(name);
            }
        }
        if !exposed.is_empty() {
            headers.push((
                "access-control-expose-headers".to_owned(),
                exposed.join(", "),
            ));
        }
        headers
    }
}
