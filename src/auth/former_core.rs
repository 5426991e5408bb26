//! The SuperTokens core whose sessions are taken over (docs/moving.md): asked about them, and told which have ended here.
//!
//! What it answers is read in `postern_core::supertokens::former_core`. That a session is taken over once is seen to by the user's
//! object: everything here can be repeated, and asked at once.

use std::cell::RefCell;

use futures_util::future::{FutureExt, LocalBoxFuture};

use super::jwks_client;
use crate::{
    objects::{context::Context, revocation_copy, user_sessions},
    runtime::{
        clock,
        http::fetch::{self, Limits},
        log,
    },
};
use postern_core::{
    http::cookie::percent_encode,
    refusal::Refusal,
    session::{
        call::{Create, UserCall, UserReply},
        handle::CheckedHandle,
        listing::MadeBy,
    },
    supertokens::former_core::{self, Refreshed, unknown_tokens::UnknownTokens},
    tokens::access_token::AccessClaims,
};
use postern_jwt::{
    Unverified, VerificationKey,
    json::{self, ObjectWriter},
    time::UnixMillis,
};

/// Work that few requests come to: on the heap, so that it is no part of all that could.
type OnHeap<'a, T> = LocalBoxFuture<'a, Result<T, Refusal>>;

thread_local! {
    static UNKNOWN: RefCell<UnknownTokens> = RefCell::default();
}

/// The core answers from its database; its longest answer is session data.
const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: 8 * 1024 * 1024,
};

const UNREADABLE: &str = "the former core gave an answer that cannot be read";

/// How many sessions one request takes over that does not name one: each takes a question to the core and one to an object, and the
/// platform bounds those of a request.
pub(crate) const MOST_AT_ONCE: usize = 100;

/// What was taken over is; the rest is for the next request.
pub(crate) const MORE_THAN_AT_ONCE: Refusal = Refusal::GeneralError(
    "the former core knows more sessions than one request takes over; repeat it",
);

/// Nothing was changed.
pub(crate) const OUT_OF_REACH: Refusal = Refusal::GeneralError("the former core is out of reach");

/// Asks the core; `body` makes it a POST.
async fn answered(context: &Context, path: &str, body: Option<&str>) -> Result<String, Refusal> {
    let settings = &context.settings;
    let url = settings.former_core_url.as_deref().ok_or(OUT_OF_REACH)?;
    let key = settings.former_core_api_key.as_ref();
    let key = key.and_then(|key| std::str::from_utf8(key.expose()).ok());
    let mut headers = vec![
        ("cdi-version", former_core::PROTOCOL_VERSION),
        ("content-type", "application/json"),
    ];
    headers.extend(key.map(|key| ("api-key", key)));
    let trouble = match fetch::ask(&[url, path].concat(), body, &headers, LIMITS).await {
        Ok(answer) if answer.status == 200 => match String::from_utf8(answer.body) {
            Ok(text) => return Ok(text),
            Err(_) => UNREADABLE.to_owned(),
        },
        Ok(answer) => format!("the former core answered {}", answer.status),
        Err(_) => "the former core gave no answer in time".to_owned(),
    };
    Err(out_of_reach(context, &trouble))
}

/// The same; `read` finds out what the answer says, and gives `None` for what it cannot read.
async fn ask<T>(
    context: &Context,
    path: &str,
    body: Option<&str>,
    read: fn(&str) -> Option<T>,
) -> Result<T, Refusal> {
    let text = answered(context, path, body).await?;
    read(&text).ok_or_else(|| out_of_reach(context, UNREADABLE))
}

fn out_of_reach(context: &Context, trouble: &str) -> Refusal {
    log::write_at_times(log::Event::FormerCore, trouble, context.now);
    OUT_OF_REACH
}

/// A refresh token of the core's form, and what came with it.
#[derive(Debug)]
pub(crate) struct TokenShown<'a> {
    /// The token, which proves nothing yet.
    pub(crate) refresh_token: &'a str,
    /// The anti-CSRF token.
    pub(crate) anti_csrf_token: Option<&'a str>,
    /// Whether refresh tokens are bound to anti-CSRF tokens here.
    pub(crate) binds_token: bool,
    /// The client's network; `None` = a caller of our own.
    pub(crate) network: Option<&'a str>,
}

