//! The memory of one issuer's logout signals: an object of the class `KeyRing` beside the key ring, for the reason that the
//! keepers of key sets have (`docs/decisions/key-sets.md`). Rows are forgotten with the first one that comes after their time.

use wasm_bindgen::JsValue;

use crate::runtime::{
    clock,
    durable::{Durable, fault},
    js::{self, IncomingRequest},
    log,
    number::number,
    promise,
    sql::Sql,
    sql::schema::{SchemaState, Steps},
};
use postern_core::{
    message::{self, Answered, Asked, NEWEST, agreed},
    session::record::StoreFault,
    tokens::logout::call::{SignalCall, SignalReply},
};

/// The path of a question, by which the class tells it from one to the key ring.
pub(crate) const PATH: &str = "logout-signals";

const STEPS: Steps = &[
    (1, FIRST),
    #[cfg(postern_next)]
    (2, TO_NEXT),
];

const FIRST: &str = "
CREATE TABLE schema (version INTEGER NOT NULL, step INTEGER);
INSERT INTO schema (version) VALUES (1);
CREATE TABLE signal (name TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX signal_until ON signal (until);
";

/// What the next release might add (`postern_core::message::next`).
#[cfg(postern_next)]
const TO_NEXT: &str = "
ALTER TABLE signal ADD COLUMN postern_next TEXT DEFAULT 'n';
";

/// Answers an isolate.
pub(crate) async fn respond(
    durable: &Durable,
    request: IncomingRequest,
) -> Result<JsValue, JsValue> {
    let message = promise::of(request.text()).await.ok();
    let message = message.and_then(|message| message.as_string());
    let asked = message::decode::<Asked<SignalCall>>(&message.unwrap_or_default());
    let (protocol, reply) = match asked {
        Ok(Asked { protocol, call }) => match answer(durable, &call) {
            Ok(before) => (agreed(protocol), SignalReply::Known { before }),
            Err(StoreFault(fault)) => {
                log::write(log::Event::IssuerLogoutMemory, &fault);
                return js::object_response(503, "fault");
            }
        },
        Err(why) => {
            log::write_unread(log::Event::IssuerLogoutMemory, why);
            (NEWEST, SignalReply::Unread { why })
        }
    };
    match message::encode(&Answered { protocol, reply }) {
        Some(answer) => js::object_response(200, &answer),
        None => js::object_response(503, "fault"),
    }
}

/// Whether a signal was taken in before.
fn answer(durable: &Durable, call: &SignalCall) -> Result<bool, StoreFault> {
    let sql = Sql(durable.storage()?.sql().map_err(|error| fault(&error))?);
    let shape = sql.shape(STEPS)?;
    if shape == SchemaState::Newer {
        return Err(StoreFault(
            "storage was written by a newer version".to_owned(),
        ));
    }
    let now = clock::now();
    let (SignalCall::WasTaken { name } | SignalCall::Take { name, .. }) = call;
    let before = shape != SchemaState::Empty
        && sql
            .one(
                "SELECT 1 FROM signal WHERE name = ? AND until > ?",
                &[name.as_str().into(), number(now.0)],
            )?
            .is_some();
    if let SignalCall::Take { name, until } = call {
        durable.transaction(|| {
            sql.prepare(shape, STEPS)?;
            sql.run("DELETE FROM signal WHERE until <= ?", &[number(now.0)])?;
            sql.run(
                "INSERT INTO signal (name, until) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET until = excluded.until",
                &[name.as_str().into(), number(until.0)],
            )
            .map(drop)
        })?;
    }
    Ok(before)
}
