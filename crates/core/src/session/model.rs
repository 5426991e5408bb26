//! What a session looks like from outside: the values that every entry point shapes into its own wire form.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::message::raw;
use postern_jwt::{
    json::{self, JsonFault, ObjectWriter},
    proof::Thumbprint,
    secret::AntiCsrfToken,
    time::UnixMillis,
};

/// A live session as its holder may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The session handle: `route.random.tag`, with `_tenant` appended for tenants other than `public`.
    pub handle: String,
    /// The user the session belongs to; free-form, may be empty.
    pub user_id: String,
    /// The tenant the session was created in.
    pub tenant_id: String,
    /// The payload: the text of one JSON object, kept verbatim (minified).
    #[serde(with = "raw")]
    pub payload: String,
}

/// A token with its times, as every protocol hands it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// The token itself. A credential: never log it.
    pub token: String,
    /// When it stops being good. Whole seconds for access tokens V3 and later.
    pub expiry: UnixMillis,
    /// When it was made. Whole seconds for access tokens V3 and later.
    pub created: UnixMillis,
}

/// What a successful create or refresh gives out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedSession {
    /// The session.
    pub session: SessionView,
    /// The signed access token.
    pub access_token: TokenInfo,
    /// The refresh token.
    pub refresh_token: TokenInfo,
    /// The anti-CSRF token, present only when the session is bound to one.
    pub anti_csrf_token: Option<AntiCsrfToken>,
}

/// Everything stored about a session, as `GET /recipe/session` and `getSessionInformation` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInformation {
    /// The session, with its *stored* payload.
    pub session: SessionView,
    /// The session data: the text of one JSON object.
    pub session_data: String,
    /// When the session ends unless it is refreshed.
    pub expiry: UnixMillis,
    /// When the session was created.
    pub created: UnixMillis,
    /// When the session was last refreshed.
    pub last_refreshed: Option<UnixMillis>,
    /// Device facts, when the creator gave any.
    pub device: Option<Device>,
    /// When it was bound to a key of the browser's device, if it was.
    pub bound: Option<UnixMillis>,
    /// The key that it is bound to by DPoP, if it is.
    pub dpop_key: Option<Thumbprint>,
}

/// How much of a `User-Agent` is kept, in bytes. Those of browsers have a few hundred.
const MAX_USER_AGENT_BYTES: usize = 1024;

/// Facts about the device a session lives on, as the caller gave them (already coarsened by setting).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The `User-Agent` at creation.
    pub user_agent: Option<String>,
    /// The client address, or its coarse form.
    pub ip: Option<String>,
    /// The country of the client address, as the platform names it (ISO 3166-1 alpha-2; `T1` = Tor).
    #[serde(default)]
    pub country: Option<String>,
}

impl Device {
    /// The facts that were given; `None` when there are none.
    pub fn of(
        user_agent: Option<String>,
        ip: Option<String>,
        country: Option<&str>,
    ) -> Option<Self> {
        let country = country.filter(|country| {
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        let is_known = user_agent.is_some() || ip.is_some() || country.is_some();
        is_known.then(|| Self {
            user_agent: user_agent.map(Self::kept_user_agent),
            ip,
            country: country.map(str::to_ascii_uppercase),
        })
    }

    /// What is kept of a `User-Agent`: whoever sends the request decides how long it is.
    fn kept_user_agent(mut text: String) -> String {
        text.truncate(text.floor_char_boundary(MAX_USER_AGENT_BYTES));
        text
    }

    /// The JSON object of RPC results and of storage; what is not known is left out.
    pub fn to_json(&self) -> String {
        let mut object = ObjectWriter::new();
        object.optional_text("userAgent", self.user_agent.as_deref());
        object.optional_text("ip", self.ip.as_deref());
        object.optional_text("country", self.country.as_deref());
        object.finish()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, JsonFault> {
        let object = json::parse_object(text)?;
        let member = |name| Ok(object.string(name)?.map(Cow::into_owned));
        Ok(Self {
            user_agent: member("userAgent")?,
            ip: member("ip")?,
            country: member("country")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn a_long_user_agent_is_cut_between_characters() {
        for (length, kept) in [(0, 0), (341, 1023), (342, 1023), (5_000, 1023)] {
            assert_eq!(Device::kept_user_agent("馬".repeat(length)).len(), kept);
        }
    }

    #[test]
    fn what_is_no_country_is_left_out() {
        for (given, kept) in [
            (None, None),
            (Some("de"), Some("DE")),
            (Some("T1"), Some("T1")),
            (Some("DEU"), None),
            (Some("d\""), None),
            (Some(""), None),
        ] {
            let device = Device::of(Some("agent".to_owned()), None, given);
            let country = device.and_then(|device| device.country);
            assert_eq!(country.as_deref(), kept, "{given:?}");
        }
        assert_eq!(Device::of(None, None, Some("nowhere")), None);
    }

    #[test]
    fn device_facts_are_read_as_they_were_written() {
        for (user_agent, ip, text) in [
            (None, None, "{}"),
            (Some("a\"b"), None, r#"{"userAgent":"a\"b"}"#),
            (
                Some("a"),
                Some("10.0.0.0"),
                r#"{"userAgent":"a","ip":"10.0.0.0"}"#,
            ),
        ] {
            let device = Device {
                user_agent: user_agent.map(str::to_owned),
                ip: ip.map(str::to_owned),
                country: None,
            };
            assert_eq!(device.to_json(), text);
            assert_eq!(Device::from_json(text), Ok(device));
        }
    }
}
