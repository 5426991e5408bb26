//! Which texts hold tokens of ours, judged with the key ring: handles by their tag, access tokens by their key, too.
//!
//! The key ring is rarely asked for: only where something looks like a token of ours and no copy is at hand.

use std::{cell::Cell, rc::Rc};

use worker::Env;

use crate::{
    objects::{context::Context, key_ring},
    runtime::clock,
};
use postern_core::{gateway::own_tokens::Suspect, keys::RingCopy};
use postern_jwt::time::UnixMillis;

/// A judge of suspects. Without a copy of the ring whatever looks like a token of ours is taken for one.
pub(crate) struct Judge {
    /// `None` = whichever is at hand when there is a suspect; most texts hold none.
    given: Option<(Rc<RingCopy>, UnixMillis)>,
    is_unsure: Cell<bool>,
}

impl Judge {
    /// With the copy that is at hand, if one is.
    pub(crate) fn at_hand(context: Option<&Context>) -> Self {
        Self {
            given: context.map(|context| (Rc::clone(&context.ring), context.now)),
            is_unsure: Cell::new(false),
        }
    }

    /// Whether a suspect is ours.
    pub(crate) fn is_ours(&self, suspect: &Suspect<'_>) -> bool {
        let at_hand = || {
            let now = clock::now();
            key_ring::held(now).map(|ring| (ring, now))
        };
        let Some((ring, now)) = self.given.clone().or_else(at_hand) else {
            self.is_unsure.set(true);
            return true;
        };
        let names_our_key = |kid| ring.verifier(kid, now).is_some();
        ring.handle_keys().check(suspect.handle).is_some()
            || suspect.key_id.is_some_and(names_our_key)
    }

    /// What `judged` says, asked again with a copy of the ring if it had to be unsure without.
    pub(crate) async fn surely<T>(self, env: &Env, judged: impl Fn(&Self) -> T) -> T {
        let first = judged(&self);
        if !self.is_unsure.get() {
            return first;
        }
        let now = clock::now();
        match key_ring::current(env, now).await {
            Ok(ring) => judged(&Self {
                given: Some((ring, now)),
                is_unsure: Cell::new(false),
            }),
            // What looks like ours goes nowhere.
            Err(key_ring::Outage) => first,
        }
    }
}
