//! How long an isolate uses a key set that it was given, and when it asks again: pure rules, one decision per token.
//!
//! The times of one isolate. Whom to ask is the caller's to know: a shared keeper of the set, which bounds by itself how
//! often the issuer is asked, or the issuer. Nothing is fetched here: the caller fetches, within the limits below, and reports the result.

use crate::time::{Millis, UnixMillis};

/// How long a fetch may take.
pub const FETCH_TIMEOUT: Millis = Millis::from_seconds(5);

/// The largest answer that is read, in bytes. Redirects are not followed.
pub const MAX_ANSWER_BYTES: usize = crate::keys::jwk::MAX_KEY_SET_BYTES;

/// The lifetime of a set whose answer states none.
pub const DEFAULT_LIFETIME: Millis = Millis::from_seconds(600);

/// The shortest lifetime, whatever the answer says: a key server must not be asked for every token.
pub const MIN_LIFETIME: Millis = Millis::from_seconds(60);

/// The longest lifetime, whatever the answer says: a withdrawn key must be forgotten some day.
pub const MAX_LIFETIME: Millis = Millis::from_seconds(24 * 3600);

/// After an issuer was asked, how long an unknown `kid` asks it no more; after it failed, how long it is not tried again.
pub const COOLDOWN: Millis = Millis::from_seconds(30);

/// The same where a shared keeper is asked, which has its own bounds: it may know a key that was added a moment ago.
pub const KEEPER_COOLDOWN: Millis = Millis::from_seconds(1);

/// A set that its keeper could not renew is asked for again after this long.
const LATE_RENEWAL: Millis = Millis::from_seconds(10);

/// How many questions for one set may be under way at once in an isolate; the other requests look for the answer.
pub const MAX_CONCURRENT_FETCHES: u32 = 2;

/// How long a set is used after its lifetime while its server does not answer.
pub const MAX_STALE: Millis = Millis::from_seconds(24 * 3600);

/// What to do about the keys for one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Use the keys at hand.
    Use,
    /// Use the keys at hand, and ask behind the answer.
    UseAndRefresh,
    /// Ask, tell what came of it, then decide again.
    MustFetch,
    /// Other requests are asking: look again in a moment.
    Wait,
    /// No usable keys, and nobody is asked for now: 503.
    Unavailable,
}

/// What is known of the freshness of a set, as HTTP has it (RFC 9111 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetFreshness {
    /// How long ago the issuer said that the set is as it is.
    pub age: Millis,
    /// How long the set is good from then on, see [`lifetime`].
    pub lifetime: Millis,
    /// How long an unknown `kid` asks no more: [`COOLDOWN`] or [`KEEPER_COOLDOWN`].
    pub cooldown: Millis,
    /// False when a key that the set lacks could not be looked for: nobody can tell whether there is one.
    pub is_settled: bool,
}

impl SetFreshness {
    /// What an issuer's own answer tells, with this `Cache-Control` header.
    pub fn by_issuer(cache_control: Option<&str>) -> Self {
        Self {
            age: Millis(0),
            lifetime: lifetime(cache_control),
            cooldown: COOLDOWN,
            is_settled: true,
        }
    }
}

/// The state of one issuer's keys in this isolate. The keys themselves are the caller's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JwksState {
    set: Option<Set>,
    failed: Option<Failed>,
    started_at: Option<UnixMillis>,
    in_flight: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    /// When this isolate heard of it.
    heard: UnixMillis,
    freshness: SetFreshness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failed {
    at: UnixMillis,
    cooldown: Millis,
}

impl JwksState {
    /// How old the set at hand is by what is known of it; `None` = there is none.
    pub fn age(&self, now: UnixMillis) -> Option<Millis> {
        let set = self.set?;
        let age = set.freshness.age.0;
        Some(Millis(now.since(set.heard).0.saturating_add(age)))
    }

    /// What to do for a token. `kid_known` is false when the keys at hand have no key of its `kid`.
    ///
    /// A `kid` that an answer within the cooldown did not bring is unknown: use the keys, and refuse. One that could not
    /// be asked about is nobody's fault: `Unavailable`, never a refusal.
    pub fn decide(&self, now: UnixMillis, kid_known: bool) -> Decision {
        let just_failed = self
            .failed
            .is_some_and(|failed| now.since(failed.at) < failed.cooldown);
        let Some(set) = self.set.filter(|set| set.is_usable(now)) else {
            return self.fetch_unless(just_failed, now);
        };
        let since_heard = now.since(set.heard);
        if !kid_known {
            return match since_heard < set.freshness.cooldown {
                true if set.freshness.is_settled => Decision::Use,
                true => Decision::Unavailable,
                false => self.fetch_unless(just_failed, now),
            };
        }
        let age = set.age(now);
        let lifetime = set.freshness.lifetime;
        let is_ageing = age.0 >= lifetime.0.saturating_mul(3) / 4;
        // Of an ageing set that came a moment ago there is nothing newer.
        let was_just_told = since_heard < LATE_RENEWAL && age > since_heard;
        if !is_ageing || was_just_told || just_failed || self.in_flight(now) > 0 {
            Decision::Use
        } else if age >= lifetime {
            Decision::MustFetch
        } else {
            Decision::UseAndRefresh
        }
    }

