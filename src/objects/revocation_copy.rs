//! This isolate's copy of the revocation log, and the polls that keep it fresh.
//!
//! What the copy decides is `postern_core::revocation::copy`'s to say. A poll belongs to the request that began it; no
//! request waits for one that another began.

use super::{
    context::Context,
    key_ring, relays,
    revocations::{Outage, ask, request},
};
use crate::runtime::{clock, http::fetch::Limits, log, metrics};
use futures_util::future::join_all;
use postern_core::{
    keys::RingCopy,
    metrics::Point,
    relay,
    revocation::{
        call::{AuthorityCall, AuthorityReply, PollAnswer},
        copy::{Age, Decision, LivenessQuery, Poll, RevocationCopy, UncertainReason},
        cut_off, key,
        segment::Segment,
    },
    session::facts::{Fact, LivenessCache},
    settings::Settings,
};
use postern_jwt::time::{Millis, UnixMillis};
use std::{cell::RefCell, iter};

/// A request may wait for a poll of its own: not long.
const POLL_LIMITS: Limits = Limits {
    timeout_ms: 3_000,
    body_bytes: 1024 * 1024,
};

/// A segment is as large as a copy at most.
const SEGMENT_LIMITS: Limits = Limits {
    timeout_ms: 10_000,
    body_bytes: postern_core::revocation::MAX_COPY_BYTES,
};

/// Whoever asks a user's object knows the cut-off ("everyone before this moment") at most this late: a poll is made
/// beside the question when the copy is older.
const CUT_OFF_KNOWN: Millis = Millis(10_000);

/// How long until every isolate that reaches the authority *or* the key ring knows a cut-off. The authority tells within
/// [`CUT_OFF_KNOWN`] with the jitter of polls, one poll that is under way, and clocks that differ; the key ring within the age
/// from which a copy is asked for anew (20 s at most), one question that is under way, and clocks that differ.
pub(crate) const CUT_OFF_SPREADS: Millis = Millis(27_000);

/// The most sessions that are remembered as ended through this isolate; the authority tells of them soon.
const MOST_ENDED: usize = 4_096;

#[derive(Debug, Default)]
struct IsolateCopy {
    /// `None` before the first question, when the settings say how many shards there are.
    copy: Option<RevocationCopy>,
    facts: LivenessCache,
    /// Sessions that were ended through this isolate, as [`key::HandleKey`]s, and when; until the copy knows of them.
    ended: Vec<(u64, UnixMillis)>,
    /// Spreads the polls of many isolates.
    random: u32,
}

thread_local! {
    static HELD: RefCell<IsolateCopy> = RefCell::default();
}

impl IsolateCopy {
    fn copy(&mut self, shards: u32) -> &mut RevocationCopy {
        // One of another number says nothing about the shards that count.
        if self
            .copy
            .as_ref()
            .is_some_and(|copy| copy.shards() != shards.max(1))
        {
            self.copy = None;
        }
        self.copy.get_or_insert_with(|| {
            let mut random = [0; 4];
            // A bad source of randomness only leaves the polls unspread.
            let _ = getrandom::fill(&mut random);
            self.random = u32::from_be_bytes(random);
            RevocationCopy::new(shards)
        })
    }

    fn was_ended_here(&self, handle: &str) -> bool {
        !self.ended.is_empty()
            && key::keys(handle)
                .is_some_and(|(key, _)| self.ended.iter().any(|(ended, _)| *ended == key.0))
    }
}

/// Whether a session stands, as far as this isolate can tell within `bound`; starts the polls that are due, unless the
/// caller has to ask an object and [learns the cut-off](learn_cut_off) beside that.
pub(crate) fn decide(context: &Context, handle: &str, age: Age, bound: Millis) -> Decision {
    let question = LivenessQuery {
        handle,
        age,
        bound,
        now: context.now,
    };
    let decision = decided(&context.settings, &context.ring, &question);
    if !matches!(
        decision,
        Decision::AskObject(UncertainReason::NoCopy | UncertainReason::OldCopy)
    ) {
        for polls in due_polls(context, bound) {
            let polling = context.clone();
            context.in_background(async move { make(&polling, polls, bound).await });
        }
    }
    decision
}

