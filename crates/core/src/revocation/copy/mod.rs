//! An isolate's copy of what the authority says, and the decision whether a session stands.
//!
//! The promise rests on three rules. The age of the copy is counted from `as_of`, the authority's clock, with an allowance
//! for clocks that differ: when it was fetched means nothing. A copy older than the bound of the question says nothing in
//! favour of a session; it is asked for at the user's object, whose answer is a [fact](LivenessCache) about that handle until the
//! bound is spent. And an answer takes effect whole or not at all: only a copy that holds everything the answer names
//! carries its `as_of`.
//!
//! Because the allowance counts against the bound, a bound of 2 s or less is never met by a copy: such routes run at the
//! cost of `strict`.

mod shard;

use super::{
    CLOCK_ALLOWANCE,
    call::PollAnswer,
    cut_off::CutOff,
    key::{self, HandleKey, RouteKey},
    segment::Segment,
};
use crate::session::{facts::LivenessCache, handle::is_foreign};
use postern_jwt::time::{Millis, UnixMillis};
use serde::{Deserialize, Serialize};
use shard::Shard;

/// The longest time in which a shard is asked again when an answer stays out.
const LONGEST_GUARD: Millis = Millis(10_000);
const SHORTEST_GUARD: Millis = Millis(1_000);

/// A question about a session whose handle has passed the tag check.
#[derive(Debug, Clone, Copy)]
pub struct LivenessQuery<'a> {
    /// The session.
    pub handle: &'a str,
    /// What is known of its age.
    pub age: Age,
    /// The freshness asked for.
    pub bound: Millis,
    /// The isolate's clock.
    pub now: UnixMillis,
}

/// What is known of a session's age, by which a cut-off is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The session was created then.
    Session(UnixMillis),
    /// Its access token was made then, at the latest; when the session was created the token does not tell.
    Token(UnixMillis),
    /// There is only a handle (data reads).
    Unknown,
}

/// Whether a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It does, as fresh as asked for.
    Live,
    /// It has ended.
    Revoked,
    /// The user's object has to be asked, and if it gives no answer nobody can tell: an outage, not a refusal.
    AskObject(UncertainReason),
}

/// Why the copy cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UncertainReason {
    /// This isolate has no copy yet.
    NoCopy,
    /// The copy is older than the bound.
    OldCopy,
    /// The authority has more entries than fit a copy.
    Full,
    /// The handle is among those that ended, or looks like one of them by chance.
    Hit,
    /// The user has ended so many sessions that they are not published one by one.
    StrictRoute,
    /// There is a cut-off ("everyone before this moment"), and the session may be older: its token does not tell when it
    /// was created and was made too early to be sure, or nothing tells anything.
    NotBefore,
}

/// A poll that the caller is to make now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Which shard to ask.
    pub shard: u32,
    /// What to ask it.
    pub since: u64,
}

/// The copy, of all shards.
#[derive(Debug)]
pub struct RevocationCopy {
    shards: Vec<Shard>,
    /// The latest time that was seen: a clock that is set back makes nothing younger.
    clock: UnixMillis,
    cut_off: CutOff,
    /// When this isolate heard of the moment of `cut_off`: what an object said before that, it said without knowing.
    heard: UnixMillis,
    key_set_version: u64,
}

/// How old a copy may be before it is asked for anew, and how long a question stands for its answer; `None` for a bound that
/// no copy is of use to.
fn pace(bound: Millis) -> Option<(Millis, Millis)> {
    let useful = bound.0.saturating_sub(CLOCK_ALLOWANCE.0);
    let guard = Millis(bound.0 / 6).clamp(SHORTEST_GUARD, LONGEST_GUARD);
    (useful > 0).then_some((Millis(useful / 3), guard))
}

impl RevocationCopy {
    /// Of how many shards it is.
    pub fn shards(&self) -> u32 {
        u32::try_from(self.shards.len()).unwrap_or(u32::MAX)
    }

