//! Bodies, read whole and within limits: one for the body at hand, one for all that this isolate holds at a time.

use std::cell::Cell;

use wasm_bindgen::{JsCast, JsValue};

use crate::runtime::{
    clock,
    js::{ByteReader, ByteStream, Chunk},
    promise,
};
use postern_jwt::time::Millis;

/// How many bytes of bodies an isolate holds at a time. Memory of Wasm never shrinks, and a full isolate dies with all
/// its requests.
const IN_FLIGHT_LIMIT: usize = 16 * 1024 * 1024;
/// How long a body may take to arrive: who sends slowly keeps others from the room.
const MOST_TIME: Millis = Millis::from_seconds(20);

thread_local! {
    static IN_FLIGHT: Cell<usize> = const { Cell::new(0) };
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// The sender broke off.
    Broken,
    /// It is longer than its limit.
    TooLarge,
    /// The isolate holds too many bodies at the moment.
    Crowded,
    /// It did not arrive in time.
    Slow,
}

impl From<JsValue> for BodyFault {
    /// What JS threw is dropped: its text may hold what must not be logged.
    fn from(_: JsValue) -> Self {
        Self::Broken
    }
}

/// A permit among the bodies in flight; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct MemoryPermit {
    bytes: usize,
}

impl MemoryPermit {
    /// Takes room for this many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), BodyFault> {
        let taken = IN_FLIGHT.get().saturating_add(bytes);
        if taken > IN_FLIGHT_LIMIT {
            return Err(BodyFault::Crowded);
        }
        IN_FLIGHT.set(taken);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        IN_FLIGHT.set(IN_FLIGHT.get().saturating_sub(self.bytes));
    }
}

/// Reads a body of at most `limit` bytes; no stream is an empty one.
pub(crate) async fn read(stream: Option<ByteStream>, limit: usize) -> Result<Vec<u8>, BodyFault> {
    let Some(stream) = stream else {
        return Ok(Vec::new());
    };
    let reader = stream.reader()?;
    let mut permit = MemoryPermit::default();
    let mut body = Vec::new();
    let began = clock::now();
    loop {
        let next = reader.read();
        let left = MOST_TIME.0.saturating_sub(clock::now().since(began).0);
        let Some(chunk) = promise::within(next, Millis(left.max(1))).await else {
            give_up(&reader).await;
            return Err(BodyFault::Slow);
        };
        let chunk: Chunk = chunk?.unchecked_into();
        if chunk.done()? {
            return Ok(body);
        }
        let bytes = chunk.value()?;
        let length = usize::try_from(bytes.length()).unwrap_or(usize::MAX);
        let grown = if body.len().saturating_add(length) > limit {
            Err(BodyFault::TooLarge)
        } else {
            permit.grow(length)
        };
        if let Err(fault) = grown {
            give_up(&reader).await;
            return Err(fault);
        }
        body.extend(bytes.to_vec());
    }
}

/// Tells the sender to stop. Whether it hears does not matter: nothing more is read.
async fn give_up(reader: &ByteReader) {
    let _ = promise::of(reader.cancel()).await;
}