/// Whether a session stands, as far as this isolate can tell, and no poll is due that somebody would have to start.
pub(crate) fn stands(settings: &Settings, ring: &RingCopy, question: &LivenessQuery<'_>) -> bool {
    decided(settings, ring, question) == Decision::Live
        && HELD.with_borrow(|held| {
            let copy = held.copy.as_ref();
            copy.is_some_and(|copy| !copy.is_poll_due(question.bound, question.now))
        })
}

fn decided(settings: &Settings, ring: &RingCopy, question: &LivenessQuery<'_>) -> Decision {
    let shards = shards(settings, ring, question.now);
    HELD.with_borrow_mut(|held| {
        if held.was_ended_here(question.handle) {
            return Decision::AskObject(UncertainReason::Hit);
        }
        held.copy(shards);
        let IsolateCopy { copy, facts, .. } = held;
        match copy {
            Some(copy) => {
                // The key ring may have published a cut-off first.
                copy.learn(ring.cut_off(), question.now);
                copy.decide(facts, question)
            }
            None => Decision::AskObject(UncertainReason::NoCopy),
        }
    })
}

/// What this isolate holds, for an operator.
pub(crate) struct Freshness {
    /// How many shards the authority has.
    pub(crate) shards: u32,
    /// How old the copy is at most; `None` = there is none yet.
    pub(crate) age: Option<Millis>,
    /// How many ended sessions it holds one by one.
    pub(crate) entries: usize,
    /// How many segments of sessions that ended earlier.
    pub(crate) segments: usize,
    /// How large it is.
    pub(crate) bytes: usize,
}

/// What this isolate holds at this moment, after the polls that a request with this bound would make.
pub(crate) async fn freshness(context: &Context, bound: Millis) -> Freshness {
    for polls in due_polls(context, bound) {
        make(context, polls, bound).await;
    }
    let now = clock::now();
    HELD.with_borrow(|held| {
        let copy = held.copy.as_ref();
        let (entries, segments) = copy.map_or((0, 0), RevocationCopy::entries);
        Freshness {
            shards: polled_shards(context),
            age: copy.and_then(|copy| copy.age(now)),
            entries,
            segments,
            bytes: copy.map_or(0, RevocationCopy::bytes),
        }
    })
}

/// Makes the polls that are due before a user's object is asked, so that it is asked with a cut-off that is known well
/// enough. Runs beside the question.
pub(crate) async fn learn_cut_off(context: &Context, bound: Millis) {
    // Polls are due when a third of the bound is spent.
    let bound = bound.min(Millis(CUT_OFF_KNOWN.0.saturating_mul(3)));
    for polls in due_polls(context, bound) {
        make(context, polls, bound).await;
    }
}

/// The cut-off, as far as this isolate knows: sessions created before it have ended.
pub(crate) fn not_before(context: &Context) -> UnixMillis {
    let polled = HELD.with_borrow(|held| held.copy.as_ref().map(RevocationCopy::not_before));
    polled
        .unwrap_or(UnixMillis(0))
        .max(context.ring.not_before())
}

/// Whether what is so old has ended with everybody's of its time, as far as this isolate knows.
pub(crate) fn is_cut_off(context: &Context, age: Age) -> bool {
    match age {
        Age::Session(at) | Age::Token(at) => at < not_before(context),
        Age::Unknown => false,
    }
}

/// Whether this isolate may make a token that does not tell when its session was created.
pub(crate) fn may_mint_undated(context: &Context) -> bool {
    let copy = HELD.with_borrow(|held| held.copy.as_ref()?.age(context.now));
    cut_off::may_mint_undated(copy, context.now.since(context.ring.as_of))
}

/// What this isolate knows of a handle's data, if a user's object said so at most `bound` ago.
pub(crate) fn known_seq(handle: &str, bound: Millis, now: UnixMillis) -> Option<u64> {
    HELD.with_borrow_mut(|held| held.facts.recall(handle, bound, now))
        .map(|fact| fact.data_seq)
}

/// Notes what an object answered to a question asked at `asked`: true as of the earlier of both clocks.
pub(crate) fn note(handle: &str, fact: Fact, asked: UnixMillis) {
    let as_of = fact.as_of.min(asked);
    HELD.with_borrow_mut(|held| held.facts.note(handle, Fact { as_of, ..fact }));
}

