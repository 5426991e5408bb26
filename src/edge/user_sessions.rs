//! The isolate's side of the `UserSessions` objects: asking, and remembering what was answered.

use std::cell::RefCell;

use worker::Env;

use super::{
    js::{self, Fetcher, ObjectNamespace},
    log,
    outgoing::{self, Limits, Target},
};
use crate::{
    session::{
        call::{Envelope, UserCall},
        facts::{Fact, Facts},
        model::Refusal,
    },
    time::{Millis, UnixMillis},
    wire,
};

const BINDING: &str = "USER_SESSIONS";
/// An object answers at once, or after one KV write; its largest answer is session data at the largest setting.
const LIMITS: Limits = Limits {
    timeout_ms: 15_000,
    body_bytes: 32 * 1024 * 1024,
};
const OUT_OF_REACH: Refusal = Refusal::GeneralError("the session's object is out of reach");

thread_local! {
    static FACTS: RefCell<Facts> = RefCell::default();
}

/// Asks the object that `route` names. A question that gets no answer is not repeated: that would help no one who is
/// overloaded.
pub(super) async fn ask(env: &Env, route: &str, call: &UserCall) -> Result<Envelope, Refusal> {
    let body = wire::encode(call);
    let object: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)
        .and_then(|namespace| namespace.get_by_name(route).ok())
        .ok_or(OUT_OF_REACH)?;
    let answer = outgoing::request(
        Target::Object(&object),
        "https://user-sessions.internal/",
        Some(&body),
        LIMITS,
    );
    match answer.await {
        Ok(answer) if answer.status == 200 => {
            let message = std::str::from_utf8(&answer.body).map_err(|_| OUT_OF_REACH)?;
            wire::decode(message).ok_or(OUT_OF_REACH)
        }
        _ => {
            log::fault("user_sessions", "a user's object gave no answer");
            Err(OUT_OF_REACH)
        }
    }
}

/// What this isolate knows about a handle, if it is not older than `bound`.
pub(super) fn recall(handle: &str, bound: Millis, now: UnixMillis) -> Option<Fact> {
    FACTS.with_borrow_mut(|facts| facts.recall(handle, bound, now))
}

/// Notes what an object answered to a question asked at `asked`: true as of the earlier of both clocks.
pub(super) fn note(handle: &str, as_of: UnixMillis, asked: UnixMillis, data_seq: u64) {
    FACTS.with_borrow_mut(|facts| {
        facts.note(
            handle,
            Fact {
                as_of: as_of.min(asked),
                data_seq,
            },
        );
    });
}

/// Forgets a handle.
pub(super) fn forget(handle: &str) {
    FACTS.with_borrow_mut(|facts| facts.forget(handle));
}
