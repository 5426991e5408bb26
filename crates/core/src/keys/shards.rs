//! How many shards the authority on revocations has: published with the ring, so that isolates and users' objects go by one
//! number whatever their own variables say, and changed in phases.
//!
//! `REVOCATION_SHARDS` as the ring sees it is what is wanted. When it changes, the new number is announced: from then on
//! reports go to the shards of both, and isolates go on polling the old ones. They poll the new ones once those hold
//! everything that can still count: after the life of the longest entry, and the time for which a copy of the ring may be in
//! use that does not know of the announcement. Reports go to the old ones for as long again.

use serde::{Deserialize, Serialize};

use super::{KeyRing, ring::LONGEST_OUTAGE};
use crate::settings::Settings;
use postern_jwt::time::{Millis, UnixMillis};

/// What is wanted, and what a change of it has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardsWanted {
    /// How many.
    pub count: u32,
    /// The longest time for which an ended session is published.
    pub longest_entry: Millis,
}

/// A number of shards, and a moment. Stays as it is: what a release has to add goes to [`Shards`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardsThen {
    /// How many.
    pub count: u32,
    /// Of the next: from when it is polled. Of the one before: until when reports go there.
    pub moment: UnixMillis,
}

/// The published number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// How many are polled.
    pub polled: u32,
    /// What takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ShardsThen>,
    /// What it took the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ShardsThen>,
}

impl Shards {
    /// How many shards isolates poll now.
    pub fn polled(&self, now: UnixMillis) -> u32 {
        match self.next {
            Some(next) if next.moment <= now => next.count,
            _ => self.polled,
        }
    }

    /// Among how many shards reports are shared out now: a report goes to each of these, that which is polled first.
    pub fn reported(&self, now: UnixMillis) -> Vec<u32> {
        let before = self.before.filter(|before| now < before.moment);
        let mut counts = vec![self.polled];
        for other in [self.next, before].into_iter().flatten() {
            if !counts.contains(&other.count) {
                counts.push(other.count);
            }
        }
        counts
    }

    fn settled(mut self, wanted: ShardsWanted, now: UnixMillis) -> Self {
        let long = Millis(LONGEST_OUTAGE.0.saturating_add(wanted.longest_entry.0));
        if let Some(next) = self.next.filter(|next| next.moment <= now) {
            self.before = Some(ShardsThen {
                count: self.polled,
                moment: now.plus(long),
            });
            self.polled = next.count;
            self.next = None;
        }
        self.before = self.before.filter(|before| now < before.moment);
        // One change at a time, to its end: an isolate may count on what was announced.
        if self.next.is_none() && self.before.is_none() && self.polled != wanted.count {
            self.next = Some(ShardsThen {
                count: wanted.count,
                moment: now.plus(long),
            });
        }
        self
    }
}

impl From<&Settings> for ShardsWanted {
    fn from(settings: &Settings) -> Self {
        let foreign = settings.trusted_issuers.iter();
        let longest = foreign
            .map(|issuer| issuer.max_token_age.max(issuer.data_lifetime))
            .fold(settings.access_token_validity, Millis::max);
        Self {
            count: settings.revocation_shards,
            // Clock tolerance, and the time in which a KV copy is deleted twice.
            longest_entry: Millis(longest.0.saturating_add(3_600_000)),
        }
    }
}

impl KeyRing {
    /// Brings the published number of shards in line with what is wanted and with the clock. True when something changed.
    pub fn settle_shards(&mut self, wanted: ShardsWanted, now: UnixMillis) -> bool {
        let known = self.head.shards.as_ref().map(|noted| noted.value);
        let settled = match known {
            Some(shards) => shards.settled(wanted, now),
            None => Shards {
                polled: wanted.count,
                next: None,
                before: None,
            },
        };
        let changed = known != Some(settled);
        if changed {
            match &mut self.head.shards {
                Some(noted) => noted.value = settled,
                none => *none = Some(settled.into()),
            }
            self.bump();
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_OUTAGE, Shards, ShardsThen, ShardsWanted};
    use postern_jwt::time::{Millis, UnixMillis};

    const START: UnixMillis = UnixMillis(1_800_000_000_000);
    const ENTRY: Millis = Millis(3_600_000);

    fn wanted(count: u32) -> ShardsWanted {
        ShardsWanted {
            count,
            longest_entry: ENTRY,
        }
    }

    const fn steady(polled: u32) -> Shards {
        Shards {
            polled,
            next: None,
            before: None,
        }
    }

    #[test]
    fn nothing_changes_while_the_same_is_wanted() {
        let shards = steady(4);
        assert_eq!(shards.settled(wanted(4), START), shards);
        assert_eq!((shards.polled(START), shards.reported(START)), (4, vec![4]));
    }

    #[test]
    fn a_change_counts_from_its_moment_on() {
        let then = |count| {
            Some(ShardsThen {
                count,
                moment: START,
            })
        };
        let just_before = START.minus(Millis(1));
        let raised = Shards {
            next: then(4),
            ..steady(1)
        };
        assert_eq!((raised.polled(just_before), raised.polled(START)), (1, 4));
        assert_eq!(raised.settled(wanted(4), just_before), raised);
        assert_eq!(raised.settled(wanted(4), START).polled, 4);
        let was_raised = Shards {
            before: then(1),
            ..steady(4)
        };
        assert_eq!(was_raised.reported(just_before), [4, 1]);
        assert_eq!(was_raised.reported(START), [4]);
        assert_eq!(was_raised.settled(wanted(4), just_before), was_raised);
        assert_eq!(was_raised.settled(wanted(4), START), steady(4));
    }

    /// Whoever polls, by a plan of any age that may still be in use, hears of whatever may still count, by whoever reports
    /// by a plan of any such age.
    #[test]
    fn every_poller_is_told_by_every_reporter_in_every_phase() {
        let long = LONGEST_OUTAGE.0 + ENTRY.0;
        let step = long / 12;
        let mut plans: Vec<(u64, Shards)> = Vec::new();
        let mut shards = steady(1);
        for tick in 0..80_u64 {
            let at = START.plus(Millis(tick * step));
            // Raised, taken back at once, and lowered later.
            let count = match tick {
                3..5 => 4,
                50.. => 2,
                _ => 1,
            };
            shards = shards.settled(wanted(count), at);
            plans.push((tick, shards));
        }
        let in_use = |tick: u64| {
            let oldest = START.plus(Millis(tick * step)).minus(LONGEST_OUTAGE);
            plans
                .iter()
                .filter(move |(made, _)| *made <= tick && START.plus(Millis(made * step)) >= oldest)
        };
        for (reported, _) in &plans {
            let then = START.plus(Millis(reported * step));
            // As long as an entry lives.
            for polled in *reported..(reported + 1 + ENTRY.0 / step).min(79) {
                let now = START.plus(Millis(polled * step));
                for (_, reporter) in in_use(*reported) {
                    for (_, poller) in in_use(polled) {
                        let count = poller.polled(now);
                        assert!(
                            reporter.reported(then).contains(&count),
                            "reported at {reported} to {:?}, polled at {polled} of {count}",
                            reporter.reported(then)
                        );
                    }
                }
            }
        }
        assert_eq!(shards, steady(2));
    }
}
