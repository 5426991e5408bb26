//! An isolate: its copies of the revocations and of the key ring, its facts and its clock.

use std::rc::Rc;

use postern_core::{
    keys::{KeyKind, RingCopy, SharedValues},
    revocation::{
        call::PollAnswer,
        copy::{Age, Decision, LivenessQuery, Poll, RevocationCopy, UncertainReason},
        cut_off,
        segment::Segment,
    },
    session::facts::{Fact, LivenessCache},
    settings::SigningAlgorithm,
};
use postern_jwt::time::{Millis, UnixMillis};

use super::{
    plan::{Mistake, Plan, Variables},
    ring::{RingHolder, shared},
    users::{Session, skewed},
};
use crate::support::random::Random;

pub struct Isolate {
    copy: RevocationCopy,
    facts: LivenessCache,
    pub ring: RingHolder,
    /// Of either release.
    variables: Variables,
    both: [Variables; 2],
    /// Where its clock lies from the authority's.
    skew: i64,
    /// Grows with each restart: answers to an isolate that is no more reach nobody.
    pub life: u64,
    /// When the authority was last asked, by its clock.
    pub polled: Option<u64>,
    /// The relay that it asks; none if its release or its settings have none.
    pub relay: Option<usize>,
    relays: usize,
    /// Verifications a millisecond.
    pub rate: f64,
    mistake: Option<Mistake>,
}

fn relay(relays: usize, random: &mut Random) -> Option<usize> {
    (relays > 0 && random.chance(75)).then(|| random.below(relays as u64) as usize)
}

impl Isolate {
    pub fn new(plan: &Plan, rate: f64, random: &mut Random) -> Self {
        Self {
            copy: RevocationCopy::new(1),
            facts: LivenessCache::default(),
            ring: RingHolder::default(),
            variables: random.pick(&plan.variables),
            both: plan.variables,
            // As far as the allowance goes.
            skew: random.below(4_001) as i64 - 2_000,
            life: 0,
            polled: None,
            relay: relay(plan.relays, random),
            relays: plan.relays,
            rate,
            mistake: plan.mistake,
        }
    }

    /// It starts again, of this release or the other.
    pub fn restart(&mut self, random: &mut Random) {
        self.variables = random.pick(&self.both);
        self.copy = RevocationCopy::new(1);
        self.facts = LivenessCache::default();
        self.ring = RingHolder::default();
        self.polled = None;
        self.relay = relay(self.relays, random);
        self.life += 1;
    }

    /// Its relay gave no answer.
    pub fn take_another_relay(&mut self, random: &mut Random) {
        self.relay = Some(random.below(self.relays as u64) as usize);
    }

    pub fn clock(&self, now: u64) -> UnixMillis {
        UnixMillis(skewed(now, self.skew))
    }

    /// What it goes by of what all must share.
    pub fn accepted(&self, ring: &RingCopy, now: u64) -> SharedValues {
        let own = shared(self.variables);
        let mut accepted = ring.accepted(own, self.clock(now));
        match self.mistake {
            Some(Mistake::OwnBound) => accepted.bound = own.bound,
            Some(Mistake::OwnTolerance) => accepted.clock_tolerance = own.clock_tolerance,
            _ => {}
        }
        accepted
    }

    /// The name of the key that it signs with.
    pub fn signer(&self, ring: &RingCopy, now: u64) -> Option<String> {
        let key = ring.signer(SigningAlgorithm::RS256, KeyKind::Dynamic, self.clock(now))?;
        Some(key.kid.clone())
    }

    /// Its copy is of the number of shards that counts, or says nothing.
    pub fn go_by(&mut self, ring: &RingCopy, now: u64) {
        let published = ring
            .shards()
            .filter(|_| self.mistake != Some(Mistake::OwnShards));
        let shards = published.map_or(self.variables.shards, |shards| {
            shards.polled(self.clock(now))
        });
        if self.copy.shards() != shards {
            self.copy = RevocationCopy::new(shards);
        }
    }

