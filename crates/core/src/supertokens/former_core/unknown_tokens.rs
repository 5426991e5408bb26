//! How many refresh tokens that it does not know a SuperTokens core is asked about. Anybody can make them up, and only the core can
//! tell.

use postern_jwt::time::{Millis, UnixMillis};

/// So many of one network in a [`PERIOD`]: who makes them up is not to stand in the way of others.
pub const MOST_OF_NETWORK: u32 = 32;
/// So many of all networks.
pub const MOST: u32 = 1_024;
/// How long they are counted.
pub const PERIOD: Millis = Millis::from_seconds(10);

/// What an isolate has asked about. A question counts until the core has said that it knows the token: sessions that move are not
/// bounded by it, but what is made up, what is under way at once, and what a core out of reach is asked.
#[derive(Debug, Default)]
pub struct UnknownTokens {
    /// As many networks as were asked about in the period at the most.
    of_network: Vec<(String, u32)>,
    count: u32,
    since: UnixMillis,
}

impl UnknownTokens {
    /// Counts one more question about a token that came from this network; `false` when there were too many and the core is not to be
    /// asked. `None` = a caller of our own, who is counted with all only.
    pub fn may_ask(&mut self, network: Option<&str>, now: UnixMillis) -> bool {
        if now.since(self.since) >= PERIOD {
            *self = Self {
                since: now,
                ..Self::default()
            };
        }
        if self.count >= MOST {
            return false;
        }
        match (network, self.of_network(network)) {
            (_, Some(count)) if *count >= MOST_OF_NETWORK => return false,
            (_, Some(count)) => *count = count.saturating_add(1),
            (Some(network), None) => self.of_network.push((network.to_owned(), 1)),
            (None, None) => {}
        }
        self.count = self.count.saturating_add(1);
        true
    }

    /// The core knows a token that it was asked about.
    pub fn known(&mut self, network: Option<&str>) {
        self.count = self.count.saturating_sub(1);
        if let Some(count) = self.of_network(network) {
            *count = count.saturating_sub(1);
        }
    }

    fn of_network(&mut self, network: Option<&str>) -> Option<&mut u32> {
        let mut counts = self.of_network.iter_mut();
        let found = counts.find(|(known, _)| Some(known.as_str()) == network);
        found.map(|(_, count)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_OF_NETWORK, PERIOD, UnknownTokens};
    use postern_jwt::time::UnixMillis;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn of_one_network_so_many_are_asked_about_in_a_period_and_no_others_are_held_up() {
        let mut unknown = UnknownTokens::default();
        assert!((0..MOST_OF_NETWORK).all(|_| unknown.may_ask(Some("a"), NOW)));
        let last = UnixMillis(NOW.plus(PERIOD).0 - 1);
        assert!(!unknown.may_ask(Some("a"), NOW) && !unknown.may_ask(Some("a"), last));
        assert!(unknown.may_ask(Some("b"), NOW) && unknown.may_ask(None, NOW));
        assert!(unknown.may_ask(Some("a"), NOW.plus(PERIOD)));
    }

    #[test]
    fn of_all_networks_and_callers_so_many() {
        let mut unknown = UnknownTokens::default();
        for count in 0..MOST {
            let network = count.to_string();
            let network = Some(network.as_str()).filter(|_| count % 2 == 0);
            assert!(unknown.may_ask(network, NOW));
        }
        assert!(!unknown.may_ask(Some("another"), NOW) && !unknown.may_ask(None, NOW));
        assert!(unknown.may_ask(None, NOW.plus(PERIOD)));
    }

    #[test]
    fn tokens_that_the_core_knows_are_not_bounded() {
        let mut unknown = UnknownTokens::default();
        for network in [Some("a"), None] {
            for _ in 0..2 * MOST {
                assert!(unknown.may_ask(network, NOW));
                unknown.known(network);
            }
        }
        assert!((0..MOST_OF_NETWORK).all(|_| unknown.may_ask(Some("a"), NOW)));
        assert!(!unknown.may_ask(Some("a"), NOW));
    }
}
