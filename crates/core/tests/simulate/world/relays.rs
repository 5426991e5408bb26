//! Relays between isolates and what they all ask: what `key_ring::relay` of the Worker does, by the product's rules.

use postern_core::{
    keys::RingCopy,
    relay::Held,
    revocation::{call::PollAnswer, copy::Poll},
};
use postern_jwt::time::{Millis, UnixMillis};

use super::{Event, World};
use crate::simulate::plan::Mistake;

/// So long an isolate waits for its relay, and a relay for the authority.
const RELAY_TIMEOUT: u64 = 1_000;
const POLL_TIMEOUT: u64 = 3_000;
const MOST_SHARDS: usize = 16;

#[derive(Default)]
pub(super) struct Relay {
    ring: Option<Held<RingCopy>>,
    shards: [Kept; MOST_SHARDS],
}

#[derive(Default)]
struct Kept {
    held: Option<Held<PollAnswer>>,
    is_asking: bool,
    /// For the answer to the question that is under way.
    waiting: Vec<Asking>,
}

/// A poll of an isolate that goes through a relay.
pub(super) struct Asking {
    pub(super) isolate: usize,
    pub(super) life: u64,
    pub(super) poll: Poll,
    pub(super) longest_age: Millis,
    /// When it arrived at the relay.
    pub(super) arrived: u64,
}

impl World {
    fn is_ageless(&self) -> bool {
        self.plan.mistake == Some(Mistake::AgelessRelays)
    }

    fn relay_answers(&mut self, relay: usize) -> bool {
        !(self.random.chance(2) || relay == 0 && self.is_in(&self.plan.relay_out))
    }

    fn kept(&mut self, relay: usize, shard: u32) -> &mut Kept {
        &mut self.relays[relay].shards[shard as usize]
    }

    pub(super) fn poll_reaches_relay(&mut self, relay: usize, asking: Asking) {
        if !self.relay_answers(relay) {
            self.goes_past(&asking, RELAY_TIMEOUT);
            return;
        }
        let Some(asking) = self.told(relay, asking, false) else {
            self.relayed += 1;
            return;
        };
        let (shard, asked) = (asking.poll.shard, self.now);
        let kept = self.kept(relay, shard);
        kept.waiting.push(asking);
        if !std::mem::replace(&mut kept.is_asking, true) {
            let out = self.latency().min(POLL_TIMEOUT);
            let reaches = Event::RelayReachesAuthority {
                relay,
                shard,
                asked,
            };
            self.after(out, reaches);
        }
    }

    pub(super) fn relay_reaches_authority(&mut self, relay: usize, shard: u32, asked: u64) {
        let (now, back) = (self.now, self.latency());
        let is_lost =
            self.authority_is_out() || self.random.chance(3) || now + back > asked + POLL_TIMEOUT;
        let answer = (!is_lost).then(|| {
            self.authority.tidy(shard, UnixMillis(now));
            self.authority.poll(shard, 0, UnixMillis(now))
        });
        let hears = Event::RelayHears {
            relay,
            shard,
            asked,
            answer,
        };
        self.after(back.min(POLL_TIMEOUT), hears);
    }

    pub(super) fn relay_hears(
        &mut self,
        relay: usize,
        shard: u32,
        asked: u64,
        answer: Option<PollAnswer>,
    ) {
        let kept = self.kept(relay, shard);
        kept.is_asking = false;
        if let Some(answer) = answer {
            let asked = UnixMillis(asked);
            kept.held = Some(Held { asked, answer });
        }
        for asking in std::mem::take(&mut kept.waiting) {
            // Whoever has waited too long has asked the authority meanwhile.
            if self.now > asking.arrived + RELAY_TIMEOUT {
                self.goes_past(&asking, 0);
            } else if let Some(asking) = self.told(relay, asking, true) {
                self.goes_past(&asking, 0);
            }
        }
    }

    /// Tells an isolate what the relay holds, if that serves; gives the question back if not.
    fn told(&mut self, relay: usize, asking: Asking, has_asked: bool) -> Option<Asking> {
        let is_ageless = self.is_ageless();
        let now = self.now;
        let held = self.kept(relay, asking.poll.shard).held.as_ref();
        let serves = |held: &&Held<PollAnswer>| {
            held.serves(UnixMillis(asking.arrived), asking.longest_age) || has_asked && is_ageless
        };
        let Some(held) = held.filter(serves) else {
            return Some(asking);
        };
        let mut answer = held.answer.cut_to(asking.poll.since);
        if is_ageless {
            answer.as_of = UnixMillis(now);
        }
        let answered = Event::PollAnswered {
            isolate: asking.isolate,
            life: asking.life,
            shard: asking.poll.shard,
            answer,
        };
        let back = self.latency();
        self.after(back, answered);
        None
    }

    /// The authority is asked itself.
    fn goes_past(&mut self, asking: &Asking, after: u64) {
        let &Asking {
            isolate,
            life,
            poll,
            ..
        } = asking;
        if self.isolates[isolate].life == life {
            self.isolates[isolate].take_another_relay(&mut self.random);
        }
        let out = after + self.latency();
        let arrives = Event::PollArrives {
            isolate,
            life,
            poll,
        };
        self.after(out, arrives);
    }

    /// What an isolate's relay tells of the key ring, if it has one that tells.
    pub(super) fn relayed_ring(
        &mut self,
        isolate: usize,
        version: u64,
        longest_age: Millis,
    ) -> Option<(RingCopy, Millis)> {
        let relay = self.isolates[isolate].relay?;
        if !self.relay_answers(relay) {
            self.isolates[isolate].take_another_relay(&mut self.random);
            return None;
        }
        let now = UnixMillis(self.now);
        let serves = |held: &Held<RingCopy>| {
            held.serves(now, longest_age) && held.answer.key_set_version() >= version
        };
        let is_ageless = self.is_ageless();
        if !self.relays[relay].ring.as_ref().is_some_and(serves) && self.ring_answers() {
            let answer = self.ring.answer(self.now);
            self.relays[relay].ring = Some(Held { asked: now, answer });
        }
        let held = self.relays[relay].ring.as_ref();
        let held = held.filter(|held| is_ageless || serves(held))?;
        let age = if is_ageless { Millis(0) } else { held.age(now) };
        Some((held.answer.clone(), age))
    }
}
