//! Rows of the user's tables, read column by column.

use std::cell::Cell;

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::{
    edge::whole_number,
    session::{
        lineage::Lineage,
        model::Device,
        record::{
            CopyAction, CopyTask, Ending, ForeignRecord, RevocationTask, SessionRecord,
            SessionSummary, StoreFault, Stored, Tombstone,
        },
    },
    time::UnixMillis,
};

/// One row. A column that does not hold what it should is remembered, so that one check at the end is enough.
pub(super) struct Row {
    columns: JsValue,
    fault: Cell<Option<&'static str>>,
}

impl Row {
    pub(super) fn new(columns: JsValue) -> Self {
        Self {
            columns,
            fault: Cell::new(None),
        }
    }

    /// What `read` makes of the row, if every column was as it should be.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Self) -> T) -> Result<T, StoreFault> {
        let value = read(self);
        match self.fault.get() {
            None => Ok(value),
            Some(column) => Err(StoreFault(format!("a stored row: {column}"))),
        }
    }

    /// A column's value; `None` for NULL and for a column that there is not.
    fn column(&self, name: &'static str) -> Option<JsValue> {
        Reflect::get(&self.columns, &JsValue::from_str(name))
            .ok()
            .filter(|value| !value.is_null() && !value.is_undefined())
    }

    fn good<T: Default>(&self, name: &'static str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            self.fault.set(Some(name));
            T::default()
        })
    }

    pub(super) fn text(&self, name: &'static str) -> String {
        self.good(name, self.column(name).and_then(|value| value.as_string()))
    }

    fn optional_text(&self, name: &'static str) -> Option<String> {
        self.column(name)
            .map(|value| self.good(name, value.as_string()))
    }

    pub(super) fn number(&self, name: &'static str) -> u64 {
        self.good(
            name,
            self.column(name).and_then(|value| whole_number(&value)),
        )
    }

    pub(super) fn small(&self, name: &'static str) -> u32 {
        self.good(name, u32::try_from(self.number(name)).ok())
    }

    fn flag(&self, name: &'static str) -> bool {
        self.number(name) != 0
    }

    fn time(&self, name: &'static str) -> UnixMillis {
        UnixMillis(self.number(name))
    }

    pub(super) fn optional_time(&self, name: &'static str) -> Option<UnixMillis> {
        self.column(name)
            .map(|value| UnixMillis(self.good(name, whole_number(&value))))
    }

    fn tombstone(&self) -> Tombstone {
        let ending = self
            .optional_text("ending")
            .and_then(|name| Ending::from_name(&name));
        Tombstone {
            ended: self.optional_time("ended").unwrap_or(UnixMillis(0)),
            ending: ending.unwrap_or(Ending::Revoked),
            keep_until: self.optional_time("keep_until").unwrap_or(UnixMillis(0)),
        }
    }

    pub(super) fn session(&self) -> Stored<SessionRecord> {
        if !self.flag("live") {
            return Stored::Ended(self.tombstone());
        }
        let device = self.optional_text("device").and_then(|text| {
            let device = Device::from_json(&text).ok();
            if device.is_none() {
                self.fault.set(Some("device"));
            }
            device
        });
        Stored::Live(SessionRecord {
            handle: self.text("handle"),
            user_id: self.text("user_id"),
            tenant_id: self.text("tenant_id"),
            created: self.time("created"),
            expiry: self.time("expiry"),
            access_expires_max: self.time("access_expires_max"),
            last_refreshed: self.optional_time("last_refreshed"),
            salt: self.text("salt"),
            secret_number: self.small("secret_number"),
            lineage: Lineage {
                generation: self.small("generation"),
                used_index: self.small("used_index"),
                children: self.small("children"),
                first_exchanged: self.optional_time("first_exchanged"),
            },
            by_service_api: self.flag("by_service_api"),
            use_dynamic_key: self.flag("use_dynamic_key"),
            payload: self.text("payload"),
            device,
            data_seq: self.number("data_seq"),
            copy_expires: self.time("copy_expires"),
        })
    }

    pub(super) fn foreign(&self) -> Stored<ForeignRecord> {
        if !self.flag("live") {
            return Stored::Ended(self.tombstone());
        }
        Stored::Live(ForeignRecord {
            handle: self.text("handle"),
            keep_until: self.time("keep_until"),
            data_seq: self.number("data_seq"),
            copy_expires: self.time("copy_expires"),
        })
    }

    pub(super) fn task(&self) -> CopyTask {
        let action = CopyAction::from_name(&self.text("action"));
        if action.is_none() {
            self.fault.set(Some("action"));
        }
        CopyTask {
            handle: self.text("handle"),
            action: action.unwrap_or(CopyAction::Put),
            due: self.time("due"),
            attempts: self.small("attempts"),
        }
    }

    pub(super) fn revocation(&self) -> RevocationTask {
        RevocationTask {
            handle: self.text("handle"),
            expires: self.time("expires"),
            due: self.time("due"),
            attempts: self.small("attempts"),
            recorded: self.flag("recorded"),
        }
    }

    pub(super) fn summary(&self) -> SessionSummary {
        SessionSummary {
            handle: self.text("handle"),
            created: self.time("created"),
            expiry: self.time("expiry"),
        }
    }
}
