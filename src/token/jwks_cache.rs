//! How long a fetched key set is used, and when it is fetched again: pure rules, one decision per token.
//!
//! Owns the times. Refuses to fetch: the shell does, with the limits below, and tells what came of it.

use crate::time::{Millis, UnixMillis};

/// How long a fetch may take.
pub const FETCH_TIMEOUT: Millis = Millis::from_seconds(5);

/// The largest answer that is read, in bytes. Redirects are not followed.
pub const MAX_ANSWER_BYTES: usize = super::jwk::MAX_KEY_SET_BYTES;

/// The lifetime of a set whose answer states none.
pub const DEFAULT_LIFETIME: Millis = Millis::from_seconds(600);

/// The shortest lifetime, whatever the answer says: a key server must not be asked for every token.
pub const MIN_LIFETIME: Millis = Millis::from_seconds(60);

/// The longest lifetime, whatever the answer says: a withdrawn key must be forgotten some day.
pub const MAX_LIFETIME: Millis = Millis::from_seconds(24 * 3600);

/// After a fetch, how long an unknown `kid` causes no other; after a failed fetch, how long no other is tried.
pub const COOLDOWN: Millis = Millis::from_seconds(30);

/// How long a set is used after its lifetime while its server does not answer.
pub const MAX_STALE: Millis = Millis::from_seconds(24 * 3600);

/// What to do about the keys for one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Use the keys at hand.
    Use,
    /// Use the keys at hand, and fetch behind the answer.
    UseAndRefresh,
    /// Fetch, then decide again.
    MustFetch,
    /// No usable keys, and no fetch for now: 503.
    Unavailable,
}

/// The state of one issuer's fetched keys in this isolate. The keys themselves are the caller's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JwksState {
    fetched: Option<Fetched>,
    last_attempt: Option<UnixMillis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fetched {
    at: UnixMillis,
    lifetime: Millis,
}

impl JwksState {
    /// What to do for a token. `kid_known` is false when the keys at hand have no key of its `kid`.
    pub fn decide(&self, now: UnixMillis, kid_known: bool) -> Decision {
        let may_fetch = self
            .last_attempt
            .is_none_or(|attempt| now.since(attempt) >= COOLDOWN);
        let Some(fetched) = self.fetched else {
            return if may_fetch {
                Decision::MustFetch
            } else {
                Decision::Unavailable
            };
        };
        let age = now.since(fetched.at);
        let expired = age >= fetched.lifetime;
        let unusable = age.0 >= fetched.lifetime.0.saturating_add(MAX_STALE.0);
        let ageing = age.0 >= fetched.lifetime.0.saturating_mul(3) / 4;
        match (may_fetch, unusable) {
            (true, _) if expired || !kid_known => Decision::MustFetch,
            (true, _) if ageing => Decision::UseAndRefresh,
            (false, true) => Decision::Unavailable,
            _ => Decision::Use,
        }
    }

    /// What to do once [`Decision::MustFetch`] was tried and failed: the old keys, while they are not too old.
    pub fn after_failure(&self, now: UnixMillis) -> Decision {
        let usable = self.fetched.is_some_and(|fetched| {
            now.since(fetched.at).0 < fetched.lifetime.0.saturating_add(MAX_STALE.0)
        });
        if usable {
            Decision::Use
        } else {
            Decision::Unavailable
        }
    }

    /// A fetch starts: others need not.
    pub const fn fetch_started(&mut self, now: UnixMillis) {
        self.last_attempt = Some(now);
    }

    /// A fetch brought a usable set, with this `Cache-Control` header.
    pub fn fetch_succeeded(&mut self, now: UnixMillis, cache_control: Option<&str>) {
        self.last_attempt = Some(now);
        self.fetched = Some(Fetched {
            at: now,
            lifetime: lifetime(cache_control),
        });
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
        COOLDOWN, DEFAULT_LIFETIME, Decision, JwksState, MAX_LIFETIME, MAX_STALE, MIN_LIFETIME,
        lifetime,
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
    fn without_keys_it_fetches_and_then_waits_out_the_cooldown() {
        let mut state = JwksState::default();
        assert_eq!(state.decide(START, false), Decision::MustFetch);
        state.fetch_started(START);
        assert_eq!(state.after_failure(after(1)), Decision::Unavailable);
        assert_eq!(state.decide(after(29), false), Decision::Unavailable);
        assert_eq!(state.decide(after(30), false), Decision::MustFetch);
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
    fn one_refresh_at_a_time() {
        let mut state = fetched_at_start("max-age=1000");
        state.fetch_started(after(800));
        assert_eq!(state.decide(after(801), true), Decision::Use);
        assert_eq!(
            state.decide(after(800).plus(COOLDOWN), true),
            Decision::UseAndRefresh
        );
    }

    #[test]
    fn an_unknown_kid_fetches_once_in_a_cooldown() {
        let mut state = fetched_at_start("max-age=1000");
        assert_eq!(state.decide(after(29), false), Decision::Use);
        assert_eq!(state.decide(after(30), false), Decision::MustFetch);
        state.fetch_started(after(30));
        assert_eq!(state.decide(after(31), false), Decision::Use);
    }

    #[test]
    fn an_old_set_outlives_an_outage_of_its_server_for_a_day() {
        let mut state = fetched_at_start("max-age=1000");
        let last = after(1000).plus(MAX_STALE).minus(Millis(1));
        state.fetch_started(last);
        assert_eq!(state.after_failure(last), Decision::Use);
        assert_eq!(state.decide(last, true), Decision::Use);
        let over = last.plus(Millis(1));
        assert_eq!(state.after_failure(over), Decision::Unavailable);
        assert_eq!(state.decide(over, true), Decision::Unavailable);
    }
}