    /// An empty copy of this many shards.
    pub fn new(shards: u32) -> Self {
        Self {
            shards: (0..shards.max(1)).map(|_| Shard::default()).collect(),
            clock: UnixMillis(0),
            cut_off: CutOff::NONE,
            heard: UnixMillis(0),
            key_set_version: 0,
        }
    }

    /// Whether a session stands.
    pub fn decide(&mut self, facts: &mut LivenessCache, question: &LivenessQuery<'_>) -> Decision {
        self.clock = self.clock.max(question.now);
        let known = self.look_up(question);
        let issued = match question.age {
            Age::Token(issued) => Some(issued),
            Age::Session(_) | Age::Unknown => None,
        };
        if let Decision::AskObject(_) = known
            && let Some(fact) = facts.recall(question.handle, question.bound, self.clock)
            && fact.as_of >= self.heard
            && fact.speaks_for(question.handle, issued)
        {
            return Decision::Live;
        }
        known
    }

    fn look_up(&self, question: &LivenessQuery<'_>) -> Decision {
        let Some((key, route)) = key::keys(question.handle) else {
            return Decision::AskObject(UncertainReason::Hit);
        };
        // A token is never older than its session.
        if let Age::Session(at) | Age::Token(at) = question.age
            && self.cut_off.ends(at)
        {
            return Decision::Revoked;
        }
        // An ended session of ours never comes back, so this holds however old the copy is. A trusted issuer's may.
        if self.shards.iter().any(|shard| shard.tail_holds(key)) {
            return if is_foreign(question.handle) {
                Decision::AskObject(UncertainReason::Hit)
            } else {
                Decision::Revoked
            };
        }
        match self.uncertain_reason(question, key, route) {
            Some(why) => Decision::AskObject(why),
            None => Decision::Live,
        }
    }

    fn uncertain_reason(
        &self,
        question: &LivenessQuery<'_>,
        key: HandleKey,
        route: RouteKey,
    ) -> Option<UncertainReason> {
        let Some(age) = self.age(question.now) else {
            return Some(UncertainReason::NoCopy);
        };
        if age > question.bound {
            return Some(UncertainReason::OldCopy);
        }
        let may_be_older = match question.age {
            Age::Session(_) => false,
            Age::Token(issued) => self.cut_off.leaves_open(issued),
            Age::Unknown => self.cut_off.moment > UnixMillis(0),
        };
        if may_be_older {
            return Some(UncertainReason::NotBefore);
        }
        self.shards
            .iter()
            .find_map(|shard| shard.uncertain_reason(key, route))
    }

    /// How old the oldest shard's copy is, at most; `None` when one has none.
    pub fn age(&self, now: UnixMillis) -> Option<Millis> {
        let now = self.clock.max(now);
        let mut age = CLOCK_ALLOWANCE;
        for shard in &self.shards {
            age = age.max(Millis(shard.age(now)?.0.saturating_add(CLOCK_ALLOWANCE.0)));
        }
        Some(age)
    }

    /// A poll to make now, in the background, for a request that was to be answered within `bound`: the copy of some shard
    /// has spent a third of that. Call it until it gives `None`. `random` spreads the polls of many isolates.
    ///
    /// A poll that was handed out is not handed out again for a while, whether its answer comes or not.
    pub fn start_poll(&mut self, bound: Millis, now: UnixMillis, random: u32) -> Option<Poll> {
        let (every, guard) = pace(bound)?;
        self.clock = self.clock.max(now);
        let clock = self.clock;
        let mut shards = (0..).zip(&mut self.shards);
        shards.find_map(|(number, shard)| {
            let since = shard.start_poll(every, guard, clock, random)?;
            Some(Poll {
                shard: number,
                since,
            })
        })
    }

