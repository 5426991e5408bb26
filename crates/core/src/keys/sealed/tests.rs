//! What a stored record is taken for, and what is authenticated with it.

use super::{SealedRecord, additional_data};
use crate::{
    keys::{RingHead, SCHEMA, Secrets},
    message::Unread,
};

#[test]
fn a_sealed_record_is_read_as_it_was_written_and_shows_its_key_and_nothing_else() {
    let text = SealedRecord::new("k", [7; 12], b"content".to_vec())
        .text()
        .unwrap();
    // For ever: it is what is stored.
    assert_eq!(
        text,
        r#"{"schema":3,"key":"k","nonce":"BwcHBwcHBwcHBwcH","content":"Y29udGVudA"}"#
    );
    let read = SealedRecord::read(&text).unwrap().unwrap();
    assert_eq!((read.key.as_str(), read.nonce()), ("k", Some([7; 12])));
    assert_eq!(read.content(), b"content");
    let short = text.replace("BwcHBwcHBwcHBwcH", "Bwc");
    assert_eq!(SealedRecord::read(&short).unwrap().unwrap().nonce(), None);
}

#[test]
fn what_is_not_sealed_says_so_and_what_is_too_new_or_damaged_is_refused() {
    let head = crate::keys::KeyRing::new(Secrets::new([[1; 32]; 4])).head;
    for record in [head.to_json().unwrap().as_str(), r#"{"kid":"d-1"}"#, "{}"] {
        assert!(SealedRecord::read(record).unwrap().is_none(), "{record}");
    }
    for (record, why) in [
        (r#"{"schema":4,"key":"k"}"#, Unread::Unsupported),
        (r#"{"schema":4294967295}"#, Unread::Unsupported),
        (r#"{"schema":3}"#, Unread::Damaged),
        (
            r#"{"schema":3,"key":"k","nonce":"!","content":""}"#,
            Unread::Damaged,
        ),
        (r#"{"schema":"3"}"#, Unread::Damaged),
        ("", Unread::Damaged),
        ("[]", Unread::Damaged),
    ] {
        assert_eq!(SealedRecord::read(record).err(), Some(why), "{record}");
    }
}

#[test]
fn a_release_that_reads_no_sealed_records_takes_one_for_too_new() {
    let text = SealedRecord::new("k", [7; 12], Vec::new()).text().unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(schema["schema"].as_u64().unwrap() > u64::from(SCHEMA));
    // Nor is it a head that lacks something.
    assert!(RingHead::from_json(&text).is_err());
}

#[test]
fn no_two_records_have_the_same_additional_data() {
    assert_eq!(additional_data("r", "head"), "postern key ring\nr\nhead");
    assert_ne!(additional_data("r", "d-1"), additional_data("r", "d-2"));
    assert_ne!(additional_data("r", "d-1"), additional_data("s", "d-1"));
}
