//! Sessions are verified: by an isolate's copy, or by their objects; and the judge is told.

use std::rc::Rc;

use postern_core::{
    keys::RingCopy,
    revocation::copy::{Decision, UncertainReason},
};
use postern_jwt::time::Millis;

use super::{
    World,
    event::{Ask, Event},
};
use crate::simulate::{
    judge::{BY_DEFAULT, Promise},
    plan::Mistake,
    users::Session,
};

/// 0 = strict.
const BOUNDS: [u64; 7] = [0, 5_000, 10_000, 30_000, 60_000, 60_000, BY_DEFAULT];
/// Whoever asks an object also polls when the copy is older than a third of this.
pub(super) const LEARN_BOUND: u64 = 30_000;
/// How long a question waits for the poll beside it.
pub(super) const POLL_TIMEOUT: u64 = 3_000;

impl World {
    pub(super) fn next_verification(&mut self, isolate: usize) {
        let mean = 1.0 / self.isolates[isolate].rate;
        let after = self.random_around(mean as u64 + 1);
        self.after(after, Event::Verify { isolate });
    }

    pub(super) fn verify(&mut self, isolate: usize) {
        self.next_verification(isolate);
        let Some(session) = self.somebody() else {
            return;
        };
        let Some(ring) = self.isolate_ring(isolate) else {
            // Without a copy of the key ring no request is answered.
            return;
        };
        let clock = self.isolates[isolate].clock(self.now);
        let tolerance = self.isolates[isolate]
            .accepted(&ring, self.now)
            .clock_tolerance;
        if self.users.sessions[session].exp.plus(tolerance) <= clock {
            // Its browser refreshes first.
            self.renew(isolate, session, &ring);
        } else {
            self.verify_with(isolate, session, &ring);
        }
    }

    /// Verifies a session whose access token is good by its times.
    pub(super) fn verify_with(&mut self, isolate: usize, session: usize, ring: &Rc<RingCopy>) {
        let level = self.random.pick(&BOUNDS);
        let by_default = self.isolates[isolate].accepted(ring, self.now).bound;
        let bound = match (level, by_default) {
            (BY_DEFAULT, Some(bound)) => bound.0,
            _ => level,
        };
        let user = self.users.sessions[session].user;
        self.judge.verifications += 1;
        self.judge.level(level).verifications += 1;
        if !self.knows_key(isolate, session, level, ring) {
            return;
        }
        let ask = Ask {
            isolate,
            life: self.isolates[isolate].life,
            session,
            level,
            bound,
            start: self.now,
            told: self.isolates[isolate].not_before(Some(ring)),
            standing: false,
        };
        let decision = if bound == 0 {
            Decision::AskObject(UncertainReason::NoCopy)
        } else {
            let session = &self.users.sessions[session];
            self.isolates[isolate].decide(session, Millis(bound), ring, self.now)
        };
        match decision {
            Decision::Live => {
                let fresh = self.isolates[isolate].is_fresh(Millis(bound), self.now);
                if fresh {
                    self.judge_keys(isolate, bound);
                }
                self.honoured(&ask, fresh);
                self.poll(isolate, bound);
            }
            Decision::Revoked => {
                let truth = self.users.sessions[session].truth;
                let start = self.now;
                self.judge.refused(truth, start, Some(level), "by the copy");
                self.poll(isolate, bound);
            }
            Decision::AskObject(why) => {
                self.judge.level(level).asked += 1;
                self.hits += u64::from(why == UncertainReason::Hit);
                if matches!(why, UncertainReason::NoCopy | UncertainReason::OldCopy) {
                    let bound = if bound == 0 { LEARN_BOUND } else { bound };
                    self.poll(isolate, bound.min(LEARN_BOUND));
                } else {
                    self.poll(isolate, bound);
                }
                if self.object_is_out(user) {
                    if self.plan.mistake == Some(Mistake::OpenOnOutage) {
                        self.honoured(&ask, true);
                    } else {
                        self.judge.level(level).unavailable += 1;
                    }
                } else {
                    let out = self.latency();
                    self.after(out, Event::ObjectAsked(ask));
                }
            }
        }
    }

