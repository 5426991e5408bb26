//! The device of a bound session: whether a request shows it, without asking anybody.
//!
//! What shows it is the bound cookie, however the access token came: in a cookie, in `Authorization`, or over RPC. The rules
//! are `postern_core::device`'s.

use super::{
    verified_session::{BoundDevice, VerifiedToken},
    verifier,
};
use crate::{
    objects::{context::Context, user_sessions},
    runtime::log,
};
use postern_core::{
    device::{DeviceKeys, cookie_name, skipped_reason},
    http::{cookie::Cookies, token_places::Place},
    identity::Issuers,
    refusal::Refusal,
    request::credentials::Classification,
    revocation::copy::Age,
    session::{
        call::{DeviceShown, UserCall},
        refresh_token,
    },
    settings::DeviceBinding,
    supertokens::fdi::request::BrowserRequest,
    tokens::access_token::{self, AccessClaims},
};
use postern_jwt::time::Millis;

/// The device of a bound session was not shown. A browser that has the key renews its cookie for the refresh; whoever has
/// not is found out there.
pub(crate) const NOT_SHOWN: Refusal =
    Refusal::TryRefreshToken("the session is bound to a device, which was not shown");

/// How long after its creation a session may be about to be bound.
const BINDING_TAKES: Millis = Millis::from_seconds(60);

/// What an entry point asks of a session's device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceDemand {
    /// Nothing: where the session ends, or is about to be bound.
    Nothing,
    /// A bound session must show its device, and `DEVICE_BINDING` says whether others pass.
    AsSet,
    /// A bound session, which shows its device.
    Bound,
}

/// Refuses a session that does not show what is demanded.
pub(crate) fn check(
    context: &Context,
    cookies: Cookies<'_>,
    known: &VerifiedToken,
    demand: DeviceDemand,
) -> Result<(), Refusal> {
    match (demand, &known.device) {
        (DeviceDemand::Nothing, _) => Ok(()),
        (_, Some(device)) if is_shown(context, cookies, known, device) => Ok(()),
        (_, Some(_)) => Err(NOT_SHOWN),
        (DeviceDemand::Bound, None) => Err(Refusal::DeviceBindingRequired),
        (DeviceDemand::AsSet, None) => as_set(context, known),
    }
}

/// The same where nothing comes but an access token.
pub(crate) fn check_without_cookies(
    context: &Context,
    known: &VerifiedToken,
) -> Result<(), Refusal> {
    match known.device {
        Some(_) => Err(NOT_SHOWN),
        None => as_set(context, known),
    }
}

fn as_set(context: &Context, known: &VerifiedToken) -> Result<(), Refusal> {
    let is_required = context.settings.device_binding == DeviceBinding::Require;
    // Sessions of trusted issuers are theirs to bind.
    // Nor can what is bound to a key of its client be copied.
    if is_required && known.claims.is_some() && known.session.bound_key.is_none() {
        Err(Refusal::DeviceBindingRequired)
    } else {
        Ok(())
    }
}

/// Whether the browser of an unbound session may be about to register its key.
pub(crate) fn is_being_bound(context: &Context, known: &VerifiedToken) -> bool {
    let is_young = match known.age {
        Age::Session(created) => context.now.since(created) < BINDING_TAKES,
        Age::Token(_) | Age::Unknown => false,
    };
    is_young && context.settings.device_binding != DeviceBinding::Off
}

fn is_shown(
    context: &Context,
    cookies: Cookies<'_>,
    known: &VerifiedToken,
    device: &BoundDevice,
) -> bool {
    let Some(value) = cookies.first(&device.cookie_name) else {
        return false;
    };
    // The same value as last time needs no MAC.
    if let Some((seen, until)) = &*device.shown.borrow()
        && *seen == value
    {
        return context.now < *until;
    }
    let secrets = context.ring.refresh_secrets(context.now);
    let keys = DeviceKeys::new(&secrets);
    let checked = keys.check_cookie(&device.handle, device.thumbprint, &value, context.now);
    let Ok(until) = checked else {
        return false;
    };
    if device
        .shown
        .replace(Some((value.into_owned(), until)))
        .is_none()
    {
        confirm(context, known, device);
    }
    true
}

/// Tells the user's object, in the background, that the answer to the registration has arrived. After a refresh it knows.
fn confirm(context: &Context, known: &VerifiedToken, device: &BoundDevice) {
    let is_of_refresh = known
        .claims
        .as_ref()
        .is_none_or(|claims| claims.origin.generation > 0);
    let Ok(handle) = context.checked(&device.handle) else {
        return;
    };
    if is_of_refresh {
        return;
    }
    let asking = context.clone();
    let call = UserCall::ConfirmDevice {
        handle: device.handle.clone(),
        thumbprint: device.thumbprint,
    };
    context.in_background(async move {
        // One that is lost does no harm: the next refresh tells as much.
        let _ = user_sessions::ask(&asking, handle.route(), &call).await;
    });
}

/// What a request with a refresh token shows of the device of that token's session.
pub(crate) fn shown(request: &BrowserRequest<'_>, refresh_token: &str) -> DeviceShown {
    let Some(presented) = refresh_token::parse(refresh_token) else {
        return DeviceShown::default();
    };
    let cookie = request.cookies().first(&cookie_name(presented.handle));
    let reason = request
        .skipped
        .and_then(|skipped| skipped_reason(skipped, presented.handle));
    if let Some(reason) = reason.filter(|_| cookie.is_none()) {
        log::write(log::Event::DeviceSkipped, reason);
    }
    DeviceShown {
        cookie: cookie.map(Into::into),
        is_excused: reason.is_some() || request.is_by_foreign_link,
    }
}

/// Why a browser did not renew the cookie, for the log: one of the words of the draft, whatever was sent.
pub(crate) fn skipped(header: &str) -> String {
    const REASONS: [&str; 3] = ["server_error", "unreachable", "quota_exceeded"];
    let reason = REASONS.into_iter().find(|known| header.contains(known));
    reason.unwrap_or("another reason").to_owned()
}

/// Whether a request carries, in a cookie, an access token that says that its session is bound, and not the bound cookie. The
/// token may be expired, and nothing about it is verified.
pub(crate) fn is_cookie_missing(context: &Context, request: &BrowserRequest<'_>) -> bool {
    let cookies = request.cookies();
    let settings = &context.settings;
    cookies
        .all(settings.access_token_cookie())
        .any(|text| match bound_handle(&text) {
            Some(handle) => {
                let is_ours = matches!(
                    verifier::classify(context, &text, Place::SessionCookie, &Issuers::own()).0,
                    Classification::Token(_)
                );
                is_ours && !cookies.has(&cookie_name(&handle))
            }
            None => false,
        })
}

/// The handle that an access token names, if it says that its session is bound.
fn bound_handle(text: &str) -> Option<String> {
    let token = access_token::parse(text).ok()?;
    token.origin().device?;
    Some(AccessClaims::from_unverified(&token).ok()?.handle)
}
