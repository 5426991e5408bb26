//! The Durable Object `UserSessions`: one user's sessions, and the only writer of their KV copies.
//!
//! The transaction around each call, the progress of both outboxes, and the alarm. Every rule is in `session::user`.

mod kv_copies;
mod revocation_reports;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::store::SqlUserStore;
use crate::{
    objects::{
        events::{self, Delivery},
        key_ring, shared_settings,
    },
    runtime::{
        clock,
        durable::{Durable, fault},
        executor,
        js::{self, IncomingRequest},
        log, promise, settings,
        sql::schema::SchemaState,
    },
};
use kv_copies::Waiting;
use postern_core::{
    message::{self, NEWEST, agreed},
    session::{
        call::{UserCall, UserReply, UserRequest, UserResponse},
        record::{StoreFault, UserStore},
        user::{self, UserContext},
    },
};
use postern_jwt::time::{Millis, UnixMillis};

/// A report that a call makes is over by then, or its instance is.
const TAKE_OVER_AFTER: Millis = Millis(10_000);
/// How many copies one alarm writes at a time: a request may have six connections open.
const COPIES_AT_ONCE: usize = 6;
/// How long one alarm goes on; a platform that waits longer ends it. What is left is due at once.
const ALARM_BUDGET: Millis = Millis(30_000);

/// One user's sessions.
#[wasm_bindgen]
#[derive(Debug)]
pub struct UserSessions {
    object: Rc<Object>,
}

#[wasm_bindgen]
impl UserSessions {
    /// What the platform makes when the object wakes.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let object = Rc::new(Object {
            durable: Durable::new(state.unchecked_into(), env.unchecked_into()),
            is_current: Cell::new(false),
            writers: RefCell::default(),
            delivery: Delivery::default(),
        });
        let reviving = Rc::clone(&object);
        object
            .durable
            .in_background(async move { reviving.revive().await });
        Self { object }
    }

    /// Answers a call from an isolate.
    pub fn fetch(&self, request: JsValue) -> Result<JsValue, JsValue> {
        let object = Rc::clone(&self.object);
        executor::run(Box::pin(async move {
            let request: IncomingRequest = request.unchecked_into();
            let call = promise::of(request.text()).await.ok();
            let call = call.and_then(|call| call.as_string()).unwrap_or_default();
            match object.answer(&call).await {
                Ok(answer) => js::object_response(200, &answer),
                Err(StoreFault(fault)) => {
                    log::write(log::Event::UserSessions, &fault);
                    js::object_response(503, "fault")
                }
            }
        }))
    }

    /// Does what is due.
    pub fn alarm(&self) -> Promise {
        let object = Rc::clone(&self.object);
        promise::of_end(async move {
            if let Err(StoreFault(fault)) = object.work().await {
                log::write(log::Event::UserSessionsAlarm, &fault);
            }
        })
    }
}

#[derive(Debug)]
struct Object {
    durable: Durable,
    /// Whether the tables were of the version that this code writes when they were looked at last.
    is_current: Cell<bool>,
    /// The handles whose copies are being written, each with the calls that wait for a sequence number.
    writers: RefCell<Vec<(String, Vec<Waiting>)>>,
    delivery: Delivery,
}

/// What a question says beside its call.
#[derive(Debug, Clone, Copy)]
struct Asked {
    protocol: u32,
    not_before: UnixMillis,
}

impl Asked {
    /// Nobody asks: the object works by itself.
    const BY_ITSELF: Self = Self {
        protocol: NEWEST,
        not_before: UnixMillis(0),
    };
}

impl Object {
    fn store(&self) -> Result<SqlUserStore, StoreFault> {
        let sql = self.durable.storage()?.sql();
        let sql = sql.map_err(|error| fault(&error))?;
        Ok(SqlUserStore::new(
            sql,
            events::destinations(&self.durable.env),
        ))
    }

    fn shape(&self, store: &SqlUserStore) -> Result<SchemaState, StoreFault> {
        let shape = if self.is_current.get() {
            store.shape_of_tables()?
        } else {
            store.shape()?
        };
        self.is_current.set(shape == SchemaState::Current);
        Ok(shape)
    }