    /// A question is put, in the foreground or behind an answer.
    pub fn fetch_started(&mut self, now: UnixMillis) {
        self.in_flight = self.in_flight(now).saturating_add(1);
        self.started_at = Some(now);
    }

    /// It brought a usable set.
    pub const fn fetch_succeeded(&mut self, now: UnixMillis, freshness: SetFreshness) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failed = None;
        self.set = Some(Set {
            heard: now,
            freshness,
        });
    }

    /// It brought nothing usable: an error, a redirect, a time-out, too much, or no key set. Nobody is asked for `cooldown`.
    pub const fn fetch_failed(&mut self, now: UnixMillis, cooldown: Millis) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failed = Some(Failed { at: now, cooldown });
    }

    /// Questions that may still be answered. A request that was cancelled never says so; the time-out ends its own too.
    fn in_flight(&self, now: UnixMillis) -> u32 {
        let alive = self
            .started_at
            .is_some_and(|started| now.since(started) <= FETCH_TIMEOUT);
        if alive { self.in_flight } else { 0 }
    }

    /// A request cannot wait for another's promise (Workers runtime), but it can look whether the answer is there.
    fn fetch_unless(&self, forbidden: bool, now: UnixMillis) -> Decision {
        if forbidden {
            Decision::Unavailable
        } else if self.in_flight(now) >= MAX_CONCURRENT_FETCHES {
            Decision::Wait
        } else {
            Decision::MustFetch
        }
    }
}

impl Set {
    fn age(&self, now: UnixMillis) -> Millis {
        Millis(now.since(self.heard).0.saturating_add(self.freshness.age.0))
    }

    fn is_usable(&self, now: UnixMillis) -> bool {
        self.age(now).0 < self.freshness.lifetime.0.saturating_add(MAX_STALE.0)
    }
}

