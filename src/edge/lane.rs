//! The fast lane: work that is driven by hand as far as it goes, so that it costs no promise of its own.
//!
//! An answer that needs no I/O is there at the first poll. One that waits only for WebCrypto's verdict stops with a
//! ticket: `entry.mjs` waits for that promise and comes back with what it came to. Everything else becomes a promise
//! like any other. It is the same code in all three cases; only who polls it differs.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::{crypto, number, promise};

/// How many answers may wait. One whose request was given up never comes back: the oldest are dropped.
const MAX_WAITING: usize = 1024;

type Outcome = Result<JsValue, JsValue>;
type Place = Rc<Cell<Option<Outcome>>>;

/// What the work that is being polled stopped at.
struct Stop {
    promise: Promise,
    outcome: Place,
}

/// Whether work is being driven by hand at this moment.
enum Driven {
    No,
    Yes,
    Stopped(Stop),
}

struct Waiting {
    ticket: u64,
    stop: Stop,
    work: promise::Work,
}

thread_local! {
    static DRIVEN: RefCell<Driven> = const { RefCell::new(Driven::No) };
    static WAITING: RefCell<VecDeque<Waiting>> = const { RefCell::new(VecDeque::new()) };
    /// The next ticket. Begins anywhere: a ticket from before a trap must not fetch another request's answer.
    static TICKETS: Cell<u64> = Cell::new(u64::from_be_bytes(crypto::random().unwrap_or_default()) >> 12);
}

/// Drives work: to its end, to a ticket, or to a promise of its end.
pub(super) fn drive(mut work: promise::Work) -> Outcome {
    DRIVEN.with_borrow_mut(|driven| *driven = Driven::Yes);
    let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let stop = DRIVEN.replace(Driven::No);
    match (polled, stop) {
        (Poll::Ready(outcome), _) => outcome,
        (Poll::Pending, Driven::Stopped(stop)) => {
            let ticket = TICKETS.replace(TICKETS.get().wrapping_add(1));
            WAITING.with_borrow_mut(|waiting| {
                if waiting.len() >= MAX_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(Waiting { ticket, stop, work });
            });
            Ok(number(ticket))
        }
        (Poll::Pending, _) => Ok(promise::made_of(work).into()),
    }
}

/// The promise that the holder of a ticket is to wait for.
pub(super) fn awaited(ticket: f64) -> Result<JsValue, JsValue> {
    WAITING
        .with_borrow(|waiting| {
            let found = waiting.iter().rev().find(|one| is(one, ticket));
            found.map(|one| one.stop.promise.clone().into())
        })
        .ok_or_else(given_up)
}

/// Goes on where a ticket was given out, with what the promise came to: a value, or what it was rejected with.
pub(super) fn resume(ticket: f64, is_good: bool, value: JsValue) -> Result<JsValue, JsValue> {
    let found = WAITING.with_borrow_mut(|waiting| {
        let at = waiting.iter().rposition(|one| is(one, ticket))?;
        waiting.remove(at)
    });
    let Waiting { stop, work, .. } = found.ok_or_else(given_up)?;
    let outcome = if is_good { Ok(value) } else { Err(value) };
    stop.outcome.set(Some(outcome));
    drive(work)
}

fn is(waiting: &Waiting, ticket: f64) -> bool {
    super::whole(ticket) == Some(waiting.ticket)
}

fn given_up() -> JsValue {
    js_sys::Error::new("the answer was given up").into()
}

/// Waits for a promise that settles without I/O of ours: by ticket when the work is driven by hand.
pub(super) async fn settled(call: Result<Promise, JsValue>) -> Outcome {
    Settled {
        promise: call?,
        outcome: Rc::default(),
        fallback: None,
    }
    .await
}

struct Settled {
    promise: Promise,
    outcome: Place,
    fallback: Option<JsFuture>,
}

impl Future for Settled {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(outcome) = self.outcome.take() {
            return Poll::Ready(outcome);
        }
        if self.fallback.is_none() {
            let stops_here = DRIVEN.with_borrow_mut(|driven| {
                let is_first = matches!(driven, Driven::Yes);
                if is_first {
                    *driven = Driven::Stopped(Stop {
                        promise: self.promise.clone(),
                        outcome: Rc::clone(&self.outcome),
                    });
                }
                is_first
            });
            if stops_here {
                return Poll::Pending;
            }
        }
        let promise = &self.promise.clone();
        let fallback = self
            .fallback
            .get_or_insert_with(|| JsFuture::from(promise.clone()));
        Pin::new(fallback).poll(context)
    }
}
