//! A relay: an object of the class `KeyRing` beside the key ring, under a name of its own (`objects::relays`).
//!
//! It is of that class because a new class needs a migration, past which nobody can roll back. It keeps answers in memory only,
//! and what may be told to whom, and of which age, `postern_core::relay` decides. It asks once for all who wait: an object may
//! wait for a promise that another of its requests has made. What it has no answer to is 503: whoever asks goes past it.

use std::{cell::RefCell, rc::Rc};

use futures_util::future::join_all;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use worker::Env;

use super::client;
use crate::{
    objects::revocations,
    runtime::{clock, durable::Durable, http::fetch::Limits, js, log, promise},
};
use postern_core::{
    keys::RingCopy,
    message::{self, Answered, Asked, NEWEST, agreed},
    relay::{
        Held, Segments,
        call::{RelayCall, RelayReply},
    },
    revocation::{
        MAX_COPY_BYTES,
        call::{AuthorityCall, AuthorityReply, PollAnswer},
        copy::Poll,
    },
};
use postern_jwt::time::{Millis, UnixMillis};

/// As many shards as there may be.
const MOST_SHARDS: usize = 16;

/// Those who ask the relay wait less long. It goes on, for those who ask next.
const POLL_LIMITS: Limits = Limits {
    timeout_ms: 3_000,
    body_bytes: 1024 * 1024,
};

const SEGMENT_LIMITS: Limits = Limits {
    timeout_ms: 10_000,
    body_bytes: MAX_COPY_BYTES,
};

/// How long an isolate waits at most for what the relay has to ask for: less long than it waits for the relay, so that one object
/// that does not answer costs it no other answer.
const PATIENCE: Millis = Millis(700);

/// The same for a segment.
const SEGMENT_PATIENCE: Millis = Millis(2_700);

/// A question that is under way for longer has come to nothing, whatever became of it.
const LONGEST_QUESTION: Millis = Millis(15_000);

/// The relay.
pub(super) struct Relay {
    durable: Durable,
    ring: Rc<Kept<Ring>>,
    shards: [Rc<Kept<PollAnswer>>; MOST_SHARDS],
    segments: Rc<RefCell<Segments>>,
    /// One segment of each shard is fetched at a time.
    fetched: [Rc<Kept<()>>; MOST_SHARDS],
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Relay")
    }
}

/// A copy of the ring as it was answered, secrets included.
struct Ring {
    version: u64,
    text: String,
}

/// The newest answer to one question, and the question that is under way: when it was asked, and its end.
struct Kept<T> {
    held: RefCell<Option<Held<T>>>,
    asking: RefCell<Option<(UnixMillis, Promise)>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            held: RefCell::new(None),
            asking: RefCell::new(None),
        }
    }
}

impl<T: 'static> Kept<T> {
    /// What `tell` makes of an answer that `serves`; asks for one if it must, and waits for it until `end`.
    async fn get<R, F: Future<Output = Option<T>> + 'static>(
        self: &Rc<Self>,
        durable: &Durable,
        end: UnixMillis,
        serves: impl Fn(&Held<T>) -> bool,
        ask: impl Fn() -> F,
        tell: impl Fn(&Held<T>) -> R,
    ) -> Option<R> {
        let told = || {
            let held = self.held.borrow();
            held.as_ref().filter(|held| serves(held)).map(&tell)
        };
        loop {
            if let Some(told) = told() {
                return Some(told);
            }
            let now = clock::now();
            if now >= end {
                return None;
            }
            let under_way = self.asking.borrow().clone();
            let under_way = under_way.filter(|(asked, _)| now.since(*asked) < LONGEST_QUESTION);
            let (asked, answered) = under_way.unwrap_or_else(|| self.ask(durable, now, ask()));
            // It never fails: what came of it is held.
            promise::within(Ok(answered), end.since(now)).await;
            let was_own = asked >= now;
            if was_own {
                return told();
            }
        }
    }

    /// The end of a question, which goes on whatever becomes of the call that began it.
    fn ask(
        self: &Rc<Self>,
        durable: &Durable,
        asked: UnixMillis,
        question: impl Future<Output = Option<T>> + 'static,
    ) -> (UnixMillis, Promise) {
        let kept = Rc::clone(self);
        let end = promise::of_end(async move {
            let answer = question.await;
            let mut held = kept.held.borrow_mut();
            let is_newest = held.as_ref().is_none_or(|held| held.asked <= asked);
            if let (Some(answer), true) = (answer, is_newest) {
                *held = Some(Held { asked, answer });
            }
            let mut asking = kept.asking.borrow_mut();
            if asking.as_ref().is_some_and(|(of, _)| *of == asked) {
                *asking = None;
            }
        });
        self.asking.replace(Some((asked, end.clone())));
        durable.keep_alive(&end);
        (asked, end)
    }
}

