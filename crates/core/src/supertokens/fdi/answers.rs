//! Whole answers of the browser API, and the headers that create a session (fdi.md 3, 4.1, 7).
//!
//! What each outcome sets and clears. CORS is added by [`super::cors::apply`], to these as to all responses.

use crate::error::{self, Presented};
use crate::http::reply::Reply;
use crate::request::credentials::{LEGACY_ID_COOKIE, Transfer};
use crate::settings::origin::{host_name, is_local_name, origin_host};
use crate::settings::{SameSite, Settings};
use crate::{refusal::Refusal, session::model::IssuedSession};
use postern_jwt::time::UnixMillis;

use super::duplicates::clear_duplicates;
use super::headers::SessionHeaders;
use super::request::BrowserRequest;

/// Refuses cookies that browsers would drop: SameSite=None without Secure, anywhere but on one machine (fdi.md 1.3).
/// To be asked before a session is made.
///
/// # Errors
/// Bad input that names the settings to change.
pub fn check_cookies_are_kept(settings: &Settings, transfer: Transfer) -> Result<(), Refusal> {
    let is_local = |origin: &String| is_local_name(host_name(origin_host(origin)));
    let is_kept = transfer == Transfer::Header
        || settings.cookie_secure
        || settings.same_site() != SameSite::None
        || (is_local(&settings.api_domain) && settings.website_origins.iter().all(is_local));
    is_kept.then_some(()).ok_or_else(|| {
        Refusal::BadInput(
            "browsers drop the cookies of this session: COOKIE_SAME_SITE none needs COOKIE_SECURE, or use header mode"
                .to_owned(),
        )
    })
}

/// The headers that a login route appends to its response after making a session for `request`.
///
/// # Errors
/// A fault of ours when the access token cannot be read.
pub fn created(
    settings: &Settings,
    request: &BrowserRequest<'_>,
    transfer: Transfer,
    issued: &IssuedSession,
    now: UnixMillis,
) -> Result<Vec<(String, String)>, Refusal> {
    let mut headers = SessionHeaders::answering(settings, request);
    if request.carries_access_token(transfer.other(), settings) {
        headers.clear(transfer.other());
    }
    headers.set(transfer, issued, now)?;
    let mut headers = headers.into_headers();
    headers.push(("cache-control".to_owned(), "no-store".to_owned()));
    Ok(headers)
}

/// `POST {base}/session/refresh` that succeeded.
///
/// # Errors
/// A fault of ours when the access token cannot be read.
pub fn refreshed(
    settings: &Settings,
    request: &BrowserRequest<'_>,
    transfer: Transfer,
    issued: &IssuedSession,
    now: UnixMillis,
) -> Result<Reply, Refusal> {
    let mut headers = SessionHeaders::answering(settings, request);
    clear_duplicates(&mut headers, settings, request.sent);
    if request.carries_refresh_token(transfer.other()) {
        headers.clear(transfer.other());
    }
    headers.set(transfer, issued, now)?;
    clear_legacy_id_cookie(&mut headers, request);
    Ok(with_headers(Reply::json(200, "{}"), headers))
}

/// `POST {base}/session/refresh` that was refused: whenever the session is lost everything is cleared, by both
/// methods; on a fault of ours, and for another website, nothing is.
pub fn refresh_refused(
    settings: &Settings,
    request: &BrowserRequest<'_>,
    refusal: &Refusal,
) -> Reply {
    let presented = match request.refresh_token(settings, |_| true) {
        Ok(_) => Presented::Token,
        Err(_) => Presented::Nothing,
    };
    let reply = error::reply(refusal, presented, settings.session_expired_status_code);
    if !matches!(
        refusal,
        Refusal::Unauthorised(_) | Refusal::TokenTheftDetected(_)
    ) {
        return reply;
    }
    let mut headers = SessionHeaders::answering(settings, request);
    clear_duplicates(&mut headers, settings, request.sent);
    headers.clear(Transfer::Cookie);
    headers.clear(Transfer::Header);
    clear_legacy_id_cookie(&mut headers, request);
    with_headers(reply, headers)
}

/// A request whose access token was refused. Tokens are cleared only when a session of ours was looked up and is gone:
/// a request sent before a login must not wipe the session that the login made (fdi.md 4.1).
pub fn verify_refused(
    settings: &Settings,
    refusal: &Refusal,
    presented: Presented,
    own_session_is_gone: bool,
) -> Reply {
    let reply = error::reply(refusal, presented, settings.session_expired_status_code);
    if !own_session_is_gone || !matches!(refusal, Refusal::Unauthorised(_)) {
        return reply;
    }
    let mut headers = SessionHeaders::new(settings);
    headers.clear(Transfer::Cookie);
    headers.clear(Transfer::Header);
    with_headers(reply, headers)
}

/// `POST {base}/signout` that succeeded: only the method in use is cleared. The SDK needs the body.
pub fn signed_out(settings: &Settings, request: &BrowserRequest<'_>, transfer: Transfer) -> Reply {
    let mut headers = SessionHeaders::answering(settings, request);
    headers.clear(transfer);
    let mut reply = with_headers(Reply::json(200, "{\"status\":\"OK\"}"), headers);
    reply.headers.extend(clear_site_data(settings));
    reply
}

/// What a sign-out asks the browser to forget of this host besides cookies, if anything (`CLEAR_SITE_DATA_ON_SIGN_OUT`).
pub fn clear_site_data(settings: &Settings) -> Option<(String, String)> {
    settings.clear_site_data_on_sign_out.then(|| {
        (
            "clear-site-data".to_owned(),
            "\"cache\", \"storage\"".to_owned(),
        )
    })
}

fn clear_legacy_id_cookie(headers: &mut SessionHeaders<'_>, request: &BrowserRequest<'_>) {
    if request.cookies().has(LEGACY_ID_COOKIE) {
        headers.clear_legacy_id_cookie();
    }
}

fn with_headers(mut reply: Reply, headers: SessionHeaders<'_>) -> Reply {
    reply.headers.extend(headers.into_headers());
    reply
}

#[cfg(test)]
mod tests;