/// What the core says of one of its refresh tokens. It may be asked about one again, until it is told that the session is gone; and
/// is not asked while it was asked about too many that it does not know.
pub(crate) async fn refreshed(
    context: &Context,
    shown: &TokenShown<'_>,
) -> Result<Refreshed, Refusal> {
    let mut body = ObjectWriter::new();
    body.text("refreshToken", shown.refresh_token);
    body.optional_text("antiCsrfToken", shown.anti_csrf_token);
    body.boolean("enableAntiCsrf", shown.binds_token);
    body.boolean("useDynamicSigningKey", true);
    let body = body.finish();
    if !UNKNOWN.with_borrow_mut(|unknown| unknown.may_ask(shown.network, context.now)) {
        let trouble = "too many refresh tokens that the former core does not know";
        return Err(out_of_reach(context, trouble));
    }
    let path = "/recipe/session/refresh";
    let found = ask(context, path, Some(&body), former_core::refreshed).await?;
    if !matches!(found, Refreshed::Unauthorised) {
        UNKNOWN.with_borrow_mut(|unknown| unknown.known(shown.network));
    }
    Ok(found)
}

/// Has the user's object take over a session that the core knows, and gives its first refresh token; `None` when the session is
/// none of the core's, or has ended here or there.
pub(crate) fn adopt<'a>(
    context: &'a Context,
    handle: &'a CheckedHandle,
) -> OnHeap<'a, Option<String>> {
    let adopted = async move {
        match taken_over(context, handle, false).await? {
            Some(UserReply::Issued { refresh, .. }) => Ok(Some(refresh.token)),
            Some(UserReply::Unauthorised { .. }) => {
                remove_later(context, handle.clone());
                Ok(None)
            }
            Some(_) => Err(OUT_OF_REACH),
            None => Ok(None),
        }
    };
    adopted.boxed_local()
}

/// Ends a session of which the core has seen a refresh token twice, here and there. Gives what the user's object says; `None` when it
/// had ended before.
pub(crate) async fn end_stolen(
    context: &Context,
    handle: &CheckedHandle,
) -> Result<Option<UserReply>, Refusal> {
    let ended = taken_over(context, handle, true).await?;
    if ended.is_some() {
        revocation_copy::note_end(handle.as_str(), context.now);
    }
    remove_later(context, handle.clone());
    Ok(ended)
}

/// What the user's object answers to `Adopt`; `None` when the session is none of the core's, or has ended there.
async fn taken_over(
    context: &Context,
    handle: &CheckedHandle,
    is_stolen: bool,
) -> Result<Option<UserReply>, Refusal> {
    let Some(theirs) = handle_there(context, handle) else {
        return Ok(None);
    };
    let path = ["/recipe/session?sessionHandle=", &theirs].concat();
    let Some(found) = ask(context, &path, None, former_core::information).await? else {
        return Ok(None);
    };
    if context.handle_keys().route(&found.user_id) != handle.route() {
        return Ok(None);
    }
    let (_, tenant_id) = former_core::parse_handle(&theirs).ok_or(OUT_OF_REACH)?;
    let create = Create {
        handle: handle.as_str().to_owned(),
        user_id: found.user_id,
        tenant_id: tenant_id.to_owned(),
        payload: found.payload,
        session_data: (found.session_data != "{}").then_some(found.session_data),
        anti_csrf: false,
        use_dynamic_key: true,
        // As the core made them: backends read its tokens.
        by_service_api: true,
        access_token_validity: None,
        device: None,
        made_by: Some(MadeBy::FormerCore.name().to_owned()),
    };
    let call = UserCall::Adopt {
        create,
        created: found.created,
        expiry: found.expiry,
        is_stolen,
    };
    let envelope = user_sessions::ask(context, handle.route(), &call).await?;
    Ok(Some(envelope.reply))
}

/// Takes over the sessions of a user that only the core knows, and says whether there were any. Not more than
/// [`MOST_AT_ONCE`]: whoever asks again comes further.
pub(crate) fn adopt_all<'a>(context: &'a Context, user_id: &'a str) -> OnHeap<'a, bool> {
    all_adopted(context, user_id).boxed_local()
}

async fn all_adopted(context: &Context, user_id: &str) -> Result<bool, Refusal> {
    if context.settings.former_core_url.is_none() {
        return Ok(false);
    }
    let user = percent_encode(user_id);
    let path = [
        "/recipe/session/user?fetchAcrossAllTenants=true&userId=",
        &user,
    ]
    .concat();
    let listed = ask(context, &path, None, |text| {
        former_core::handles(text, "sessionHandles")
    });
    let keys = context.handle_keys();
    let theirs = listed.await?.into_iter();
    let mut unknown: Vec<CheckedHandle> = theirs
        .filter_map(|theirs| former_core::handle_here(keys, user_id, &theirs))
        .collect();
    if unknown.is_empty() {
        return Ok(false);
    }
    let call = UserCall::List {
        user_id: user_id.to_owned(),
        tenant_id: None,
    };
    let listed = user_sessions::ask(context, &keys.route(user_id), &call).await?;
    let UserReply::Handles { handles } = listed.reply else {
        return Err(OUT_OF_REACH);
    };
    unknown.retain(|handle| handles.iter().all(|known| known != handle.as_str()));
    let mut is_any = false;
    for handle in unknown.iter().take(MOST_AT_ONCE) {
        is_any |= adopt(context, handle).await?.is_some();
    }
    if unknown.len() > MOST_AT_ONCE {
        return Err(MORE_THAN_AT_ONCE);
    }
    Ok(is_any)
}