impl Relay {
    pub(super) fn new(durable: Durable) -> Self {
        Self {
            durable,
            ring: Rc::default(),
            shards: std::array::from_fn(|_| Rc::default()),
            segments: Rc::default(),
            fetched: std::array::from_fn(|_| Rc::default()),
        }
    }

    /// Answers an isolate.
    pub(super) async fn respond(&self, message: &str) -> Result<JsValue, JsValue> {
        let arrived = clock::now();
        let (protocol, reply) = match message::decode::<Asked<RelayCall>>(message) {
            Ok(Asked {
                call: RelayCall::Segment { shard, name },
                ..
            }) => return self.segment(shard, &name).await,
            Ok(Asked { protocol, call }) => {
                let reply = match call {
                    RelayCall::Ring {
                        longest_age,
                        version,
                    } => self.ring(arrived, longest_age, version).await,
                    RelayCall::Polls { longest_age, polls } => {
                        Some(self.polls(arrived, longest_age, polls).await)
                    }
                    RelayCall::Segment { .. } => None,
                };
                (agreed(protocol), reply)
            }
            Err(why) => {
                log::write_unread(log::Event::Relay, why);
                (NEWEST, Some(RelayReply::Unread { why }))
            }
        };
        let answer = reply.and_then(|reply| message::encode(&Answered { protocol, reply }));
        match answer {
            Some(answer) => js::object_response(200, &answer),
            None => js::object_response(503, "no answer"),
        }
    }

    async fn ring(
        &self,
        arrived: UnixMillis,
        longest_age: Millis,
        version: u64,
    ) -> Option<RelayReply> {
        let env = &self.durable.env;
        // A copy that was asked for since then is the newest there is, whatever the isolate has heard.
        let serves = |held: &Held<Ring>| {
            held.serves(arrived, Millis(0))
                || (held.serves(arrived, longest_age) && held.answer.version >= version)
        };
        let tell = |held: &Held<Ring>| RelayReply::Ring {
            age: held.age(clock::now()),
            copy: held.answer.text.clone(),
        };
        let ask = || ring(env.clone());
        let end = arrived.plus(PATIENCE);
        self.ring.get(&self.durable, end, serves, ask, tell).await
    }

    async fn polls(
        &self,
        arrived: UnixMillis,
        longest_age: Millis,
        polls: Vec<Poll>,
    ) -> RelayReply {
        let env = &self.durable.env;
        let answers = polls.into_iter().map(async |Poll { shard, since }| {
            let kept = self.shards.get(usize::try_from(shard).ok()?)?;
            let serves = |held: &Held<PollAnswer>| held.serves(arrived, longest_age);
            let tell = |held: &Held<PollAnswer>| held.answer.cut_to(since);
            let ask = || poll(env.clone(), shard);
            let end = arrived.plus(PATIENCE);
            kept.get(&self.durable, end, serves, ask, tell).await
        });
        let answers = join_all(answers).await;
        RelayReply::Answers { answers }
    }

    async fn segment(&self, shard: u32, name: &str) -> Result<JsValue, JsValue> {
        let ask = || {
            let (env, name) = (self.durable.env.clone(), name.to_owned());
            let segments = Rc::clone(&self.segments);
            async move {
                let path = format!("segment/{name}");
                let answer = revocations::request(&env, shard, &path, "", SEGMENT_LIMITS).await;
                segments.borrow_mut().put(&name, answer.ok()?.body);
                Some(())
            }
        };
        let serves = |_: &Held<()>| self.segments.borrow().get(name).is_some();
        let tell = |_: &Held<()>| self.segments.borrow().get(name).map(js::bytes_response);
        let fetched = usize::try_from(shard)
            .ok()
            .and_then(|shard| self.fetched.get(shard));
        let Some(fetched) = fetched else {
            return js::object_response(404, "unknown");
        };
        let end = clock::now().plus(SEGMENT_PATIENCE);
        let told = fetched.get(&self.durable, end, serves, ask, tell).await;
        told.flatten()
            .unwrap_or_else(|| js::object_response(404, "unknown"))
    }
}

async fn ring(env: Env) -> Option<Ring> {
    let text = client::text(&env).await?;
    let copy = RingCopy::from_json(&text).ok()?;
    Some(Ring {
        version: copy.key_set_version(),
        text,
    })
}

async fn poll(env: Env, shard: u32) -> Option<PollAnswer> {
    // The whole answer: it is cut to what each isolate has.
    let call = AuthorityCall::Poll { since: 0 };
    match revocations::ask(&env, shard, &call, POLL_LIMITS).await {
        Ok(AuthorityReply::Answer(answer)) => Some(answer),
        _ => None,
    }
}
