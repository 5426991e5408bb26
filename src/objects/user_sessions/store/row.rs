//! Rows of the user's tables.

use crate::runtime::sql::Row;
use postern_core::session::{
    lineage::Lineage,
    listing::{Ended, ListedSession},
    model::Device,
    record::{
        Binding, CopyAction, CopyTask, Ending, ForeignRecord, RevocationTask, SessionRecord,
        SessionSummary, Stored, Tombstone,
    },
};
use postern_jwt::{proof::Thumbprint, time::UnixMillis};

impl Row {
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

    /// Device facts, as JSON text.
    fn device(&self) -> Option<Device> {
        self.optional_text("device").and_then(|text| {
            let device = Device::from_json(&text).ok();
            if device.is_none() {
                self.spoil("device");
            }
            device
        })
    }

    pub(super) fn session(&self) -> Stored<SessionRecord> {
        if !self.flag("live") {
            return Stored::Ended(self.tombstone());
        }
        let binding = self
            .optional_text("bound_thumbprint")
            .map(|thumbprint| Binding {
                thumbprint: self.good_thumbprint("bound_thumbprint", &thumbprint),
                key: self.text("bound_key"),
                bound: self.time("bound_at"),
                is_confirmed: self.flag("bound_confirmed"),
            });
        let own_number = self
            .optional_small("bound_secret_number")
            .or_else(|| self.optional_small("dpop_secret_number"));
        let dpop_key = self
            .optional_text("dpop_key")
            .map(|thumbprint| self.good_thumbprint("dpop_key", &thumbprint));
        Stored::Live(SessionRecord {
            handle: self.text("handle"),
            user_id: self.text("user_id"),
            tenant_id: self.text("tenant_id"),
            created: self.time("created"),
            expiry: self.time("expiry"),
            access_expires_max: self.time("access_expires_max"),
            last_refreshed: self.optional_time("last_refreshed"),
            salt: self.text("salt"),
            secret_number: own_number.unwrap_or_else(|| self.small("secret_number")),
            lineage: Lineage {
                generation: self.small("generation"),
                used_index: self.small("used_index"),
                children: self.small("children"),
                first_exchanged: self.optional_time("first_exchanged"),
                last_issued: self.optional_time("last_issued"),
                child_seen: self.optional_time("child_seen"),
            }
            .restored(
                self.optional_small("seen_generation")
                    .zip(self.optional_small("seen_children")),
                self.optional_time("last_refreshed"),
            ),
            by_service_api: self.flag("by_service_api"),
            use_dynamic_key: self.flag("use_dynamic_key"),
            payload: self.text("payload"),
            device: self.device(),
            made_by: self.optional_text("made_by"),
            last_seen: self.optional_time("last_seen"),
            data_seq: self.number("data_seq"),
            copy_expires: self.time("copy_expires"),
            binding,
            dpop_key,
        })
    }

    fn good_thumbprint(&self, column: &'static str, text: &str) -> Thumbprint {
        Thumbprint::parse(text).unwrap_or_else(|| {
            self.spoil(column);
            Thumbprint::NONE
        })
    }

    /// A row of `ended_session`.
    pub(super) fn ended(&self) -> ListedSession {
        ListedSession {
            handle: self.text("handle"),
            user_id: self.text("user_id"),
            tenant_id: self.text("tenant_id"),
            created: self.time("created"),
            last_refreshed: self.optional_time("last_refreshed"),
            last_seen: self.time("last_seen"),
            expiry: self.time("expiry"),
            device: self.device(),
            made_by: self.optional_text("made_by"),
            device_bound: None,
            dpop_key: None,
            ended: Some(Ended {
                time: self.time("ended"),
                reason: self.text("reason"),
                by: self.optional_text("ended_by"),
            }),
        }
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
            ended: self.optional_time("ended").unwrap_or(UnixMillis(0)),
        })
    }

    pub(super) fn task(&self) -> CopyTask {
        let action = CopyAction::from_name(&self.text("action"));
        if action.is_none() {
            self.spoil("action");
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
