//! The cache of tokens that this isolate has verified.
//!
//! Bounded in bytes. A hit needs the whole token, the same policy and the same key set version; only success is kept.
//! Two generations: what was not used while the younger filled up is dropped with the older, at once.

use std::{
    collections::HashMap,
    hash::{BuildHasher, DefaultHasher, Hasher},
};

use crate::time::UnixMillis;

/// What an entry costs besides its token and value: both keys' places in the table, and its facts.
pub const ENTRY_OVERHEAD_BYTES: usize = 128;

/// Under which conditions an entry may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The policy that the token met.
    pub policy: u64,
    /// The version of the key set that it was verified with; a withdrawn key makes a new version.
    pub key_set_version: u64,
}

/// One verified token.
#[derive(Debug)]
struct Entry<V> {
    value: V,
    validity: Validity,
    good_until: UnixMillis,
    bytes: usize,
}

/// The cache. `V` is what the caller made of a token: small, for it is counted by the caller.
#[derive(Debug)]
pub struct VerifiedTokens<V> {
    young: Generation<V>,
    old: Generation<V>,
    generation_bytes: usize,
}

#[derive(Debug)]
struct Generation<V> {
    entries: HashMap<Box<str>, Entry<V>, Seeded>,
    bytes: usize,
}

/// SipHash behind a secret prefix, so that nobody outside can pick tokens that collide.
#[derive(Debug, Clone, Copy)]
struct Seeded([u8; 16]);

/// Hashes no more than the end of a token, where its signature is: what is kept was verified, so these bytes are as
/// good as random, and a hit compares the whole token anyway.
struct TailHasher(DefaultHasher);

/// How much of a token's end is hashed.
const TAIL_BYTES: usize = 32;

impl BuildHasher for Seeded {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.0);
        TailHasher(hasher)
    }
}

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0
            .write(bytes.last_chunk::<TAIL_BYTES>().map_or(bytes, |tail| tail));
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl<V> Generation<V> {
    fn new(seed: Seeded) -> Self {
        Self {
            entries: HashMap::with_hasher(seed),
            bytes: 0,
        }
    }

    fn take(&mut self, token: &str) -> Option<(Box<str>, Entry<V>)> {
        let (token, entry) = self.entries.remove_entry(token)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some((token, entry))
    }
}

impl<V: Clone> VerifiedTokens<V> {
    /// A cache of at most `max_bytes`. `seed` must be random and secret.
    pub fn new(max_bytes: usize, seed: [u8; 16]) -> Self {
        Self {
            young: Generation::new(Seeded(seed)),
            old: Generation::new(Seeded(seed)),
            generation_bytes: max_bytes / 2,
        }
    }

    /// What was made of this token, if that may answer now. `version` says which key set a policy goes by at this moment,
    /// or nothing when that has to be asked first. An entry that never may answer again is dropped.
    pub fn get(
        &mut self,
        token: &str,
        now: UnixMillis,
        version: impl Fn(u64) -> Option<u64>,
    ) -> Option<V> {
        if let Some((token, entry)) = self.old.take(token) {
            self.put(token, entry);
        }
        let entry = self.young.entries.get(token)?;
        let Validity {
            policy,
            key_set_version,
        } = entry.validity;
        let version = version(policy)?;
        if version == key_set_version && now < entry.good_until {
            return Some(entry.value.clone());
        }
        self.young.take(token);
        None
    }

    /// Keeps a verified token until `good_until`. `value_bytes` is what `value` holds on the heap.
    pub fn insert(
        &mut self,
        token: &str,
        validity: Validity,
        good_until: UnixMillis,
        value: V,
        value_bytes: usize,
    ) {
        // What was kept before under this token is replaced in the younger generation by `put`.
        self.old.take(token);
        let bytes = token
            .len()
            .saturating_add(value_bytes)
            .saturating_add(size_of::<V>())
            .saturating_add(ENTRY_OVERHEAD_BYTES);
        if bytes > self.generation_bytes {
            self.young.take(token);
            return;
        }
        self.put(
            token.into(),
            Entry {
                value,
                validity,
                good_until,
                bytes,
            },
        );
    }

    /// Forgets a token.
    pub fn remove(&mut self, token: &str) {
        self.young.take(token);
        self.old.take(token);
    }

    /// What the cache holds, by its own count; never more than the bound.
    pub const fn bytes(&self) -> usize {
        self.young.bytes.saturating_add(self.old.bytes)
    }

