//! Session data: read from KV when this isolate can tell that the session stands, else from the user's object; overwritten
//! through the object.

use crate::auth::{
    authenticate::issuer_of,
    user_call::{AT_ONCE, GONE, about, into_refusal},
};
use crate::{
    objects::{context::Context, revocation_copy},
    runtime::{kv, log},
};
use postern_core::{
    refusal::{Refusal, TooLarge},
    revocation::copy::{Age, Decision},
    session::{
        call::{UserCall, UserReply},
        handle::CheckedHandle,
    },
    settings::Freshness,
};
use postern_jwt::time::Millis;
use wasm_bindgen::JsValue;

/// Session data, as it was found.
#[derive(Debug)]
pub(crate) enum SessionData {
    /// As JS has it, from KV.
    Value(JsValue),
    /// JSON text, from the user's object.
    Text(String),
}

/// Reads session data: from KV when this isolate can tell that the session stands, else from the user's object.
pub(crate) async fn get_session_data(
    context: &Context,
    handle: &str,
    freshness: Freshness,
) -> Result<SessionData, Refusal> {
    let handle = context.checked(handle)?;
    keep_for(context, &handle)?;
    let (ask_kv, bound) = match freshness {
        Freshness::Strict => (false, AT_ONCE),
        Freshness::Stateless => (true, AT_ONCE),
        Freshness::Within(bound) => {
            match revocation_copy::decide(context, handle.as_str(), Age::Unknown, bound) {
                Decision::Live => (true, bound),
                Decision::Revoked => return Err(GONE),
                Decision::AskObject(_) => (false, bound),
            }
        }
    };
    let mut copy_lapsed = false;
    if ask_kv {
        let known_seq = match freshness {
            Freshness::Within(bound) => {
                revocation_copy::known_seq(handle.as_str(), bound, context.now).unwrap_or(0)
            }
            Freshness::Stateless | Freshness::Strict => 0,
        };
        match kv::get(&kv::namespace(&context.env), handle.as_str()).await {
            Ok(Some(found))
                if found.metadata.session_expires > context.now
                    && found.metadata.seq >= known_seq =>
            {
                return Ok(SessionData::Value(found.value));
            }
            Ok(_) => copy_lapsed = true,
            // The object answers in KV's place.
            Err(kv::KvFault(message)) => log::write(log::Event::Kv, &message),
        }
    }
    of_object(context, &handle, bound, copy_lapsed)
        .await
        .map(SessionData::Text)
}

/// Reads session data as it is at this moment: the user's object is asked.
pub(crate) async fn get_session_data_strictly(
    context: &Context,
    handle: &str,
) -> Result<String, Refusal> {
    let handle = context.checked(handle)?;
    keep_for(context, &handle)?;
    of_object(context, &handle, AT_ONCE, false).await
}

async fn of_object(
    context: &Context,
    handle: &CheckedHandle,
    bound: Millis,
    copy_lapsed: bool,
) -> Result<String, Refusal> {
    let call = UserCall::ReadData {
        handle: handle.as_str().to_owned(),
        copy_lapsed,
    };
    match about(context, handle, bound, &call).await?.reply {
        UserReply::Data { session_data, .. } => Ok(session_data),
        other => Err(into_refusal(other)),
    }
}

/// Overwrites session data as a whole.
pub(crate) async fn update_session_data(
    context: &Context,
    handle: &str,
    session_data: String,
) -> Result<(), Refusal> {
    within_limit(context, &session_data)?;
    let handle = context.checked(handle)?;
    let call = UserCall::WriteData {
        handle: handle.as_str().to_owned(),
        session_data,
        keep_for: keep_for(context, &handle)?,
    };
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Written { .. } => Ok(()),
        other => Err(into_refusal(other)),
    }
}

pub(super) fn within_limit(context: &Context, session_data: &str) -> Result<(), Refusal> {
    let limit = context.settings.max_session_data;
    if u64::try_from(session_data.len()).unwrap_or(u64::MAX) > limit {
        return Err(too_large("sessionData", session_data.len(), limit));
    }
    Ok(())
}

pub(super) fn too_large(what: &'static str, size: usize, limit: u64) -> Refusal {
    Refusal::TooLarge(Box::new(TooLarge {
        what,
        size: u64::try_from(size).unwrap_or(u64::MAX),
        limit,
    }))
}

/// How long data of a trusted issuer's session is kept; `None` for sessions of our own.
pub(super) fn keep_for(
    context: &Context,
    handle: &CheckedHandle,
) -> Result<Option<Millis>, Refusal> {
    Ok(issuer_of(context, handle)?.map(|issuer| issuer.data_lifetime))
}
