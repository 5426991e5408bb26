//! A browser whose access token has run out refreshes: the isolate asks the object, polls beside that, and looks again when
//! a poll has told of a cut-off meanwhile.

use std::rc::Rc;

use postern_core::keys::RingCopy;

use super::{
    World,
    event::{Ask, Event},
    verify::LEARN_BOUND,
};
use crate::simulate::{
    plan::Mistake,
    users::{Renewed, Tokens, is_legacy},
};

/// An object that takes longer has given no answer.
const OBJECT_TIMEOUT: u64 = 15_000;

impl World {
    pub(super) fn renew(&mut self, isolate: usize, session: usize, ring: &Rc<RingCopy>) {
        let user = self.users.sessions[session].user;
        if self.users.sessions[session].is_busy
            || self.object_is_out(user)
            || self.isolates[isolate].signer(ring, self.now).is_none()
            || !self.may_mint(isolate, !is_legacy(user), ring)
        {
            return;
        }
        self.users.sessions[session].is_busy = true;
        let ask = Ask {
            isolate,
            life: self.isolates[isolate].life,
            session,
            level: 0,
            bound: 0,
            start: self.now,
            told: self.isolates[isolate].not_before(Some(ring)),
            standing: true,
        };
        self.poll(isolate, LEARN_BOUND);
        let out = self.latency();
        self.after(out, Event::RefreshAsked(ask));
    }

    /// A token that does not tell when its session was created is made only by an isolate that would know of a cut-off.
    fn may_mint(&self, isolate: usize, tells: bool, ring: &RingCopy) -> bool {
        tells || self.isolates[isolate].may_mint_undated(ring, self.now)
    }

    pub(super) fn refresh_asked(&mut self, ask: Ask) {
        let user = self.users.sessions[ask.session].user;
        let Some(known) = self.known_to_object(user, ask.told) else {
            self.users.sessions[ask.session].is_busy = false;
            return;
        };
        let renewed = self.users.refresh(ask.session, self.now, known);
        if !matches!(renewed, Renewed::Tokens(_)) {
            self.arm(user);
            self.ended_by_object(ask.session);
        }
        let back = self.latency().max(self.random.below(300));
        if self.now + back > ask.start + OBJECT_TIMEOUT {
            let lost = Event::RefreshLost {
                session: ask.session,
            };
            self.at(ask.start + OBJECT_TIMEOUT.max(self.now - ask.start), lost);
        } else {
            self.after(back, Event::RefreshAnswered(ask, renewed));
        }
    }

    pub(super) fn refresh_answered(&mut self, ask: Ask, renewed: Renewed) {
        self.users.sessions[ask.session].is_busy = false;
        if self.isolates[ask.isolate].life != ask.life {
            return;
        }
        let truth = self.users.sessions[ask.session].truth;
        let tokens = match renewed {
            Renewed::Tokens(tokens) => tokens,
            Renewed::Theft if self.users.sessions[ask.session].is_stolen => return,
            Renewed::Theft => {
                self.judge
                    .refused(truth, ask.start, None, "one holder was taken for two");
                return;
            }
            Renewed::Gone => {
                self.judge.refused(truth, ask.start, None, "by a refresh");
                return;
            }
        };
        self.look_again_or_take(ask, tokens);
    }

    /// The object is asked once more if the isolate has heard of a newer cut-off than it told.
    fn look_again_or_take(&mut self, mut ask: Ask, tokens: Tokens) {
        let told = self.known_to_isolate(ask.isolate);
        if told > ask.told && self.plan.mistake != Some(Mistake::NoSecondLook) {
            ask.told = told;
            self.users.sessions[ask.session].is_busy = true;
            self.after(20, Event::RefreshCheckedAgain(ask, tokens));
        } else {
            self.take_tokens(&ask, tokens);
        }
    }

    /// The object is asked once more, with what was learnt meanwhile, and has the last word.
    pub(super) fn refresh_checked_again(&mut self, ask: Ask, tokens: Tokens) {
        self.users.sessions[ask.session].is_busy = false;
        let user = self.users.sessions[ask.session].user;
        let Some(known) = self.known_to_object(user, ask.told) else {
            return;
        };
        if self.users.is_standing(ask.session, self.now, known) {
            self.look_again_or_take(ask, tokens);
        } else {
            self.arm(user);
            let truth = self.users.sessions[ask.session].truth;
            self.judge
                .refused(truth, ask.start, None, "by a second look at a refresh");
        }
    }

    fn take_tokens(&mut self, ask: &Ask, tokens: Tokens) {
        let user = self.users.sessions[ask.session].user;
        // What a new copy of the ring says is for later requests: one goes by the copy that it began with.
        let told = self.known_to_isolate(ask.isolate);
        let Some(ring) = self.isolate_ring(ask.isolate) else {
            return;
        };
        let tells = !is_legacy(user) && tokens.access.session_created.is_some();
        let isolate = &self.isolates[ask.isolate];
        let (true, true, Some(key)) = (
            isolate.life == ask.life,
            self.may_mint(ask.isolate, tells, &ring),
            isolate.signer(&ring, self.now),
        ) else {
            return;
        };
        let truth = self.users.sessions[ask.session].truth;
        self.judge.renewed(truth, told, self.now);
        self.users.accept(ask.session, tokens, key);
        let clock = self.isolates[ask.isolate].clock(self.now);
        if self.users.sessions[ask.session].exp > clock {
            self.verify_with(ask.isolate, ask.session, &ring);
        }
    }
}
