//! Creating a session in answer to a browser's request: what a login route asks for over RPC.
//!
//! The order: how the tokens will travel, whether a browser would keep them, and only then the session. The rules are in
//! `postern_core::supertokens::fdi`.

use super::NewSession;
use crate::{objects::context::Context, sessions};
use postern_core::{
    device::{DeviceKeys, registration_header},
    refusal::Refusal,
    request::credentials::Transfer,
    session::model::SessionView,
    settings::DeviceBinding,
    supertokens::fdi::{answers, anti_csrf::AntiCsrfMode, request::BrowserRequest},
};

/// The header that offers to bind a new session to the browser's device: no other answer has it.
fn offer(context: &Context, transfer: Transfer, handle: &str) -> Option<(String, String)> {
    let settings = &context.settings;
    if transfer != Transfer::Cookie || settings.device_binding == DeviceBinding::Off {
        return None;
    }
    let secrets = context.ring.refresh_secrets(context.now);
    let challenge = DeviceKeys::new(&secrets).registration_challenge(handle, context.now)?;
    let value = registration_header(settings, &challenge);
    Some(("secure-session-registration".to_owned(), value))
}

/// The same for a request that is at hand itself.
pub(crate) async fn create_for(
    context: &Context,
    request: &BrowserRequest<'_>,
    mut new: NewSession,
) -> Result<(SessionView, Vec<(String, String)>), Refusal> {
    let settings = &context.settings;
    let transfer = request.transfer_of_new_session(settings.token_transfer_method);
    if new.dpop_key.is_some() && transfer == Transfer::Cookie {
        return Err(Refusal::BadInput(
            "dpopJkt needs header mode (st-auth-mode: header): a token in a cookie comes without a proof".to_owned(),
        ));
    }
    answers::check_cookies_are_kept(settings, transfer)?;
    new.anti_csrf = AntiCsrfMode::of(settings).binds_token(transfer);
    new.transfer = Some(transfer);
    let issued = sessions::create(context, new).await?;
    let mut headers = answers::created(settings, request, transfer, &issued, context.now)?;
    headers.extend(offer(context, transfer, &issued.session.handle));
    Ok((issued.session, headers))
}
