//! What an isolate knows for a fact about handles: when the user's object last said that a session lives.
//!
//! A strict answer may stand in for the next question about the same handle until the bound is spent. The memory is
//! bounded.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher},
};

use super::handle::is_foreign;
use postern_jwt::time::{Millis, UnixMillis};

/// How many handles one of the two generations holds.
pub const GENERATION_LIMIT: usize = 5_000;

/// An answer of a user's object about one handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// The object's time when it answered.
    pub as_of: UnixMillis,
    /// The newest session data it knew.
    pub data_seq: u64,
    /// For a trusted issuer's session: when the handle was last ended, zero = never; `None` = it did not say.
    pub ended: Option<UnixMillis>,
}

impl Fact {
    /// Whether it speaks for a token that was made at the latest at `issued`; a question without a token is about the handle
    /// alone. Sessions of our own never live again, so whatever is known of one is known of all its tokens.
    pub fn speaks_for(&self, handle: &str, issued: Option<UnixMillis>) -> bool {
        match issued {
            Some(issued) if is_foreign(handle) => self.ended.is_some_and(|ended| {
                ended == UnixMillis(0) || issued.minus(WITHIN_A_SECOND) > ended
            }),
            _ => true,
        }
    }
}

/// Tokens tell whole seconds.
const WITHIN_A_SECOND: Millis = Millis(999);

/// The keys are handles that passed the tag check, so nobody outside can pick ones that collide.
type Generation = HashMap<Box<str>, Fact, BuildHasherDefault<DefaultHasher>>;

/// The facts of an isolate. What was not used while a generation filled up is forgotten.
#[derive(Debug, Default)]
pub struct LivenessCache {
    young: Generation,
    old: Generation,
}

impl LivenessCache {
    /// The fact about a handle, if it is not older than `bound`.
    pub fn recall(&mut self, handle: &str, bound: Millis, now: UnixMillis) -> Option<Fact> {
        let fact = self
            .young
            .get(handle)
            .or_else(|| self.old.get(handle))
            .copied()?;
        if now.since(fact.as_of) > bound {
            return None;
        }
        if !self.young.contains_key(handle) {
            self.keep(handle, fact);
        }
        Some(fact)
    }

    /// Notes an answer, unless a newer one is known.
    pub fn note(&mut self, handle: &str, fact: Fact) {
        let known = self.young.get(handle).or_else(|| self.old.get(handle));
        if known.is_none_or(|known| known.as_of <= fact.as_of) {
            self.keep(handle, fact);
        }
    }

    /// Forgets a handle: its session ended, or a question about it went wrong.
    pub fn forget(&mut self, handle: &str) {
        self.young.remove(handle);
        self.old.remove(handle);
    }

    fn keep(&mut self, handle: &str, fact: Fact) {
        if self.young.len() >= GENERATION_LIMIT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(handle.into(), fact);
    }
}

#[cfg(test)]
mod tests {
    use super::{Fact, GENERATION_LIMIT, LivenessCache};
    use postern_jwt::time::{Millis, UnixMillis};

    const BOUND: Millis = Millis(1_000);

    fn fact(as_of: u64) -> Fact {
        Fact {
            as_of: UnixMillis(as_of),
            data_seq: 0,
            ended: None,
        }
    }

    #[test]
    fn a_fact_stands_until_the_bound_is_spent() {
        let mut facts = LivenessCache::default();
        facts.note("a", fact(5_000));
        assert_eq!(
            facts.recall("a", BOUND, UnixMillis(6_000)),
            Some(fact(5_000))
        );
        assert_eq!(facts.recall("a", BOUND, UnixMillis(6_001)), None);
    }

    #[test]
    fn an_answer_that_was_overtaken_changes_nothing() {
        let mut facts = LivenessCache::default();
        facts.note("a", fact(5_000));
        facts.note("a", fact(4_000));
        assert_eq!(
            facts.recall("a", BOUND, UnixMillis(5_000)),
            Some(fact(5_000))
        );
    }

    /// What is known of a login says nothing about tokens from before the sign-out that went before it.
    #[test]
    fn a_fact_about_a_subject_speaks_for_tokens_that_were_made_after_its_end() {
        let fact = |ended| Fact {
            ended,
            ..fact(9_000)
        };
        let issued = |at: u64| Some(UnixMillis(at + 999));
        let (own, theirs) = ("route.random.tag", "x.idp.route.digest.tag");
        for (ended, handle, issued, expected) in [
            (None, own, issued(1_000), true),
            (None, theirs, issued(1_000), false),
            (None, theirs, None, true),
            (Some(UnixMillis(0)), theirs, issued(1_000), true),
            (Some(UnixMillis(5_500)), theirs, issued(5_000), false),
            (Some(UnixMillis(5_500)), theirs, issued(6_000), true),
            (Some(UnixMillis(5_000)), theirs, issued(5_000), false),
            (Some(UnixMillis(5_500)), theirs, None, true),
        ] {
            assert_eq!(
                fact(ended).speaks_for(handle, issued),
                expected,
                "{ended:?} {handle} {issued:?}"
            );
        }
    }

    #[test]
    fn a_forgotten_handle_is_asked_about_again() {
        let mut facts = LivenessCache::default();
        facts.note("a", fact(5_000));
        facts.forget("a");
        assert_eq!(facts.recall("a", BOUND, UnixMillis(5_000)), None);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut facts = LivenessCache::default();
        facts.note("used", fact(1));
        for n in 0..GENERATION_LIMIT * 3 {
            facts.note(&n.to_string(), fact(1));
            assert!(facts.recall("used", BOUND, UnixMillis(1)).is_some());
        }
        assert!(facts.young.len() + facts.old.len() <= GENERATION_LIMIT * 2);
        assert_eq!(facts.recall("0", BOUND, UnixMillis(1)), None);
    }
}