/// Notes that a session has ended: this isolate asks its object from now on, until the authority tells.
pub(crate) fn note_end(handle: &str, now: UnixMillis) {
    HELD.with_borrow_mut(|held| {
        held.facts.forget(handle);
        if let Some((key, _)) = key::keys(handle)
            && !held.was_ended_here(handle)
        {
            if held.ended.len() >= MOST_ENDED {
                held.ended.drain(..MOST_ENDED / 2);
            }
            held.ended.push((key.0, now));
        }
    });
}

/// How many shards are polled: what the key ring has published, whatever this isolate's own variables say.
fn polled_shards(context: &Context) -> u32 {
    shards(&context.settings, &context.ring, context.now)
}

fn shards(settings: &Settings, ring: &RingCopy, now: UnixMillis) -> u32 {
    let published = ring.shards();
    published.map_or(settings.revocation_shards, |shards| shards.polled(now))
}

/// Polls that are due, those together that are made together: a relay tells of all shards at once.
fn due_polls(context: &Context, bound: Millis) -> Vec<Vec<Poll>> {
    let shards = polled_shards(context);
    let are_relayed = relays::are_used(&context.env);
    HELD.with_borrow_mut(|held| {
        let mut polls = Vec::new();
        loop {
            // A step of xorshift: the numbers need not be good, only different from isolate to isolate.
            let mut random = held.random.max(1);
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let copy = held.copy(shards);
            let due = if are_relayed {
                copy.start_polls(bound, context.now, random)
            } else {
                Vec::from_iter(copy.start_poll(bound, context.now, random))
            };
            if due.is_empty() {
                return polls;
            }
            held.random = random;
            polls.push(due);
        }
    })
}

/// Makes polls and takes over their answers; asks the key ring when one says that it has changed. The authority itself is
/// asked where a relay has no answer.
async fn make(context: &Context, polls: Vec<Poll>, bound: Millis) {
    let longest_age = relay::longest_age_of_answer(bound);
    let relayed = relays::polls(&context.env, longest_age, polls.clone()).await;
    let relayed = relayed.unwrap_or_default().into_iter();
    let polls = polls.into_iter().zip(relayed.chain(iter::repeat(None)));
    let made = polls.map(async |(poll, relayed)| {
        if make_or_fail(context, poll, relayed).await.is_err() {
            log::write(
                log::Event::RevocationPoll,
                "a poll of the authority came to nothing",
            );
        }
    });
    join_all(made).await;
    let polled = HELD.with_borrow(|held| held.copy.as_ref().map(RevocationCopy::key_set_version));
    key_ring::renew_if_older_than(&context.env, context.now, polled.unwrap_or(0)).await;
}

async fn make_or_fail(
    context: &Context,
    Poll { shard, since }: Poll,
    relayed: Option<PollAnswer>,
) -> Result<(), Outage> {
    let env = &context.env;
    let answer = if let Some(answer) = relayed {
        answer
    } else {
        let call = AuthorityCall::Poll { since };
        let limits = relays::left(env, POLL_LIMITS);
        let AuthorityReply::Answer(answer) = ask(env, shard, &call, limits).await? else {
            return Err(Outage);
        };
        answer
    };
    let shards = polled_shards(context);
    let missing: Vec<String> = HELD.with_borrow_mut(|held| {
        let names = held.copy(shards).missing(shard, &answer);
        names.into_iter().map(str::to_owned).collect()
    });
    let mut fetched = Vec::with_capacity(missing.len());
    for name in missing {
        let body = if let Some(body) = relays::segment(env, shard, &name).await {
            body
        } else {
            let path = format!("segment/{name}");
            request(env, shard, &path, "", SEGMENT_LIMITS).await?.body
        };
        fetched.push(Segment::parse(&name, body).map_err(|_| Outage)?);
    }
    HELD.with_borrow_mut(|held| {
        let now = clock::now();
        let copy = held.copy(shards);
        let before = copy.age(now);
        let applied = copy.apply(shard, answer, fetched, now);
        if let Some(age) = copy.age(now) {
            // What was ended before the time that the copy speaks of, it knows.
            let known = now.minus(age);
            held.ended.retain(|(_, at)| *at >= known);
        }
        if let Some(age) = before.filter(|_| applied) {
            metrics::add(&Point::revocation_lag(age));
        }
        applied.then_some(()).ok_or(Outage)
    })
}
