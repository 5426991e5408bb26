//! How long a fetched key set is used, and when it is fetched again: pure rules, one decision per token.
//!
//! Owns the times. Refuses to fetch: the shell does, with the limits below, and tells what came of it.

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

/// After a fetch, how long an unknown `kid` causes no other; after a failed one, how long no other is tried.
pub const COOLDOWN: Millis = Millis::from_seconds(30);

/// How many fetches of one set may be under way at once in an isolate.
pub const MAX_CONCURRENT_FETCHES: u32 = 16;

/// How long a set is used after its lifetime while its server does not answer.
pub const MAX_STALE: Millis = Millis::from_seconds(24 * 3600);

/// What to do about the keys for one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Use the keys at hand.
    Use,
    /// Use the keys at hand, and fetch behind the answer.
    UseAndRefresh,
    /// Fetch, tell what came of it, then decide again.
    MustFetch,
    /// No usable keys, and no fetch for now: 503.
    Unavailable,
}

/// The state of one issuer's fetched keys in this isolate. The keys themselves are the caller's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JwksState {
    fetched: Option<Fetched>,
    failed_at: Option<UnixMillis>,
    started_at: Option<UnixMillis>,
    in_flight: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fetched {
    at: UnixMillis,
    lifetime: Millis,
}

impl JwksState {
    /// What to do for a token. `kid_known` is false when the keys at hand have no key of its `kid`.
    ///
    /// A `kid` that a fetch within the cooldown did not bring is unknown: use the keys, and refuse. One that could not
    /// be asked about is nobody's fault: `Unavailable`, never a refusal.
    pub fn decide(&self, now: UnixMillis, kid_known: bool) -> Decision {
        let cooling = |at: UnixMillis| now.since(at) < COOLDOWN;
        let just_failed = self.failed_at.is_some_and(cooling);
        let usable = self.fetched.filter(|fetched| fetched.is_usable(now));
        let Some(fetched) = usable else {
            return self.fetch_unless(just_failed, now);
        };
        if !kid_known {
            return if cooling(fetched.at) {
                Decision::Use
            } else {
                self.fetch_unless(just_failed, now)
            };
        }
        let age = now.since(fetched.at);
        let someone_fetches = self.in_flight(now) > 0;
        if just_failed || someone_fetches {
            Decision::Use
        } else if age >= fetched.lifetime {
            Decision::MustFetch
        } else if age.0 >= fetched.lifetime.0.saturating_mul(3) / 4 {
            Decision::UseAndRefresh
        } else {
            Decision::Use
        }
    }

    /// A fetch starts, in the foreground or behind an answer.
    pub fn fetch_started(&mut self, now: UnixMillis) {
        self.in_flight = self.in_flight(now).saturating_add(1);
        self.started_at = Some(now);
    }

    /// A fetch brought a usable set, with this `Cache-Control` header.
    pub fn fetch_succeeded(&mut self, now: UnixMillis, cache_control: Option<&str>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failed_at = None;
        self.fetched = Some(Fetched {
            at: now,
            lifetime: lifetime(cache_control),
        });
    }

    /// A fetch brought nothing usable: an error, a redirect, a time-out, too much, or no key set.
    pub const fn fetch_failed(&mut self, now: UnixMillis) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failed_at = Some(now);
    }

    /// Fetches that may still end. A request that was cancelled never says so; the time-out ends its fetch too.
    fn in_flight(&self, now: UnixMillis) -> u32 {
        let alive = self
            .started_at
            .is_some_and(|started| now.since(started) <= FETCH_TIMEOUT);
        if alive { self.in_flight } else { 0 }
    }

    /// A request cannot wait for another's fetch (Workers runtime), so it makes its own, within reason.
    fn fetch_unless(&self, forbidden: bool, now: UnixMillis) -> Decision {
        if forbidden || self.in_flight(now) >= MAX_CONCURRENT_FETCHES {
            Decision::Unavailable
        } else {
            Decision::MustFetch
        }
    }
}

impl Fetched {
    const fn is_usable(&self, now: UnixMillis) -> bool {
        now.since(self.at).0 < self.lifetime.0.saturating_add(MAX_STALE.0)
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
        DEFAULT_LIFETIME, Decision, JwksState, MAX_CONCURRENT_FETCHES, MAX_LIFETIME, MAX_STALE,
        MIN_LIFETIME, lifetime,
    };
    use crate::time::{Millis, UnixMillis};

    const START: UnixMillis = UnixMillis(1_000_000_000);

    fn after(seconds: u64) -> UnixMillis {
        START.plus(Millis::from_seconds(seconds))
    }

    fn fetched_at_start(cache_control: &str) -> JwksState {
        let mut state = JwksState::default();
        state.fetch_started(START);
        state.fetch_succeeded(START, Some(cache_control));
        state
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
        state.fetch_failed(after(1));
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
        state.fetch_failed(after(802));
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
        state.fetch_succeeded(after(31), None);
        assert_eq!(state.decide(after(60), false), Decision::Use);
        assert_eq!(state.decide(after(61), false), Decision::MustFetch);
    }

    #[test]
    fn an_unknown_kid_during_an_outage_is_unavailable_never_a_refusal() {
        let mut state = fetched_at_start("max-age=1000");
        state.fetch_started(after(100));
        state.fetch_failed(after(101));
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
        assert_eq!(state.decide(START, false), Decision::Unavailable);
        state.fetch_succeeded(after(1), None);
        assert_eq!(state.decide(after(1), true), Decision::Use);
    }

    #[test]
    fn an_old_set_outlives_an_outage_of_its_server_for_a_day() {
        let mut state = fetched_at_start("max-age=1000");
        let last = after(1000).plus(MAX_STALE).minus(Millis(1));
        assert_eq!(state.decide(last, true), Decision::MustFetch);
        state.fetch_started(last);
        state.fetch_failed(last);
        assert_eq!(state.decide(last, true), Decision::Use);
        let over = last.plus(Millis(1));
        assert_eq!(state.decide(over, true), Decision::Unavailable);
    }
}
