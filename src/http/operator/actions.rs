//! What an operator does in an emergency, under the service API's path `/postern/`, which the SuperTokens protocol does not
//! know. An API key is needed. The same as the RPC methods `rotateSigningKeys`, `revokeSigningKey` and
//! `revokeAllSessionsBefore`, for whoever has no Worker at hand that binds them.

use std::borrow::Cow;

use worker::Env;

use super::{api_key, backup, lists};
use crate::{
    objects::{context::Context, key_ring},
    runtime::{
        http::{body::BodyFault, request::Incoming},
        js::ExecutionContext,
        log,
    },
    sessions::{self, Person},
};
use postern_core::{
    error::{self, Presented},
    http::reply::Reply,
    refusal::Refusal,
    session::listing::EndedBy,
    settings::Settings,
};
use postern_jwt::{
    json::{self, Object, ObjectWriter},
    time::UnixMillis,
};

/// What these paths begin with, behind the base path of the service API.
pub(in crate::http) const PREFIX: &str = "/postern/";
/// The longest body of an action, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// Answers a request; `path` is what follows [`PREFIX`].
pub(in crate::http) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    path: &str,
    settings: &Settings,
) -> Reply {
    if let Some(refused) = api_key::refused(request, env, settings).await {
        return refused;
    }
    let is_list = lists::is_list(path);
    if !is_list && !is_action(path) && !backup::is_action(path, settings) {
        return error::not_found();
    }
    let answered = match (is_list, request.method()) {
        (true, "GET" | "HEAD") => lists::page(request, env, execution, path).await,
        (true, _) => return error::method_not_allowed("GET, HEAD"),
        (false, "POST") => acted(request, env, execution, path, settings).await,
        (false, _) => return error::method_not_allowed("POST"),
    };
    match answered {
        Ok(text) => Reply::json(200, text),
        Err(refusal) => {
            log::write(log::Event::OperatorApi, &error::detail(&refusal));
            error::reply(&refusal, Presented::Nothing, 401)
        }
    }
}

async fn acted(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    path: &str,
    settings: &Settings,
) -> Result<String, Refusal> {
    let more = backup::more_bytes(path);
    let body = body_within(request, MAX_BODY_BYTES.saturating_add(more)).await?;
    let given = json::parse_object(&body).map_err(|fault| bad(&format!("body {fault}")))?;
    if backup::is_action(path, settings) {
        return backup::perform(env, path, &given, settings).await;
    }
    let context = Context::open(env, execution).await?;
    perform(&context, path, &given, EndedBy::ServiceApi).await
}

/// The text of an action's body.
pub(in crate::http) async fn body(request: &Incoming) -> Result<String, Refusal> {
    body_within(request, MAX_BODY_BYTES).await
}

/// The text of a body of so many bytes at most. Nothing to say is `{}`, and curl without -d sends nothing.
async fn body_within(request: &Incoming, most: usize) -> Result<String, Refusal> {
    let body = request.body(most).await.map_err(|fault| match fault {
        BodyFault::Crowded => Refusal::GeneralError("too many bodies are in flight"),
        BodyFault::TooLarge => bad(&format!("body is longer than {most}")),
        BodyFault::Broken => bad("body is broken off"),
        BodyFault::Slow => bad("body did not arrive in time"),
    })?;
    let body = String::from_utf8(body).map_err(|_| bad("body is not UTF-8"))?;
    Ok(if body.is_empty() {
        "{}".to_owned()
    } else {
        body
    })
}

/// Whether there is such an action.
fn is_action(path: &str) -> bool {
    [
        "keys/rotate",
        "keys/withdraw",
        "secrets/rotate",
        "revoke-before",
        "users/erase",
    ]
    .contains(&path)
}

/// Does what an operator asks for, and gives the result as JSON text. `path` is one of an [action](is_action).
pub(in crate::http) async fn perform(
    context: &Context,
    path: &str,
    given: &Object<'_>,
    by: EndedBy,
) -> Result<String, Refusal> {
    let mut answer = ObjectWriter::new();
    answer.text("status", "OK");
    match path {
        "keys/rotate" => {
            let rotated = key_ring::rotate(&context.env, context.now).await;
            rotated.map_err(|key_ring::Outage| key_ring::OUT_OF_REACH)?;
        }
        "keys/withdraw" => withdraw(context, given).await?,
        "secrets/rotate" => {
            let rotated = key_ring::rotate_secrets(&context.env, context.now).await?;
            answer.number("from", rotated.from.0);
            answer.number("until", rotated.until.0);
        }
        "users/erase" => {
            let erased = sessions::erase(context, &person(given)?, by).await?;
            return Ok(erased.result());
        }
        _ => {
            let time = sessions::end_all_before(context, moment(context, given)?).await?;
            answer.number("time", time.0);
        }
    }
    Ok(answer.finish())
}

async fn withdraw(context: &Context, given: &Object<'_>) -> Result<(), Refusal> {
    let kid = given.string("kid").ok().flatten();
    let kid = kid.ok_or_else(|| bad("\"kid\" must be a string"))?;
    match key_ring::withdraw(&context.env, context.now, &kid).await {
        Ok(key_ring::Withdrawal::Done) => Ok(()),
        Ok(key_ring::Withdrawal::UnknownKid) => Err(bad("\"kid\" must name a signing key")),
        Err(key_ring::Outage) => Err(key_ring::OUT_OF_REACH),
    }
}

fn person(given: &Object<'_>) -> Result<Person, Refusal> {
    let text = |name: &str| match given.string(name) {
        Ok(text) => Ok(text.map(Cow::into_owned)),
        Err(_) => Err(bad(&format!("\"{name}\" must be a string"))),
    };
    Ok(Person {
        user_id: text("userId")?.ok_or_else(|| bad("\"userId\" is required"))?,
        issuer: text("issuer")?,
        tenant_id: text("tenantId")?,
    })
}

/// `"time"`, in milliseconds since the Unix epoch; seconds would be a moment long past, and end nobody's session.
fn moment(context: &Context, given: &Object<'_>) -> Result<UnixMillis, Refusal> {
    let time = given.unsigned("time").ok().flatten();
    let time = time
        .filter(|time| *time >= 1_000_000_000_000)
        .map(UnixMillis)
        .ok_or_else(|| bad("\"time\" must be a time in milliseconds since the Unix epoch"))?;
    if time > context.now {
        return Err(bad("\"time\" must not lie ahead"));
    }
    Ok(time)
}

fn bad(text: &str) -> Refusal {
    Refusal::BadInput(text.to_owned())
}
