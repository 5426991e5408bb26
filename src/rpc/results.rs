//! Results, as JSON text (`client/rpc.d.ts`).

use postern_core::{
    error::{self, Outcome},
    identity::Session,
    refusal::Refusal,
    session::model::{IssuedSession, SessionView, TokenInfo},
    supertokens::fdi::front_token::front_token,
};
use postern_jwt::json::{self, ObjectWriter};

pub(super) fn ok(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!("{{\"status\":\"OK\"{comma}{members}}}")
}

pub(super) fn refused(refusal: &Refusal) -> String {
    let outcome = Outcome::of(refusal);
    let message = error::detail(refusal);
    let mut result = ObjectWriter::new();
    result.text("status", outcome.code);
    result.text("message", &message);
    if let Refusal::TokenTheftDetected(theft) = refusal {
        let mut session = ObjectWriter::new();
        session.text("handle", &theft.handle);
        session.text("userId", &theft.user_id);
        result.json("session", &session.finish());
    } else if let Some(seconds) = outcome.retry_after_seconds {
        result.number("retryAfterSeconds", u64::from(seconds));
    }
    result.finish()
}

pub(super) fn revoked(handles: &[String]) -> String {
    ok(&format!(
        "\"revoked\":{}",
        json::strings(handles.iter().map(String::as_str))
    ))
}

/// A session of our own, as an object tells of it.
pub(super) fn session_members(session: &SessionView) -> String {
    Session::from(session).members()
}

pub(super) fn session_text(session: &SessionView) -> String {
    verified_text(&Session::from(session))
}

/// A session whose token was verified, whoever issued that.
pub(super) fn verified_text(session: &Session) -> String {
    format!("\"session\":{{{}}}", session.members())
}

pub(super) fn token_text(token: &TokenInfo) -> String {
    let mut object = ObjectWriter::new();
    object.text("token", &token.token);
    object.number("expiry", token.expiry.0);
    object.number("createdTime", token.created.0);
    object.finish()
}

pub(super) fn issued_text(issued: &IssuedSession) -> Result<String, Refusal> {
    let anti_csrf = issued
        .anti_csrf_token
        .as_ref()
        .map(|token| format!(",\"antiCsrfToken\":{}", json::quote(token.expose())));
    let front_token = front_token(&issued.session, &issued.access_token)?;
    Ok(ok(&format!(
        "{},\"accessToken\":{},\"refreshToken\":{},\"frontToken\":{}{}",
        session_text(&issued.session),
        token_text(&issued.access_token),
        token_text(&issued.refresh_token),
        json::quote(&front_token),
        anti_csrf.unwrap_or_default()
    )))
}
