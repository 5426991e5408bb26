//! The key set of a trusted issuer, as one object keeps it for all isolates: when the issuer is asked, and what is answered
//! meanwhile.
//!
//! A cold isolate asks the keeper and not the issuer, so that a deployment makes as many requests to an issuer as one
//! isolate would, however many there are, and an outage of the issuer is survived by isolates that start in it. The Worker fetches and
//! stores, and reports the result. The text is not read here.
//!
//! However many tokens come in, and whatever `kid`s they name, the issuer is asked no more often than [`MOST_AT_ONCE`] times
//! at once and then once in [`UNKNOWN_KEY_EVERY`] for unknown `kid`s, twice in a set's lifetime besides, and after a failure
//! not before [`FIRST_PAUSE`] is over.

pub mod call;

use postern_jwt::{
    jwks_cache::{MAX_STALE, MIN_LIFETIME},
    time::{Millis, UnixMillis},
};

/// Between two requests to an issuer for want of a key lies at least this.
pub const SPACING: Millis = Millis(1_000);

/// How many requests for unknown `kid`s may follow each other at [`SPACING`].
pub const MOST_AT_ONCE: u32 = 3;

/// From then on, one in this time.
pub const UNKNOWN_KEY_EVERY: Millis = Millis(10_000);

/// After a failure the issuer is left alone for this long; twice as long after each further one.
pub const FIRST_PAUSE: Millis = Millis(5_000);

/// And at most for this long.
pub const LONGEST_PAUSE: Millis = Millis(60_000);

/// What is to be done for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Answer with the set at hand.
    Answer,
    /// Answer with the set at hand, and ask the issuer behind the answer.
    AnswerAndRefresh,
    /// Ask the issuer, tell what came of it, then answer.
    Fetch,
    /// There is no set that may be used, and the issuer is left alone for now.
    Unavailable,
}

/// What is known of the set, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// When the issuer last said that it is as it is.
    pub at: UnixMillis,
    /// How long it is good from then on (`postern_jwt::jwks_cache::lifetime`).
    pub lifetime: Millis,
    /// Names the text: another one has a higher number.
    pub version: u64,
}

/// The keeper's state, besides the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeySetKeeper {
    confirmed: Option<Confirmed>,
    failed: Option<Failed>,
    /// When the issuer was last asked.
    asked: Option<UnixMillis>,
    unknown_keys: Allowance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failed {
    at: UnixMillis,
    times: u32,
}

/// How many requests for unknown `kid`s are allowed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    left: u32,
    since: UnixMillis,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: MOST_AT_ONCE,
            since: UnixMillis(0),
        }
    }
}

impl Allowance {
    fn at(self, now: UnixMillis) -> Self {
        let gained = now.since(self.since).0 / UNKNOWN_KEY_EVERY.0;
        let left = u64::from(self.left).saturating_add(gained);
        if left >= u64::from(MOST_AT_ONCE) {
            return Self {
                left: MOST_AT_ONCE,
                since: now,
            };
        }
        Self {
            left: u32::try_from(left).unwrap_or(MOST_AT_ONCE),
            since: self
                .since
                .plus(Millis(gained.saturating_mul(UNKNOWN_KEY_EVERY.0))),
        }
    }
}

impl KeySetKeeper {
    /// The state that was stored.
    pub fn restored(confirmed: Option<Confirmed>) -> Self {
        Self {
            confirmed,
            ..Self::default()
        }
    }

    /// What is to be done. `lacking` = who asks has the set of this version, and a token names a key that it lacks.
    pub fn step(&self, now: UnixMillis, lacking: Option<u64>) -> Step {
        let is_paused = self
            .failed
            .is_some_and(|failed| now.since(failed.at) < pause(failed.times));
        let Some(set) = self.usable(now) else {
            return if is_paused {
                Step::Unavailable
            } else {
                Step::Fetch
            };
        };
        if is_paused {
            return Step::Answer;
        }
        if lacking == Some(set.version) && self.may_look_for_key(now) {
            return Step::Fetch;
        }
        let age = now.since(set.at);
        let is_half_spent = age.0 >= set.lifetime.0 / 2;
        match () {
            () if !is_half_spent => Step::Answer,
            // An issuer that has failed is not waited for.
            () if age < set.lifetime || self.failed.is_some() => Step::AnswerAndRefresh,
            () => Step::Fetch,
        }
    }

    /// The issuer is asked now; `lacking` as in [`Self::step`].
    pub fn asks(&mut self, now: UnixMillis, lacking: Option<u64>) {
        self.asked = Some(now);
        let age = self.confirmed.map(|set| now.since(set.at));
        let version = self.confirmed.map(|set| set.version);
        let is_due = self
            .confirmed
            .zip(age)
            .is_none_or(|(set, age)| age.0 >= set.lifetime.0 / 2);
        if !is_due && lacking.is_some() && lacking == version {
            let allowance = self.unknown_keys.at(now);
            self.unknown_keys = Allowance {
                left: allowance.left.saturating_sub(1),
                ..allowance
            };
        }
    }

    /// The issuer sent a usable set, or said that the one at hand is as it is. Gives what is to be stored.
    pub fn confirmed(&mut self, now: UnixMillis, lifetime: Millis, is_another: bool) -> Confirmed {
        let version = match self.confirmed {
            Some(set) if !is_another => set.version,
            // Above whatever was said before storage was lost.
            Some(set) => set.version.saturating_add(1).max(now.0),
            None => now.0,
        };
        let confirmed = Confirmed {
            at: now,
            lifetime: lifetime.max(MIN_LIFETIME),
            version,
        };
        self.confirmed = Some(confirmed);
        self.failed = None;
        confirmed
    }

    /// The issuer sent nothing usable.
    pub fn failed(&mut self, now: UnixMillis) {
        let times = self
            .failed
            .map_or(1, |failed| failed.times.saturating_add(1));
        self.failed = Some(Failed { at: now, times });
    }

    /// The set that may be used, however old it is.
    pub fn usable(&self, now: UnixMillis) -> Option<Confirmed> {
        let is_usable =
            |set: &Confirmed| now.since(set.at).0 < set.lifetime.0.saturating_add(MAX_STALE.0);
        self.confirmed.filter(is_usable)
    }

    /// Whether what is not in the set does not exist, as far as the issuer was asked: false after a failure.
    pub const fn is_settled(&self) -> bool {
        self.failed.is_none()
    }

    fn may_look_for_key(&self, now: UnixMillis) -> bool {
        let is_spaced = self.asked.is_none_or(|asked| now.since(asked) >= SPACING);
        is_spaced && self.unknown_keys.at(now).left > 0
    }
}

/// How long an issuer is left alone that has failed this many times in a row.
fn pause(times: u32) -> Millis {
    let factor = 1_u64.checked_shl(times.saturating_sub(1)).unwrap_or(0);
    let pause = FIRST_PAUSE.0.saturating_mul(factor);
    if factor == 0 || pause > LONGEST_PAUSE.0 {
        LONGEST_PAUSE
    } else {
        Millis(pause)
    }
}

#[cfg(test)]
mod tests;