/// Ends sessions at the core, and gives those that had not ended there.
pub(crate) fn remove<'a>(
    context: &'a Context,
    handles: &'a [CheckedHandle],
) -> OnHeap<'a, Vec<String>> {
    removed(context, handles).boxed_local()
}

async fn removed(context: &Context, handles: &[CheckedHandle]) -> Result<Vec<String>, Refusal> {
    let theirs: Vec<(String, &CheckedHandle)> = handles
        .iter()
        .filter_map(|handle| Some((handle_there(context, handle)?, handle)))
        .collect();
    if theirs.is_empty() {
        return Ok(Vec::new());
    }
    let mut body = ObjectWriter::new();
    let named = json::strings(theirs.iter().map(|(theirs, _)| theirs.as_str()));
    body.json("sessionHandles", &named);
    let body = body.finish();
    let ended = ask(context, "/recipe/session/remove", Some(&body), |text| {
        former_core::handles(text, "sessionHandlesRevoked")
    });
    let ended = ended.await?;
    let there = theirs.into_iter();
    let there = there.filter(|(theirs, _)| ended.contains(theirs));
    Ok(there
        .map(|(_, handle)| handle.as_str().to_owned())
        .collect())
}

/// Ends a session at the core, behind an answer. Should that fail, it goes on there until it expires; here it does not.
pub(crate) fn remove_later(context: &Context, handle: CheckedHandle) {
    if handle_there(context, &handle).is_none() {
        return;
    }
    let asking = context.clone();
    context.in_background(async move {
        let _ = remove(&asking, &[handle]).await;
    });
}

/// The handle here of the session that claims of an access token of the core name; `None` when they name none of the core's.
pub(crate) fn handle_of(context: &Context, claims: &AccessClaims) -> Option<CheckedHandle> {
    context.settings.former_core_url.as_ref()?;
    let handle = former_core::handle_here(context.handle_keys(), &claims.user_id, &claims.handle)?;
    let (_, tenant_id) = former_core::parse_handle(&claims.handle)?;
    (tenant_id == claims.tenant_id).then_some(handle)
}

/// Whether a handle in a token that nobody has vouched for has the form of the core's.
pub(crate) fn may_be_cores(context: &Context, handle: &str) -> bool {
    context.settings.former_core_url.is_some() && former_core::parse_handle(handle).is_some()
}

/// How long a token of the core counts: no longer than ours do, so that it is known when the tokens of a session are dead that has
/// ended here.
pub(crate) fn counts_until(context: &Context, claims: &AccessClaims) -> UnixMillis {
    claims.created.plus(context.settings.access_token_validity)
}

/// The core's keys for a token that may be of the core's making, with the version of their set; `None` when no sessions are taken
/// over, the token is not of the core's form or counts no more, or its key is none of the core's. Nobody is asked about other tokens.
pub(crate) async fn keys_for(
    context: &Context,
    token: &Unverified<'_>,
) -> Result<Option<(Vec<VerificationKey>, u64)>, Refusal> {
    let may_count = |claims: AccessClaims| {
        handle_of(context, &claims).is_some() && context.now < counts_until(context, &claims)
    };
    let (Some(core), Some(kid), Ok(true)) = (
        former_core::keys(&context.settings),
        token.key_id(),
        AccessClaims::from_unverified(token).map(may_count),
    ) else {
        return Ok(None);
    };
    // The context may be of the past, in which an expired token was good; keys are fetched now.
    let now = clock::now();
    let keys = jwks_client::current(&context.env, &core, Some(kid), now).await;
    let keys = keys.map_err(|jwks_client::Outage(trouble)| out_of_reach(context, &trouble))?;
    if keys.refresh {
        let env = context.env.clone();
        context.in_background(async move { jwks_client::refresh(&env, &core, now).await });
    }
    let named = |key: &&VerificationKey| key.key_id() == Some(kid);
    let found: Vec<_> = keys.usable().iter().filter(named).cloned().collect();
    Ok((!found.is_empty()).then_some((found, keys.version)))
}

/// Whether a handle is of a session that was made by the core.
pub(crate) fn is_cores(context: &Context, handle: &CheckedHandle) -> bool {
    handle_there(context, handle).is_some()
}

fn handle_there(context: &Context, handle: &CheckedHandle) -> Option<String> {
    context.settings.former_core_url.as_ref()?;
    former_core::handle_there(handle)
}
