//! Metrics of this isolate: counted in memory, and handed to Workers Analytics Engine where the binding `METRICS` is there.
//!
//! What counts, and under which labels, is `postern_core::metrics`' to say. A point is written without waiting for anything.

use std::cell::{Cell, RefCell};

use js_sys::Array;
use wasm_bindgen::JsValue;
use worker::Env;

use super::js::{self, AnalyticsDataset};
use crate::runtime::number::number;
use postern_core::metrics::{Counters, Point, VERIFICATIONS_SAMPLED};

const BINDING: &str = "METRICS";

thread_local! {
    static COUNTERS: RefCell<Counters> = RefCell::new(Counters::default());
    static DATASET: RefCell<Option<AnalyticsDataset>> = const { RefCell::new(None) };
    static REMEMBERED: Cell<u64> = const { Cell::new(0) };
}

/// Takes the binding, if there is one: once for each isolate, when settings are first read.
pub(crate) fn open(env: &Env) {
    DATASET.set(js::binding(env, BINDING));
}

/// Counts a point.
pub(crate) fn add(point: &Point) {
    COUNTERS.with_borrow_mut(|counters| counters.add(point));
    DATASET.with_borrow(|dataset| {
        if let Some(dataset) = dataset
            && let Some(value) = data_point(point)
        {
            // A point that the platform refuses, beyond 250 of one request for one, is in the counts of the isolate all the same.
            drop(dataset.write_data_point(&value));
        }
    });
}

/// Counts a token that this isolate has verified before: one of many, for all of them.
pub(crate) fn add_remembered(issuer: &str) {
    let so_far = REMEMBERED.get().wrapping_add(1);
    REMEMBERED.set(so_far);
    if so_far.is_multiple_of(VERIFICATIONS_SAMPLED) {
        add(&Point::verification(issuer, true));
    }
}

/// The counts of this isolate since it started, in Prometheus' text format.
pub(crate) fn to_prometheus() -> String {
    COUNTERS.with_borrow(Counters::to_prometheus)
}

/// `{indexes: [metric], blobs: [label, …], doubles: [count]}`, and in `doubles` the milliseconds of what took time.
fn data_point(point: &Point) -> Option<JsValue> {
    let name = JsValue::from_str(point.metric.name());
    let blobs: Array = point
        .labels
        .iter()
        .map(|label| JsValue::from_str(label))
        .collect();
    let numbers = [Some(point.count), point.took.map(|took| took.0)];
    let doubles: Array = numbers.into_iter().flatten().map(number).collect();
    let value = js::object(&[
        ("indexes", Array::of1(&name).into()),
        ("blobs", blobs.into()),
        ("doubles", doubles.into()),
    ])?;
    Some(value.into())
}
