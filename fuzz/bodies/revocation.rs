//! Between isolates, users' objects and the authority on revocations: messages, and segments of many handles.

#[path = "../../crates/core/tests/support/memory_journal.rs"]
#[allow(dead_code, reason = "tests count its rows")]
mod memory_journal;

use postern_core::{
    message::{Answered, Asked, Message, NEWEST, decode, encode},
    revocation::{
        CLOCK_ALLOWANCE,
        call::{AuthorityCall, AuthorityReply},
        copy::{Age, Decision, LivenessQuery, RevocationCopy},
        journal::{Journal, Recorded},
        key::HandleKey,
        segment::Segment,
    },
    session::facts::LivenessCache,
};
use postern_jwt::time::{Millis, UnixMillis};

use self::memory_journal::MemoryJournal;
use super::text;

pub const DICTIONARY: &[&str] = &[
    "{\"protocol\":1,\"call\":{",
    "{\"protocol\":1,\"reply\":{",
    "\"poll\":{\"since\":",
    "\"report\":{\"live\":",
    "\"entries\":[{\"handle\":\"",
    "\"expires\":",
    "\"not_before\":{\"moment\":",
    "\"key_set_version\":{\"version\":",
    "\"tail\":\"AAAAAAAAAAAAAAAAAAAAAA\"",
    "\"full\":true",
    "aaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccc",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "null",
    "1001",
    "}}",
    "\n",
];

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// One message for each line; an authority and an isolate take what they can read, one after the other.
pub fn authority(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let store = MemoryJournal::default();
    let mut journal = Journal::load(&store, 1).unwrap();
    let mut isolate = RevocationCopy::new(1);
    for message in input.split('\n') {
        if let Some(asked) = read_again::<Asked<AuthorityCall>>(message) {
            carry_out(&mut journal, &store, asked.call);
        }
        if let Some(Answered {
            reply: AuthorityReply::Answer(answer),
            ..
        }) = read_again(message)
        {
            let before = (isolate.not_before(), isolate.key_set_version());
            let tail = answer.tail.0.clone();
            let names_none = isolate.missing(0, &answer).is_empty();
            let took = isolate.apply(0, answer, Vec::new(), NOW);
            assert!(
                names_none || !took,
                "a segment that is not here was passed over"
            );
            assert!(isolate.not_before() >= before.0 && isolate.key_set_version() >= before.1);
            if took {
                assert!(tail.iter().all(|key| !is_live(&mut isolate, *key)));
            }
        }
    }
    // What the authority says is whole, and a new isolate takes it.
    let answer = Answered {
        protocol: NEWEST,
        reply: AuthorityReply::Answer(journal.poll(0, NOW)),
    };
    assert_eq!(decode(&encode(&answer).unwrap()).as_ref(), Ok(&answer));
    // Stored and loaded it is the same.
    let loaded = Journal::load(&store, 1).unwrap();
    assert_eq!(loaded.poll(0, NOW), journal.poll(0, NOW));
}

/// What a message says; written again it says the same.
fn read_again<M: Message + PartialEq + std::fmt::Debug>(message: &str) -> Option<M> {
    let value = decode::<M>(message).ok()?;
    assert_eq!(decode::<M>(&encode(&value).unwrap()).as_ref(), Ok(&value));
    Some(value)
}

fn carry_out(journal: &mut Journal, store: &MemoryJournal, call: AuthorityCall) {
    let before = journal.poll(0, NOW);
    match call {
        AuthorityCall::Poll { since } => {
            let answer = journal.poll(since, NOW);
            assert!(answer.tail_after >= answer.sealed && answer.tail_after <= answer.seq);
            let mut fresh = RevocationCopy::new(1);
            let is_whole = answer.tail_after == answer.sealed && answer.segments.is_empty();
            assert_eq!(fresh.apply(0, answer, Vec::new(), NOW), is_whole);
        }
        AuthorityCall::Report(report) => {
            let recorded = journal.report(store, &report, NOW).unwrap();
            let after = journal.poll(0, NOW);
            if recorded == Recorded::Malformed {
                assert_eq!(after, before);
                return;
            }
            // Once more it changes nothing.
            journal.report(store, &report, NOW).unwrap();
            assert_eq!(journal.poll(0, NOW), after);
            let mut isolate = RevocationCopy::new(1);
            if isolate.apply(0, after, Vec::new(), NOW) {
                for entry in report.entries.iter().filter(|entry| entry.expires > NOW) {
                    let decision = decide(&mut isolate, &entry.handle);
                    assert_ne!(decision, Decision::Live, "{}", entry.handle);
                }
            }
        }
        AuthorityCall::NotBefore { moment } => {
            let moment = moment.unwrap_or(NOW);
            let counts = journal.set_not_before(store, moment, NOW).unwrap();
            assert_eq!(counts, moment.max(before.not_before));
        }
        AuthorityCall::KeySetVersion { version } => {
            journal.set_key_set_version(store, version).unwrap();
            let known = journal.poll(0, NOW).key_set_version;
            assert_eq!(known, version.max(before.key_set_version));
        }
    }
}

fn decide(isolate: &mut RevocationCopy, handle: &str) -> Decision {
    let question = LivenessQuery {
        handle,
        age: Age::Token(UnixMillis(u64::MAX)),
        bound: Millis(CLOCK_ALLOWANCE.0 * 5),
        now: NOW,
    };
    isolate.decide(&mut LivenessCache::default(), &question)
}

fn is_live(isolate: &mut RevocationCopy, key: u64) -> bool {
    decide(isolate, &handle_of(key)) == Decision::Live
}

/// A handle that has this key: lower-case base32 of it.
fn handle_of(key: u64) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = u128::from(key) << 1;
    let random: String = (0..13)
        .map(|at| char::from(LETTERS[((bits >> (60 - 5 * at)) & 31) as usize]))
        .collect();
    format!("{}.{random}{}.tag", "a".repeat(26), "a".repeat(13))
}

/// A name, a line break, and the bytes that came for it; and the same bytes as the keys of a segment.
pub fn segment(input: &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n');
    let (name, bytes) = at.map_or((&[][..], input), |at| (&input[..at], &input[at + 1..]));
    let mut keys: Vec<u64> = (bytes.as_chunks::<8>().0.iter())
        .map(|key| u64::from_be_bytes(*key))
        .collect();
    if let Ok(read) = Segment::parse(text(name).unwrap_or_default(), bytes.to_vec()) {
        assert_eq!(read.bytes(), bytes);
        assert_eq!(read.name().as_bytes(), name);
        for key in keys.iter().copied().chain([0, 1, u64::MAX]) {
            // Whatever it says: it looks only at bytes that are there.
            let _ = read.contains(HandleKey(key));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let Some(built) = Segment::build(&keys) else {
        assert!(keys.is_empty());
        return;
    };
    assert!(keys.iter().all(|key| built.contains(HandleKey(*key))));
    assert_eq!(usize::try_from(built.count()), Ok(keys.len()));
    let sent = built.bytes();
    assert_eq!(
        Segment::parse(built.name(), sent.to_vec()).as_ref(),
        Ok(&built)
    );
    // Any change on the way is found out.
    let place = input.len() % sent.len();
    let mut changed = sent.to_vec();
    changed[place] ^= 1;
    assert!(Segment::parse(built.name(), changed).is_err());
    assert!(Segment::parse(built.name(), sent[..place].to_vec()).is_err());
}
