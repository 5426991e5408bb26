//! The sessions of one user with their facts, as operators and the user see them: live ones, and ended ones for a stated
//! time with when and why they ended.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::model::Device;
use crate::tenant::OWN;
use postern_jwt::{json::ObjectWriter, proof::Thumbprint, time::UnixMillis};

/// How many sessions one page holds.
pub const PAGE: u32 = 100;
/// How many ended sessions an object remembers; the oldest are forgotten first.
pub const MAX_ENDED: u32 = 1_000;

/// Which way a session was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeBy {
    /// Another Worker asked for it over RPC.
    Rpc,
    /// A backend asked for it through the service API.
    ServiceApi,
    /// An origin behind the gateway asked for it by a directive.
    Origin,
    /// A trusted issuer's token was exchanged for it.
    Exchange,
    /// It was taken over from a SuperTokens core.
    FormerCore,
}

impl MadeBy {
    /// The name in storage and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::ServiceApi => "service_api",
            Self::Origin => "origin",
            Self::Exchange => "exchange",
            Self::FormerCore => "former_core",
        }
    }
}

/// Who ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The user, by signing out of it.
    SignOut,
    /// The user, from another one of the user's sessions.
    User,
    /// Another Worker, over RPC.
    Rpc,
    /// A backend, through the service API.
    ServiceApi,
    /// An origin behind the gateway, by a directive.
    Origin,
    /// An operator, on the console.
    Console,
}

impl EndedBy {
    /// The name in storage and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignOut => "sign_out",
            Self::User => "user",
            Self::Rpc => "rpc",
            Self::ServiceApi => "service_api",
            Self::Origin => "origin",
            Self::Console => "console",
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub time: UnixMillis,
    /// Why: `signed_out`, or the [name of an ending](super::record::Ending::name). A later release may have more.
    pub reason: String,
    /// Who ended it, where somebody did; the name of an [`EndedBy`], of which a later release may have more.
    #[serde(default)]
    pub by: Option<String>,
}

impl Ended {
    /// Puts together what storage keeps apart: the name of the ending, and who ended it. Whoever signs out is not said twice.
    pub fn of(time: UnixMillis, ending: &str, by: Option<&str>) -> Self {
        let signed_out = by == Some(EndedBy::SignOut.name()) && ending == "revoked";
        let reason = if signed_out { "signed_out" } else { ending };
        let by = by.filter(|_| !signed_out);
        Self {
            time,
            reason: reason.to_owned(),
            by: by.map(str::to_owned),
        }
    }
}

/// One session of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSession {
    /// Its handle.
    pub handle: String,
    /// Whose.
    pub user_id: String,
    /// The tenant it was created in.
    pub tenant_id: String,
    /// When it was created.
    pub created: UnixMillis,
    /// When it was last refreshed; `None` = never.
    #[serde(default)]
    pub last_refreshed: Option<UnixMillis>,
    /// When its object last heard of a request of its user, to within [`super::user::SEEN_EVERY`]; never before
    /// `created` or `last_refreshed`.
    pub last_seen: UnixMillis,
    /// When it ends unless refreshed; of an ended one, when it would have ended.
    pub expiry: UnixMillis,
    /// Device facts at creation; `None` = the creator gave none.
    #[serde(default)]
    pub device: Option<Device>,
    /// The name of the [way](MadeBy) it was made; `None` = a release that did not note it.
    #[serde(default)]
    pub made_by: Option<String>,
    /// When it was bound to a device; `None` = it is not, it has ended, or the object is of a release that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_bound: Option<UnixMillis>,
    /// The key that it is bound to by DPoP; `None` as with `device_bound`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_key: Option<Thumbprint>,
    /// How it ended; `None` = it is live.
    #[serde(default)]
    pub ended: Option<Ended>,
}

impl ListedSession {
    /// The JSON object of results. `is_current` says whether it is the session that asks; `None` where none does.
    pub fn to_json(&self, is_current: Option<bool>) -> String {
        let mut object = ObjectWriter::new();
        object.text("handle", &self.handle);
        object.text("issuer", OWN);
        object.text("userId", &self.user_id);
        object.text("tenantId", &self.tenant_id);
        object.number("timeCreated", self.created.0);
        if let Some(refreshed) = self.last_refreshed {
            object.number("lastRefreshed", refreshed.0);
        }
        object.number("lastSeen", self.last_seen.0);
        object.number("expiry", self.expiry.0);
        if let Some(device) = &self.device {
            object.json("device", &device.to_json());
        }
        object.optional_text("madeBy", self.made_by.as_deref());
        if let Some(bound) = self.device_bound {
            object.number("deviceBound", bound.0);
        }
        if let Some(key) = self.dpop_key {
            object.text("dpopJkt", &key.to_string());
        }
        if let Some(is_current) = is_current {
            object.json("current", if is_current { "true" } else { "false" });
        }
        if let Some(ended) = &self.ended {
            let mut end = ObjectWriter::new();
            end.number("time", ended.time.0);
            end.text("reason", &ended.reason);
            end.optional_text("by", ended.by.as_deref());
            object.json("ended", &end.finish());
        }
        object.finish()
    }
}

