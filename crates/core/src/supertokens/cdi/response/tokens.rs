//! How sessions and tokens are spelled on the wire, version by version.

use crate::session::model::{SessionView, TokenInfo};
use crate::supertokens::cdi::request::cookies::CookieAttributes;
use crate::supertokens::cdi::request::version::{CookieFields, Version};
use postern_jwt::json::ObjectWriter;

/// `session`, whose payload is JSON text.
pub(crate) fn session(version: &Version, session: &SessionView) -> ObjectWriter {
    let mut object = ObjectWriter::new();
    object.text("handle", &session.handle);
    object.text("userId", &session.user_id);
    if version.recipe_user_id {
        // Without account linking a user is its own only recipe user.
        object.text("recipeUserId", &session.user_id);
    }
    object.json("userDataInJWT", &session.payload);
    if version.tenant_id {
        object.text("tenantId", &session.tenant_id);
    }
    object
}

/// Writes tokens in the form of one version: `TokenInfo`, with cookie attributes where the version has them
/// (`CookieToken`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenWriter<'a> {
    pub(crate) version: &'static Version,
    pub(crate) cookies: &'a CookieAttributes,
}

impl TokenWriter<'_> {
    pub(crate) fn access(self, token: &TokenInfo) -> String {
        self.token(&token.token, token, Some(self.cookies.access_token_path))
    }

    pub(crate) fn refresh(self, token: &TokenInfo) -> String {
        self.token(&token.token, token, Some(&self.cookies.refresh_token_path))
    }

    /// The id refresh token: some random text that lives as long as the refresh token and travels with every request.
    pub(crate) fn id_refresh(self, id: &str, refresh_token: &TokenInfo) -> Option<String> {
        let path = match self.version.cookies {
            CookieFields::WithSameSite => Some(self.cookies.access_token_path),
            CookieFields::Absent | CookieFields::WithoutSameSite => None,
        };
        self.version
            .id_refresh_token
            .then(|| self.token(id, refresh_token, path))
    }

    fn token(self, token: &str, times: &TokenInfo, cookie_path: Option<&str>) -> String {
        let mut object = ObjectWriter::new();
        object.text("token", token);
        object.number("expiry", times.expiry.0);
        object.number("createdTime", times.created.0);
        if let Some(path) = cookie_path.filter(|_| self.version.cookies != CookieFields::Absent) {
            object.text("cookiePath", path);
            object.boolean("cookieSecure", self.cookies.secure);
            object.text("domain", &self.cookies.domain);
            if self.version.cookies == CookieFields::WithSameSite {
                object.text("sameSite", self.cookies.same_site);
            }
        }
        object.finish()
    }
}

/// A version 4 UUID (RFC 9562 section 5.4) made of 16 random bytes.
pub(crate) fn uuid(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random)
        .into_uuid()
        .to_string()
}
