//! The cut-off: "everyone's sessions from before this moment have ended", and when that was recorded.
//!
//! The two differ: after a breach one gives a moment of the past. Sessions are judged by the moment; a token that does not
//! tell when its session was created is judged by when the cut-off was recorded, because until then, and for a while
//! longer, a session from before the moment could be refreshed.

use serde::{Deserialize, Serialize};

use super::NOT_BEFORE_DOUBT;
use postern_jwt::time::{Millis, UnixMillis};

/// The longest time for which an isolate that hears neither from the authority nor from the key ring goes on making tokens
/// that do not tell when their session was created. What it makes until then, others doubt: the rest of the time until
/// [`NOT_BEFORE_DOUBT`] is for an answer on its way and for clocks that differ.
pub const LONGEST_UNHEARD: Millis = Millis(NOT_BEFORE_DOUBT.0.saturating_sub(30_000));

/// A cut-off, or that there never was one ([`CutOff::NONE`]). A later one holds everything that an earlier one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOff {
    /// Sessions created before this have ended, whoever they belong to; zero = never said.
    pub moment: UnixMillis,
    /// When that was recorded, by the clock of the object that did.
    pub recorded: UnixMillis,
}

impl CutOff {
    /// There never was one.
    pub const NONE: Self = Self {
        moment: UnixMillis(0),
        recorded: UnixMillis(0),
    };

    /// The cut-off of a record that says the moment, and when one was recorded. Of another moment, or nothing, when code
    /// that keeps no time of recording has moved it since: then that may have been until `by`, which is doubted longest.
    pub fn of(moment: UnixMillis, dated: Option<Self>, by: UnixMillis) -> Self {
        if moment == Self::NONE.moment {
            return Self::NONE;
        }
        dated
            .filter(|dated| dated.moment == moment)
            .unwrap_or(Self {
                moment,
                recorded: by,
            })
    }

    /// The later of two, and of two of one moment the one that was recorded later: all may have heard of it only then.
    #[must_use]
    pub fn newest(self, other: Self) -> Self {
        if (other.moment, other.recorded) > (self.moment, self.recorded) {
            other
        } else {
            self
        }
    }

    /// Whether a session that was created then has ended.
    pub fn ends(self, created: UnixMillis) -> bool {
        created < self.moment
    }

    /// Whether a token that was made at `issued` may be of a session from before the moment: it may have been refreshed
    /// through an isolate, and an object, that had not heard of it yet.
    pub fn leaves_open(self, issued: UnixMillis) -> bool {
        self.moment > UnixMillis(0)
            && issued < self.recorded.max(self.moment).plus(NOT_BEFORE_DOUBT)
    }
}

/// Whether an isolate may make a token that does not tell when its session was created: it would know of a cut-off, or the
/// token will be doubted. `copy` is the age of its copy of the revocations, `ring` that of its copy of the key ring.
pub fn may_mint_undated(copy: Option<Millis>, ring: Millis) -> bool {
    ring.min(copy.unwrap_or(ring)) <= LONGEST_UNHEARD
}

#[cfg(test)]
mod tests {
    use super::{CutOff, LONGEST_UNHEARD, may_mint_undated};
    use crate::revocation::NOT_BEFORE_DOUBT;
    use postern_jwt::time::{Millis, UnixMillis};

    fn cut_off(moment: u64, recorded: u64) -> CutOff {
        CutOff {
            moment: UnixMillis(moment),
            recorded: UnixMillis(recorded),
        }
    }

    #[test]
    fn the_later_moment_counts_and_then_the_later_recording() {
        let pairs = [
            (CutOff::NONE, cut_off(1, 9)),
            (cut_off(1, 9), cut_off(2, 3)),
            (cut_off(2, 3), cut_off(2, 4)),
        ];
        for (less, more) in pairs {
            assert_eq!((less.newest(more), more.newest(less)), (more, more));
        }
    }

    #[test]
    fn doubt_lasts_from_when_it_was_recorded() {
        let past = cut_off(1_000, 5_000_000);
        assert!(past.ends(UnixMillis(999)) && !past.ends(UnixMillis(1_000)));
        let end = UnixMillis(5_000_000).plus(NOT_BEFORE_DOUBT);
        assert!(past.leaves_open(UnixMillis(end.0 - 1)) && !past.leaves_open(end));
        // Written by code that kept no time of recording.
        let old = cut_off(5_000_000, 0);
        assert!(old.leaves_open(UnixMillis(end.0 - 1)) && !old.leaves_open(end));
        assert!(!CutOff::NONE.leaves_open(UnixMillis(0)));
    }

    #[test]
    fn who_hears_from_nobody_makes_nothing_that_is_not_doubted() {
        let (good, old) = (LONGEST_UNHEARD, Millis(LONGEST_UNHEARD.0 + 1));
        assert!(may_mint_undated(None, good) && may_mint_undated(Some(old), good));
        assert!(may_mint_undated(Some(good), old));
        assert!(!may_mint_undated(None, old) && !may_mint_undated(Some(old), old));
        // It heard just before the cut-off was recorded; an answer may be on its way for 15 s, and clocks differ by 2 s.
        let recorded = 5_000_000;
        let last = UnixMillis(recorded + LONGEST_UNHEARD.0 + 15_000 + 2_000);
        assert!(cut_off(1_000, recorded).leaves_open(last));
    }
}
