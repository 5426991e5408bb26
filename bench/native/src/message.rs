//! Messages between isolates and objects: a call that refreshes is read and written, and its answer.

use std::hint::black_box;

use postern_core::{
    message::{Message, decode, encode},
    session::call::{UserRequest, UserResponse},
};
use serde::Serialize;

use crate::Repeated;

const CALL: &str = include_str!("../../../crates/core/tests/golden/1/user-call.refresh.full.json");
const REPLY: &str = include_str!("../../../crates/core/tests/golden/1/user-reply.issued.full.json");

/// What an object reads and an isolate writes to refresh a session.
pub(crate) fn call() -> Option<Repeated> {
    crosses::<UserRequest>(CALL)
}

/// What an isolate reads and an object writes of the refreshed session.
pub(crate) fn reply() -> Option<Repeated> {
    crosses::<UserResponse>(REPLY)
}

fn crosses<M: Message + Serialize>(text: &'static str) -> Option<Repeated> {
    decode::<M>(text).ok()?;
    Some(Box::new(move || {
        let message = decode::<M>(black_box(text));
        message.is_ok_and(|message| encode(&message).is_some())
    }))
}
