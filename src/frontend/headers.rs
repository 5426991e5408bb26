//! The session headers of one response: cookies and tokens set or cleared, each at most once (fdi.md 1.1, 2.2).
//!
//! Owns the set and clear forms and what replaces what. Refuses to know when tokens are set or cleared.

use crate::http::cookie::SetCookie;
use crate::http::credentials::{LEGACY_ID_COOKIE, Transfer};
use crate::session::model::{IssuedSession, Refusal, SessionView, TokenInfo};
use crate::settings::Settings;
use crate::time::{Millis, UnixMillis};

use super::front_token::{REMOVE, front_token};
use super::request::REFRESH_TOKEN_COOKIE;

/// The access-token cookie outlives its token, so that its presence yields "try refresh" and not "unauthorised";
/// browsers keep no cookie for more than 400 days.
const ACCESS_COOKIE_LIFETIME: Millis = Millis::from_seconds(365 * 86_400);

/// Gathers the session headers of one response.
pub struct SessionHeaders<'s> {
    settings: &'s Settings,
    cookies: Vec<PlannedCookie>,
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
    header: String,
}

impl<'s> SessionHeaders<'s> {
    /// No headers yet.
    pub const fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            cookies: Vec::new(),
            front_token: None,
            access_token: None,
            refresh_token: None,
            anti_csrf: None,
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
                self.current_cookie(
                    REFRESH_TOKEN_COOKIE,
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
                self.current_cookie(self.settings.access_token_cookie(), "", UnixMillis(0));
                self.current_cookie(REFRESH_TOKEN_COOKIE, "", UnixMillis(0));
            }
            Transfer::Header => {
                self.access_token = Some(String::new());
                self.refresh_token = Some(String::new());
            }
        }
        self.front_token = Some(REMOVE.to_owned());
        self.anti_csrf = None;
    }

    /// Clears the cookie that told SDKs of the legacy protocol that there is a session (fdi.md 1.5).
    pub fn clear_legacy_id_cookie(&mut self) {
        self.current_cookie(LEGACY_ID_COOKIE, "", UnixMillis(0));
    }

    /// Clears a cookie on a domain that was used before; the empty domain means host-only.
    pub fn clear_on_domain(&mut self, name: &'static str, domain: &str) {
        let domain = (!domain.is_empty()).then_some(domain);
        self.cookie(name, "", domain, UnixMillis(0));
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
        let path = if name == REFRESH_TOKEN_COOKIE {
            format!("{}/session/refresh", self.settings.api_base_path)
        } else {
            "/".to_owned()
        };
        let header = SetCookie {
            name,
            value,
            domain,
            path: &path,
            expires,
            secure: self.settings.cookie_secure,
            same_site: self.settings.same_site(),
        }
        .header_value();
        self.cookies.retain(|known| {
            !(known.name == name && known.domain.as_deref() == domain && known.path == path)
        });
        self.cookies.push(PlannedCookie {
            name,
            domain: domain.map(str::to_owned),
            path,
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
