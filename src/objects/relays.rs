//! The isolate's side of relays (`postern_core::relay`): which one it asks. The object is in `key_ring::relay`.
//!
//! An isolate keeps to one relay, chosen at random, and takes another when that gave no answer. Whoever gets none asks the key
//! ring or the authority itself, within the time that is left to him.

use std::cell::Cell;

use worker::Env;

use crate::runtime::{
    clock,
    http::fetch::{self, Limits, Target},
    js::{self, Fetcher, ObjectNamespace},
    log, random, settings,
};
use postern_core::{
    message::{self, Answered, Asked, NEWEST},
    relay::call::{RelayCall, RelayReply},
    revocation::{MAX_COPY_BYTES, call::PollAnswer, copy::Poll},
};
use postern_jwt::time::Millis;

/// The namespace that relays share with the key ring.
const BINDING: &str = "KEY_RING";

/// The path of a question, by which the class tells it from one to the key ring.
pub(crate) const PATH: &str = "relay";

/// A relay asks one object, or has the answer.
const TIMEOUT_MS: u32 = 1_000;

/// As large as the largest answer of the key ring, or of all shards.
const LIMITS: Limits = Limits {
    timeout_ms: TIMEOUT_MS,
    body_bytes: 8 * 1024 * 1024,
};

/// A segment comes to the relay first.
const SEGMENT_LIMITS: Limits = Limits {
    timeout_ms: 3_000,
    body_bytes: MAX_COPY_BYTES,
};

thread_local! {
    /// The number by which this isolate's relay is chosen, whatever the number of relays.
    static CHOSEN: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Whether there are relays to ask.
pub(crate) fn are_used(env: &Env) -> bool {
    settings::current(env).is_ok_and(|settings| settings.relays > 0)
}

/// What is left of the time for a question, once a relay was asked.
pub(crate) fn left(env: &Env, limits: Limits) -> Limits {
    let spent = if are_used(env) { TIMEOUT_MS } else { 0 };
    Limits {
        timeout_ms: limits.timeout_ms.saturating_sub(spent),
        ..limits
    }
}

/// A copy of the key ring of at least this version, and how old it is at most.
pub(crate) async fn ring(env: &Env, longest_age: Millis, version: u64) -> Option<(String, Millis)> {
    let call = RelayCall::Ring {
        longest_age,
        version,
    };
    match say(env, &call).await? {
        RelayReply::Ring { age, copy } => Some((copy, age)),
        RelayReply::Answers { .. } | RelayReply::Unread { .. } => None,
    }
}

/// Answers to polls, in their order; none of a shard that gave the relay none.
pub(crate) async fn polls(
    env: &Env,
    longest_age: Millis,
    polls: Vec<Poll>,
) -> Option<Vec<Option<PollAnswer>>> {
    match say(env, &RelayCall::Polls { longest_age, polls }).await? {
        RelayReply::Answers { answers } => Some(answers),
        RelayReply::Ring { .. } | RelayReply::Unread { .. } => None,
    }
}

/// The bytes of a segment.
pub(crate) async fn segment(env: &Env, shard: u32, name: &str) -> Option<Vec<u8>> {
    let name = name.to_owned();
    ask(env, &RelayCall::Segment { shard, name }, SEGMENT_LIMITS).await
}

async fn say(env: &Env, call: &RelayCall) -> Option<RelayReply> {
    let body = ask(env, call, LIMITS).await?;
    let answered = message::decode::<Answered<RelayReply>>(std::str::from_utf8(&body).ok()?);
    answered.map(|Answered { reply, .. }| reply).ok()
}

async fn ask(env: &Env, call: &RelayCall, limits: Limits) -> Option<Vec<u8>> {
    let relays = settings::current(env).ok()?.relays;
    let chosen = match CHOSEN.get() {
        Some(chosen) => chosen,
        None => u32::from_be_bytes(random::random().ok()?),
    };
    CHOSEN.set(Some(chosen));
    let name = format!("relay-{}", chosen.checked_rem(relays)?);
    let object: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)?
        .object(&name, settings::central_place(env)?)?;
    let asked = message::encode(&Asked {
        protocol: NEWEST,
        call,
    })?;
    let url = format!("https://relay.internal/{PATH}");
    match fetch::request(Target::Object(&object), &url, Some(&asked), limits).await {
        Ok(answer) if answer.status == 200 => Some(answer.body),
        // A segment that the authority does not keep any more.
        Ok(answer) if answer.status == 404 => None,
        _ => {
            CHOSEN.set(None);
            log::write_at_times(log::Event::Relay, "a relay gave no answer", clock::now());
            None
        }
    }
}
