//! The settings that isolates and objects must share: published with the ring, so that all go by one value whatever their own
//! variables say, and changed in phases.
//!
//! The variables of the ring's release say what is wanted. When that changes, the new values are announced, and until every
//! token and entry that was made without knowing of them is gone, each side goes by the value that is safe beside both:
//! what is *accepted* is the lesser of the old and the new one (a bound, a lifetime that is granted, the tolerance a token is
//! judged with), and what is *kept* the greater (keys, and what is published of ended sessions). So less counts at once,
//! and more after about the life of an access token.
//!
//! A copy of the ring that is older than [`KNOWN_WITHIN`] may not know of an announcement: whoever has none newer goes by
//! the lesser of everything it has heard of and its own variables, and keeps for longer than any setting can ask for. It may be
//! in use for a day; so long the greater value of before is kept.

use serde::{Deserialize, Serialize};

use super::{KeyPolicy, KeyRing, RingCopy, ring::LONGEST_OUTAGE};
use crate::{
    revocation::NOT_BEFORE_DOUBT,
    settings::{Freshness, MAX_CLOCK_TOLERANCE, Settings},
};
use postern_jwt::time::{Millis, UnixMillis};

/// A copy of the ring that is not older than this is taken to know of every announcement that counts.
pub const KNOWN_WITHIN: Millis = NOT_BEFORE_DOUBT;
/// For clocks that differ, and answers that are on their way.
const MARGIN: Millis = Millis(60_000);
/// As a bound: nobody is asked, however long ago a session ended.
const NO_BOUND: Millis = Millis(u64::MAX);

/// One value of each. Stays as it is: what a release has to add goes to [`SharedSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedValues {
    /// How long an ended session may be let in where no route says otherwise (`FRESHNESS`); zero = `strict`, absent =
    /// `stateless`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Millis>,
    /// How long an access token lives at most (`ACCESS_TOKEN_VALIDITY`).
    pub access_token: Millis,
    /// How long a session lives that is not refreshed (`REFRESH_TOKEN_VALIDITY`).
    pub refresh_token: Millis,
    /// How far clocks may differ when a token is judged (`CLOCK_TOLERANCE`).
    pub clock_tolerance: Millis,
}

/// Values, and a moment. Stays as it is: what a release has to add goes to [`SharedSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedThen {
    /// The values.
    pub values: SharedValues,
    /// Of the next: from when they alone count. Of those before: until when they are kept.
    pub moment: UnixMillis,
}

/// The published values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedSettings {
    /// Grows with every change.
    pub version: u64,
    /// What counts.
    pub values: SharedValues,
    /// What takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SharedThen>,
    /// The greatest of what it took the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<SharedThen>,
    /// The greatest of what it took the place of, for as long as a session may live to which it was granted: of these only the
    /// lifetime of sessions is kept, for the secrets behind their tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<SharedThen>,
}

impl SharedValues {
    fn each(self, other: Self, choose: fn(Millis, Millis) -> Millis) -> Self {
        let bound = |values: Self| values.bound.unwrap_or(NO_BOUND);
        Self {
            bound: Some(choose(bound(self), bound(other))).filter(|bound| *bound != NO_BOUND),
            access_token: choose(self.access_token, other.access_token),
            refresh_token: choose(self.refresh_token, other.refresh_token),
            clock_tolerance: choose(self.clock_tolerance, other.clock_tolerance),
        }
    }

    /// The lesser of each.
    #[must_use]
    pub fn lesser(self, other: Self) -> Self {
        self.each(other, Millis::min)
    }

    /// The greater of each.
    #[must_use]
    pub fn greater(self, other: Self) -> Self {
        self.each(other, Millis::max)
    }

    /// These settings with the given values in place of their own.
    pub fn put_into(self, settings: &mut Settings) {
        settings.freshness = match self.bound {
            None => Freshness::Stateless,
            Some(Millis(0)) => Freshness::Strict,
            Some(bound) => Freshness::Within(bound),
        };
        settings.access_token_validity = self.access_token;
        settings.refresh_token_validity = self.refresh_token;
        settings.clock_tolerance = self.clock_tolerance;
    }
}

impl From<&Settings> for SharedValues {
    fn from(settings: &Settings) -> Self {
        Self {
            bound: match settings.freshness {
                Freshness::Stateless => None,
                Freshness::Within(bound) => Some(bound),
                Freshness::Strict => Some(Millis(0)),
            },
            access_token: settings.access_token_validity,
            refresh_token: settings.refresh_token_validity,
            clock_tolerance: settings.clock_tolerance,
        }
    }
}

impl SharedSettings {
    /// Those of a ring that has published none yet.
    const fn first(values: SharedValues) -> Self {
        Self {
            version: 1,
            values,
            next: None,
            before: None,
            granted: None,
        }
    }

    /// What is granted and accepted now.
    pub fn accepted(&self, now: UnixMillis) -> SharedValues {
        match self.next {
            Some(next) if next.moment <= now => next.values,
            Some(next) => self.values.lesser(next.values),
            None => self.values,
        }
    }

