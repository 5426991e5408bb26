//! The login request that a login route hands over by RPC.

use super::arguments::Arguments;
use crate::{
    auth::session_cookies,
    objects::context::Context,
    sessions::{NewSession, login::create_for},
};
use postern_core::{
    location::Location, refusal::Refusal, session::model::SessionView,
    supertokens::fdi::request::BrowserRequest,
};
use wasm_bindgen::JsValue;

/// The headers of the login request that decide what its answer carries.
pub(crate) struct LoginRequest {
    authorization: Option<String>,
    cookie: Option<String>,
    auth_mode: Option<String>,
    /// Where the user is, as far as the platform said to the login route.
    pub(crate) location: Option<Location>,
}

impl LoginRequest {
    /// Reads the member `request`: `{headers: {…}, cf?: {continent?, longitude?}}`, header names in lower case.
    pub(crate) fn of(arguments: &Arguments<'_>) -> Result<Self, JsValue> {
        let missing = || arguments.wrong("request", "must be an object with \"headers\"");
        let request = arguments.optional_object("request")?.ok_or_else(missing)?;
        let headers = request.optional_object("headers")?.ok_or_else(missing)?;
        let mut location = None;
        if let Some(cf) = request.optional_object("cf")? {
            let continent = cf.optional_string("continent")?.unwrap_or_default();
            let longitude = cf.optional_string("longitude")?;
            location = Location::near(&continent, longitude.as_deref());
        }
        Ok(Self {
            location,
            authorization: headers.optional_string("authorization")?,
            cookie: headers.optional_string("cookie")?,
            auth_mode: headers.optional_string("st-auth-mode")?,
        })
    }

    fn browser_request(&self) -> BrowserRequest<'_> {
        BrowserRequest {
            authorization: self.authorization.as_deref(),
            cookie: self.cookie.as_deref(),
            auth_mode: self.auth_mode.as_deref(),
            ..BrowserRequest::default()
        }
    }
}

/// The session, and the headers for the response to the request.
pub(crate) async fn create(
    context: &Context,
    request: &LoginRequest,
    new: NewSession,
) -> Result<(SessionView, Vec<(String, String)>), Refusal> {
    let request = session_cookies::looked_at(context, &request.browser_request());
    create_for(context, &request, new).await
}