    fn put(&mut self, token: Box<str>, entry: Entry<V>) {
        let filled = self.young.bytes.saturating_add(entry.bytes);
        if filled > self.generation_bytes {
            let seed = *self.young.entries.hasher();
            self.old = std::mem::replace(&mut self.young, Generation::new(seed));
        }
        self.young.bytes = self.young.bytes.saturating_add(entry.bytes);
        if let Some(before) = self.young.entries.insert(token, entry) {
            self.young.bytes = self.young.bytes.saturating_sub(before.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRY_OVERHEAD_BYTES, Validity, VerifiedTokens};
    use crate::time::UnixMillis;

    const VALIDITY: Validity = Validity {
        policy: 1,
        key_set_version: 1,
    };
    const BOTH_1: fn(u64) -> Option<u64> = |_| Some(1);
    const NOW: UnixMillis = UnixMillis(1000);
    const LATER: UnixMillis = UnixMillis(2000);

    #[test]
    fn a_generation_is_filled_to_the_brim_and_counted() {
        let one = "token 1".len() + ENTRY_OVERHEAD_BYTES;
        let fill = |cache: &mut VerifiedTokens<()>, numbers: std::ops::RangeInclusive<u8>| {
            for number in numbers {
                cache.insert(&format!("token {number}"), VALIDITY, LATER, (), 0);
            }
        };
        let known =
            |cache: &VerifiedTokens<()>| (cache.young.entries.len(), cache.old.entries.len());
        let mut cache = VerifiedTokens::new(2 * 3 * one, [7; 16]);
        fill(&mut cache, 1..=3);
        assert_eq!((known(&cache), cache.bytes()), ((3, 0), 3 * one));
        fill(&mut cache, 4..=4);
        assert_eq!((known(&cache), cache.bytes()), ((1, 3), 4 * one));
        // One that fills a generation by itself is kept.
        let mut cache = VerifiedTokens::new(2 * one, [7; 16]);
        fill(&mut cache, 1..=1);
        assert_eq!(known(&cache), (1, 0));
    }

    #[test]
    fn an_outsider_cannot_know_which_tokens_collide() {
        use std::hash::BuildHasher;
        let hash = |seed: u8| super::Seeded([seed; 16]).hash_one("token");
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
        // The end of a token alone counts, and it does.
        let ending = |token: &str| super::Seeded([1; 16]).hash_one(token);
        assert_ne!(ending("token a"), ending("token b"));
    }

    #[test]
    fn answers_only_the_whole_token_under_the_same_policy_keys_and_before_expiry() {
        let mut cache = VerifiedTokens::new(100_000, [7; 16]);
        let fill = |cache: &mut VerifiedTokens<u8>| cache.insert("a.b.c", VALIDITY, LATER, 9, 0);
        fill(&mut cache);
        assert_eq!(cache.get("a.b.c", NOW, BOTH_1), Some(9));
        assert!(cache.get("a.b.d", NOW, BOTH_1).is_none());
        assert!(cache.get("a.b.", NOW, BOTH_1).is_none());
        for (version, now) in [(2, NOW), (1, LATER)] {
            fill(&mut cache);
            assert!(cache.get("a.b.c", now, |_| Some(version)).is_none());
            assert_eq!(cache.bytes(), 0, "what cannot answer again is dropped");
        }
    }

    #[test]
    fn each_policy_goes_by_its_own_keys() {
        let mut cache = VerifiedTokens::new(100_000, [7; 16]);
        cache.insert("a.b.c", VALIDITY, LATER, 9, 0);
        let other = Validity {
            policy: 2,
            key_set_version: 5,
        };
        cache.insert("d.e.f", other, LATER, 8, 0);
        let version = |policy| Some(if policy == 2 { 5 } else { 1 });
        assert_eq!(cache.get("a.b.c", NOW, version), Some(9));
        assert_eq!(cache.get("d.e.f", NOW, version), Some(8));
        let unknown = |policy| (policy != 2).then_some(1);
        assert_eq!(cache.get("d.e.f", NOW, unknown), None);
        assert_eq!(cache.get("d.e.f", NOW, version), Some(8), "it is kept");
    }

    #[test]
    fn is_bounded_in_bytes_and_keeps_what_is_used() {
        let bound = 50 * (ENTRY_OVERHEAD_BYTES + 300);
        let mut cache = VerifiedTokens::new(bound, [7; 16]);
        cache.insert("used", VALIDITY, LATER, (), 200);
        for number in 0..10_000 {
            cache.insert(&format!("token {number}"), VALIDITY, LATER, (), 200);
            assert!(cache.bytes() <= bound);
            assert!(cache.get("used", NOW, BOTH_1).is_some());
        }
        assert!(cache.get("token 0", NOW, BOTH_1).is_none());
        assert!(cache.get("token 9999", NOW, BOTH_1).is_some());
        cache.insert("huge", VALIDITY, LATER, (), bound);
        assert!(cache.get("huge", NOW, BOTH_1).is_none());
        assert!(cache.get("token 9999", NOW, BOTH_1).is_some());
    }
}
