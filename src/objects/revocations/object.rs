//! The Durable Object `Revocations`: the authority on which sessions have ended lately.
//!
//! The transaction around each change, the journal in memory, and the alarm that deletes expired entries. Every rule is in
//! `postern_core::revocation::journal`. Its name is its shard ([`object_name`]).
//!
//! Requests are POSTs: an [`AuthorityCall`] answered with an [`AuthorityReply`], and `/segment/NAME`, answered with the
//! bytes of that segment, or 404 when it is kept no longer. Anything that goes wrong is 503: never an exception.

use std::{cell::RefCell, rc::Rc};

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::store::SqlJournalStore;
use crate::runtime::{
    clock,
    durable::{Durable, fault},
    js::{self, IncomingRequest},
    log, promise, settings,
};
use postern_core::{
    message::{self, Answered, Asked, NEWEST, agreed},
    revocation::{
        call::{AuthorityCall, AuthorityReply},
        journal::{Journal, Recorded},
    },
    session::record::StoreFault,
};
use postern_jwt::time::Millis;

/// The least time between two alarms.
const SHORTEST_PAUSE: Millis = Millis(1_000);

/// The name of the object of a shard.
pub(crate) fn object_name(shard: u32) -> String {
    format!("revocations-{shard}")
}

/// One shard of the authority.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Revocations {
    object: Rc<Object>,
}

#[wasm_bindgen]
impl Revocations {
    /// What the platform makes when the object wakes. Nothing is read or written before somebody asks.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        Self {
            object: Rc::new(Object {
                durable: Durable::new(state.unchecked_into(), env.unchecked_into()),
                journal: RefCell::new(None),
            }),
        }
    }

    /// Answers a user's object or an isolate.
    pub fn fetch(&self, request: JsValue) -> Promise {
        let object = Rc::clone(&self.object);
        promise::of_work(Box::pin(async move {
            match object.respond(&request.unchecked_into()).await {
                Ok(response) => response,
                Err(StoreFault(fault)) => {
                    log::write(log::Event::Revocations, &fault);
                    js::object_response(503, "fault")
                }
            }
        }))
    }

    /// Forgets what has expired.
    pub fn alarm(&self) -> Promise {
        let object = Rc::clone(&self.object);
        promise::of_end(async move {
            if let Err(StoreFault(fault)) = object.work().await {
                log::write(log::Event::RevocationsAlarm, &fault);
            }
        })
    }
}

#[derive(Debug)]
struct Object {
    durable: Durable,
    /// As it is stored; `None` until it is read, and after a change that was rolled back.
    journal: RefCell<Option<Journal>>,
}

impl Object {
    async fn respond(
        &self,
        request: &IncomingRequest,
    ) -> Result<Result<JsValue, JsValue>, StoreFault> {
        let url = request.url().map_err(|error| fault(&error))?;
        if let Some((_, name)) = url.rsplit_once("/segment/") {
            let store = self.store()?;
            let segment = self.with_journal(&store, |journal| journal.segment(&store, name))?;
            return Ok(match segment {
                Some(bytes) => js::bytes_response(&bytes),
                None => js::object_response(404, "unknown"),
            });
        }
        let message = promise::of(request.text()).await.ok();
        let message = message.and_then(|message| message.as_string());
        let asked = message::decode::<Asked<AuthorityCall>>(&message.unwrap_or_default());
        let (protocol, reply) = match asked {
            Ok(Asked { protocol, call }) => (agreed(protocol), self.answer(&call).await?),
            Err(why) => {
                log::write_unread(log::Event::Revocations, why);
                (NEWEST, AuthorityReply::Unread { why })
            }
        };
        let answer = message::encode(&Answered { protocol, reply })
            .ok_or_else(|| StoreFault("an answer that cannot be written".to_owned()))?;
        Ok(js::object_response(200, &answer))
    }

    async fn answer(&self, call: &AuthorityCall) -> Result<AuthorityReply, StoreFault> {
        let now = clock::now();
        #[cfg(postern_next)]
        let call = match call {
            AuthorityCall::PollNext { since } => &AuthorityCall::Poll { since: *since },
            other => other,
        };
        if let AuthorityCall::Poll { since } = call {
            let store = self.store()?;
            return self.with_journal(&store, |journal| {
                Ok(AuthorityReply::Answer(journal.poll(*since, now)))
            });
        }
        let (reply, due) = self.change(|journal, store| {
            let at = match call {
                AuthorityCall::Report(report) => match journal.report(store, report, now)? {
                    Recorded::Yes => now,
                    Recorded::Malformed => return Ok((AuthorityReply::Refused {}, None)),
                },
                AuthorityCall::NotBefore { moment } => {
                    // A moment that lies ahead would end sessions that do not exist yet.
                    let moment = moment.unwrap_or(now).min(now);
                    journal.set_not_before(store, moment, now)?
                }
                AuthorityCall::KeySetVersion { version } => {
                    journal.set_key_set_version(store, *version)?;
                    now
                }
                AuthorityCall::Poll { .. } => now,
                #[cfg(postern_next)]
                AuthorityCall::PollNext { .. } => now,
            };
            Ok((AuthorityReply::Recorded { at }, journal.next_due()))
        })?;
        self.durable.arm_by(due).await?;
        Ok(reply)
    }

    /// The alarm: re-arms first, forgets what has expired, and arms for what is next.
    async fn work(&self) -> Result<(), StoreFault> {
        let now = clock::now();
        self.durable.alarm_went_off(now).await?;
        let due = self.change(|journal, store| {
            journal.tidy(store, now)?;
            Ok(journal.next_due())
        })?;
        match due {
            // What was due and is not done is done later, not again and again at once.
            Some(due) => self.durable.arm(due.max(now.plus(SHORTEST_PAUSE))).await,
            None => self.durable.disarm().await,
        }
    }

    fn store(&self) -> Result<SqlJournalStore, StoreFault> {
        let sql = self.durable.storage()?.sql();
        SqlJournalStore::open(sql.map_err(|error| fault(&error))?)
    }

    fn with_journal<T>(
        &self,
        store: &SqlJournalStore,
        ask: impl FnOnce(&Journal) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let mut held = self.journal.borrow_mut();
        match &mut *held {
            Some(journal) => ask(journal),
            none => ask(none.insert(self.load(store)?)),
        }
    }

    /// Changes the journal in one transaction. What it holds in memory is dropped when that is rolled back.
    fn change<T>(
        &self,
        mut change: impl FnMut(&mut Journal, &SqlJournalStore) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let mut store = self.store()?;
        let mut journal = match self.journal.borrow_mut().take() {
            Some(journal) => journal,
            None => self.load(&store)?,
        };
        let changed = self.durable.transaction(|| {
            store.prepare()?;
            change(&mut journal, &store)
        })?;
        *self.journal.borrow_mut() = Some(journal);
        Ok(changed)
    }

    fn load(&self, store: &SqlJournalStore) -> Result<Journal, StoreFault> {
        let settings = settings::current(&self.durable.env)
            .map_err(|_| StoreFault("the settings are bad".to_owned()))?;
        Journal::load(store, settings.revocation_shards)
    }
}
