//! The KV copies of an object's session data: one writer per handle, at most one write a second, every caller answered.

use std::rc::Rc;

use futures_channel::oneshot;

use super::{COPIES_AT_ONCE, Object, SqlUserStore, TAKE_OVER_AFTER};
use crate::runtime::{clock, kv, log, promise};
use postern_core::session::{
    call::UserReply,
    record::{StoreFault, UserStore},
    user::{self, Copy, ERASE_BATCH},
};
use postern_jwt::time::Millis;

/// A user's calls for one handle's copy are coalesced to one KV write in this time; KV takes no more.
const COPY_PACE: Millis = Millis(1_000);

/// A call that waits for a sequence number to be in KV.
#[derive(Debug)]
pub(super) struct Waiting {
    seq: u64,
    accepted: oneshot::Sender<bool>,
}

impl Object {
    /// Has the copy of `handle` brought up to `seq` or a newer value; what comes back says whether KV took it.
    ///
    /// The writing itself outlives the call that started it, and serves every call that comes meanwhile. It is the only
    /// way to a copy: two writes of one handle at a time would land in an order of their own.
    pub(super) fn copied(self: &Rc<Self>, handle: String, seq: u64) -> oneshot::Receiver<bool> {
        let (accepted, answer) = oneshot::channel();
        let waiting = Waiting { seq, accepted };
        let is_first = {
            let mut writers = self.writers.borrow_mut();
            if let Some((_, queue)) = writers.iter_mut().find(|(known, _)| *known == handle) {
                queue.push(waiting);
                false
            } else {
                writers.push((handle.clone(), vec![waiting]));
                true
            }
        };
        if is_first {
            let object = Rc::clone(self);
            self.durable
                .in_background(async move { object.write_copies(&handle).await });
        }
        answer
    }

    async fn write_copies(&self, handle: &str) {
        loop {
            let outcome = self.copy(handle).await.unwrap_or_else(|StoreFault(fault)| {
                log::write(log::Event::UserSessionsCopy, &fault);
                Copied {
                    accepted: false,
                    seq: u64::MAX,
                }
            });
            let served: Vec<Waiting> = match self
                .writers
                .borrow_mut()
                .iter_mut()
                .find(|(known, _)| known == handle)
            {
                Some((_, queue)) => queue
                    .extract_if(.., |waiting| waiting.seq <= outcome.seq)
                    .collect(),
                None => Vec::new(),
            };
            for waiting in served {
                // The call may be gone; nobody is left to wait for it then.
                let _ = waiting.accepted.send(outcome.accepted);
            }
            promise::sleep(COPY_PACE).await;
            let mut writers = self.writers.borrow_mut();
            let is_done =
                |(known, queue): &(String, Vec<Waiting>)| known == handle && queue.is_empty();
            if let Some(at) = writers.iter().position(is_done) {
                writers.swap_remove(at);
                return;
            }
        }
    }

    /// Brings the KV copy of a handle up to what the object holds now, and notes the outcome in the outbox.
    async fn copy(&self, handle: &str) -> Result<Copied, StoreFault> {
        let store = self.store()?;
        let Some(copy) = user::copy_now(&store, handle)? else {
            return Ok(Copied {
                accepted: true,
                seq: u64::MAX,
            });
        };
        let namespace = kv::namespace(&self.durable.env);
        let (outcome, seq) = match &copy {
            Copy::Put {
                text,
                seq,
                session_expires,
            } => {
                let entry = kv::Entry {
                    text,
                    seq: *seq,
                    session_expires: *session_expires,
                };
                (
                    kv::put(&namespace, handle, &entry, clock::now()).await,
                    *seq,
                )
            }
            Copy::Delete => (kv::delete(&namespace, handle).await, u64::MAX),
        };
        if let Err(kv::KvFault(message)) = &outcome {
            log::write(log::Event::Kv, message);
        }
        let accepted = outcome.is_ok();
        self.durable
            .transaction(|| user::copied(&store, handle, &copy, accepted, clock::now()))?;
        self.arm_for_the_rest(&store).await?;
        // A session that ended meanwhile took the write with it.
        let accepted = accepted && matches!(copy, Copy::Put { .. });
        Ok(Copied { accepted, seq })
    }
}

impl Object {
    /// Has the authority hear of sessions that were erased, and their KV copies deleted; gives the reply that takes the place
    /// of the one at hand if either came to nothing, or if there are more copies than one call deletes.
    pub(super) async fn erased(self: &Rc<Self>, reply: UserReply) -> Option<UserReply> {
        if !self.report().await {
            return Some(UserReply::RevocationPending {});
        }
        let left = async {
            let handles = self.store()?.pending_deletes(ERASE_BATCH)?;
            for some in handles.chunks(COPIES_AT_ONCE) {
                self.copy_all(some).await;
            }
            let left = self.store()?.pending_deletes(u32::MAX)?;
            let has_failed = left.iter().any(|handle| handles.contains(handle));
            Ok((has_failed, !left.is_empty()))
        };
        match (left.await, reply) {
            (Ok((false, false)), _) => None,
            (Ok((false, true)), UserReply::Erased { handles, .. }) => Some(UserReply::Erased {
                handles,
                goes_on: true,
            }),
            (Ok(_), _) => Some(UserReply::CopyPending {}),
            (Err(StoreFault(fault)), _) => {
                log::write(log::Event::UserSessions, &fault);
                Some(UserReply::CopyPending {})
            }
        }
    }

    /// Sets the alarm that would have taken over to what is next. What is due by now somebody else is at.
    pub(super) async fn arm_for_the_rest(&self, store: &SqlUserStore) -> Result<(), StoreFault> {
        let now = clock::now();
        match store.next_due()? {
            Some(due) if due <= now => self.durable.arm_by(Some(now.plus(TAKE_OVER_AFTER))).await,
            due => self.durable.arm_exactly(due).await,
        }
    }
}

/// How an attempt at a copy ended: up to which sequence number it counts.
struct Copied {
    accepted: bool,
    seq: u64,
}
