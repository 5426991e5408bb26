//! Which proofs were used: RFC 9449 section 11.1, in the memory of one isolate.

use std::collections::{HashMap, VecDeque};

use super::Use;
use postern_jwt::time::UnixMillis;

/// How many used proofs are remembered: 48 bytes each, 3 MiB in all.
const CAPACITY: usize = 1 << 16;

/// The proofs that were used in one isolate and could be used again. Bounded: when it is full, the oldest is forgotten, so
/// that proofs of one client cannot take the memory of the isolate.
#[derive(Debug, Default)]
pub struct UsedProofs {
    until: HashMap<[u8; 32], UnixMillis>,
    order: VecDeque<[u8; 32]>,
}

impl UsedProofs {
    /// Records a use. False when the same proof was used before: the request is refused then.
    pub fn record(&mut self, proof: &Use, now: UnixMillis) -> bool {
        self.forget(now);
        if self.until.contains_key(&proof.id) {
            return false;
        }
        if self.order.len() >= CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.until.remove(&oldest);
        }
        self.until.insert(proof.id, proof.until);
        self.order.push_back(proof.id);
        true
    }

    /// Proofs come nearly in the order in which they end; one that ends later than its successors keeps them a little.
    fn forget(&mut self, now: UnixMillis) {
        while let Some(first) = self.order.front()
            && self.until.get(first).is_none_or(|&until| until <= now)
        {
            let first = *first;
            self.order.pop_front();
            self.until.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, UsedProofs};
    use crate::dpop::Use;
    use postern_jwt::{proof::Thumbprint, time::UnixMillis};
    use proptest::prelude::*;

    fn used(number: u64, until: u64) -> Use {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        Use {
            id,
            key: Thumbprint::NONE,
            until: UnixMillis(until),
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut proofs = UsedProofs::default();
        for number in 0..(CAPACITY as u64 + 100) {
            assert!(proofs.record(&used(number, 1_000_000), UnixMillis(0)));
        }
        assert_eq!(proofs.order.len(), CAPACITY);
        assert_eq!(proofs.until.len(), CAPACITY);
        assert!(
            proofs.record(&used(0, 1_000_000), UnixMillis(0)),
            "the oldest are forgotten"
        );
        assert!(!proofs.record(&used(CAPACITY as u64, 1_000_000), UnixMillis(0)));
        assert!(proofs.record(&used(CAPACITY as u64, 1_000_000), UnixMillis(2_000_000)));
        assert_eq!(proofs.order.len(), 1, "what has ended is forgotten");
    }

    #[test]
    fn a_proof_is_remembered_until_its_time_is_over() {
        let mut proofs = UsedProofs::default();
        let proof = used(1, 1_000);
        assert!(proofs.record(&proof, UnixMillis(0)));
        assert!(!proofs.record(&proof, UnixMillis(999)));
        assert!(proofs.record(&proof, UnixMillis(1_000)));
    }

    proptest! {
        /// Reordered, doubled and delayed: no proof passes twice while it could pass.
        #[test]
        fn a_proof_passes_once(steps in prop::collection::vec((0_u64..20, 0_u64..70_000, 0_u64..5_000), 1..200)) {
            let mut proofs = UsedProofs::default();
            let mut now = 100_000;
            let mut passed = std::collections::HashMap::new();
            for (number, life, pause) in steps {
                now += pause;
                let until = *passed.entry(number).or_insert((now + life, false));
                let first = proofs.record(&used(number, until.0), UnixMillis(now));
                if until.1 && now < until.0 {
                    prop_assert!(!first);
                }
                if first {
                    passed.insert(number, (until.0, true));
                }
            }
        }
    }
}