    /// Whether the key that signed the token is known; if not, the key ring is asked, and has the last word.
    fn knows_key(
        &mut self,
        isolate: usize,
        session: usize,
        level: u64,
        ring: &Rc<RingCopy>,
    ) -> bool {
        let clock = self.isolates[isolate].clock(self.now);
        let is_known = |ring: &RingCopy, key: &str| ring.verifier(key, clock).is_some();
        if is_known(ring, &self.users.sessions[session].key) {
            return true;
        }
        self.ask_ring(isolate, 0, Millis(0));
        let isolate = &self.isolates[isolate];
        let gave_no_answer = isolate.ring.failed == Some(self.now);
        let held = isolate.ring.held(clock);
        let Session {
            truth, exp, key, ..
        } = &self.users.sessions[session];
        if held.is_some_and(|ring| is_known(&ring, key)) {
            return true;
        }
        if gave_no_answer {
            self.judge.level(level).unavailable += 1;
        } else if exp.0 > self.now {
            let why = "the key that signed its token is not kept";
            self.judge.refused(*truth, self.now, Some(level), why);
        }
        false
    }

    /// A session that somebody uses: often one that has ended lately.
    fn somebody(&mut self) -> Option<usize> {
        let horizon = self.now.saturating_sub(200_000);
        while let Some(&oldest) = self.lately_ended.front()
            && self.users.sessions[oldest].truth.ended < Some(horizon)
        {
            self.lately_ended.pop_front();
        }
        if !self.lately_ended.is_empty() && self.random.chance(30) {
            let at = self.random.below(self.lately_ended.len() as u64) as usize;
            return self.lately_ended.get(at).copied();
        }
        if !self.cut_off_holders.is_empty() && self.random.chance(20) {
            return Some(self.random.pick(&self.cut_off_holders));
        }
        if self.random.chance(3) {
            // Any session that ever was.
            return Some(self.random.below(self.users.sessions.len() as u64) as usize);
        }
        if self.live.is_empty() {
            return None;
        }
        // Some are used much more than others.
        let share = self.random.below(1 << 20) as f64 / f64::from(1 << 20);
        let at = (share.powi(3) * self.live.len() as f64) as usize;
        self.live.get(at).copied()
    }

    fn judge_keys(&mut self, isolate: usize, bound: u64) {
        let known = self.isolates[isolate].key_set_version();
        let mut newer = self.key_sets.iter().filter(|(set, _)| *set > known);
        if let Some((_, changed)) = newer.next() {
            let changed = *changed;
            self.judge.old_key(self.now, bound, changed);
        }
    }

    /// A session was let in: by the copy, or by its object.
    fn honoured(&mut self, ask: &Ask, by_copy: bool) {
        let session = &self.users.sessions[ask.session];
        let promise = Promise {
            level: ask.level,
            bound: match ask.level {
                BY_DEFAULT => self.bound_by_default(ask.start),
                bound => bound,
            },
        };
        let isolate = &self.isolates[ask.isolate];
        let asked = [
            isolate.polled,
            isolate.ring.failed,
            self.hosts[self.host_of(session.user)].ring.failed,
        ];
        // Each was asked since, and none has told: or it would not be let in.
        let reached_nobody = |since| {
            !by_copy
                && asked
                    .iter()
                    .all(|asked| asked.is_some_and(|at| at >= since))
        };
        self.judge
            .honoured(session.truth, ask.start, promise, reached_nobody);
    }

    pub(super) fn object_asked(&mut self, mut ask: Ask) {
        let user = self.users.sessions[ask.session].user;
        let Some(known) = self.known_to_object(user, ask.told) else {
            self.judge.level(ask.level).unavailable += 1;
            return;
        };
        ask.standing = self.users.is_standing(ask.session, self.now, known);
        if !ask.standing {
            self.arm(user);
            self.ended_by_object(ask.session);
        }
        // Whoever asks waits for the poll beside, but not for ever.
        let back = self.latency().min(POLL_TIMEOUT).max(self.random.below(300));
        self.after(back, Event::ObjectAnswered(ask));
    }

    pub(super) fn object_answered(&mut self, mut ask: Ask) {
        let told = self.known_to_isolate(ask.isolate);
        let isolate = &mut self.isolates[ask.isolate];
        let session = &self.users.sessions[ask.session];
        let is_same = isolate.life == ask.life;
        if ask.standing && is_same && told > ask.told {
            ask.told = told;
            self.after(20, Event::ObjectAsked(ask));
            return;
        }
        if ask.standing {
            if is_same {
                let asked = isolate.clock(ask.start);
                isolate.note(session, asked);
                self.honoured(&ask, false);
            }
        } else {
            isolate.forget(session);
            self.judge
                .refused(session.truth, ask.start, Some(ask.level), "by its object");
        }
    }
}
