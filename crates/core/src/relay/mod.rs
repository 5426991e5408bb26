//! Relays: objects between very many isolates and the two objects of which there is one, the key ring and the authority on
//! revocations. Only reads go through them.
//!
//! A relay asks once for everybody who asks it within a short time, and keeps the answer in memory only. What it says is never
//! taken for newer than it is: the authority's answer says itself as of when it is true, and a copy of the key ring travels with
//! its age, a duration that the relay measured by its own clock from before it asked. So the bounds hold as without relays: a
//! copy that came through one is that much older, and is asked for anew that much sooner.
//!
//! How old an answer may be says whoever asks. A relay that gives none is passed by.

pub mod call;

use crate::{
    keys::RingCopy,
    revocation::{MAX_COPY_BYTES, copy::RevocationCopy},
};
use postern_jwt::time::{Millis, UnixMillis};

/// No relayed answer is older, whatever the bound.
const LONGEST_AGE: Millis = Millis(5_000);

/// No relayed copy of the key ring is older for an isolate that has none yet, which would say how soon it is asked anew.
const LONGEST_AGE_OF_FIRST: Millis = Millis(1_000);

/// How old the answer to a poll may be for a request with this bound.
pub fn longest_age_of_answer(bound: Millis) -> Millis {
    longest_age(RevocationCopy::asked_anew_at(bound))
}

/// How old a copy of the key ring may be that is to take the place of `held`: of the ring as it is once its next key is due, if
/// it is.
pub fn longest_age_of_ring(held: Option<&RingCopy>, now: UnixMillis) -> Millis {
    let Some(copy) = held else {
        return LONGEST_AGE_OF_FIRST;
    };
    let longest = longest_age(copy.policy.copy_refresh_age());
    if now < copy.next_change() {
        longest
    } else {
        longest.min(now.since(copy.next_change()))
    }
}

/// Where copies are asked for anew at the age of `every`: a quarter of that, so that each answer is news.
fn longest_age(every: Millis) -> Millis {
    Millis(every.0 / 4).min(LONGEST_AGE)
}

/// An answer in a relay's memory.
#[derive(Debug, Clone)]
pub struct Held<T> {
    /// When the relay began to ask for it, by its own clock.
    pub asked: UnixMillis,
    /// The answer.
    pub answer: T,
}

impl<T> Held<T> {
    /// Whether this may be told to somebody whose question arrived at `arrived`. A question that was under way then, or has
    /// been asked since, makes it no older.
    pub fn serves(&self, arrived: UnixMillis, longest_age: Millis) -> bool {
        arrived.since(self.asked) <= longest_age
    }

    /// How old it is at most.
    pub fn age(&self, now: UnixMillis) -> Millis {
        now.since(self.asked)
    }
}

/// How many bytes of segments a relay keeps: two copies' worth, while one takes the place of the other.
const MAX_SEGMENT_BYTES: usize = 2 * MAX_COPY_BYTES;

/// The segments that a relay keeps, the newest last. A name says what is in a segment, so they are of no age.
#[derive(Debug, Default)]
pub struct Segments(Vec<(String, Vec<u8>)>);

impl Segments {
    /// The bytes of a segment, if they are here.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut kept = self.0.iter();
        kept.find_map(|(known, bytes)| (known == name).then_some(bytes.as_slice()))
    }

    /// Keeps a segment, and drops the oldest of those that are too many with it.
    pub fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), bytes));
        let mut kept: usize = 0;
        let newest = self.0.iter().rev().take_while(|(_, bytes)| {
            kept = kept.saturating_add(bytes.len());
            kept <= MAX_SEGMENT_BYTES
        });
        let too_many = self.0.len().saturating_sub(newest.count());
        self.0.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, MAX_SEGMENT_BYTES, Segments, longest_age_of_answer, longest_age_of_ring};
    use crate::keys::{KeyPolicy, KeyRing, SECRETS_NEEDED, Secrets};
    use postern_jwt::{
        SigningAlgorithm,
        time::{Millis, UnixMillis},
    };

    #[test]
    fn an_answer_serves_while_it_is_young_enough_by_when_the_question_arrived() {
        let held = Held {
            asked: UnixMillis(1_000),
            answer: (),
        };
        let serves = |arrived, age| held.serves(UnixMillis(arrived), Millis(age));
        assert!(serves(1_000, 0) && serves(900, 0));
        assert!(!serves(1_001, 0));
        assert!(serves(1_500, 500));
        assert!(!serves(1_501, 500));
        // It is as old as the question that it answers, however long that took.
        assert_eq!(held.age(UnixMillis(4_000)), Millis(3_000));
    }

    #[test]
    fn what_is_asked_for_often_may_be_a_quarter_of_that_old_and_never_older_than_5_seconds() {
        for (bound, longest) in [
            (0, 0),
            (2_000, 0),
            (5_000, 250),
            (60_000, 4_833),
            (300_000, 5_000),
        ] {
            assert_eq!(
                longest_age_of_answer(Millis(bound)),
                Millis(longest),
                "{bound}"
            );
        }
    }

    #[test]
    fn a_relayed_ring_is_not_from_before_the_next_key_was_due() {
        let now = UnixMillis(1_700_000_000_000);
        assert_eq!(longest_age_of_ring(None, now), Millis(1_000));
        let policy = KeyPolicy {
            interval: Millis::from_seconds(604_800),
            access_token_validity: Millis::from_seconds(3_600),
            signing_algorithm: SigningAlgorithm::RS256,
        };
        let copy = KeyRing::new(Secrets::new([[7; 32]; SECRETS_NEEDED])).copy(policy, now);
        // It has no key yet.
        assert_eq!(copy.next_change(), UnixMillis(0));
        assert_eq!(longest_age_of_ring(Some(&copy), UnixMillis(0)), Millis(0));
        assert_eq!(
            longest_age_of_ring(Some(&copy), UnixMillis(100)),
            Millis(100)
        );
        assert_eq!(longest_age_of_ring(Some(&copy), now), Millis(5_000));
    }

    #[test]
    fn the_newest_segments_are_kept_within_their_bytes() {
        let mut segments = Segments::default();
        let part = MAX_SEGMENT_BYTES / 4;
        for name in ["a", "b", "c", "d"] {
            segments.put(name, vec![1; part]);
        }
        assert!(segments.get("a").is_some());
        segments.put("b", vec![2; part]);
        segments.put("e", vec![3; 1]);
        assert_eq!(segments.get("a"), None);
        assert_eq!(segments.get("b").map(|bytes| bytes[0]), Some(2));
        segments.put("large", vec![4; MAX_SEGMENT_BYTES + 1]);
        for name in ["b", "c", "d", "e", "large"] {
            assert_eq!(segments.get(name), None, "{name}");
        }
    }
}
