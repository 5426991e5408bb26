//! Carrying out an origin's directives: starting, changing and ending sessions through the same use cases as every entry point.
//!
//! The order (revoke, create, payload, data), and the headers for the browser. What counts as a directive, and whether it
//! is trusted, is decided in `postern_core::gateway::response::directives`.

use super::call::Call;
use crate::{
    auth::{session_cookies, verifier},
    objects::context::Context,
    runtime::http::header_lines::HeaderLines,
    sessions::{self, KeyShown, Report, login},
};
use postern_core::error;
use postern_core::gateway::request::identity;
use postern_core::gateway::response::directives::{
    CREATE_SESSION, Create, REVOKE, Revoke, SESSION_DATA, SET_PAYLOAD, Sent, read,
};
use postern_core::refusal::Refusal;
use postern_core::request::credentials::Transfer;
use postern_core::session::listing::{EndedBy, MadeBy};
use postern_core::session::model::Device;
use postern_core::supertokens::fdi::answers;
use postern_core::supertokens::fdi::headers::SessionHeaders;
use postern_core::supertokens::fdi::request::BrowserRequest;
use postern_core::tokens::access_token::AccessClaims;
use postern_jwt::secret::Secret;

/// What directives came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// True when there was one: nobody may keep the answer.
    pub(crate) happened: bool,
    /// Headers for the client.
    pub(crate) headers: Vec<(String, String)>,
}

/// Carries out the directives of an answer. The error is for the log: the answer is not used then.
pub(crate) async fn run(
    call: &Call<'_>,
    answer: &HeaderLines,
    key: &Secret,
) -> Result<Outcome, String> {
    let sent = Sent {
        key: answer.get(identity::DIRECTIVE_KEY),
        create_session: answer.get(CREATE_SESSION),
        session_data: answer.get(SESSION_DATA),
        set_payload: answer.get(SET_PAYLOAD),
        revoke: answer.get(REVOKE),
        age: answer.get("age"),
        cache_status: answer.get("cf-cache-status"),
    };
    let directives = read(&sent, key, call.holder()).map_err(|fault| fault.to_string())?;
    let Some(directives) = directives else {
        return Ok(Outcome::default());
    };
    let context = call
        .context
        .as_ref()
        .ok_or_else(|| "keys are out of reach".to_owned())?;
    let mut headers = Vec::new();
    if let Some(whose) = directives.revoke {
        end(context, call, whose)
            .await
            .map_err(|refusal| failed(REVOKE, &refusal))?;
        if directives.create.is_none() {
            headers = ended(call);
        }
    }
    if let Some(create) = directives.create {
        headers = start(context, call, create)
            .await
            .map_err(|refusal| failed(CREATE_SESSION, &refusal))?;
    }
    if let Some(known) = &call.session {
        if let Some(payload) = directives.payload {
            headers = change_payload(context, call, payload)
                .await
                .map_err(|refusal| failed(SET_PAYLOAD, &refusal))?;
        }
        if let Some(data) = directives.session_data {
            let written = match known.session_handle() {
                Ok(handle) => sessions::update_session_data(context, handle, data).await,
                Err(refusal) => Err(refusal),
            };
            written.map_err(|refusal| failed(SESSION_DATA, &refusal))?;
        }
    }
    Ok(Outcome {
        happened: true,
        headers,
    })
}

fn failed(directive: &str, refusal: &Refusal) -> String {
    [directive, ": ", &error::detail(refusal)].concat()
}

/// Ends what is to end. A token that is only too old still says whose session that is: who logs out an hour later is
/// logged out.
async fn end(context: &Context, call: &Call<'_>, whose: Revoke) -> Result<(), Refusal> {
    let (handle, user) = match &call.session {
        Some(known) => {
            let user = known.session.identity.own_user_id();
            (known.session_handle()?.to_owned(), user.map(str::to_owned))
        }
        None => match expired(context, call).await? {
            Some(claims) => (claims.handle, Some(claims.user_id)),
            None => return Ok(()),
        },
    };
    match (whose, user) {
        (Revoke::Session, _) => {
            sessions::revoke(context, vec![handle], Report::Ended, EndedBy::Origin).await?
        }
        // Which other sessions an issuer gave its user is not ours to know.
        (Revoke::User, None) => {
            return Err(Refusal::BadInput(
                "the session is of a trusted issuer".to_owned(),
            ));
        }
        (Revoke::User, Some(user)) => {
            // An old token of a session that has ended says nothing about the others.
            if call.session.is_none() {
                match sessions::information(context, &handle).await {
                    Ok(_) => {}
                    Err(Refusal::Unauthorised(_)) => return Ok(()),
                    Err(refusal) => return Err(refusal),
                }
            }
            sessions::revoke_all(context, user, None, Report::Ended, EndedBy::Origin).await?
        }
    };
    Ok(())
}

