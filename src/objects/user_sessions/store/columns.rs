//! What the columns of a session hold: a record's values as SQLite takes them. `row` reads them back.

use wasm_bindgen::JsValue;

use crate::runtime::number::number;
use postern_core::session::record::SessionRecord;
use postern_jwt::time::UnixMillis;

/// What [`Row::session`](crate::runtime::sql::Row::session) reads. A macro, so that statements with it are literals.
macro_rules! session_columns {
    () => {
        "handle, user_id, tenant_id, live, created, expiry, access_expires_max, last_refreshed, salt,
  secret_number, generation, used_index, children, first_exchanged, last_issued, child_seen, seen_generation, seen_children,
  by_service_api, use_dynamic_key, payload, device, made_by, last_seen, data_seq, copy_expires, ended, ending, keep_until,
  bound_key, bound_thumbprint, bound_at, bound_confirmed, bound_secret_number,
  dpop_key, dpop_secret_number"
    };
}
pub(super) use session_columns;

/// The number of no secret: what a bound session has in place of its own, see the steps to 6 and 7.
const NO_SECRET: u32 = u32::MAX;

/// The columns of a session's device, and the number of its refresh-token secret, as `update_session` names them.
pub(super) fn device_columns(record: &SessionRecord) -> [JsValue; 6] {
    let Some(binding) = &record.binding else {
        let none = JsValue::NULL;
        let secret_number = told_secret_number(record).into();
        return [
            none.clone(),
            none.clone(),
            none.clone(),
            none.clone(),
            none,
            secret_number,
        ];
    };
    let is_asked_for = binding.is_confirmed;
    [
        binding.key.as_str().into(),
        binding.thumbprint.to_string().into(),
        time(binding.bound),
        u8::from(is_asked_for).into(),
        record.secret_number.into(),
        if is_asked_for {
            NO_SECRET
        } else {
            record.secret_number
        }
        .into(),
    ]
}

/// The number in `secret_number` of a session that is bound to no device.
pub(super) const fn told_secret_number(record: &SessionRecord) -> u32 {
    match record.dpop_key {
        Some(_) => NO_SECRET,
        None => record.secret_number,
    }
}

pub(super) fn time(at: UnixMillis) -> JsValue {
    number(at.0)
}

pub(super) fn optional_time(at: Option<UnixMillis>) -> JsValue {
    at.map_or(JsValue::NULL, time)
}

/// The columns that an update may change, in the order of [`changing_columns`].
pub(super) fn changing_columns(record: &SessionRecord) -> Vec<JsValue> {
    vec![
        time(record.expiry),
        time(record.access_expires_max),
        optional_time(record.last_refreshed),
        record.lineage.generation.into(),
        record.lineage.used_index.into(),
        record.lineage.children.into(),
        optional_time(record.lineage.first_exchanged),
        optional_time(record.lineage.last_issued),
        optional_time(record.lineage.child_seen),
        record.lineage.generation.into(),
        record.lineage.children.into(),
        u8::from(record.use_dynamic_key).into(),
        record.payload.as_str().into(),
        number(record.data_seq),
        time(record.copy_expires),
    ]
}
