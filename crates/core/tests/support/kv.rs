//! KV as it is: writes are refused, hang, land late, and instances die with writes on their way.

use std::collections::BTreeMap;

use postern_core::session::user::{Copy, copied, copy_now};
use postern_jwt::time::UnixMillis;

use super::{memory_store::MemoryStore, random::Random};

/// A write that hangs lands within this time or never: less than the object waits before it deletes again.
const LATEST: u64 = 100_000;

struct InFlight {
    handle: String,
    attempt: Copy,
    since: u64,
    /// Nobody waits for the answer any more.
    abandoned: bool,
    landed: bool,
}

#[derive(Default)]
pub struct Kv {
    entries: BTreeMap<String, (String, u64)>,
    in_flight: Vec<InFlight>,
}

impl Kv {
    pub fn entry(&self, handle: &str) -> Option<&(String, u64)> {
        self.entries.get(handle)
    }

    /// Starts what the outbox wants for `handle`, unless the object is at it already.
    pub fn start(&mut self, store: &MemoryStore, handle: &str, now: u64) {
        let busy = self
            .in_flight
            .iter()
            .any(|write| write.handle == handle && !write.abandoned);
        if let (false, Some(attempt)) = (busy, copy_now(store, handle).unwrap()) {
            self.send(handle, attempt, now);
        }
    }

    fn send(&mut self, handle: &str, attempt: Copy, now: u64) {
        self.in_flight.push(InFlight {
            handle: handle.to_owned(),
            attempt,
            since: now,
            abandoned: false,
            landed: false,
        });
    }

    /// Something happens to one of the writes that are on their way.
    pub fn move_one(&mut self, store: &MemoryStore, now: u64, random: &mut Random) {
        if self.in_flight.is_empty() {
            return;
        }
        let at = random.below(self.in_flight.len() as u64) as usize;
        if self.in_flight[at].abandoned {
            if random.chance(50) {
                self.land(at);
            }
            self.in_flight.swap_remove(at);
            return;
        }
        match random.below(8) {
            // Accepted.
            0..=3 => {
                self.land(at);
                self.finish(at, store, true, now);
            }
            // It lands, and the answer takes its time.
            4 => self.land(at),
            // Refused.
            5 => self.finish(at, store, false, now),
            // Too slow: counts as refused, and may land yet.
            6 => {
                let write = &mut self.in_flight[at];
                write.abandoned = true;
                copied(store, &write.handle, &write.attempt, false, UnixMillis(now)).unwrap();
            }
            // The instance dies.
            _ => self.in_flight[at].abandoned = true,
        }
    }

    fn land(&mut self, at: usize) {
        let write = &mut self.in_flight[at];
        if std::mem::replace(&mut write.landed, true) {
            return;
        }
        match &write.attempt {
            Copy::Put { text, seq, .. } => {
                self.entries
                    .insert(write.handle.clone(), (text.clone(), *seq));
            }
            Copy::Delete => {
                self.entries.remove(&write.handle);
            }
        }
    }

    fn finish(&mut self, at: usize, store: &MemoryStore, accepted: bool, now: u64) {
        let write = self.in_flight.swap_remove(at);
        copied(
            store,
            &write.handle,
            &write.attempt,
            accepted,
            UnixMillis(now),
        )
        .unwrap();
    }

    /// The clock is set back; what is on its way is as old as before.
    pub fn clock_set_back(&mut self, by: u64) {
        for write in &mut self.in_flight {
            write.since -= by;
        }
    }

    /// Whatever was sent too long ago has landed by now.
    pub fn settle(&mut self, store: &MemoryStore, now: u64) {
        while let Some(at) = self
            .in_flight
            .iter()
            .position(|write| write.since + LATEST <= now)
        {
            self.land(at);
            if self.in_flight[at].abandoned {
                self.in_flight.swap_remove(at);
            } else {
                self.finish(at, store, true, now);
            }
        }
    }

    /// KV takes everything at once from now on; what is still on its way lands first.
    pub fn write_through(&mut self, store: &MemoryStore, handle: &str, now: u64) {
        if let Some(attempt) = copy_now(store, handle).unwrap() {
            self.send(handle, attempt, now);
            let at = self.in_flight.len() - 1;
            self.land(at);
            self.finish(at, store, true, now);
        }
    }

    /// The object's instance ends: nobody waits for any answer any more.
    pub fn abandon_all(&mut self) {
        for write in &mut self.in_flight {
            write.abandoned = true;
        }
    }
}