/// The claims of the token that was refused, when it is ours and only its age is wrong; `None` when there is nothing to
/// end.
async fn expired(context: &Context, call: &Call<'_>) -> Result<Option<AccessClaims>, Refusal> {
    let is_stale = call
        .refused
        .as_ref()
        .is_some_and(|it| matches!(it.refusal, Refusal::TryRefreshToken(_)));
    let Some(token) = call.token().filter(|_| is_stale) else {
        return Ok(None);
    };
    match verifier::verify_even_if_expired(context, &token.token).await {
        Ok(claims) => Ok(Some(claims)),
        Err(Refusal::GeneralError(text)) => Err(Refusal::GeneralError(text)),
        // To clear the cookies of a session that goes on would only look like a logout.
        Err(_) if verifier::names_our_handle(context, &token.token) => Err(Refusal::BadInput(
            "the session's token cannot be verified".to_owned(),
        )),
        Err(_) => Ok(None),
    }
}

/// Clears whatever the browser holds, by both methods.
pub(crate) fn ended(call: &Call<'_>) -> Vec<(String, String)> {
    let mut headers = SessionHeaders::answering(call.settings, &browser(call));
    headers.clear(Transfer::Cookie);
    if browser(call).carries_bearer() {
        headers.clear(Transfer::Header);
    }
    let mut headers = headers.into_headers();
    headers.extend(answers::clear_site_data(call.settings));
    headers
}

async fn start(
    context: &Context,
    call: &Call<'_>,
    create: Create,
) -> Result<Vec<(String, String)>, Refusal> {
    let mut new =
        sessions::own_session(context, create.user_id, create.payload, create.session_data);
    let user_agent = call.headers.get("user-agent").map(str::to_owned);
    let ip = call.headers.get("cf-connecting-ip");
    let ip = ip.and_then(|ip| context.settings.device_ip.kept(ip));
    new.device = Device::of(user_agent, ip, call.request.country().as_deref());
    new.made_by = MadeBy::Origin;
    let near = context.near(call.request.location());
    let (_, headers) = login::create_for(&near, &browser(call), new).await?;
    Ok(headers)
}

/// The request as a login sees it. A plain page asks for nothing, and a form's answer is read by no script: cookies,
/// unless an SDK says otherwise.
fn browser<'c>(call: &'c Call<'_>) -> BrowserRequest<'c> {
    let request = BrowserRequest {
        authorization: call.headers.get("authorization"),
        cookie: call.headers.get("cookie"),
        auth_mode: call.headers.get("st-auth-mode").or(Some("cookie")),
        ..BrowserRequest::default()
    };
    match &call.context {
        Some(context) => session_cookies::looked_at(context, &request),
        None => request,
    }
}

/// Replaces the payload, in storage and in the browser's access token.
async fn change_payload(
    context: &Context,
    call: &Call<'_>,
    payload: String,
) -> Result<Vec<(String, String)>, Refusal> {
    let token = call
        .token()
        .ok_or(Refusal::Unauthorised("the request carries no access token"))?;
    let shown = match call.session {
        Some(_) => KeyShown::Before,
        None => KeyShown::Nowhere,
    };
    let (session, access_token) =
        sessions::regenerate(context, &token.token, Some(payload), true, shown).await?;
    let mut headers = SessionHeaders::new(call.settings);
    if let Some(access_token) = access_token {
        headers.set_access_token(token.transfer, &session, &access_token, context.now)?;
    }
    Ok(headers.into_headers())
}
