//! The Durable Object `KeyRing`: the one place where keys and secrets are made and stored.
//!
//! Keys are stored and generated here. The rules are `postern_core::keys`. There is one object, `name::OBJECT_NAME`; others of this class
//! keep key sets of trusted issuers (`key_sets`), remember their logout signals (`seen_signals`) or stand between isolates and what
//! they all ask (`relay`), and never see a call of the ring.
//!
//! Requests are POSTs of a [`RingCall`], answered with a [`RingCopy`], private keys included; 404 when there is no key of the
//! name to be withdrawn. What cannot be read is 400, and changes nothing. What concerns backups is answered as [`backup`] says: 409
//! when there is another ring, 422 when something cannot be opened.
//!
//! What changes the ring is reported to the authority on revocations, from which isolates hear of it soonest. A withdrawal or
//! a cut-off that could not be reported is stored all the same, and answered 503: a repeated call reports it.
//!
//! Anything that goes wrong is 503 `{"fault":"…"}`: never an exception, whose text would reach the caller.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use worker::Env;

use super::{
    answer::{answer, command, path, text},
    backup::{self, RestoreKey},
    fault::Fault,
    jurisdiction,
    records::Records,
    relay::Relay,
    update::update,
    wanted::{Wanted, next_of},
};
use crate::{
    objects::{
        events::{self, Delivery},
        key_sets::object::{self as keeper, Keeper},
        relays, revocations,
        seen_signals::object as seen_signals,
    },
    runtime::{
        clock,
        durable::Durable,
        js::{self, IncomingRequest, ObjectState},
        log, promise, settings,
        sql::Sql,
    },
};
use postern_core::{
    keys::{KeyRing as Ring, RingCall, RingCopy, Sealing},
    message::agreed,
    store_fault::StoreFault,
};
use postern_jwt::{
    json::ObjectWriter,
    time::{Millis, UnixMillis},
};

/// How long the alarm leaves a delivery alone that is under way.
const DELIVERY_GUARD: Millis = Millis(10_000);

/// The object. What it holds in memory, it can do without: storage is the authority.
#[wasm_bindgen]
#[derive(Debug)]
pub struct KeyRing {
    object: Rc<Object>,
    /// What an object of this class is that is not the key ring.
    keeper: Rc<Keeper>,
    relay: Rc<Relay>,
}

#[wasm_bindgen]
impl KeyRing {
    /// What the platform makes when the object wakes.
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let (state, env): (ObjectState, Env) = (state.unchecked_into(), env.unchecked_into());
        Self {
            keeper: Rc::new(Keeper::new(Durable::new(state.clone(), env.clone()))),
            relay: Rc::new(Relay::new(Durable::new(state.clone(), env.clone()))),
            object: Rc::new(Object {
                durable: Durable::new(state.clone(), env.clone()),
                records: Rc::new(Records::new(state.clone(), env.clone())),
                state,
                env,
                alarm: Cell::new(None),
                announced: Cell::new(0),
                restore_key: RestoreKey::default(),
                may_wait: Cell::new(true),
                delivery: Delivery::default(),
            }),
        }
    }

    /// Answers a question of an isolate.
    pub fn fetch(&self, request: JsValue) -> Promise {
        let object = Rc::clone(&self.object);
        let keeper = Rc::clone(&self.keeper);
        let relay = Rc::clone(&self.relay);
        let request: IncomingRequest = request.unchecked_into();
        promise::of_work(Box::pin(async move {
            match path(&request).as_deref() {
                Some(keeper::PATH) => return keeper.respond(request).await,
                Some(seen_signals::PATH) => {
                    return seen_signals::respond(keeper.durable(), request).await;
                }
                Some(relays::PATH) => return relay.respond(&text(&request).await).await,
                Some(jurisdiction::PATH) => {
                    let body = text(&request).await;
                    let storage = object.records.storage();
                    let storage = storage.map_err(|_| JsValue::UNDEFINED)?;
                    return jurisdiction::claimed(&storage, &body);
                }
                _ => {}
            }
            if let Err(fault) = jurisdiction::check(&object.state, &object.env).await {
                return answer(&Err(fault));
            }
            let outcome = match command(&request).await {
                Ok((_, RingCall::Sealing(wanted))) => {
                    return match object.sealing(wanted).await {
                        Ok(text) => js::object_response(200, &text),
                        Err(fault) => answer(&Err(fault)),
                    };
                }
                Ok((protocol, command)) => {
                    #[cfg(postern_next)]
                    let command = match command {
                        RingCall::RingNext => RingCall::Ring,
                        command => command,
                    };
                    let copy = object.run(command).await;
                    copy.map(|copy| copy.given_in(agreed(protocol)))
                }
                Err(fault) => Err(fault),
            };
            answer(&outcome)
        }))
    }

    /// Makes the next key when it is due, so that it is published before it signs even if nobody asks in between, and
    /// delivers events that wait.
    /// For keys nothing re-arms here but for secrets that are to be dropped: the next question does, so keys are not made for a
    /// deployment that nobody uses. For the same reason a failure needs no retry: the next question makes what is due.
    pub fn alarm(&self) -> Promise {
        let object = Rc::clone(&self.object);
        promise::of_end(async move { object.went_off().await })
    }
}

