//! This release's settings with the values that isolates and objects share, as the key ring publishes them, in place of
//! its own.

use std::{cell::RefCell, rc::Rc};

use postern_core::{
    keys::{RingCopy, SharedValues},
    settings::Settings,
};
use postern_jwt::time::UnixMillis;

/// What was made last: the values change once in a deployment.
struct Made {
    own: Rc<Settings>,
    values: SharedValues,
    settings: Rc<Settings>,
}

thread_local! {
    static MADE: RefCell<Option<Made>> = const { RefCell::new(None) };
}

/// What an isolate goes by: it grants and accepts no more than all others do.
pub(crate) fn of_isolate(own: &Rc<Settings>, ring: &RingCopy, now: UnixMillis) -> Rc<Settings> {
    let values = SharedValues::from(own.as_ref());
    with_values(own, ring.accepted(values, now))
}

/// What a user's object goes by: it grants no more than all others do, and tells of ended sessions for as long as anybody may
/// accept their tokens.
pub(crate) fn of_object(own: &Rc<Settings>, ring: &RingCopy, now: UnixMillis) -> Rc<Settings> {
    let values = SharedValues::from(own.as_ref());
    let accepted = ring.accepted(values, now);
    let values = SharedValues {
        clock_tolerance: ring.kept_tolerance(values, now),
        ..accepted
    };
    with_values(own, values)
}

fn with_values(own: &Rc<Settings>, values: SharedValues) -> Rc<Settings> {
    if values == SharedValues::from(own.as_ref()) {
        return Rc::clone(own);
    }
    MADE.with_borrow_mut(|made| {
        if let Some(made) = made
            && Rc::ptr_eq(&made.own, own)
            && made.values == values
        {
            return Rc::clone(&made.settings);
        }
        let mut settings = own.as_ref().clone();
        values.put_into(&mut settings);
        let settings = Rc::new(settings);
        *made = Some(Made {
            own: Rc::clone(own),
            values,
            settings: Rc::clone(&settings),
        });
        settings
    })
}
