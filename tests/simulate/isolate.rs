//! An isolate: its copy, its facts and its clock.

use postern::{
    revocation::{
        call::PollAnswer,
        copy::{Age, Decision, Poll, Question, RevocationCopy, Why},
        segment::Segment,
    },
    session::facts::{Fact, Facts},
    time::{Millis, UnixMillis},
};

use super::{
    plan::Mistake,
    users::{Session, skewed},
};
use crate::support::random::Random;

pub struct Isolate {
    copy: RevocationCopy,
    facts: Facts,
    /// Where its clock lies from the authority's.
    skew: i64,
    /// Grows with each restart: answers to an isolate that is no more reach nobody.
    pub life: u64,
    /// Verifications a millisecond.
    pub rate: f64,
    mistake: Option<Mistake>,
}

impl Isolate {
    pub fn new(rate: f64, mistake: Option<Mistake>, random: &mut Random) -> Self {
        Self {
            copy: RevocationCopy::new(1),
            facts: Facts::default(),
            // As far as the allowance goes.
            skew: random.below(4_001) as i64 - 2_000,
            life: 0,
            rate,
            mistake,
        }
    }

    pub fn restart(&mut self) {
        self.copy = RevocationCopy::new(1);
        self.facts = Facts::default();
        self.life += 1;
    }

    pub fn clock(&self, now: u64) -> UnixMillis {
        UnixMillis(skewed(now, self.skew))
    }

    pub fn decide(&mut self, session: &Session, bound: Millis, now: u64) -> Decision {
        let question = Question {
            handle: &session.handle,
            age: Age::Session(UnixMillis(session.truth.created)),
            bound,
            now: self.clock(now),
        };
        match self.copy.decide(&mut self.facts, &question) {
            Decision::AskObject(Why::Hit) if self.mistake == Some(Mistake::RefuseHits) => {
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

    pub fn start_poll(&mut self, bound: Millis, now: u64, random: &mut Random) -> Option<Poll> {
        let clock = self.clock(now);
        self.copy.start_poll(bound, clock, random.next() as u32)
    }

    pub fn missing(&self, answer: &PollAnswer) -> Vec<String> {
        if self.mistake == Some(Mistake::NoSegments) {
            return Vec::new();
        }
        let names = self.copy.missing(0, answer);
        names.into_iter().map(str::to_owned).collect()
    }

    pub fn apply(&mut self, mut answer: PollAnswer, fetched: Vec<Segment>, now: u64) -> bool {
        let clock = self.clock(now);
        match self.mistake {
            Some(Mistake::AgeByFetchTime) => answer.as_of = clock,
            Some(Mistake::NoSegments) => answer.segments.clear(),
            Some(Mistake::OldKeys) => answer.key_set_version = 0,
            _ => {}
        }
        self.copy.apply(0, answer, fetched, clock)
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

    pub fn not_before(&self) -> u64 {
        self.copy.not_before().0
    }

    pub fn key_set_version(&self) -> u64 {
        self.copy.key_set_version()
    }

    pub fn bytes(&self) -> usize {
        self.copy.bytes()
    }
}
