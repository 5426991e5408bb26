//! Where work that is being polled stops: at a promise, which whoever polled it is to wait for.
//!
//! The executor begins a poll and ends it; what waits for a promise in between says so here. The one knows nothing of the
//! other.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use js_sys::Promise;
use postern_jwt::time::Millis;
use wasm_bindgen::JsValue;

/// Work that comes to a JS value, as one type: so the code that polls it exists once.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

/// What became of a promise.
pub(crate) enum Settlement {
    /// It was fulfilled.
    Fulfilled(JsValue),
    /// It was rejected.
    Rejected(JsValue),
    /// The time was over first.
    TimedOut,
}

/// How long a promise may take.
#[derive(Clone, Copy)]
pub(crate) enum Timeout {
    /// It waits for no I/O: a computation of the platform's, such as WebCrypto's.
    Computation,
    /// As long as it takes.
    Never,
    /// This long.
    After(Millis),
}

/// A promise at which work has stopped.
pub(crate) struct Suspension {
    pub(crate) promise: Promise,
    pub(crate) timeout: Timeout,
    settlement: Rc<Cell<Option<Settlement>>>,
}

impl Suspension {
    /// What the promise came to; the work reads it at its next poll.
    pub(crate) fn settle(&self, settlement: Settlement) {
        self.settlement.set(Some(settlement));
    }
}

/// What one poll of work came to.
pub(crate) enum Polled {
    /// Its end.
    Done(Result<JsValue, JsValue>),
    /// One promise, and nothing else.
    Suspended(Suspension),
    /// Something else, or several things at once: a waker is needed.
    Pending,
}

/// Whether the executor polls at this moment.
enum State {
    Idle,
    Polling,
    Suspended(Suspension),
}

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::Idle) };
}

/// Polls work once.
pub(crate) fn poll_once(work: &mut Work) -> Polled {
    STATE.replace(State::Polling);
    let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match (polled, STATE.replace(State::Idle)) {
        (Poll::Ready(outcome), _) => Polled::Done(outcome),
        (Poll::Pending, State::Suspended(suspension)) => Polled::Suspended(suspension),
        (Poll::Pending, _) => Polled::Pending,
    }
}

/// Whether the work that the executor is polling has stopped at a computation of the platform's; where it waits for several
/// things, the first of them counts. `false` for work that somebody else polls.
pub(crate) fn is_at_computation() -> bool {
    STATE.with_borrow(|state| {
        matches!(state, State::Suspended(suspension) if matches!(suspension.timeout, Timeout::Computation))
    })
}

/// Waits for a promise, if the executor polls and the work waits for nothing else; `None` = wait in another way.
pub(crate) async fn settlement(promise: &Promise, timeout: Timeout) -> Option<Settlement> {
    let settlement = Rc::new(Cell::new(None));
    let suspends = STATE.with_borrow_mut(|state| {
        let is_first = matches!(state, State::Polling);
        if is_first {
            *state = State::Suspended(Suspension {
                promise: promise.clone(),
                timeout,
                settlement: Rc::clone(&settlement),
            });
        }
        is_first
    });
    if !suspends {
        return None;
    }
    PendingOnce(false).await;
    settlement.take()
}

/// A future that is pending once.
struct PendingOnce(bool);

impl Future for PendingOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}
