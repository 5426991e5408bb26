//! The settings that the life of a key depends on, and the spans derived from them.

use serde::{Deserialize, Serialize};

use super::{Chain, KeyKind};
use crate::settings::Settings;
use postern_jwt::{SigningAlgorithm, time::Millis};

/// The longest time for which a key is published before it signs.
const LONGEST_OVERLAP: Millis = Millis::from_seconds(60);

/// How long an assertion about a session is good: it is made anew for every request.
pub const ASSERTION_LIFE: Millis = Millis::from_seconds(60);

/// What the life of a key depends on. Travels with every copy of the ring, so that all isolates count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicy {
    /// I: how long a dynamic key may sign (`SIGNING_KEY_ROTATION_INTERVAL`).
    pub interval: Millis,
    /// A: how long an access token lives at most (`ACCESS_TOKEN_VALIDITY`).
    pub access_token_validity: Millis,
    /// The algorithm of sessions made through our own endpoints (`SIGNING_ALGORITHM`).
    pub signing_algorithm: SigningAlgorithm,
}

impl KeyPolicy {
    /// O: how long a key is published before it signs: 60 s, less when keys rotate faster than every 5 minutes.
    pub fn overlap(self) -> Millis {
        Millis(self.interval.0 / 5).min(LONGEST_OVERLAP)
    }

    /// The age at which the successor of a dynamic key is made: I - O.
    pub fn successor_due_after(self) -> Millis {
        Millis(self.interval.0.saturating_sub(self.overlap().0))
    }

    /// How long a key is kept for verification after it stopped signing: twice the life of what it signed, as the
    /// protocol has it for access tokens.
    pub fn retention(self, kind: KeyKind) -> Millis {
        let life = match kind {
            KeyKind::Dynamic | KeyKind::Static => self.access_token_validity,
            KeyKind::Assertion => ASSERTION_LIFE,
        };
        Millis(life.0.saturating_mul(2))
    }

    /// The chains of keys that must exist.
    pub fn chains(self) -> impl Iterator<Item = Chain> {
        let assertion = Chain {
            kind: KeyKind::Assertion,
            algorithm: SigningAlgorithm::ES256,
        };
        self.algorithms()
            .map(|algorithm| Chain {
                kind: KeyKind::Dynamic,
                algorithm,
            })
            .chain([assertion])
    }

    /// The algorithms that session keys must exist for. RS256 always: the service API signs with nothing else.
    pub fn algorithms(self) -> impl Iterator<Item = SigningAlgorithm> {
        [SigningAlgorithm::RS256, self.signing_algorithm]
            .into_iter()
            .take(if self.signing_algorithm == SigningAlgorithm::RS256 {
                1
            } else {
                2
            })
    }

    /// The age at which an isolate asks for a new copy of the ring: O/3, so at most 20 s.
    pub fn copy_refresh_age(self) -> Millis {
        Millis(self.overlap().0 / 3)
    }

    /// The age up to which a copy is new enough to refuse a `kid` that it does not hold: O/6, so at most 10 s. Also
    /// the least time between two questions on behalf of unknown `kid`s.
    pub fn unknown_key_age(self) -> Millis {
        Millis(self.overlap().0 / 6)
    }
}

impl From<&Settings> for KeyPolicy {
    fn from(settings: &Settings) -> Self {
        Self {
            interval: settings.signing_key_rotation_interval,
            access_token_validity: settings.access_token_validity,
            signing_algorithm: settings.signing_algorithm,
        }
    }
}
