//! Who holds a copy of the key ring, what is known of a cut-off by it, and how a cut-off is recorded.

use std::rc::Rc;

use postern_core::keys::{KNOWN_WITHIN, RingCopy};
use postern_jwt::time::{Millis, UnixMillis};

use super::{Event, World};
use crate::simulate::{judge::CutOff, plan::Mistake, ring::shared, users::Known};

/// An isolate may take a moment for come that is not.
const CLOCKS_DIFFER: u64 = 2_000;
const RING_TIMEOUT: u64 = 5_000;
/// Whoever is told that a moment is not recorded everywhere yet repeats the call after this.
const REPEATED_AFTER: u64 = 10_000;
/// The call is answered OK this much later than it was recorded.
const CUT_OFF_SPREADS: u64 = 27_000;

impl World {
    pub(super) fn ring_is_out(&self) -> bool {
        self.is_in(&self.plan.ring_out)
    }

    /// Whether the key ring answers in time.
    pub(super) fn ring_answers(&mut self) -> bool {
        let lost = self.latency() > RING_TIMEOUT || self.random.chance(3);
        !lost && !self.ring_is_out()
    }

    /// The copy of the key ring that a request goes by.
    pub(super) fn isolate_ring(&mut self, isolate: usize) -> Option<Rc<RingCopy>> {
        let clock = self.isolates[isolate].clock(self.now);
        if self.isolates[isolate].ring.must_ask(clock) {
            self.renew_ring(isolate, 0);
        }
        let isolate = &mut self.isolates[isolate];
        let ring = isolate.ring.held(clock)?;
        isolate.go_by(&ring, self.now);
        Some(ring)
    }

    /// Has a newer copy, of a version that the ring is known to have.
    pub(super) fn renew_ring(&mut self, isolate: usize, version: u64) {
        let holder = &self.isolates[isolate];
        let longest_age = holder.ring.longest_relayed_age(holder.clock(self.now));
        self.ask_ring(isolate, version, longest_age);
    }

    pub(super) fn ask_ring(&mut self, isolate: usize, version: u64, longest_age: Millis) {
        let relayed = self.relayed_ring(isolate, version, longest_age);
        let answers = relayed.is_some() || self.ring_answers();
        let isolate = &mut self.isolates[isolate];
        let clock = isolate.clock(self.now);
        match relayed {
            Some((copy, age)) => isolate.ring.take(copy, clock, age),
            None => isolate.ring.ask(&mut self.ring, answers, clock, self.now),
        }
        self.note_bound();
    }

    /// The moment that an isolate asks objects with now.
    pub(super) fn known_to_isolate(&self, isolate: usize) -> u64 {
        let isolate = &self.isolates[isolate];
        let ring = isolate.ring.held(isolate.clock(self.now));
        isolate.not_before(ring.as_ref())
    }

    /// Where a user's object runs.
    pub(super) fn host_of(&self, user: usize) -> usize {
        user % self.hosts.len()
    }

    /// The copy of the key ring that a user's object goes by.
    pub(super) fn object_ring(&mut self, user: usize) -> Option<Rc<RingCopy>> {
        let clock = UnixMillis(self.now);
        let host = self.host_of(user);
        if self.hosts[host].ring.must_ask(clock) {
            let answers = self.ring_answers();
            let holder = &mut self.hosts[host].ring;
            holder.ask(&mut self.ring, answers, clock, self.now);
            self.note_bound();
        }
        self.hosts[host].ring.held(clock)
    }

    /// What a user's object goes by when it is asked with `told`; `None` when it gives no answer.
    pub(super) fn known_to_object(&mut self, user: usize, told: u64) -> Option<Known> {
        if self.object_is_out(user) {
            return None;
        }
        let ring = self.object_ring(user)?;
        let clock = UnixMillis(self.now);
        let host = &self.hosts[self.host_of(user)];
        let own = shared(host.variables);
        let accepted = if self.plan.mistake == Some(Mistake::OwnLifetime) {
            own
        } else {
            ring.accepted(own, clock)
        };
        let by_ring = if self.plan.mistake == Some(Mistake::DeafToRing) {
            0
        } else {
            ring.not_before().0
        };
        Some(Known {
            not_before: told.max(by_ring),
            access_token: accepted.access_token,
            tolerance: if self.plan.mistake == Some(Mistake::OwnTolerance) {
                own.clock_tolerance
            } else {
                ring.kept_tolerance(own, clock)
            },
            tells_creation: !host.is_older,
        })
    }

    /// What is promised where nothing is said may have changed.
    fn note_bound(&mut self) {
        let bound = self.ring.bound(self.now);
        if self.bounds.last().is_none_or(|(_, known)| *known != bound) {
            self.bounds.push((self.now, bound));
        }
    }

    /// How late an ending may be felt where nothing is said: a lesser bound is promised once everybody has heard of it, and a
    /// greater one counts by itself when its moment has come, by any clock.
    pub(super) fn bound_by_default(&self, start: u64) -> u64 {
        let heard = start.saturating_sub(KNOWN_WITHIN.0);
        let since = self.bounds.iter().rposition(|(from, _)| *from <= heard);
        let told = self.bounds[since.unwrap_or(0)..].iter();
        let told = told.map(|(_, bound)| *bound);
        let comes = self.ring.bound(start + CLOCKS_DIFFER);
        told.chain([comes]).max().unwrap_or(comes)
    }

    pub(super) fn keys_change(&mut self) {
        if !self.authority_is_out() {
            self.ring.rotate(self.now);
            self.announce_keys();
        }
        self.after(self.plan.key_changes, Event::KeysChange);
    }

    fn announce_keys(&mut self) {
        let version = self.ring.version();
        self.authority.keys_changed(version);
        self.key_sets.push((version, self.now));
    }

    /// `revokeAllSessionsBefore`: told to the key ring, by it to the authority as a new version, and to the authority.
    pub(super) fn cut_off(&mut self, moment: u64, is_repeated: bool) {
        if !is_repeated {
            self.judge.cut_offs.push(CutOff {
                moment,
                recorded: None,
            });
            let users = &self.users;
            let (ended, live) = (self.live.iter().copied())
                .partition(|session| users.sessions[*session].truth.created < moment);
            self.live = live;
            let ended: Vec<usize> = ended;
            self.judge.cut_off += ended.len() as u64;
            self.cut_off_holders.extend(ended);
        }
        if self.ring_is_out() || self.authority_is_out() {
            if !self.ring_is_out() {
                self.ring.cut_off(UnixMillis(moment), self.now);
            }
            let again = Event::CutOff {
                moment,
                is_repeated: true,
            };
            self.after(REPEATED_AFTER, again);
            return;
        }
        self.ring.cut_off(UnixMillis(moment), self.now);
        self.announce_keys();
        self.authority
            .cut_off(UnixMillis(moment), UnixMillis(self.now));
        if let Some(last) = self.judge.cut_offs.last_mut() {
            last.recorded = Some((self.now, self.now + CUT_OFF_SPREADS));
        }
        // It is evicted soon after, and starts again from its storage.
        self.after(4_000, Event::AuthorityRestart { again: false });
    }
}
