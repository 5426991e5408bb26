//! What is stored about one person, as records that are given out page by page.

use super::listing::{Cursor, ListedSession};
use postern_jwt::json::ObjectWriter;

/// How many bytes of records one page takes before it ends: one record more may be as large as session data can be.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// Where a page of an export begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportCursor {
    /// Among the live sessions of our own; after one of them, or at the first.
    Live(Option<Cursor>),
    /// Among the ended ones.
    Ended(Option<Cursor>),
    /// Among the sessions of a trusted issuer's user, after the one of this handle.
    Foreign(Option<String>),
}

impl ExportCursor {
    /// The text that callers give back as it is.
    pub fn to_text(&self) -> String {
        let place = |cursor: &Option<Cursor>| cursor.as_ref().map(Cursor::to_text);
        let (stage, place) = match self {
            Self::Live(after) => ("live", place(after)),
            Self::Ended(after) => ("ended", place(after)),
            Self::Foreign(after) => ("foreign", after.clone()),
        };
        format!("{stage}.{}", place.unwrap_or_default())
    }

    /// Reads what [`Self::to_text`] wrote; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (stage, place) = text.split_once('.')?;
        let cursor = || match place {
            "" => Some(None),
            place => Cursor::from_text(place).map(Some),
        };
        match stage {
            "live" => cursor().map(Self::Live),
            "ended" => cursor().map(Self::Ended),
            "foreign" if place.len() <= super::handle::MAX_HANDLE_BYTES => Some(Self::Foreign(
                Some(place.to_owned()).filter(|place| !place.is_empty()),
            )),
            _ => None,
        }
    }
}

/// A page of an export.
#[derive(Debug, Default)]
pub struct ExportPage {
    records: Vec<String>,
    bytes: usize,
}

impl ExportPage {
    /// Whether the page has all that it takes.
    pub const fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES
    }

    /// A live session of our own: its facts, its stored payload, its data, and the public key (a JWK) of the device that it
    /// is bound to, all but the first as JSON texts.
    pub fn session(
        &mut self,
        session: &ListedSession,
        payload: &str,
        data: &str,
        device_key: Option<&str>,
    ) {
        let mut record = record("session");
        record.json("session", &session.to_json(None));
        record.json("jwtPayload", payload);
        record.json("sessionData", data);
        if let Some(key) = device_key {
            record.json("deviceKey", key);
        }
        self.add(record);
    }

    /// A session of our own that has ended.
    pub fn ended(&mut self, session: &ListedSession) {
        let mut record = record("ended_session");
        record.json("session", &session.to_json(None));
        self.add(record);
    }

    /// A trusted issuer's session, and its data as JSON text. `user_id` is `None` where nobody has said whose it is: what is stored
    /// holds a digest of it only.
    pub fn foreign(&mut self, issuer: &str, user_id: Option<&str>, handle: &str, data: &str) {
        let mut session = ObjectWriter::new();
        session.text("handle", handle);
        session.text("issuer", issuer);
        session.optional_text("userId", user_id);
        let mut record = record("issuer_session");
        record.json("session", &session.finish());
        record.json("sessionData", data);
        self.add(record);
    }

    fn add(&mut self, record: ObjectWriter) {
        let record = record.finish();
        self.bytes = self.bytes.saturating_add(record.len());
        self.records.push(record);
    }

    /// The result with the members `records` and `cursor`, which is absent after the last record.
    pub fn result(&self, next: Option<&ExportCursor>) -> String {
        let mut result = ObjectWriter::new();
        result.text("status", "OK");
        result.json("records", &["[", &self.records.join(","), "]"].concat());
        result.optional_text("cursor", next.map(ExportCursor::to_text).as_deref());
        result.finish()
    }
}

fn record(kind: &str) -> ObjectWriter {
    let mut record = ObjectWriter::new();
    record.text("type", kind);
    record
}

#[cfg(test)]
mod tests {
    use super::{ExportCursor, ExportPage, PAGE_BYTES};
    use crate::session::listing::{Cursor, tests::listed};
    use postern_jwt::time::UnixMillis;
    use serde_json::json;

    #[test]
    fn a_page_has_each_record_with_what_it_is_and_where_the_next_page_begins() {
        let mut page = ExportPage::default();
        page.session(&listed("one"), r#"{"a":1}"#, "{}", Some(r#"{"kty":"EC"}"#));
        page.session(&listed("two"), "{}", r#"{"cart":2}"#, None);
        page.ended(&listed("three"));
        page.foreign("idp", Some("alice"), "four", r#"{"cart":4}"#);
        page.foreign("idp", None, "five", "{}");
        let read = |next: Option<&ExportCursor>| -> serde_json::Value {
            serde_json::from_str(&page.result(next)).unwrap()
        };
        let own = |handle: &str| -> serde_json::Value {
            serde_json::from_str(&listed(handle).to_json(None)).unwrap()
        };
        let records = json!([
            { "type": "session", "session": own("one"), "jwtPayload": { "a": 1 }, "sessionData": {},
              "deviceKey": { "kty": "EC" } },
            { "type": "session", "session": own("two"), "jwtPayload": {}, "sessionData": { "cart": 2 } },
            { "type": "ended_session", "session": own("three") },
            { "type": "issuer_session", "sessionData": { "cart": 4 },
              "session": { "handle": "four", "issuer": "idp", "userId": "alice" } },
            { "type": "issuer_session", "sessionData": {}, "session": { "handle": "five", "issuer": "idp" } },
        ]);
        assert_eq!(read(None), json!({ "status": "OK", "records": records }));
        let next = ExportCursor::Ended(None);
        assert_eq!(read(Some(&next))["cursor"], json!(next.to_text()));
    }

    #[test]
    fn a_page_is_full_once_its_records_have_the_bytes_that_it_takes() {
        let filled = |bytes: usize| {
            let mut page = ExportPage::default();
            page.foreign("idp", None, "handle", &format!("\"{}\"", "x".repeat(bytes)));
            page
        };
        let around = filled(0).bytes;
        assert!(!filled(PAGE_BYTES - around - 1).is_full());
        assert!(filled(PAGE_BYTES - around).is_full());
    }

    #[test]
    fn a_place_in_an_export_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = Cursor {
            at: UnixMillis(17),
            handle: "route.random.tag_t1".to_owned(),
        };
        for place in [
            ExportCursor::Live(None),
            ExportCursor::Live(Some(cursor.clone())),
            ExportCursor::Ended(None),
            ExportCursor::Ended(Some(cursor)),
            ExportCursor::Foreign(None),
            ExportCursor::Foreign(Some("x.id.route.digest.tag".to_owned())),
        ] {
            assert_eq!(ExportCursor::from_text(&place.to_text()), Some(place));
        }
        let long = format!("foreign.{}", "x".repeat(300));
        for wrong in ["", "live", "live.x", "dead.", ".", "ended.AAAA", &long] {
            assert_eq!(ExportCursor::from_text(wrong), None, "{wrong}");
        }
    }
}
