//! What the ring is brought in line with: the variables of the object's release.

use postern_core::{
    keys::{KeyPolicy, KeyRing as Ring, ShardsWanted, SharedValues},
    settings::Settings,
};
use postern_jwt::time::UnixMillis;

/// What the variables of the object's release want of the ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) policy: KeyPolicy,
    shards: ShardsWanted,
    shared: SharedValues,
}

impl From<&Settings> for Wanted {
    fn from(settings: &Settings) -> Self {
        Self {
            policy: settings.into(),
            shards: settings.into(),
            shared: settings.into(),
        }
    }
}

impl Wanted {
    /// Brings what is published in line with this, and gives the policy that follows. True when something changed.
    pub(super) fn settle(self, ring: &mut Ring, now: UnixMillis) -> (KeyPolicy, bool) {
        let shared = ring.settle_shared(self.shared, now);
        let policy = ring.policy(self.policy, now);
        let shards = ShardsWanted {
            longest_entry: self.shards.longest_entry.max(policy.access_token_validity),
            ..self.shards
        };
        let changed = ring.settle_shards(shards, now);
        let secrets = ring.settle_secrets(ring.kept_refresh_token(self.shared, now), now);
        (policy, shared || changed || secrets)
    }
}

/// When the ring next has something to do: a key to make, or a secret to drop.
pub(super) fn next_of(ring: &Ring, policy: KeyPolicy) -> UnixMillis {
    let next = ring.next_change(policy);
    ring.next_secret_drop().map_or(next, |drop| drop.min(next))
}
