//! The fast lane: work that is driven by hand, so that it costs no promise of its own.
//!
//! An answer that needs no I/O is there at the first poll. One that waits for a promise stops with a ticket: `entry.mjs`
//! waits, and comes back with what the promise came to. What waits for several things at once becomes a promise like
//! any other. It is the same code in all three cases; only who polls it differs.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use js_sys::Promise;
use wasm_bindgen::JsValue;

use super::{clock, crypto, number, promise};
use crate::time::{Millis, UnixMillis};

/// How much work may wait, and how long. What belongs to a request that was given up never comes back, and is dropped
/// when it is too old, or when there is too much.
const MAX_WAITING: usize = 16_384;
const LONGEST_WAIT: Millis = Millis(120_000);

/// What became of a promise.
pub(super) enum Settlement {
    /// It was fulfilled.
    Fulfilled(JsValue),
    /// It was rejected.
    Rejected(JsValue),
    /// The time was over first.
    Late,
}

/// How long a promise may take.
#[derive(Clone, Copy)]
pub(super) enum Patience {
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

struct Waiting {
    ticket: u64,
    since: UnixMillis,
    stop: Stop,
    work: promise::Work,
}

thread_local! {
    static DRIVEN: RefCell<Driven> = const { RefCell::new(Driven::No) };
    static WAITING: RefCell<VecDeque<Waiting>> = const { RefCell::new(VecDeque::new()) };
    /// The next ticket, a BigInt to JS: nothing that work comes to is one. Begins anywhere: a ticket from before a trap must not fetch another request's answer.
    static TICKETS: Cell<u64> = Cell::new(u64::from_be_bytes(crypto::random().unwrap_or_default()));
}

/// Drives work: to its end, to a ticket, or to a promise of its end.
pub(super) fn drive(mut work: promise::Work) -> Result<JsValue, JsValue> {
    DRIVEN.replace(Driven::Yes);
    let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match (polled, DRIVEN.replace(Driven::No)) {
        (Poll::Ready(outcome), _) => outcome,
        (Poll::Pending, Driven::Stopped(stop)) => Ok(wait(stop, work).into()),
        (Poll::Pending, _) => Ok(promise::made_of(work).into()),
    }
}

fn wait(stop: Stop, work: promise::Work) -> u64 {
    let ticket = TICKETS.replace(TICKETS.get().wrapping_add(1));
    let since = clock::now();
    let given_up = WAITING.with_borrow_mut(|waiting| {
        waiting.push_back(Waiting {
            ticket,
            since,
            stop,
            work,
        });
        let is_old = |oldest: &Waiting| since.since(oldest.since) > LONGEST_WAIT;
        (waiting.len() > MAX_WAITING || waiting.front().is_some_and(is_old))
            .then(|| waiting.pop_front())
    });
    // Only now: what it holds may be anything.
    drop(given_up);
    ticket
}

/// The promise that the holder of a ticket is to wait for.
pub(super) fn awaited(ticket: u64) -> Result<JsValue, JsValue> {
    of_ticket(ticket, |waiting| waiting.stop.promise.clone().into())
}

/// How many milliseconds the holder of a ticket is to wait at most; 0 = as long as it takes, below 0 = there is nothing to
/// wait for but a computation.
pub(super) fn patience(ticket: u64) -> Result<f64, JsValue> {
    of_ticket(ticket, |waiting| match waiting.stop.patience {
        Patience::Computation => -1.0,
        Patience::Endless => 0.0,
        Patience::AtMost(limit) => number(limit.0).as_f64().unwrap_or_default(),
    })
}

fn of_ticket<T>(ticket: u64, read: impl FnOnce(&Waiting) -> T) -> Result<T, JsValue> {
    WAITING
        .with_borrow(|waiting| {
            let mut newest_first = waiting.iter().rev();
            newest_first.find(|one| one.ticket == ticket).map(read)
        })
        .ok_or_else(given_up)
}

/// Goes on where a ticket was given out.
pub(super) fn resume(ticket: u64, settlement: Settlement) -> Result<JsValue, JsValue> {
    let found = WAITING.with_borrow_mut(|waiting| {
        let at = waiting.iter().rposition(|one| one.ticket == ticket)?;
        waiting.remove(at)
    });
    let Waiting { stop, work, .. } = found.ok_or_else(given_up)?;
    stop.settlement.set(Some(settlement));
    drive(work)
}

fn given_up() -> JsValue {
    js_sys::Error::new("this work was given up").into()
}

/// Waits for a promise, if the work is driven by hand and waits for nothing else; `None` = wait in another way.
pub(super) async fn settlement(promise: &Promise, patience: Patience) -> Option<Settlement> {
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