#[derive(Debug)]
struct Object {
    /// Storage as events use it; the alarm is this object's own affair.
    durable: Durable,
    state: ObjectState,
    env: Env,
    records: Rc<Records>,
    /// When the alarm is set to, as far as this instance knows.
    alarm: Cell<Option<UnixMillis>>,
    /// The version of the ring that this instance has reported to the authority on revocations.
    announced: Cell<u64>,
    restore_key: RestoreKey,
    /// Whether an event may wait: it is not known to a new instance.
    may_wait: Cell<bool>,
    delivery: Delivery,
}

impl Object {
    async fn run(self: &Rc<Self>, command: RingCall) -> Result<RingCopy, Fault> {
        let now = clock::now();
        let settings = settings::current(&self.env).map_err(|_| Fault::Settings)?;
        let wanted = Wanted::from(settings.as_ref());
        let must_be_told = matches!(command, RingCall::Withdraw { .. } | RingCall::CutOff { .. });
        let ring = self.updated(wanted, command, now).await?;
        let policy = ring.policy(wanted.policy, now);
        let next_change = next_of(&ring, policy);
        self.arm(self.next_alarm(next_change)).await;
        if self.may_wait.get() {
            let object = Rc::clone(self);
            let delivering = promise::of_end(async move {
                object.deliver_events().await;
                object.arm(object.next_alarm(next_change)).await;
            });
            let _ = self.state.wait_until(&delivering);
        }
        let version = ring.head.key_set_version;
        if must_be_told {
            revocations::announce_keys(&self.env, version)
                .await
                .map_err(|revocations::Outage| Fault::Unannounced)?;
        } else if self.announced.get() < version {
            // Nobody waits for it: copies are renewed every so often, reported or not.
            let env = self.env.clone();
            let telling = promise::of_end(async move {
                let _ = revocations::announce_keys(&env, version).await;
            });
            let _ = self.state.wait_until(&telling);
        }
        self.announced.set(version.max(self.announced.get()));
        Ok(ring.copy(policy, now))
    }

    /// Answers what concerns backups: with the text of a JSON object.
    async fn sealing(self: &Rc<Self>, wanted: Sealing) -> Result<String, Fault> {
        let now = clock::now();
        let settings = settings::current(&self.env).map_err(|_| Fault::Settings)?;
        // Whatever the isolate's release asks for.
        let sealed_to = settings.key_backup_key.ok_or(Fault::BadRequest)?;
        match wanted {
            Sealing::RestoreKey => self.restore_key.renew(now).await,
            Sealing::Backup { key } => {
                let wanted = Wanted::from(settings.as_ref());
                let ring = self.updated(wanted, RingCall::Ring, now).await?;
                backup::sealed(ring, &key, sealed_to, now).await
            }
            Sealing::Restore { backup, replace } => {
                let opened = self.restore_key.opened(&backup, sealed_to, now).await?;
                self.may_wait.set(true);
                let restored = backup::restore(&self.records, opened, replace, now).await?;
                // Makes what is due, and tells the authority on revocations, from which isolates hear of it. It is stored: that
                // it cannot be told delays isolates by no more than the age of their copies.
                let _ = self.run(RingCall::Ring).await;
                let mut answer = ObjectWriter::new();
                answer.boolean("restored", restored);
                Ok(answer.finish())
            }
        }
    }

