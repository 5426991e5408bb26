//! The fast lane: work that is driven by hand, so that it costs no promise of its own.
//!
//! An answer that needs no I/O is there at the first poll. One that waits for a promise stops with a ticket: `entry.mjs`
//! waits, and comes back with what the promise came to. What waits for several things at once becomes a promise like
//! any other. It is the same code in all three cases; only who polls it differs.

use super::number::number;
use postern_core::waiting::WaitingList;
use postern_jwt::time::Millis;

use super::{clock, log, promise, random};
use js_sys::Promise;
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;

/// What became of a promise.
pub(crate) enum Settlement {
    /// It was fulfilled.
    Fulfilled(JsValue),
    /// It was rejected.
    Rejected(JsValue),
    /// The time was over first.
    Late,
}

/// How long a promise may take.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// It waits for no I/O: a computation of the platform's, such as WebCrypto's.
    Computation,
    /// As long as it takes.
    Endless,
    /// This long.
    AtMost(Millis),
}

/// Where the work that is being polled stopped.
struct Stop {
    promise: Promise,
    patience: Patience,
    settlement: Rc<Cell<Option<Settlement>>>,
}

/// Whether work is being driven by hand at this moment.
enum Driven {
    No,
    Yes,
    Stopped(Stop),
}

/// Work, and what it waits for.
struct Waiting {
    stop: Stop,
    work: Work,
}

thread_local! {
    static DRIVEN: RefCell<Driven> = const { RefCell::new(Driven::No) };
    /// A ticket is a BigInt to JS: nothing that work comes to is one. Begins anywhere: a ticket from before a trap must not fetch another request's answer.
    static WAITING: RefCell<WaitingList<Waiting>> =
        RefCell::new(WaitingList::new(u64::from_be_bytes(random::random().unwrap_or_default())));
}

/// Drives work: to its end, to a ticket, or to a promise of its end.
pub(crate) fn drive(mut work: Work) -> Result<JsValue, JsValue> {
    DRIVEN.replace(Driven::Yes);
    let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match (polled, DRIVEN.replace(Driven::No)) {
        (Poll::Ready(outcome), _) => outcome,
        (Poll::Pending, Driven::Stopped(stop)) => Ok(wait(Waiting { stop, work })),
        (Poll::Pending, _) => Ok(made_of(work).into()),
    }
}

/// A ticket for what waits; where there is no room, a promise of its end.
fn wait(waiting: Waiting) -> JsValue {
    let now = clock::now();
    let (given_up, added) =
        WAITING.with_borrow_mut(|list| (list.given_up(now), list.add(now, waiting)));
    if !given_up.is_empty() {
        log::write(
            log::Event::GivenUp,
            "work was given up: what it waits for never came",
        );
    }
    // Only now: what it holds may be anything.
    drop(given_up);
    match added {
        Ok(ticket) => ticket.into(),
        Err(waiting) => made_of(Box::pin(of_its_own(waiting))).into(),
    }
}

/// Waits as any promise does, and goes on.
async fn of_its_own(Waiting { stop, work }: Waiting) -> Result<JsValue, JsValue> {
    let outcome = match stop.patience {
        Patience::AtMost(limit) => promise::within(Ok(stop.promise), limit).await,
        Patience::Computation | Patience::Endless => Some(promise::of(Ok(stop.promise)).await),
    };
    stop.settlement.set(Some(match outcome {
        Some(Ok(value)) => Settlement::Fulfilled(value),
        Some(Err(error)) => Settlement::Rejected(error),
        None => Settlement::Late,
    }));
    work.await
}

/// The promise that the holder of a ticket is to wait for.
pub(crate) fn awaited(ticket: u64) -> Result<JsValue, JsValue> {
    of_ticket(ticket, |waiting| waiting.stop.promise.clone().into())
}

/// How many milliseconds the holder of a ticket is to wait at most; 0 = as long as it takes, below 0 = there is nothing to
/// wait for but a computation.
pub(crate) fn patience(ticket: u64) -> Result<f64, JsValue> {
    of_ticket(ticket, |waiting| match waiting.stop.patience {
        Patience::Computation => -1.0,
        Patience::Endless => 0.0,
        Patience::AtMost(limit) => number(limit.0).as_f64().unwrap_or_default(),
    })
}

fn of_ticket<T>(ticket: u64, read: impl FnOnce(&Waiting) -> T) -> Result<T, JsValue> {
    WAITING
        .with_borrow(|waiting| waiting.get(ticket).map(read))
        .ok_or_else(|| js_sys::Error::new("no work waits by this ticket").into())
}

/// Goes on where a ticket was given out; undefined when the work was given up, which no work comes to.
pub(crate) fn resume(ticket: u64, settlement: Settlement) -> Result<JsValue, JsValue> {
    let found = WAITING.with_borrow_mut(|waiting| waiting.take(ticket));
    let Some(Waiting { stop, work }) = found else {
        return Ok(JsValue::UNDEFINED);
    };
    stop.settlement.set(Some(settlement));
    drive(work)
}

/// Waits for a promise, if the work is driven by hand and waits for nothing else; `None` = wait in another way.
pub(crate) async fn settlement(promise: &Promise, patience: Patience) -> Option<Settlement> {
    let settlement = Rc::new(Cell::new(None));
    let stops = DRIVEN.with_borrow_mut(|driven| {
        let is_first = matches!(driven, Driven::Yes);
        if is_first {
            *driven = Driven::Stopped(Stop {
                promise: promise.clone(),
                patience,
                settlement: Rc::clone(&settlement),
            });
        }
        is_first
    });
    if !stops {
        return None;
    }
    Once(false).await;
    settlement.take()
}

/// Is there at the second poll.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}

/// Work that comes to a JS value, as one type: so the code that drives it exists once.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

/// The promise of what `work` comes to. It begins in a later microtask.
pub(crate) fn made_of(work: Work) -> Promise {
    future_to_promise(work)
}
