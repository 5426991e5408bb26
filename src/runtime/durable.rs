//! What every Durable Object of ours does alike: transactions, the alarm, and work that outlives the call it began in.
//!
//! The rules of the alarm: the handler arms it anew before it does anything else, works through a bounded batch, and
//! never throws, because an alarm that throws again and again is given up by the platform.

use std::cell::Cell;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    js::{ObjectState, ObjectStorage},
    log,
    number::{message_of, number, whole_number},
    promise,
};
use postern_core::session::record::StoreFault;
use postern_jwt::time::{Millis, UnixMillis};

/// An alarm that dies comes back after this long: the handler sets it before it does anything else.
pub(crate) const ALARM_INSURANCE: Millis = Millis(15_000);

/// An object's context.
#[derive(Debug)]
pub(crate) struct Durable {
    state: ObjectState,
    pub(crate) env: Env,
    armed: Cell<Alarm>,
}

/// The alarm, as far as this instance knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    /// What was stored before this instance woke was not asked for yet.
    Unknown,
    Unset,
    At(UnixMillis),
}

impl Durable {
    pub(crate) const fn new(state: ObjectState, env: Env) -> Self {
        Self {
            state,
            env,
            armed: Cell::new(Alarm::Unknown),
        }
    }

    pub(crate) fn storage(&self) -> Result<ObjectStorage, StoreFault> {
        self.state.storage().map_err(|error| fault(&error))
    }

    /// Has `work` go on, which somebody waits for, whatever becomes of the call that began it.
    pub(crate) fn keep_alive(&self, work: &Promise) {
        if self.state.wait_until(work).is_err() {
            log::write(
                log::Event::Background,
                "the platform takes no work in the background",
            );
        }
    }

    /// Goes on with `work` whatever becomes of the call that began it.
    pub(crate) fn in_background(&self, work: impl Future<Output = ()> + 'static) {
        self.keep_alive(&promise::of_end(work));
    }

    /// Runs `change` in one transaction: an `Err` rolls everything back.
    pub(crate) fn transaction<T>(
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

    /// Notes that the alarm has gone off: it is used up, whatever comes next. Arms the one that comes should this die.
    pub(crate) async fn alarm_went_off(&self, now: UnixMillis) -> Result<(), StoreFault> {
        self.armed.set(Alarm::Unset);
        self.arm(now.plus(ALARM_INSURANCE)).await
    }

    /// When the alarm goes off; `None` = there is none. An instance that has just woken asks what is stored, once.
    pub(crate) async fn armed(&self) -> Result<Option<UnixMillis>, StoreFault> {
        if self.armed.get() == Alarm::Unknown {
            let stored = promise::of(self.storage()?.get_alarm()).await;
            let stored = stored.map_err(|error| fault(&error))?;
            // Unless it was set, or went off, meanwhile.
            if self.armed.get() == Alarm::Unknown {
                let stored = whole_number(&stored).map(UnixMillis);
                self.armed.set(stored.map_or(Alarm::Unset, Alarm::At));
            }
        }
        Ok(match self.armed.get() {
            Alarm::At(due) => Some(due),
            Alarm::Unknown | Alarm::Unset => None,
        })
    }

    /// Sees to it that the alarm goes off by `due`; one that is set to go off earlier will do.
    pub(crate) async fn arm_by(&self, due: Option<UnixMillis>) -> Result<(), StoreFault> {
        match due {
            Some(due) if self.armed().await?.is_none_or(|armed| armed > due) => self.arm(due).await,
            _ => Ok(()),
        }
    }

    /// Sets the alarm to `due`, if that is not what it is set to: earlier or later.
    pub(crate) async fn arm_exactly(&self, due: Option<UnixMillis>) -> Result<(), StoreFault> {
        match due {
            Some(due) if self.armed().await? != Some(due) => self.arm(due).await,
            _ => Ok(()),
        }
    }

    /// Sets the alarm. The platform refuses the epoch itself, which stands for "long ago".
    pub(crate) async fn arm(&self, due: UnixMillis) -> Result<(), StoreFault> {
        self.armed.set(Alarm::At(due));
        let armed = promise::of(self.storage()?.set_alarm_at(&number(due.0.max(1)))).await;
        armed.map(drop).map_err(|error| {
            self.armed.set(Alarm::Unknown);
            fault(&error)
        })
    }

    /// Takes the alarm away: there is nothing to do until somebody calls.
    pub(crate) async fn disarm(&self) -> Result<(), StoreFault> {
        self.armed.set(Alarm::Unset);
        let disarmed = promise::of(self.storage()?.delete_alarm()).await;
        disarmed.map(drop).map_err(|error| fault(&error))
    }

    /// Deletes everything that is stored; the alarm goes along.
    pub(crate) async fn delete_all(&self) -> Result<(), StoreFault> {
        self.armed.set(Alarm::Unset);
        let deleted = promise::of(self.storage()?.delete_all()).await;
        deleted.map(drop).map_err(|error| fault(&error))
    }
}

/// What JS threw, as a fault of the storage.
pub(crate) fn fault(error: &JsValue) -> StoreFault {
    StoreFault(message_of(error))
}
