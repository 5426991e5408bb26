//! A single-poll executor: an event whose answer needs no I/O costs no promise.
//!
//! Work that is done at its first poll answers synchronously. Work that stops at one promise is kept under a task id, and
//! `executor.mjs` resumes it when the promise settles. Work that waits for several things at once becomes a promise like
//! any other. It is the same code in all three cases; only who polls it differs.

use super::number::number;
use postern_core::waiting::WaitingList;

use super::promise;
use super::suspension::{Polled, Settlement, Suspension, Timeout, Work, poll_once};
use super::{clock, log, random};
use std::cell::RefCell;
use wasm_bindgen::JsValue;

/// Work, and the promise that it waits for.
struct Waiting {
    suspension: Suspension,
    work: Work,
}

thread_local! {
    /// A task id is a BigInt to JS: nothing that work comes to is one. Begins anywhere: an id from before a trap must not fetch another request's answer.
    static WAITING: RefCell<WaitingList<Waiting>> =
        RefCell::new(WaitingList::new(u64::from_be_bytes(random::random().unwrap_or_default())));
}

/// Runs work: to its end, to a task id, or to a promise of its end.
pub(crate) fn run(mut work: Work) -> Result<JsValue, JsValue> {
    match poll_once(&mut work) {
        Polled::Done(outcome) => outcome,
        Polled::Suspended(suspension) => Ok(wait(Waiting { suspension, work })),
        Polled::Pending => Ok(promise::of_work(work).into()),
    }
}

/// A task id for what waits; where there is no room, a promise of its end.
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
        Ok(task) => task.into(),
        Err(waiting) => promise::of_work(Box::pin(as_promise(waiting))).into(),
    }
}

/// Waits as any promise does, and goes on.
async fn as_promise(Waiting { suspension, work }: Waiting) -> Result<JsValue, JsValue> {
    let promise = Ok(suspension.promise.clone());
    let outcome = match suspension.timeout {
        Timeout::After(limit) => promise::within(promise, limit).await,
        Timeout::Computation | Timeout::Never => Some(promise::of(promise).await),
    };
    suspension.settle(match outcome {
        Some(Ok(value)) => Settlement::Fulfilled(value),
        Some(Err(error)) => Settlement::Rejected(error),
        None => Settlement::TimedOut,
    });
    work.await
}

/// The promise that the holder of a task id is to wait for.
pub(crate) fn awaited(task: u64) -> Result<JsValue, JsValue> {
    of_task(task, |waiting| waiting.suspension.promise.clone().into())
}

/// How many milliseconds the holder of a task id is to wait at most; 0 = as long as it takes, below 0 = there is nothing to
/// wait for but a computation.
pub(crate) fn timeout(task: u64) -> Result<f64, JsValue> {
    of_task(task, |waiting| match waiting.suspension.timeout {
        Timeout::Computation => -1.0,
        Timeout::Never => 0.0,
        Timeout::After(limit) => number(limit.0).as_f64().unwrap_or_default(),
    })
}

fn of_task<T>(task: u64, read: impl FnOnce(&Waiting) -> T) -> Result<T, JsValue> {
    WAITING
        .with_borrow(|waiting| waiting.get(task).map(read))
        .ok_or_else(|| js_sys::Error::new("no work waits under this task id").into())
}

/// Goes on with a task; undefined when the work was given up, which no work comes to.
pub(crate) fn resume(task: u64, settlement: Settlement) -> Result<JsValue, JsValue> {
    let found = WAITING.with_borrow_mut(|waiting| waiting.take(task));
    let Some(Waiting { suspension, work }) = found else {
        return Ok(JsValue::UNDEFINED);
    };
    suspension.settle(settlement);
    run(work)
}