/// The lifetime that an answer states by `max-age` (RFC 9111 section 5.2.2.1), within our bounds.
pub fn lifetime(cache_control: Option<&str>) -> Millis {
    let directives = cache_control.unwrap_or_default().split(',');
    let max_age = directives.filter_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("max-age")
            && value.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| value.parse().ok())?
    });
    // Several of them: the shortest, which is the careful reading.
    max_age
        .min()
        .map_or(DEFAULT_LIFETIME, Millis::from_seconds)
        .clamp(MIN_LIFETIME, MAX_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::{
        COOLDOWN, DEFAULT_LIFETIME, Decision, JwksState, KEEPER_COOLDOWN, MAX_CONCURRENT_FETCHES,
        MAX_LIFETIME, MAX_STALE, MIN_LIFETIME, SetFreshness, lifetime,
    };
    use crate::time::{Millis, UnixMillis};

    const START: UnixMillis = UnixMillis(1_000_000_000);

    fn after(seconds: u64) -> UnixMillis {
        START.plus(Millis::from_seconds(seconds))
    }

    fn fetched_at_start(cache_control: &str) -> JwksState {
        let mut state = JwksState::default();
        state.fetch_started(START);
        state.fetch_succeeded(START, SetFreshness::by_issuer(Some(cache_control)));
        state
    }

    /// What a shared keeper tells of a set of this age, good for 1,000 s.
    const fn by_keeper(age: u64) -> SetFreshness {
        SetFreshness {
            age: Millis::from_seconds(age),
            lifetime: Millis::from_seconds(1_000),
            cooldown: KEEPER_COOLDOWN,
            is_settled: true,
        }
    }

    fn heard_at_start(freshness: SetFreshness) -> JwksState {
        let mut state = JwksState::default();
        state.fetch_started(START);
        state.fetch_succeeded(START, freshness);
        state
    }

    #[test]
    fn a_set_from_a_keeper_is_as_old_as_the_keeper_says() {
        let state = heard_at_start(by_keeper(700));
        assert_eq!(state.decide(after(49), true), Decision::Use);
        assert_eq!(state.decide(after(50), true), Decision::UseAndRefresh);
        assert_eq!(state.decide(after(300), true), Decision::MustFetch);
        let over = after(300).plus(MAX_STALE);
        assert_eq!(state.decide(over, true), Decision::MustFetch);
    }

    #[test]
    fn what_a_keeper_could_not_renew_is_not_asked_for_with_every_token() {
        let state = heard_at_start(by_keeper(5_000));
        assert_eq!(state.decide(after(9), true), Decision::Use);
        assert_eq!(state.decide(after(10), true), Decision::MustFetch);
    }

    #[test]
    fn a_keeper_is_asked_about_an_unknown_kid_after_a_second() {
        let state = heard_at_start(by_keeper(0));
        assert_eq!(state.decide(START.plus(Millis(999)), false), Decision::Use);
        assert_eq!(state.decide(after(1), false), Decision::MustFetch);
    }

    #[test]
    fn a_kid_that_the_keeper_could_not_ask_about_is_unavailable_never_a_refusal() {
        let freshness = SetFreshness {
            is_settled: false,
            ..by_keeper(0)
        };
        let state = heard_at_start(freshness);
        assert_eq!(state.decide(START, false), Decision::Unavailable);
        assert_eq!(state.decide(START, true), Decision::Use);
        assert_eq!(state.decide(after(1), false), Decision::MustFetch);
    }

    #[test]
    fn lifetime_is_max_age_within_bounds() {
        for (header, expected) in [
            (None, DEFAULT_LIFETIME),
            (Some(""), DEFAULT_LIFETIME),
            (Some("no-store"), DEFAULT_LIFETIME),
            (Some("max-age=soon"), DEFAULT_LIFETIME),
            (Some("max-age=-5"), DEFAULT_LIFETIME),
            (Some("s-maxage=900"), DEFAULT_LIFETIME),
            (Some("public, Max-Age=\"900\""), Millis::from_seconds(900)),
            (Some("max-age=900, max-age=300"), Millis::from_seconds(300)),
            (Some("max-age=0"), MIN_LIFETIME),
            (Some("max-age=999999999"), MAX_LIFETIME),
        ] {
            assert_eq!(lifetime(header), expected, "{header:?}");
        }
    }

    #[test]
    fn without_keys_it_fetches_and_after_a_failure_waits_out_the_cooldown() {
        let mut state = JwksState::default();
        assert_eq!(state.decide(START, false), Decision::MustFetch);
        state.fetch_started(START);
        state.fetch_failed(after(1), COOLDOWN);
        assert_eq!(state.decide(after(1), false), Decision::Unavailable);
        assert_eq!(state.decide(after(30), false), Decision::Unavailable);
        assert_eq!(state.decide(after(31), false), Decision::MustFetch);
    }

    #[test]
    fn a_set_is_used_then_refreshed_behind_the_answer_then_fetched() {
        let state = fetched_at_start("max-age=1000");
        assert_eq!(state.decide(after(0), true), Decision::Use);
        assert_eq!(state.decide(after(749), true), Decision::Use);
        assert_eq!(state.decide(after(750), true), Decision::UseAndRefresh);
        assert_eq!(state.decide(after(999), true), Decision::UseAndRefresh);
        assert_eq!(state.decide(after(1000), true), Decision::MustFetch);
    }

    #[test]
    fn one_refresh_at_a_time_and_none_soon_after_a_failure() {
        let mut state = fetched_at_start("max-age=1000");
        state.fetch_started(after(800));
        assert_eq!(state.decide(after(801), true), Decision::Use);
        state.fetch_failed(after(802), COOLDOWN);
        assert_eq!(state.decide(after(831), true), Decision::Use);
        assert_eq!(state.decide(after(832), true), Decision::UseAndRefresh);
    }

    #[test]
    fn a_fetch_whose_request_was_cancelled_is_forgotten_after_the_timeout() {
        let mut state = fetched_at_start("max-age=1000");
        state.fetch_started(after(800));
        assert_eq!(state.decide(after(806), true), Decision::UseAndRefresh);
    }

    #[test]
    fn an_unknown_kid_fetches_once_in_a_cooldown() {
        let mut state = fetched_at_start("max-age=1000");
        assert_eq!(state.decide(after(29), false), Decision::Use);
        assert_eq!(state.decide(after(30), false), Decision::MustFetch);
        state.fetch_started(after(30));
        state.fetch_succeeded(after(31), SetFreshness::by_issuer(None));
        assert_eq!(state.decide(after(60), false), Decision::Use);
        assert_eq!(state.decide(after(61), false), Decision::MustFetch);
    }

    #[test]
    fn an_unknown_kid_during_an_outage_is_unavailable_never_a_refusal() {
        let mut state = fetched_at_start("max-age=1000");
        state.fetch_started(after(100));
        state.fetch_failed(after(101), COOLDOWN);
        assert_eq!(state.decide(after(102), false), Decision::Unavailable);
        assert_eq!(state.decide(after(102), true), Decision::Use);
    }

    #[test]
    fn a_cold_burst_fetches_side_by_side_within_reason() {
        let mut state = JwksState::default();
        for _ in 0..MAX_CONCURRENT_FETCHES {
            assert_eq!(state.decide(START, false), Decision::MustFetch);
            state.fetch_started(START);
        }
        assert_eq!(state.decide(START, false), Decision::Wait);
        state.fetch_succeeded(after(1), SetFreshness::by_issuer(None));
        assert_eq!(state.decide(after(1), true), Decision::Use);
    }

    #[test]
    fn an_old_set_outlives_an_outage_of_its_server_for_a_day() {
        let mut state = fetched_at_start("max-age=1000");
        let last = after(1000).plus(MAX_STALE).minus(Millis(1));
        assert_eq!(state.decide(last, true), Decision::MustFetch);
        state.fetch_started(last);
        state.fetch_failed(last, COOLDOWN);
        assert_eq!(state.decide(last, true), Decision::Use);
        let over = last.plus(Millis(1));
        assert_eq!(state.decide(over, true), Decision::Unavailable);
    }
}
