//! The isolate's side of a key set's keeper: asking.

use worker::Env;

use crate::runtime::{
    http::fetch::{self, Limits, Target},
    js::{self, Fetcher, ObjectNamespace},
    log, settings,
};
use postern_core::{
    key_sets::call::{KeeperCall, KeeperReply},
    message::{self, Answered, Asked, NEWEST},
};

use super::object::PATH;

/// The namespace that keepers share with the key ring.
const BINDING: &str = "KEY_RING";

/// A keeper may have to wait for the issuer, which has 5 s; its answer is a set in a message.
const LIMITS: Limits = Limits {
    timeout_ms: 7_000,
    body_bytes: 4 * postern_jwt::keys::jwk::MAX_KEY_SET_BYTES,
};

/// The keeper gave no answer, or is of a release that has none: the issuer is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoKeeper;

/// Asks the keeper once.
pub(crate) async fn ask(env: &Env, call: KeeperCall) -> Result<KeeperReply, NoKeeper> {
    let KeeperCall::Current { place, .. } = &call;
    let object: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)
        .and_then(|namespace| namespace.object(&place.keeper(), settings::central_place(env)?))
        .ok_or(NoKeeper)?;
    let asked = message::encode(&Asked {
        protocol: NEWEST,
        call,
    })
    .ok_or(NoKeeper)?;
    let url = format!("https://key-set.internal/{PATH}");
    let answer = fetch::request(Target::Object(&object), &url, Some(&asked), LIMITS).await;
    let answer = match answer {
        Ok(answer) if answer.status == 200 => answer,
        // 400 is what the release before answers.
        Ok(answer) if answer.status == 400 => return Err(NoKeeper),
        _ => {
            log::write(log::Event::KeySet, "the keeper of a key set gave no answer");
            return Err(NoKeeper);
        }
    };
    let message = std::str::from_utf8(&answer.body).map_err(|_| NoKeeper)?;
    match message::decode::<Answered<KeeperReply>>(message) {
        Ok(Answered {
            reply: KeeperReply::Unread { .. } | KeeperReply::NoBinding {},
            ..
        }) => Err(NoKeeper),
        Ok(Answered { reply, .. }) => Ok(reply),
        Err(why) => {
            log::write_unread(log::Event::KeySet, why);
            Err(NoKeeper)
        }
    }
}
