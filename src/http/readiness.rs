//! Whether the storage can serve (`GET {base}/readyz`). Anybody may ask, so asking costs a storage call only now and then.
//!
//! The verdict is kept in the isolate. Requests share it, and never each other's promises.

use std::cell::{Cell, RefCell};

use crate::{
    objects::{context::Context, user_sessions},
    runtime::{clock, kv},
};
use postern_core::session::call::UserCall;
use postern_jwt::time::{Millis, UnixMillis};

/// How long a good verdict is given again without asking.
const GOOD_FOR: Millis = Millis::from_seconds(5);
/// The same of a bad one.
const BAD_FOR: Millis = Millis::from_seconds(1);
/// How old a verdict may be that is given while somebody else asks.
const MEANWHILE: Millis = Millis::from_seconds(60);
/// How many requests ask at a time while there is no verdict at all.
const MOST_ASKING: u32 = 4;

#[derive(Clone, Copy)]
struct Verdict {
    at: UnixMillis,
    is_ready: bool,
}

thread_local! {
    static LATEST: RefCell<Option<Verdict>> = const { RefCell::new(None) };
    static ASKING: Cell<u32> = const { Cell::new(0) };
}

/// One that asks; it is counted until it has heard, or is given up.
struct Asking;

impl Asking {
    fn begin() -> Self {
        ASKING.set(ASKING.get().saturating_add(1));
        Self
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.set(ASKING.get().saturating_sub(1));
    }
}

/// Whether KV and the objects can serve, as was found a few seconds ago at most; longer while they are asked.
pub(crate) async fn storage_can_serve(context: &Context) -> bool {
    let (latest, asking) = (LATEST.with_borrow(|latest| *latest), ASKING.get());
    if let Some(Verdict { at, is_ready }) = latest {
        let age = context.now.since(at);
        if age < (if is_ready { GOOD_FOR } else { BAD_FOR }) || (asking > 0 && age < MEANWHILE) {
            return is_ready;
        }
    }
    if asking >= MOST_ASKING {
        return false;
    }
    let _asking = Asking::begin();
    let is_ready = ask(context).await;
    let at = clock::now();
    LATEST.with_borrow_mut(|latest| *latest = Some(Verdict { at, is_ready }));
    is_ready
}

async fn ask(context: &Context) -> bool {
    // Names that no session has: reading leaves both as they are.
    const NOBODY: &str = "readyz";
    let copy = kv::get(&kv::namespace(&context.env), NOBODY).await.is_ok();
    let call = UserCall::Check {
        handle: NOBODY.to_owned(),
        issued: None,
    };
    copy && user_sessions::ask(context, NOBODY, &call).await.is_ok()
}
