//! The Durable Object `UserSessions`: one user's sessions, and the only writer of their KV copies.
//!
//! Owns the transaction around each call, the outbox's progress and the alarm. Every rule is in `session::user`.

mod copies;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::Env;

use super::{
    clock,
    js::{self, IncomingRequest, ObjectState, ObjectStorage},
    key_ring, lane, log, message_of, number, promise, settings,
    user_store::{Shape, SqlUserStore},
};
use crate::{
    session::{
        call::{Envelope, UserCall, UserReply},
        record::{StoreFault, UserStore},
        user::{self, Terms},
    },
    time::{Millis, UnixMillis},
    wire,
};
use copies::Waiting;

/// An alarm that dies comes back after this long: the handler sets it before it does anything else.
const ALARM_INSURANCE: Millis = Millis(60_000);

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
            state: state.unchecked_into(),
            env: env.unchecked_into(),
            writers: RefCell::default(),
            armed: Cell::new(None),
        });
        let reviving = Rc::clone(&object);
        object.in_background(async move { reviving.revive().await });
        Self { object }
    }

    /// Answers a call from an isolate.
    pub fn fetch(&self, request: JsValue) -> Result<JsValue, JsValue> {
        let object = Rc::clone(&self.object);
        lane::drive(Box::pin(async move {
            let request: IncomingRequest = request.unchecked_into();
            let call = promise::of(request.text()).await.ok();
            let call = call.and_then(|call| call.as_string()).unwrap_or_default();
            match object.answer(&call).await {
                Ok(envelope) => js::object_response(200, &wire::encode(&envelope)),
                Err(StoreFault(fault)) => {
                    log::fault("user_sessions", &fault);
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
                log::fault("user_sessions_alarm", &fault);
            }
        })
    }
}

#[derive(Debug)]
struct Object {
    state: ObjectState,
    env: Env,
    /// The handles whose copies are being written, each with the calls that wait for a sequence number.
    writers: RefCell<Vec<(String, Vec<Waiting>)>>,
    /// When the alarm goes off, as far as this instance knows.
    armed: Cell<Option<UnixMillis>>,
}

impl Object {
    fn storage(&self) -> Result<ObjectStorage, StoreFault> {
        self.state.storage().map_err(|error| fault(&error))
    }

    /// Goes on with `work` whatever becomes of the call that began it.
    fn in_background(&self, work: impl Future<Output = ()> + 'static) {
        if self.state.wait_until(&promise::of_end(work)).is_err() {
            log::fault("background", "the platform takes no work in the background");
        }
    }

    fn store(&self) -> Result<SqlUserStore, StoreFault> {
        Ok(SqlUserStore::new(
            self.storage()?.sql().map_err(|error| fault(&error))?,
        ))
    }

    async fn answer(self: &Rc<Self>, call: &str) -> Result<Envelope, StoreFault> {
        let call: UserCall =
            wire::decode(call).ok_or_else(|| StoreFault("a call of another shape".to_owned()))?;
        let store = self.store()?;
        let now = clock::now();
        if let Some(reply) = answer_unstored(store.shape()?, &call)? {
            return Ok(Envelope { as_of: now, reply });
        }
        let copy_of = match &call {
            UserCall::Create(create) => create.session_data.as_ref().map(|_| create.handle.clone()),
            UserCall::WriteData { handle, .. } => Some(handle.clone()),
            _ => None,
        };
        let (reply, due) = self
            .with_terms(now, |terms| {
                self.transaction(|| {
                    // Looked at again: while the key ring was asked, another call or the alarm may have come first.
                    let shape = store.shape()?;
                    if let Some(reply) = answer_unstored(shape, &call)? {
                        return Ok((reply, None));
                    }
                    if shape == Shape::Empty {
                        store.create_tables()?;
                    }
                    let reply = user::answer(&store, terms, call.clone())?;
                    Ok((reply, store.next_due()?))
                })
            })
            .await??;
        if !call.only_reads() {
            self.arm_by(due).await?;
        }
        let seq = match &reply {
            UserReply::Written { seq } => *seq,
            _ => 1,
        };
        if let (Some(handle), UserReply::Written { .. } | UserReply::Issued { .. }) =
            (copy_of, &reply)
        {
            let accepted = self.copied(handle, seq).await.unwrap_or(false);
            if !accepted && matches!(reply, UserReply::Written { .. }) {
                return Ok(Envelope {
                    as_of: now,
                    reply: UserReply::CopyPending,
                });
            }
        }
        Ok(Envelope { as_of: now, reply })
    }

    /// Runs `change` with what the rules need to know. The key ring's copy is in hand before anything is changed.
    async fn with_terms<T>(
        &self,
        now: UnixMillis,
        change: impl FnOnce(&Terms<'_>) -> T,
    ) -> Result<T, StoreFault> {
        let settings = settings::current(&self.env)
            .map_err(|_| StoreFault("the settings are bad".to_owned()))?;
        let ring = key_ring::current(&self.env, now)
            .await
            .map_err(|_| StoreFault("the key ring is out of reach".to_owned()))?;
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|_| StoreFault("no randomness".to_owned()))?;
        Ok(change(&Terms {
            settings: &settings,
            refresh_secrets: ring.refresh_secrets(),
            anti_csrf_key: ring.anti_csrf_key(),
            now,
            random,
        }))
    }

    /// Runs `change` in one transaction: an `Err` rolls everything back.
    fn transaction<T>(
        &self,
        mut change: impl FnMut() -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let mut outcome = Err(StoreFault("the transaction did not run".to_owned()));
        let ran = self.storage()?.transaction_sync(&mut || {
            outcome = change();
            match &outcome {
                Ok(_) => Ok(JsValue::UNDEFINED),
                Err(StoreFault(fault)) => Err(JsValue::from_str(fault)),
            }
        });
        match (ran, outcome) {
            (Err(error), Ok(_)) => Err(fault(&error)),
            (_, outcome) => outcome,
        }
    }

    /// The alarm: re-arms first, ends what expired, works through a batch of the outbox, and arms for what is next.
    async fn work(self: &Rc<Self>) -> Result<(), StoreFault> {
        // The alarm that went off is used up, whatever comes next.
        self.armed.set(None);
        let store = self.store()?;
        match store.shape()? {
            Shape::Current => {}
            Shape::Empty => return Ok(()),
            Shape::Newer => return Err(newer()),
        }
        let now = clock::now();
        self.arm(now.plus(ALARM_INSURANCE)).await?;
        let due = self
            .with_terms(now, |terms| self.transaction(|| user::sweep(&store, terms)))
            .await??;
        for handles in due.chunks(COPIES_AT_ONCE) {
            let writes: Vec<_> = handles
                .iter()
                .map(|handle| self.copied(handle.clone(), 0))
                .collect();
            for accepted in writes {
                // The outbox knows the outcome.
                let _ = accepted.await;
            }
            if clock::now() > now.plus(ALARM_BUDGET) {
                break;
            }
        }
        match store.next_due()? {
            // Nothing is left to remember. The alarm goes with the storage.
            None => {
                self.armed.set(None);
                let deleted = promise::of(self.storage()?.delete_all()).await;
                deleted.map(drop).map_err(|error| fault(&error))
            }
            Some(next) => self.arm(next).await,
        }
    }

    /// Sees to it that the alarm goes off by `due`; one that is set to go off earlier will do.
    async fn arm_by(&self, due: Option<UnixMillis>) -> Result<(), StoreFault> {
        match due {
            Some(due) if self.armed.get().is_none_or(|armed| armed > due) => self.arm(due).await,
            _ => Ok(()),
        }
    }

    /// Sets the alarm.
    async fn arm(&self, due: UnixMillis) -> Result<(), StoreFault> {
        self.armed.set(Some(due));
        let armed = promise::of(self.storage()?.set_alarm_at(&number(due.0))).await;
        armed.map(drop).map_err(|error| {
            self.armed.set(None);
            fault(&error)
        })
    }

    /// Arms the alarm of an object that comes back with something to do and no alarm.
    async fn revive(&self) {
        let revived = async {
            let store = self.store()?;
            if store.shape()? != Shape::Current {
                return Ok(());
            }
            let alarm = promise::of(self.storage()?.get_alarm())
                .await
                .map_err(|error| fault(&error))?;
            if alarm.is_null() {
                self.arm_by(store.next_due()?).await
            } else {
                Ok(())
            }
        };
        if let Err(StoreFault(fault)) = revived.await {
            log::fault("user_sessions_revive", &fault);
        }
    }
}

/// The answer that needs no tables; storage of a newer version is refused, never guessed at.
fn answer_unstored(shape: Shape, call: &UserCall) -> Result<Option<UserReply>, StoreFault> {
    match shape {
        Shape::Newer => Err(newer()),
        Shape::Empty => Ok(user::answer_empty(call)),
        Shape::Current => Ok(None),
    }
}

fn newer() -> StoreFault {
    StoreFault("storage was written by a newer version".to_owned())
}

fn fault(error: &JsValue) -> StoreFault {
    StoreFault(message_of(error))
}
