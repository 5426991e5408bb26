//! The isolate's side of the `UserSessions` objects: asking.

use crate::{
    objects::{context::Context, revocation_copy},
    runtime::{
        http::fetch::{self, Limits, Target},
        js::{self, Fetcher, ObjectNamespace},
        log,
    },
};
use postern_core::{
    message::{self, NEWEST, Unread},
    refusal::Refusal,
    session::call::{UserCall, UserReply, UserRequest, UserResponse},
};

const BINDING: &str = "USER_SESSIONS";
/// An object answers at once, or after one KV write; its largest answer is session data at the largest setting.
const LIMITS: Limits = Limits {
    timeout_ms: 15_000,
    body_bytes: 32 * 1024 * 1024,
};
const OUT_OF_REACH: Refusal = Refusal::GeneralError("the session's object is out of reach");
const UNSUPPORTED: Refusal =
    Refusal::GeneralError("the session's object is of a release that does not know this call");

/// The object that `route` names.
pub(crate) fn object_of_route(context: &Context, route: &str) -> Result<Fetcher, Refusal> {
    namespace(context)?
        .object(route, context.place())
        .ok_or(OUT_OF_REACH)
}

/// The object of an id of the platform's; `None` when it is no user's.
pub(crate) fn object_of_id(context: &Context, id: &str) -> Result<Option<Fetcher>, Refusal> {
    Ok(namespace(context)?.object_of_id(id))
}

fn namespace(context: &Context) -> Result<ObjectNamespace, Refusal> {
    js::binding(&context.env, BINDING).ok_or(OUT_OF_REACH)
}

/// Asks the object that `route` names. A question that gets no answer is not repeated: that would help no one who is
/// overloaded.
pub(crate) async fn ask(
    context: &Context,
    route: &str,
    call: &UserCall,
) -> Result<UserResponse, Refusal> {
    let object = object_of_route(context, route)?;
    #[cfg(postern_next)]
    if let UserCall::Check { handle, .. } = call {
        let handle = handle.clone();
        match ask_object(context, &object, &UserCall::CheckNext { handle }).await {
            // An object of the release before: it is asked as that release asks.
            Err(UNSUPPORTED) => {}
            answer => return answer,
        }
    }
    ask_object(context, &object, call).await
}

/// Asks this object.
pub(crate) async fn ask_object(
    context: &Context,
    object: &Fetcher,
    call: &UserCall,
) -> Result<UserResponse, Refusal> {
    let question = message::encode(&UserRequest {
        protocol: NEWEST,
        not_before: revocation_copy::not_before(context),
        call,
    });
    let question = question.ok_or(Refusal::GeneralError("a call that cannot be written"))?;
    let answer = fetch::request(
        Target::Object(object),
        "https://user-sessions.internal/",
        Some(&question),
        LIMITS,
    );
    match answer.await {
        Ok(answer) if answer.status == 200 => {
            let message = std::str::from_utf8(&answer.body).map_err(|_| OUT_OF_REACH)?;
            let envelope = message::decode::<UserResponse>(message);
            let unread = match &envelope {
                Ok(UserResponse {
                    reply: UserReply::Unread { why },
                    ..
                })
                | Err(why) => *why,
                Ok(_) => return envelope.map_err(|_| OUT_OF_REACH),
            };
            log::write_unread(log::Event::UserSessions, unread);
            Err(match unread {
                Unread::Unsupported => UNSUPPORTED,
                Unread::Damaged => OUT_OF_REACH,
            })
        }
        _ => {
            log::write(log::Event::UserSessions, "a user's object gave no answer");
            Err(OUT_OF_REACH)
        }
    }
}
