//! That a deployment stays in the jurisdiction that it began in: otherwise a changed variable would make new keys and lose every
//! session, without a word.
//!
//! The ring outside of all jurisdictions is the only object that every value of `JURISDICTION` can find. Before a ring in a
//! jurisdiction makes its first keys, it claims the deployment there, once for ever. What is noted there stands in the place of
//! a ring, as one of a schema yet to come: no release takes it for none and makes keys beside it.

use js_sys::Array;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    fault::Fault,
    name::{BINDING, OBJECT_NAME},
    store,
};
use crate::runtime::{
    clock,
    http::fetch::{self, Limits, Target},
    js::{self, Fetcher, ObjectNamespace, ObjectState, ObjectStorage},
    log,
};
use postern_core::{keys::Claim, location::Place};

/// The path of a claim, without the slash; its body is a [`Claim`].
pub(super) const PATH: &str = "claim";

const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: 1_024,
};

/// Sees to it that this ring is the one of its deployment.
pub(super) async fn check(state: &ObjectState, env: &Env) -> Result<(), Fault> {
    let storage = state.storage().map_err(|_| Fault::Storage)?;
    let own = state.id().and_then(|id| id.jurisdiction());
    let claimed = claimed_by(&storage)?;
    let checked = match (own.map_err(|_| Fault::Storage)?, claimed) {
        (None, None) => Ok(()),
        (Some(own), Some(claimed)) if own == claimed => Ok(()),
        (Some(own), None) => {
            claim(env, &own).await?;
            let note =
                "INSERT INTO jurisdiction (id, record) VALUES (1, ?) ON CONFLICT (id) DO NOTHING";
            run(&storage, JURISDICTION_TABLE, &[])?;
            run(&storage, note, &[&own])
        }
        _ => Err(Fault::Elsewhere),
    };
    if matches!(checked, Err(Fault::Elsewhere)) {
        say();
    }
    checked
}

const JURISDICTION_TABLE: &str = "CREATE TABLE IF NOT EXISTS jurisdiction (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL)";

fn say() {
    let what = "the deployment has its keys in another jurisdiction, or outside of all: JURISDICTION is not what it was at the first deployment";
    log::write_at_times(log::Event::Jurisdiction, what, clock::now());
}

/// The jurisdiction that this ring noted, for itself or, outside of all, for the deployment.
fn claimed_by(storage: &ObjectStorage) -> Result<Option<String>, Fault> {
    let sql = storage.sql().map_err(|_| Fault::Storage)?;
    let tables =
        "SELECT name AS record FROM sqlite_master WHERE type = 'table' AND name = 'jurisdiction'";
    if store::texts(&sql, tables)?.is_empty() {
        return Ok(None);
    }
    let noted = store::texts(&sql, "SELECT record FROM jurisdiction")?;
    Ok(noted.into_iter().next())
}

/// Asks the ring outside of all.
async fn claim(env: &Env, own: &str) -> Result<(), Fault> {
    let outside: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)
        .and_then(|namespace| namespace.object(OBJECT_NAME, Place::default()))
        .ok_or(Fault::Storage)?;
    let url = ["https://key-ring.internal/", PATH].concat();
    let claim = Claim {
        jurisdiction: own.to_owned(),
    };
    let body = claim.to_json().map_err(|_| Fault::Storage)?;
    let answer = fetch::request(Target::Object(&outside), &url, Some(&body), LIMITS).await;
    match answer.map(|answer| answer.status) {
        Ok(200) => Ok(()),
        Ok(409) => Err(Fault::Elsewhere),
        _ => Err(Fault::Storage),
    }
}

/// Answers a claim, outside of all: good for the first jurisdiction that makes one, unless there are keys here.
pub(super) fn claimed(storage: &ObjectStorage, body: &str) -> Result<JsValue, JsValue> {
    let status = match note(storage, body) {
        Ok(()) => 200,
        Err(Fault::Elsewhere) => {
            say();
            409
        }
        Err(Fault::BadRequest) => 400,
        Err(_) => 503,
    };
    js::object_response(status, "")
}

fn note(storage: &ObjectStorage, body: &str) -> Result<(), Fault> {
    let claim = Claim::from_json(body).map_err(|_| Fault::BadRequest)?;
    match claimed_by(storage)? {
        Some(known) if known == claim.jurisdiction => return Ok(()),
        None if store::read(storage)?.is_none() => {}
        _ => return Err(Fault::Elsewhere),
    }
    let in_place = claim.in_place_of_a_ring().map_err(|_| Fault::Storage)?;
    run(storage, store::RING_TABLE, &[])?;
    run(storage, JURISDICTION_TABLE, &[])?;
    run(
        storage,
        "INSERT INTO ring (id, record) VALUES (1, ?)",
        &[&in_place],
    )?;
    run(
        storage,
        "INSERT INTO jurisdiction (id, record) VALUES (1, ?)",
        &[&claim.jurisdiction],
    )
}

fn run(storage: &ObjectStorage, query: &str, values: &[&str]) -> Result<(), Fault> {
    let values: Array = values
        .iter()
        .map(|value| JsValue::from_str(value))
        .collect();
    let sql = storage.sql().map_err(|_| Fault::Storage)?;
    sql.exec(&JsValue::from_str(query), &values)
        .map(drop)
        .map_err(|_| Fault::Storage)
}