/// Where a page of a list begins: after this session, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// When that session was created; in a list of ended ones, when it ended.
    pub at: UnixMillis,
    /// Its handle.
    pub handle: String,
}

impl Cursor {
    /// The text that callers give back as it is.
    pub fn to_text(&self) -> String {
        let plain = format!("{}.{}", self.at.0, self.handle);
        Base64UrlUnpadded::encode_string(plain.as_bytes())
    }

    /// Reads what [`Self::to_text`] wrote; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let plain = String::from_utf8(Base64UrlUnpadded::decode_vec(text).ok()?).ok()?;
        let (at, handle) = plain.split_once('.')?;
        let is_handle = !handle.is_empty() && handle.len() <= 256;
        is_handle.then_some(Self {
            at: UnixMillis(at.parse().ok()?),
            handle: handle.to_owned(),
        })
    }
}

/// A page of a user's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions, newest first.
    pub sessions: Vec<ListedSession>,
    /// Where the next page begins; `None` = this is the last.
    pub next: Option<Cursor>,
}

impl SessionPage {
    /// The result with the members `sessions` and `cursor`. `current` is the handle of the session that asks, if one does.
    pub fn result(&self, current: Option<&str>) -> String {
        let listed = |session: &ListedSession| {
            session.to_json(current.map(|current| current == session.handle))
        };
        let sessions: Vec<String> = self.sessions.iter().map(listed).collect();
        let mut result = ObjectWriter::new();
        result.text("status", "OK");
        result.json("sessions", &["[", &sessions.join(","), "]"].concat());
        result.optional_text("cursor", self.next.as_ref().map(Cursor::to_text).as_deref());
        result.finish()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Cursor, Ended, EndedBy, ListedSession, SessionPage};
    use postern_jwt::time::UnixMillis;
    use serde_json::json;

    pub(in crate::session) fn listed(handle: &str) -> ListedSession {
        ListedSession {
            handle: handle.to_owned(),
            user_id: "alice".to_owned(),
            tenant_id: "public".to_owned(),
            created: UnixMillis(1),
            last_refreshed: None,
            last_seen: UnixMillis(2),
            expiry: UnixMillis(3),
            device: None,
            made_by: None,
            device_bound: None,
            dpop_key: None,
            ended: None,
        }
    }

    #[test]
    fn a_page_has_the_facts_of_each_session_and_says_which_one_asks() {
        let refreshed = ListedSession {
            last_refreshed: Some(UnixMillis(2)),
            made_by: Some("rpc".to_owned()),
            device_bound: Some(UnixMillis(1)),
            ended: Some(Ended::of(UnixMillis(3), "theft", None)),
            ..listed("two")
        };
        let cursor = Cursor {
            at: UnixMillis(1),
            handle: "two".to_owned(),
        };
        let page = SessionPage {
            sessions: vec![listed("one"), refreshed],
            next: Some(cursor.clone()),
        };
        let read = |current: Option<&str>| -> serde_json::Value {
            serde_json::from_str(&page.result(current)).unwrap()
        };
        assert_eq!(
            read(None),
            json!({ "status": "OK", "cursor": cursor.to_text(), "sessions": [
                { "handle": "one", "issuer": "own", "userId": "alice", "tenantId": "public", "timeCreated": 1, "lastSeen": 2,
                  "expiry": 3 },
                { "handle": "two", "issuer": "own", "userId": "alice", "tenantId": "public", "timeCreated": 1, "lastSeen": 2,
                  "expiry": 3, "lastRefreshed": 2, "madeBy": "rpc", "deviceBound": 1,
                  "ended": { "time": 3, "reason": "theft" } },
            ] })
        );
        let asking = read(Some("two"));
        assert_eq!(asking["sessions"][0]["current"], json!(false));
        assert_eq!(asking["sessions"][1]["current"], json!(true));
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = Cursor {
            at: UnixMillis(1_700_000_000_123),
            handle: "route.random.tag_t1".to_owned(),
        };
        assert_eq!(Cursor::from_text(&cursor.to_text()), Some(cursor));
        for wrong in ["", "AAAA", "1.route", "MS4", "LnJvdXRl", "ü", "LTEuYQ"] {
            assert_eq!(Cursor::from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_sign_out_is_a_reason_of_its_own_and_every_other_end_says_who() {
        let of = |ending, by: Option<EndedBy>| {
            let ended = Ended::of(UnixMillis(1), ending, by.map(EndedBy::name));
            (ended.reason, ended.by)
        };
        assert_eq!(
            of("revoked", Some(EndedBy::SignOut)),
            ("signed_out".to_owned(), None)
        );
        assert_eq!(
            of("revoked_with_all", Some(EndedBy::Console)),
            ("revoked_with_all".to_owned(), Some("console".to_owned()))
        );
        assert_eq!(of("theft", None), ("theft".to_owned(), None));
    }
}
