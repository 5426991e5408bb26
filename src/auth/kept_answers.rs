//! Answers that `kept-answers.mjs` keeps for requests that repeat: what each stands on, and whether it still does.
//!
//! What is kept is the answer of `GET {base}/session` with one token and nothing else in the place of one. That token's
//! verification, the settings, the device's cookie and the session itself are looked at again for every request; all other
//! things that decide are in the request's text, which is the same.

use super::{authenticate, verified_session::VerifiedToken, verifier};
use crate::{
    objects::{key_ring, shared_settings},
    runtime::{clock, metrics, settings},
};
use postern_core::settings::Settings;
use postern_jwt::time::UnixMillis;
use std::{cell::RefCell, collections::HashMap, rc::Rc};

/// What an answer stands on.
struct Ground {
    known: Rc<VerifiedToken>,
    /// With the values that all isolates share.
    settings: Rc<Settings>,
    /// Until when the request's cookie shows the device, of a bound session.
    device_until: Option<UnixMillis>,
}

thread_local! {
    /// By the number that JavaScript has for each; it says when one goes.
    static KEPT: RefCell<HashMap<u32, Ground>> = RefCell::default();
}

/// Whether the answer to a request with this token may be kept: it was given before, so that another is likely, and nobody
/// has to be asked or shown anything for the next.
pub(crate) fn may_be_kept(known: &VerifiedToken) -> bool {
    known.shown.get().is_some() && known.validity.is_some() && known.session.bound_key.is_none()
}

/// Notes what the answer of this number stands on. To be called within the first poll of its request: then the cookie that
/// showed the device last was this one's.
pub(crate) fn keep(number: u32, known: &Rc<VerifiedToken>, settings: &Rc<Settings>) {
    let device = known.device.as_ref();
    let device_until = device.and_then(|device| Some(device.shown.borrow().as_ref()?.1));
    let ground = Ground {
        known: Rc::clone(known),
        settings: Rc::clone(settings),
        device_until,
    };
    KEPT.with_borrow_mut(|kept| kept.insert(number, ground));
}

/// Whether the answer of this number is still the one to give. `false` as well where that takes more than a look: the request
/// goes the whole way then.
pub(crate) fn still_holds(number: u32) -> bool {
    let now = clock::now();
    let (Some(ring), Some(own)) = (key_ring::held(now), settings::at_hand()) else {
        return false;
    };
    let settings = shared_settings::of_isolate(&own, &ring, now);
    KEPT.with_borrow(|kept| {
        let Some(ground) = kept.get(&number) else {
            return false;
        };
        let known = &ground.known;
        let shows_device =
            known.device.is_none() || ground.device_until.is_some_and(|until| now < until);
        let holds = shows_device
            && Rc::ptr_eq(&settings, &ground.settings)
            && verifier::is_still_good(known, &settings, &ring, now)
            && authenticate::stands(known, &settings, &ring, now);
        if holds {
            metrics::add_remembered(known.session.identity.issuer.id());
        }
        holds
    })
}

/// Forgets the answer of this number.
pub(crate) fn forget(number: u32) {
    let forgotten = KEPT.with_borrow_mut(|kept| kept.remove(&number));
    drop(forgotten);
}