    /// For how much keys and entries are kept now.
    pub fn kept(&self, now: UnixMillis) -> SharedValues {
        let before = self.before.filter(|before| now < before.moment);
        [self.next, before]
            .into_iter()
            .flatten()
            .fold(self.values, |most, then| most.greater(then.values))
    }

    fn settled(mut self, wanted: SharedValues, now: UnixMillis) -> Self {
        self.before = self.before.filter(|before| now < before.moment);
        self.granted = self.granted.filter(|granted| now < granted.moment);
        if let Some(next) = self.next.filter(|next| next.moment <= now) {
            self.keep_before(self.values, now);
            self.values = next.values;
            self.next = None;
        }
        if self.next.map_or(self.values, |next| next.values) == wanted {
            return self;
        }
        self.version = self.version.saturating_add(1);
        // Taken back or replaced before it counted: somebody may have heard of it, and not of this.
        if let Some(next) = self.next.take() {
            self.keep_before(next.values, now);
        }
        if self.values != wanted {
            let kept = self.kept(now).greater(wanted);
            let spans = [
                KNOWN_WITHIN,
                kept.access_token,
                kept.clock_tolerance,
                MARGIN,
            ];
            self.next = Some(SharedThen {
                values: wanted,
                moment: spans.into_iter().fold(now, UnixMillis::plus),
            });
        }
        self
    }

    /// Goes on keeping for what counted until now.
    fn keep_before(&mut self, values: SharedValues, now: UnixMillis) {
        let then = |before: Option<SharedThen>, life: fn(SharedValues) -> [Millis; 2]| {
            let values = before.map_or(values, |before| values.greater(before.values));
            let moment = life(values)
                .into_iter()
                .chain([LONGEST_OUTAGE, MARGIN])
                .fold(now, UnixMillis::plus);
            Some(SharedThen { values, moment })
        };
        self.before = then(self.before, |kept| {
            [kept.access_token, kept.clock_tolerance]
        });
        self.granted = then(self.granted, |kept| [kept.refresh_token, Millis(0)]);
    }

    /// How long a session lives that is not refreshed, of all that may live.
    fn longest_session(&self, now: UnixMillis) -> Millis {
        let granted = self.granted.filter(|granted| now < granted.moment);
        let granted = granted.map_or(Millis(0), |granted| granted.values.refresh_token);
        self.kept(now).refresh_token.max(granted)
    }
}

impl KeyRing {
    /// Brings the published values in line with what is wanted and with the clock. True when something changed.
    pub fn settle_shared(&mut self, wanted: SharedValues, now: UnixMillis) -> bool {
        let known = self.head.shared.as_ref().map(|noted| noted.value);
        let settled = known.map_or(SharedSettings::first(wanted), |shared| {
            shared.settled(wanted, now)
        });
        let changed = known != Some(settled);
        if changed {
            match &mut self.head.shared {
                Some(noted) => noted.value = settled,
                none => *none = Some(settled.into()),
            }
            self.bump();
        }
        changed
    }

    /// How long a session lives that is not refreshed: the greatest lifetime that was granted to one that may live. Secrets are
    /// kept for it.
    pub fn kept_refresh_token(&self, wanted: SharedValues, now: UnixMillis) -> Millis {
        let shared = self.head.shared.as_ref();
        shared.map_or(wanted.refresh_token, |noted| {
            noted.value.longest_session(now)
        })
    }

    /// The policy of these variables, with the lifetime that is published: keys are kept for the greatest that counts.
    #[must_use]
    pub fn policy(&self, wanted: KeyPolicy, now: UnixMillis) -> KeyPolicy {
        let shared = self.head.shared.as_ref();
        KeyPolicy {
            access_token_validity: shared.map_or(wanted.access_token_validity, |noted| {
                noted.value.kept(now).access_token
            }),
            ..wanted
        }
    }
}

impl RingCopy {
    fn shared(&self) -> Option<&SharedSettings> {
        self.ring.head.shared.as_ref().map(|noted| &noted.value)
    }

    fn is_current(&self, now: UnixMillis) -> bool {
        now.since(self.as_of) <= KNOWN_WITHIN
    }

    /// What an isolate or an object goes by that has this copy and these variables of its own: what it grants and accepts.
    pub fn accepted(&self, own: SharedValues, now: UnixMillis) -> SharedValues {
        match self.shared() {
            None => own,
            Some(shared) if self.is_current(now) => shared.accepted(now),
            Some(shared) => shared
                .next
                .map_or(shared.values, |next| next.values.lesser(shared.values))
                .lesser(own),
        }
    }

    /// The tolerance for which a user's object keeps what it tells of ended sessions.
    pub fn kept_tolerance(&self, own: SharedValues, now: UnixMillis) -> Millis {
        match self.shared() {
            Some(shared) if self.is_current(now) => shared.kept(now).clock_tolerance,
            Some(_) => MAX_CLOCK_TOLERANCE,
            None => own.clock_tolerance,
        }
    }
}

#[cfg(test)]
mod tests;