    /// Polls of all shards, for whoever is told of all at once, if one of them is due ([`Self::start_poll`]).
    pub fn start_polls(&mut self, bound: Millis, now: UnixMillis, random: u32) -> Vec<Poll> {
        self.clock = self.clock.max(now);
        let (Some((_, guard)), true) = (pace(bound), self.is_poll_due(bound, now)) else {
            return Vec::new();
        };
        let clock = self.clock;
        let shards = (0..).zip(&mut self.shards);
        shards
            .filter(|(_, shard)| !shard.was_just_asked(guard, clock))
            .map(|(number, shard)| Poll {
                shard: number,
                since: shard.start(clock, random),
            })
            .collect()
    }

    /// The age at which a copy is asked for anew for requests with this bound, give or take a fifth; zero for a bound that no
    /// copy is of use to.
    pub fn asked_anew_at(bound: Millis) -> Millis {
        pace(bound).map_or(Millis(0), |(every, _)| every)
    }

    /// Whether [`Self::start_poll`] would give one.
    pub fn is_poll_due(&self, bound: Millis, now: UnixMillis) -> bool {
        let now = self.clock.max(now);
        pace(bound).is_some_and(|(every, guard)| {
            let mut shards = self.shards.iter();
            shards.any(|shard| shard.is_poll_due(every, guard, now))
        })
    }

    /// The names of the segments that have to be fetched before an answer of a shard can be applied.
    pub fn missing<'a>(&self, shard: u32, answer: &'a PollAnswer) -> Vec<&'a str> {
        let held = self.shard(shard);
        let names = answer.segments.iter().map(String::as_str);
        names
            .filter(|name| !held.is_some_and(|held| held.holds_segment(name)))
            .collect()
    }

    /// Takes over the answer of a shard that arrived at `now`, with the segments that were fetched for it. `false` when it
    /// was overtaken or a segment is missing: then the copy stays as it was, save for what can only grow.
    pub fn apply(
        &mut self,
        shard: u32,
        answer: PollAnswer,
        fetched: Vec<Segment>,
        now: UnixMillis,
    ) -> bool {
        self.learn(
            CutOff {
                moment: answer.not_before,
                // Not said: it may have been until just now.
                recorded: answer.not_before_recorded.unwrap_or(answer.as_of),
            },
            now,
        );
        self.key_set_version = self.key_set_version.max(answer.key_set_version);
        let shard = usize::try_from(shard).unwrap_or(usize::MAX);
        let clock = self.clock;
        self.shards
            .get_mut(shard)
            .is_some_and(|shard| shard.apply(answer, fetched, clock))
    }

    /// Takes over a cut-off, whoever published it.
    pub fn learn(&mut self, cut_off: CutOff, now: UnixMillis) {
        self.clock = self.clock.max(now);
        if cut_off.moment > self.cut_off.moment {
            self.heard = self.clock;
        }
        self.cut_off = self.cut_off.newest(cut_off);
    }

    /// Nobody's session from before this moment stands; zero = not that this isolate knows. It goes along with what the
    /// users' objects are asked, so that they know as well.
    pub const fn not_before(&self) -> UnixMillis {
        self.cut_off.moment
    }

    /// The newest version of the key ring that a shard spoke of.
    pub const fn key_set_version(&self) -> u64 {
        self.key_set_version
    }

    /// How many entries the copy holds one by one, and how many segments of older ones.
    pub fn entries(&self) -> (usize, usize) {
        let held = self.shards.iter().map(Shard::entries);
        held.fold((0, 0), |(tail, segments), (more, further)| {
            (tail.saturating_add(more), segments.saturating_add(further))
        })
    }

    /// How many bytes the copy holds.
    pub fn bytes(&self) -> usize {
        self.shards
            .iter()
            .map(Shard::bytes)
            .fold(0, usize::saturating_add)
    }

    fn shard(&self, number: u32) -> Option<&Shard> {
        self.shards.get(usize::try_from(number).ok()?)
    }
}
