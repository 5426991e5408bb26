//! The isolate's side of the authority on revocations: its copy, the polls that keep it fresh, and what is reported to the
//! authority.
//!
//! The memory of this isolate: the copy, what users' objects answered, and the sessions that were ended through it. What
//! follows from these is decided in `postern_core::revocation::copy`. A poll belongs to the request that began it; no
//! request waits for one that another began.

use worker::Env;

use super::object::object_name;
use crate::runtime::{
    http::fetch::{self, Answer, Limits, Target},
    js::{self, Fetcher, ObjectNamespace},
    log, settings,
};
use postern_core::{
    message::{self, Answered, Asked, NEWEST},
    revocation::call::{AuthorityCall, AuthorityReply},
};
use postern_jwt::time::UnixMillis;

const BINDING: &str = "REVOCATIONS";

/// A report waits for its transaction only.
const REPORT_LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: 64 * 1024,
};

/// The authority gave no answer, or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage;

/// Ends everybody's sessions from before `moment`. Gives the moment that counts.
pub(crate) async fn cut_off(env: &Env, moment: UnixMillis) -> Result<UnixMillis, Outage> {
    let moment = Some(moment);
    recorded(env, 0, &AuthorityCall::NotBefore { moment }).await
}

/// Tells the authority that the key ring has changed, so that isolates hear of it with their next poll.
pub(crate) async fn announce_keys(env: &Env, version: u64) -> Result<(), Outage> {
    let call = AuthorityCall::KeySetVersion { version };
    recorded(env, 0, &call).await.map(drop)
}

/// Has the authority record something; gives its clock, or the moment that counts.
pub(crate) async fn recorded(
    env: &Env,
    shard: u32,
    call: &AuthorityCall,
) -> Result<UnixMillis, Outage> {
    match ask(env, shard, call, REPORT_LIMITS).await? {
        AuthorityReply::Recorded { at } => Ok(at),
        AuthorityReply::Answer(_) | AuthorityReply::Refused {} | AuthorityReply::Unread { .. } => {
            Err(Outage)
        }
    }
}

pub(crate) async fn ask(
    env: &Env,
    shard: u32,
    call: &AuthorityCall,
    limits: Limits,
) -> Result<AuthorityReply, Outage> {
    #[cfg(postern_next)]
    if let AuthorityCall::Poll { since } = call {
        let next = AuthorityCall::PollNext { since: *since };
        // An authority of the release before does not know it: it is asked as that release asks.
        if let Ok(reply) = say(env, shard, &next, limits).await {
            return Ok(reply);
        }
    }
    say(env, shard, call, limits).await
}

async fn say(
    env: &Env,
    shard: u32,
    call: &AuthorityCall,
    limits: Limits,
) -> Result<AuthorityReply, Outage> {
    let asked = message::encode(&Asked {
        protocol: NEWEST,
        call,
    });
    let Answer { body, .. } = request(env, shard, "", &asked.ok_or(Outage)?, limits).await?;
    let message = std::str::from_utf8(&body).map_err(|_| Outage)?;
    match message::decode::<Answered<AuthorityReply>>(message) {
        Ok(Answered {
            reply: AuthorityReply::Unread { why },
            ..
        })
        | Err(why) => {
            log::write_unread(log::Event::Revocations, why);
            Err(Outage)
        }
        Ok(Answered { reply, .. }) => Ok(reply),
    }
}

/// Asks once. A question that gets no answer is not repeated: that would help no one who is overloaded.
pub(crate) async fn request(
    env: &Env,
    shard: u32,
    path: &str,
    body: &str,
    limits: Limits,
) -> Result<Answer, Outage> {
    let object: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)
        .and_then(|namespace| namespace.object(&object_name(shard), settings::central_place(env)?))
        .ok_or(Outage)?;
    let url = format!("https://revocations.internal/{path}");
    match fetch::request(Target::Object(&object), &url, Some(body), limits).await {
        Ok(answer) if answer.status == 200 => Ok(answer),
        _ => Err(Outage),
    }
}
