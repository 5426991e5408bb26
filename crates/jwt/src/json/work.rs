//! Counts the scanner's steps, so that a test can tell linear work from quadratic without a clock.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Notes steps: bytes passed, and looks at what comes next.
pub(super) fn count(steps: usize) {
    STEPS.set(STEPS.get().saturating_add(steps));
}

/// How many steps `work` takes on this thread.
pub fn steps_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = STEPS.get();
    drop(work());
    STEPS.get().saturating_sub(before)
}
