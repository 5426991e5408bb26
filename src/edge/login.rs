//! Creating a session in answer to a browser's request: what a login route asks for over RPC.
//!
//! Owns the order: how the tokens will travel, whether a browser would keep them, and only then the session. The rules
//! themselves are the browser protocol's (`frontend`).

use wasm_bindgen::JsValue;

use super::{
    arguments::Arguments,
    context::Context,
    session_cookies,
    sessions::{self, NewSession},
};
use crate::{
    frontend::{answers, anti_csrf::AntiCsrfMode, request::BrowserRequest},
    location::Location,
    session::model::{Refusal, SessionView},
};

/// The headers of the login request that decide what its answer carries.
pub(super) struct LoginRequest {
    authorization: Option<String>,
    cookie: Option<String>,
    auth_mode: Option<String>,
    /// Where the user is, as far as the platform told the login route.
    pub(super) location: Option<Location>,
}

impl LoginRequest {
    /// Reads the member `request`: `{headers: {…}, cf?: {continent?, longitude?}}`, header names in lower case.
    pub(super) fn of(arguments: &Arguments<'_>) -> Result<Self, JsValue> {
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
pub(super) async fn create(
    context: &Context,
    request: &LoginRequest,
    new: NewSession,
) -> Result<(SessionView, Vec<(String, String)>), Refusal> {
    let request = session_cookies::looked_at(context, request.browser_request());
    create_for(context, &request, new).await
}

/// The same for a request that is at hand itself.
pub(super) async fn create_for(
    context: &Context,
    request: &BrowserRequest<'_>,
    mut new: NewSession,
) -> Result<(SessionView, Vec<(String, String)>), Refusal> {
    let settings = &context.settings;
    let transfer = request.transfer_of_new_session(settings.token_transfer_method);
    answers::check_cookies_are_kept(settings, transfer)?;
    new.anti_csrf = AntiCsrfMode::of(settings).binds_token(transfer);
    new.transfer = Some(transfer);
    let issued = sessions::create(context, new).await?;
    let headers = answers::created(settings, request, transfer, &issued, context.now)?;
    Ok((issued.session, headers))
}