    pub fn decide(
        &mut self,
        session: &Session,
        bound: Millis,
        ring: &RingCopy,
        now: u64,
    ) -> Decision {
        let told_by_token = session
            .created
            .filter(|_| self.mistake != Some(Mistake::DoubtFromMoment));
        let question = LivenessQuery {
            handle: &session.handle,
            // Of its own age a token tells the whole second only: no earlier than it was.
            age: told_by_token.map_or(
                Age::Token(UnixMillis(session.iat.0 / 1_000 * 1_000 + 999)),
                Age::Session,
            ),
            bound,
            now: self.clock(now),
        };
        let mut told = ring.cut_off();
        match self.mistake {
            Some(Mistake::DeafToRing) => told = cut_off::CutOff::NONE,
            Some(Mistake::DoubtFromMoment) => told.recorded = told.moment,
            Some(Mistake::AbsentIsMoment) if ring.ring.head.dated_cut_off.is_none() => {
                told.recorded = told.moment;
            }
            _ => {}
        }
        self.copy.learn(told, question.now);
        match self.copy.decide(&mut self.facts, &question) {
            Decision::AskObject(UncertainReason::Hit)
                if self.mistake == Some(Mistake::RefuseHits) =>
            {
                Decision::Revoked
            }
            decision => decision,
        }
    }

    /// Whether the copy by itself is fresh enough, so that a decision was its own.
    pub fn is_fresh(&self, bound: Millis, now: u64) -> bool {
        self.copy
            .age(self.clock(now))
            .is_some_and(|age| age <= bound)
    }

    /// Whether it may make a token that does not tell when its session was created.
    pub fn may_mint_undated(&self, ring: &RingCopy, now: u64) -> bool {
        let clock = self.clock(now);
        if self.mistake == Some(Mistake::MintUnheard) {
            return true;
        }
        cut_off::may_mint_undated(self.copy.age(clock), clock.since(ring.as_of))
    }

    pub fn start_poll(&mut self, bound: Millis, now: u64, random: &mut Random) -> Option<Poll> {
        let clock = self.clock(now);
        let poll = self.copy.start_poll(bound, clock, random.next() as u32)?;
        self.polled = Some(now);
        Some(poll)
    }

    /// Polls of all shards, for a relay.
    pub fn start_polls(&mut self, bound: Millis, now: u64, random: &mut Random) -> Vec<Poll> {
        let clock = self.clock(now);
        let polls = self.copy.start_polls(bound, clock, random.next() as u32);
        if !polls.is_empty() {
            self.polled = Some(now);
        }
        polls
    }

    pub fn missing(&self, shard: u32, answer: &PollAnswer) -> Vec<String> {
        if self.mistake == Some(Mistake::NoSegments) {
            return Vec::new();
        }
        let names = self.copy.missing(shard, answer);
        names.into_iter().map(str::to_owned).collect()
    }

    pub fn apply(
        &mut self,
        shard: u32,
        mut answer: PollAnswer,
        fetched: Vec<Segment>,
        now: u64,
    ) -> bool {
        let clock = self.clock(now);
        match self.mistake {
            Some(Mistake::AgeByFetchTime) => answer.as_of = clock,
            Some(Mistake::NoSegments) => answer.segments.clear(),
            Some(Mistake::OldKeys) => answer.key_set_version = 0,
            Some(Mistake::DoubtFromMoment) => answer.not_before_recorded = Some(answer.not_before),
            Some(Mistake::AbsentIsMoment) => {
                let recorded = answer.not_before_recorded.unwrap_or(answer.not_before);
                answer.not_before_recorded = Some(recorded);
            }
            Some(Mistake::OneShard) if shard > 0 => answer.tail.0.clear(),
            _ => {}
        }
        self.copy.apply(shard, answer, fetched, clock)
    }

    /// Notes that a session stood when its object was asked, at `asked` by this isolate's clock.
    pub fn note(&mut self, session: &Session, asked: UnixMillis) {
        let as_of = if self.mistake == Some(Mistake::FactsForEver) {
            UnixMillis(u64::MAX)
        } else {
            asked
        };
        self.facts.note(
            &session.handle,
            Fact {
                as_of,
                data_seq: 0,
                ended: None,
            },
        );
    }

    pub fn forget(&mut self, session: &Session) {
        self.facts.forget(&session.handle);
    }

    /// The moment that objects are asked with.
    pub fn not_before(&self, ring: Option<&Rc<RingCopy>>) -> u64 {
        let by_ring = ring
            .filter(|_| self.mistake != Some(Mistake::DeafToRing))
            .map_or(0, |ring| ring.not_before().0);
        self.copy.not_before().0.max(by_ring)
    }

    pub fn key_set_version(&self) -> u64 {
        self.copy.key_set_version()
    }

    pub fn bytes(&self) -> usize {
        self.copy.bytes()
    }
}
