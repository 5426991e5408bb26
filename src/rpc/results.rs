//! Results, as JSON text (`client/rpc.d.ts`).

use crate::runtime::js;
use js_sys::{Object, Reflect};
use postern_core::{
    error::{self, Outcome},
    message::raw,
    refusal::Refusal,
    session::model::{Device, IssuedSession, SessionInformation},
    shown::{ShownSession, ShownToken},
    supertokens::fdi::front_token::front_token,
};
use postern_jwt::{json::ObjectWriter, proof::Thumbprint, secret::AntiCsrfToken, time::UnixMillis};
use serde::Serialize;
use wasm_bindgen::JsValue;

/// A result that is `OK`, with its members.
#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    #[serde(flatten)]
    members: T,
}

pub(super) fn ok(members: impl Serialize) -> Result<String, Refusal> {
    let status = "OK";
    serde_json::to_string(&Success { status, members })
        .map_err(|_| Refusal::GeneralError("a result cannot be written"))
}

/// A result without members.
pub(super) fn done() -> String {
    let mut result = ObjectWriter::new();
    result.text("status", "OK");
    result.finish()
}

/// `getSessionData`. The data may be large, and is not looked at.
pub(super) fn session_data(data: &JsValue) -> Result<JsValue, JsValue> {
    let result = Object::new();
    Reflect::set(&result, &js::name("status"), &js::name("OK"))?;
    Reflect::set(&result, &js::name("sessionData"), data)?;
    Ok(result.into())
}

/// What calls that revoke sessions tell.
#[derive(Serialize)]
pub(super) struct Revoked {
    pub(super) revoked: Vec<String>,
}

/// `getAllSessionHandlesForUser`.
#[derive(Serialize)]
pub(super) struct Handles {
    pub(super) handles: Vec<String>,
}

/// `revokeAllSessionsBefore`.
#[derive(Serialize)]
pub(super) struct Time {
    pub(super) time: UnixMillis,
}

/// `rotateSecrets`.
#[derive(Serialize)]
pub(super) struct Rotated {
    pub(super) from: UnixMillis,
    pub(super) until: UnixMillis,
}

/// A session, and the tokens that were made for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WithSession<'a> {
    pub(super) session: ShownSession<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_token: Option<ShownToken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<ShownToken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) front_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anti_csrf_token: Option<&'a str>,
    /// Response headers, to be appended as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<&'a [(String, String)]>,
}

impl<'a> WithSession<'a> {
    /// A session without tokens.
    pub(super) fn of(session: impl Into<ShownSession<'a>>) -> Self {
        Self {
            session: session.into(),
            access_token: None,
            refresh_token: None,
            front_token: None,
            anti_csrf_token: None,
            headers: None,
        }
    }
}

/// `createNewSession` and `refreshSession`.
pub(super) fn issued(issued: &IssuedSession) -> Result<String, Refusal> {
    ok(WithSession {
        access_token: Some((&issued.access_token).into()),
        refresh_token: Some((&issued.refresh_token).into()),
        front_token: Some(front_token(&issued.session, &issued.access_token)?),
        anti_csrf_token: issued.anti_csrf_token.as_ref().map(AntiCsrfToken::expose),
        ..WithSession::of(&issued.session)
    })
}

/// `getSessionInformation`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Information<'a> {
    session: InformedSession<'a>,
    #[serde(serialize_with = "raw::serialize")]
    session_data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InformedSession<'a> {
    #[serde(flatten)]
    session: ShownSession<'a>,
    expiry: UnixMillis,
    time_created: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refreshed: Option<UnixMillis>,
    #[serde(skip_serializing_if = "Option::is_none", with = "raw::optional")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_bound: Option<UnixMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_jkt: Option<Thumbprint>,
}

pub(super) fn information(information: &SessionInformation) -> Result<String, Refusal> {
    ok(Information {
        session: InformedSession {
            session: (&information.session).into(),
            expiry: information.expiry,
            time_created: information.created,
            last_refreshed: information.last_refreshed,
            device: information.device.as_ref().map(Device::to_json),
            device_bound: information.bound,
            dpop_jkt: information.dpop_key,
        },
        session_data: &information.session_data,
    })
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
    } else if let Refusal::UseDpopNonce(nonce) = refusal {
        result.text("dpopNonce", nonce);
    } else if let Some(seconds) = outcome.retry_after_seconds {
        result.number("retryAfterSeconds", u64::from(seconds));
    }
    result.finish()
}
