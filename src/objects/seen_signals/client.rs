//! The isolate's side of the memory of logout signals: asking.

use worker::Env;

use super::object::PATH;
use crate::runtime::{
    http::fetch::{self, Limits, Target},
    js::{self, Fetcher, ObjectNamespace},
    log, settings,
};
use postern_core::{
    message::{self, Answered, Asked, NEWEST},
    tokens::logout::call::{SignalCall, SignalReply},
};

/// The namespace that it shares with the key ring.
const BINDING: &str = "KEY_RING";

const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: 4 * 1024,
};

/// It gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage;

/// Asks a memory by its name whether something was taken in before; `None` = the object is of a release that has no such memory,
/// and took nothing in.
pub(crate) async fn was_taken(
    env: &Env,
    name: &str,
    call: SignalCall,
) -> Result<Option<bool>, Outage> {
    let object: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)
        .and_then(|namespace| namespace.object(name, settings::central_place(env)?))
        .ok_or(Outage)?;
    let asked = message::encode(&Asked {
        protocol: NEWEST,
        call,
    })
    .ok_or(Outage)?;
    let url = format!("https://logout-signals.internal/{PATH}");
    let answer = fetch::request(Target::Object(&object), &url, Some(&asked), LIMITS).await;
    let answer = match answer {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) if answer.status == 400 => return Ok(None),
        _ => return Err(Outage),
    };
    let message = std::str::from_utf8(&answer.body).map_err(|_| Outage)?;
    match message::decode::<Answered<SignalReply>>(message) {
        Ok(Answered {
            reply: SignalReply::Known { before },
            ..
        }) => Ok(Some(before)),
        Ok(Answered {
            reply: SignalReply::Unread { why },
            ..
        })
        | Err(why) => {
            log::write_unread(log::Event::IssuerLogoutMemory, why);
            Err(Outage)
        }
    }
}