    /// Answers a call. It is read, and the number of the answer is settled, before anything is changed; and what is changed
    /// is rolled back when the answer cannot be written.
    async fn answer(self: &Rc<Self>, question: &str) -> Result<String, StoreFault> {
        let now = clock::now();
        let envelope = |protocol, reply: &UserReply| {
            message::encode(&UserResponse {
                protocol,
                as_of: now,
                reply,
            })
            .ok_or_else(|| StoreFault("an answer that cannot be written".to_owned()))
        };
        let question = match message::decode::<UserRequest>(question) {
            Ok(question) => question,
            Err(why) => {
                log::write_unread(log::Event::UserSessions, why);
                return envelope(NEWEST, &UserReply::Unread { why });
            }
        };
        let UserRequest {
            protocol,
            not_before,
            call,
        } = question;
        let envelope = |reply: &UserReply| envelope(agreed(protocol), reply);
        let store = self.store()?;
        if !self.is_current.get()
            && let Some(reply) = answer_unstored(self.shape(&store)?, &call)?
        {
            return envelope(&reply);
        }
        let is_armed = self.durable.armed().await?.is_some();
        let asked = Asked {
            protocol,
            not_before,
        };
        let (reply, answer, due) = self
            .with_terms(now, asked, |context| {
                self.durable.transaction(|| {
                    // Looked at again: while the key ring was asked, another call or the alarm may have come first.
                    let shape = self.shape(&store)?;
                    if let Some(reply) = answer_unstored(shape, &call)? {
                        let answer = envelope(&reply)?;
                        return Ok((reply, answer, None));
                    }
                    store.prepare(shape)?;
                    let reply = user::answer(&store, context, call.clone())?;
                    let answer = envelope(&reply)?;
                    // What was due before is due as before: the alarm for it is set, or is being set since this instance woke.
                    if !store.has_changed() && (call.only_reads() || is_armed) {
                        return Ok((reply, answer, None));
                    }
                    Ok((reply, answer, store.next_due()?))
                })
            })
            .await??;
        // What the call itself goes on with is nothing for the alarm yet, unless this instance dies.
        let goes_on = matches!(
            (&call, &reply),
            (
                UserCall::Revoke { .. }
                    | UserCall::RevokeAll { .. }
                    | UserCall::EndBefore { .. }
                    | UserCall::Erase { .. },
                _
            ) | (_, UserReply::Theft { .. })
        );
        let due = if goes_on {
            due.map(|due| due.max(now.plus(TAKE_OVER_AFTER)))
        } else {
            due
        };
        self.durable.arm_by(due).await?;
        if store.has_published() {
            let object = Rc::clone(self);
            self.durable
                .in_background(async move { object.deliver_events().await });
        }
        let instead = self.followed_up(call, reply).await;
        if goes_on {
            self.go_on().await?;
        }
        instead.map_or(Ok(answer), |reply| envelope(&reply))
    }

    /// Does what a change drags along outside, and gives the reply that takes the place of the one at hand if that came to
    /// nothing.
    async fn followed_up(self: &Rc<Self>, call: UserCall, reply: UserReply) -> Option<UserReply> {
        match (call, reply) {
            (UserCall::WriteData { handle, .. }, UserReply::Written { seq }) => {
                let copied = self.copied(handle, seq).await.unwrap_or(false);
                (!copied).then_some(UserReply::CopyPending {})
            }
            (UserCall::Create(create), UserReply::Issued { .. }) => {
                // Whom it displaced is nothing to wait for.
                let reporting = Rc::clone(self);
                self.durable.in_background(async move {
                    reporting.report().await;
                });
                if create.session_data.is_some() {
                    // The object has the data whatever KV says.
                    let _ = self.copied(create.handle, 1).await;
                }
                None
            }
            (
                UserCall::Revoke { .. } | UserCall::RevokeAll { .. } | UserCall::EndBefore { .. },
                _,
            ) => {
                let recorded = self.report().await;
                (!recorded).then_some(UserReply::RevocationPending {})
            }
            (UserCall::Erase { .. }, reply) => self.erased(reply).await,
            (_, UserReply::Theft { .. }) => {
                self.report().await;
                None
            }
            _ => None,
        }
    }

    /// Tells the events that this call has written down; the alarm takes over what is left.
    async fn deliver_events(&self) {
        let delivered = async {
            if self.delivery.deliver(&self.durable).await? {
                self.arm_for_the_rest(&self.store()?).await?;
            }
            Ok(())
        };
        if let Err(StoreFault(fault)) = delivered.await {
            log::write(log::Event::UserSessions, &fault);
        }
    }