    /// The alarm.
    async fn went_off(&self) {
        self.alarm.set(None);
        let Ok(settings) = settings::current(&self.env) else {
            return;
        };
        let wanted = Wanted::from(settings.as_ref());
        let now = clock::now();
        let has_events = events::destinations(&self.env).any();
        let was_for_events = has_events && self.is_for_events(wanted, now).await;
        let ring = self.updated(wanted, RingCall::Ring, now).await;
        if has_events {
            self.deliver_events().await;
        }
        let Ok(ring) = ring else {
            return;
        };
        let next = self.next_alarm(next_of(&ring, ring.policy(wanted.policy, now)));
        // An alarm for events takes the place of the one for keys.
        if has_events && (was_for_events || self.may_wait.get()) {
            self.arm(next).await;
        } else if let Some(at) = ring.next_secret_drop() {
            self.arm(at).await;
        }
    }

    /// Whether an alarm that goes off now is not one for the next key.
    async fn is_for_events(&self, wanted: Wanted, now: UnixMillis) -> bool {
        let Ok(Some(opened)) = self.records.load().await else {
            return false;
        };
        let policy = opened.ring.policy(wanted.policy, now);
        next_of(&opened.ring, policy) > now
    }

    /// When the alarm is due: for the next key, or for an event before that.
    fn next_alarm(&self, next_change: UnixMillis) -> UnixMillis {
        if !self.may_wait.get() {
            return next_change;
        }
        let due = self.records.storage().ok().and_then(|storage| {
            let sql = Sql(storage.sql().ok()?);
            events::next_due(&sql, events::destinations(&self.env)).ok()?
        });
        self.may_wait.set(due.is_some());
        // What is under way is not due again at once.
        let soonest = clock::now().plus(DELIVERY_GUARD);
        let due = due.map(|due| {
            if self.delivery.is_busy() {
                due.max(soonest)
            } else {
                due
            }
        });
        due.map_or(next_change, |due| due.min(next_change))
    }

    async fn deliver_events(&self) {
        if let Err(StoreFault(fault)) = self.delivery.deliver(&self.durable).await {
            log::write(log::Event::KeyRing, &fault);
        }
    }

    /// The ring after `command`, with every key that is due, and sealed as `KEY_ENCRYPTION_KEYS` says. A change awaits, so nothing else
    /// is delivered to the object meanwhile.
    async fn updated(
        &self,
        wanted: Wanted,
        command: RingCall,
        now: UnixMillis,
    ) -> Result<Ring, Fault> {
        if matches!(command, RingCall::Ring)
            && let Some(opened) = self.records.load().await?
            && opened.is_sealed_anew
        {
            let ring = &opened.ring;
            let mut settled = ring.clone();
            let (policy, has_changed) = wanted.settle(&mut settled, now);
            if !has_changed && ring.needed(policy, now).is_empty() && !settled.settle(policy, now) {
                return Ok(ring.clone());
            }
        }
        let outcome = Rc::new(RefCell::new(Err(Fault::Storage)));
        let slot = Rc::clone(&outcome);
        let records = Rc::clone(&self.records);
        let callback = Closure::once_into_js(move || {
            promise::of_end(async move {
                let updated = update(&records, wanted, &command, now).await;
                *slot.borrow_mut() = updated;
            })
        });
        promise::of(self.state.block_concurrency_while(&callback))
            .await
            .map_err(|_| Fault::Storage)?;
        self.may_wait.set(true);
        outcome.replace(Err(Fault::Storage))
    }

    /// Sets the alarm. Best effort: without it the next question makes the key, only later.
    async fn arm(&self, at: UnixMillis) {
        if self.alarm.get() == Some(at) {
            return;
        }
        let Ok(milliseconds) = js_sys::Number::try_from(at.0) else {
            return;
        };
        let Ok(storage) = self.records.storage() else {
            return;
        };
        if promise::of(storage.set_alarm_at(&milliseconds))
            .await
            .is_ok()
        {
            self.alarm.set(Some(at));
        }
    }
}
