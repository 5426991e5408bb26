//! The keeper of one key set: an object of the class `KeyRing` beside the key ring, one for each address of a set.
//!
//! It is of that class and not of one of its own because a new class needs a migration, past which nobody can roll back; it
//! never holds a secret, and nothing of the ring is in it. When the issuer is asked `postern_core::key_sets` decides. What is
//! fetched is fetched once for all who wait: an object may wait for a promise that another of its requests has made.

use std::{cell::RefCell, rc::Rc};

use js_sys::Promise;
use wasm_bindgen::JsValue;

use super::{
    fetch::{self, FetchTrouble, Fetched},
    store::{self, StoredSet},
};
use crate::runtime::{
    clock,
    durable::{Durable, fault},
    js::{self, IncomingRequest},
    log, promise,
};
use postern_core::{
    key_sets::{
        KeySetKeeper, Step,
        call::{KeeperCall, KeeperReply, Place},
    },
    message::{self, Answered, Asked, NEWEST, agreed},
    session::record::StoreFault,
};
use postern_jwt::time::UnixMillis;

/// The path of a question, by which the class tells it from one to the key ring.
pub(crate) const PATH: &str = "key-set";

/// The keeper.
#[derive(Debug)]
pub(crate) struct Keeper {
    durable: Durable,
    /// `None` until storage was read.
    held: RefCell<Option<Held>>,
    /// The end of the request to the issuer that is under way.
    fetching: RefCell<Option<Promise>>,
}

#[derive(Debug, Default)]
struct Held {
    keeper: KeySetKeeper,
    set: Option<StoredSet>,
    /// What came of the last request to the issuer, if that failed.
    trouble: Option<FetchTrouble>,
}

impl Keeper {
    pub(crate) const fn new(durable: Durable) -> Self {
        Self {
            durable,
            held: RefCell::new(None),
            fetching: RefCell::new(None),
        }
    }

    /// The object's context.
    pub(crate) const fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Answers an isolate. What goes wrong is 503, and the isolate asks the issuer by itself.
    pub(crate) async fn respond(
        self: Rc<Self>,
        request: IncomingRequest,
    ) -> Result<JsValue, JsValue> {
        let message = promise::of(request.text()).await.ok();
        let message = message.and_then(|message| message.as_string());
        let asked = message::decode::<Asked<KeeperCall>>(&message.unwrap_or_default());
        let (protocol, reply) = match asked {
            Ok(Asked { protocol, call }) => match self.answer(call).await {
                Ok(reply) => (agreed(protocol), reply),
                Err(StoreFault(fault)) => {
                    log::write(log::Event::KeySet, &fault);
                    return js::object_response(503, "fault");
                }
            },
            Err(why) => {
                log::write_unread(log::Event::KeySet, why);
                (NEWEST, KeeperReply::Unread { why })
            }
        };
        match message::encode(&Answered { protocol, reply }) {
            Some(answer) => js::object_response(200, &answer),
            None => js::object_response(503, "fault"),
        }
    }

    async fn answer(self: &Rc<Self>, call: KeeperCall) -> Result<KeeperReply, StoreFault> {
        let KeeperCall::Current {
            place,
            version,
            lacks_key,
        } = call;
        self.load()?;
        let lacking = version.filter(|_| lacks_key);
        let now = clock::now();
        match self.with(|held| held.keeper.step(now, lacking)) {
            Step::Answer | Step::Unavailable => {}
            Step::AnswerAndRefresh => drop(self.fetch(&place, lacking, now)),
            Step::Fetch => {
                let fetching = self.fetch(&place, lacking, now);
                // It never fails: what came of it is in `held`.
                let _ = promise::of(Ok(fetching)).await;
            }
        }
        Ok(self.with(|held| held.reply(version, clock::now())))
    }

    /// The end of a request to the issuer, which goes on whatever becomes of the call that began it.
    fn fetch(self: &Rc<Self>, place: &Place, lacking: Option<u64>, now: UnixMillis) -> Promise {
        if let Some(fetching) = &*self.fetching.borrow() {
            return fetching.clone();
        }
        self.with(|held| held.keeper.asks(now, lacking));
        let (keeper, place) = (Rc::clone(self), place.clone());
        let end = promise::of_end(async move {
            let etag = keeper.with(|held| held.set.as_ref()?.etag.clone());
            let fetched = fetch::fetched(&keeper.durable.env, &place, etag.as_deref()).await;
            keeper.take(fetched);
            keeper.fetching.replace(None);
        });
        self.fetching.replace(Some(end.clone()));
        self.durable.keep_alive(&end);
        end
    }

    fn take(&self, fetched: Result<Fetched, FetchTrouble>) {
        let now = clock::now();
        let to_store = self.with(|held| match fetched {
            Ok(fetched) => held.take(fetched, now),
            Err(trouble) => {
                held.keeper.failed(now);
                held.trouble = Some(trouble);
                None
            }
        });
        let Some(set) = to_store else {
            return;
        };
        let stored = self.durable.transaction(|| {
            let sql = self.durable.storage()?.sql();
            store::save(sql.map_err(|error| fault(&error))?, &set)
        });
        if let Err(StoreFault(fault)) = stored {
            // It serves from memory all the same.
            log::write(log::Event::KeySet, &fault);
        }
    }

    fn load(&self) -> Result<(), StoreFault> {
        if self.held.borrow().is_some() {
            return Ok(());
        }
        let sql = self.durable.storage()?.sql();
        let set = store::load(sql.map_err(|error| fault(&error))?)?;
        self.held.replace(Some(Held {
            keeper: KeySetKeeper::restored(set.as_ref().map(|set| set.confirmed)),
            set,
            trouble: None,
        }));
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Held) -> T) -> T {
        act(self.held.borrow_mut().get_or_insert_with(Held::default))
    }
}

impl Held {
    /// Takes over what the issuer sent; gives what is to be stored.
    fn take(&mut self, fetched: Fetched, now: UnixMillis) -> Option<StoredSet> {
        let lifetime = fetched.lifetime();
        let known = self.set.take();
        let (text, etag) = match (fetched.text, &known) {
            (Some(text), _) => (text, fetched.etag),
            (None, Some(known)) => (
                known.text.clone(),
                fetched.etag.or_else(|| known.etag.clone()),
            ),
            // Unchanged, says who was not asked whether it has changed.
            (None, None) => return None,
        };
        let is_another = known.is_none_or(|known| known.text != text);
        let confirmed = self.keeper.confirmed(now, lifetime, is_another);
        self.trouble = None;
        self.set = Some(StoredSet {
            confirmed,
            text,
            etag,
        });
        self.set.clone()
    }

    fn reply(&self, version: Option<u64>, now: UnixMillis) -> KeeperReply {
        match (self.keeper.usable(now), &self.set, &self.trouble) {
            (_, _, Some(FetchTrouble::NoBinding)) => KeeperReply::NoBinding {},
            (Some(confirmed), Some(set), _) => KeeperReply::Set {
                text: (version != Some(confirmed.version)).then(|| set.text.clone()),
                version: confirmed.version,
                age: now.since(confirmed.at),
                lifetime: confirmed.lifetime,
                settled: self.keeper.is_settled(),
            },
            (_, _, trouble) => KeeperReply::Unavailable {
                trouble: trouble
                    .clone()
                    .map_or_else(|| "they are being fetched".to_owned(), String::from),
            },
        }
    }
}