    /// Deletes what a revocation has left in KV, when that is little, and nobody waits for it; the rest is the alarm's.
    async fn go_on(self: &Rc<Self>) -> Result<(), StoreFault> {
        let store = self.store()?;
        let due = user::due_copies(&store, clock::now())?;
        if due.is_empty() || due.len() > COPIES_AT_ONCE {
            return self.durable.arm_exactly(store.next_due()?).await;
        }
        let object = Rc::clone(self);
        self.durable
            .in_background(async move { object.copy_all(&due).await });
        Ok(())
    }

    /// Brings the copies of a few handles up to date at a time. The outbox knows the outcome.
    async fn copy_all(self: &Rc<Self>, handles: &[String]) {
        let copies = handles.iter().map(|handle| self.copied(handle.clone(), 0));
        for accepted in copies.collect::<Vec<_>>() {
            let _ = accepted.await;
        }
    }

    /// Runs `change` with what the rules need to know. The key ring's copy is in hand before anything is changed.
    async fn with_terms<T>(
        &self,
        now: UnixMillis,
        asked: Asked,
        change: impl FnOnce(&UserContext<'_>) -> T,
    ) -> Result<T, StoreFault> {
        let env = &self.durable.env;
        let settings =
            settings::current(env).map_err(|_| StoreFault("the settings are bad".to_owned()))?;
        let ring = key_ring::current(env, now)
            .await
            .map_err(|_| StoreFault("the key ring is out of reach".to_owned()))?;
        let settings = shared_settings::of_object(&settings, &ring, now);
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|_| StoreFault("no randomness".to_owned()))?;
        Ok(change(&UserContext {
            settings: &settings,
            refresh_secrets: &ring.refresh_secrets(now),
            anti_csrf_keys: &ring.anti_csrf_keys(now),
            protocol: asked.protocol,
            now,
            not_before: asked.not_before.max(ring.not_before()),
            random,
        }))
    }

    /// The alarm: re-arms first, ends what expired, works through a batch of both outboxes, and arms for what is next.
    async fn work(self: &Rc<Self>) -> Result<(), StoreFault> {
        let now = clock::now();
        let store = self.store()?;
        let shape = self.shape(&store)?;
        match shape {
            SchemaState::Current | SchemaState::Older(_) => {}
            SchemaState::Empty => return Ok(()),
            SchemaState::Newer => return Err(newer()),
        }
        self.durable.alarm_went_off(now).await?;
        let due = self
            .with_terms(now, Asked::BY_ITSELF, |context| {
                self.durable.transaction(|| {
                    store.prepare(self.shape(&store)?)?;
                    user::sweep(&store, context)
                })
            })
            .await??;
        self.report().await;
        for handles in due.chunks(COPIES_AT_ONCE) {
            self.copy_all(handles).await;
            if clock::now() > now.plus(ALARM_BUDGET) {
                break;
            }
        }
        self.delivery.deliver(&self.durable).await?;
        match store.next_due()? {
            // Who is at it sets the alarm to what is left.
            Some(_) if self.delivery.is_busy() => self.arm_for_the_rest(&store).await,
            // Nothing is left to remember.
            None => {
                self.is_current.set(false);
                self.durable.delete_all().await
            }
            next => self.durable.arm_exactly(next).await,
        }
    }

    /// Arms the alarm of an object that comes back with something to do and no alarm.
    async fn revive(&self) {
        let revived = async {
            let store = self.store()?;
            if self.shape(&store)? == SchemaState::Current && self.durable.armed().await?.is_none()
            {
                self.durable.arm_by(store.next_due()?).await?;
            }
            Ok(())
        };
        if let Err(StoreFault(fault)) = revived.await {
            log::write(log::Event::UserSessionsRevive, &fault);
        }
    }
}

/// The answer that needs no tables; storage of a newer version is refused, never guessed at.
fn answer_unstored(shape: SchemaState, call: &UserCall) -> Result<Option<UserReply>, StoreFault> {
    match shape {
        SchemaState::Newer => Err(newer()),
        SchemaState::Empty => Ok(user::answer_empty(call)),
        SchemaState::Older(_) | SchemaState::Current => Ok(None),
    }
}

fn newer() -> StoreFault {
    StoreFault("storage was written by a newer version".to_owned())
}
