//! Metrics: what is counted and measured.
//!
//! A point is counted where the log has an event for it, so both say the same; and for what happens without a line: answers of
//! origins, questions for keys, polls, verifications. Labels are names of rules, origins and issuers, codes and ways: never
//! user data, and few in number. docs/metrics.md says what each is for.

mod counters;

pub use counters::{Counters, MAX_SERIES};

use crate::log_events::{LogEvent, Member};
use postern_jwt::time::Millis;

/// The longest value of a label, in bytes.
const MAX_LABEL_BYTES: usize = 100;

/// Of how many verifications that an isolate answers from its memory one is counted, for all of them.
pub const VERIFICATIONS_SAMPLED: u64 = 64;

/// Something that is counted or measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Sessions that were made.
    SessionsCreated,
    /// Refreshes that were answered with new tokens.
    Refreshes,
    /// Requests and calls that were refused.
    Refusals,
    /// Refresh tokens that two holders used.
    Thefts,
    /// Sessions that were ended by somebody.
    Revocations,
    /// Access tokens that were found good.
    Verifications,
    /// Questions for the keys of trusted issuers.
    IssuerKeyFetches,
    /// How old the copy of the revocations had become when a poll renewed it.
    RevocationLag,
    /// Answers of origins, and how long it took until they began.
    OriginAnswers,
    /// Events that were written down, taken, refused or given up.
    Events,
    /// How long after its change an event was taken.
    EventDelay,
    /// Other lines of the log, of level warn and error.
    LogEvents,
}

/// What a metric's values are, by Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How many times.
    Counter,
    /// How many times, and how long each took.
    Histogram,
}

impl Metric {
    /// All, in the order of the text.
    pub const ALL: [Self; 12] = [
        Self::SessionsCreated,
        Self::Refreshes,
        Self::Refusals,
        Self::Thefts,
        Self::Revocations,
        Self::Verifications,
        Self::IssuerKeyFetches,
        Self::RevocationLag,
        Self::OriginAnswers,
        Self::Events,
        Self::EventDelay,
        Self::LogEvents,
    ];

    /// The name in Prometheus text, and the index of a point in Analytics Engine.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionsCreated => "postern_sessions_created_total",
            Self::Refreshes => "postern_refreshes_total",
            Self::Refusals => "postern_refusals_total",
            Self::Thefts => "postern_thefts_total",
            Self::Revocations => "postern_revocations_total",
            Self::Verifications => "postern_verifications_total",
            Self::IssuerKeyFetches => "postern_issuer_key_fetches_total",
            Self::RevocationLag => "postern_revocation_lag_seconds",
            Self::OriginAnswers => "postern_origin_answer_seconds",
            Self::Events => "postern_events_total",
            Self::EventDelay => "postern_event_delay_seconds",
            Self::LogEvents => "postern_log_events_total",
        }
    }

    /// What it counts or measures.
    pub const fn help(self) -> &'static str {
        match self {
            Self::SessionsCreated => "Sessions that were made.",
            Self::Refreshes => "Refreshes that were answered with new tokens.",
            Self::Refusals => "Requests and calls that were refused.",
            Self::Thefts => "Refresh tokens that two holders used; each ended a session.",
            Self::Revocations => "Sessions that were ended by somebody.",
            Self::Verifications => "Access tokens that were found good.",
            Self::IssuerKeyFetches => "Questions for the keys of trusted issuers.",
            Self::RevocationLag => {
                "How old the copy of the revocations had become when a poll renewed it."
            }
            Self::OriginAnswers => "Answers of origins, and the time until they began.",
            Self::Events => "Events that were written down, taken, refused or given up.",
            Self::EventDelay => "How long after its change an event was taken.",
            Self::LogEvents => "Other log lines of level warn and error.",
        }
    }

    /// Its labels, in the order of a point's values.
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::SessionsCreated | Self::Revocations => &["by"],
            Self::Refreshes | Self::RevocationLag => &[],
            Self::Refusals => &["reason", "rule", "event"],
            Self::Thefts => &["reason"],
            Self::Verifications => &["issuer", "how"],
            Self::IssuerKeyFetches => &["issuer", "from", "outcome"],
            Self::OriginAnswers => &["rule", "origin", "status"],
            Self::Events => &["to", "outcome"],
            Self::EventDelay => &["to"],
            Self::LogEvents => &["event"],
        }
    }

    /// What its values are.
    pub const fn kind(self) -> Kind {
        match self {
            Self::RevocationLag | Self::OriginAnswers | Self::EventDelay => Kind::Histogram,
            _ => Kind::Counter,
        }
    }
}

/// Something that happened, so many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What is counted.
    pub metric: Metric,
    /// The values of [`Metric::labels`].
    pub labels: Vec<String>,
    /// How many times.
    pub count: u64,
    /// How long it took, of a [`Kind::Histogram`].
    pub took: Option<Millis>,
}

impl Point {
    /// A point of one.
    pub fn one(metric: Metric, labels: &[&str]) -> Self {
        Self {
            metric,
            labels: labels.iter().map(|label| bounded(label)).collect(),
            count: 1,
            took: None,
        }
    }

    /// An access token that was found good: `remembered` = without looking at it again, which is counted for all the
    /// [`VERIFICATIONS_SAMPLED`] of which it is one. `issuer` is the id in the configuration.
    pub fn verification(issuer: &str, remembered: bool) -> Self {
        let (how, count) = if remembered {
            ("remembered", VERIFICATIONS_SAMPLED)
        } else {
            ("checked", 1)
        };
        Self {
            count,
            ..Self::one(Metric::Verifications, &[issuer, how])
        }
    }

    /// An answer of an origin that began after `took`; `Err` says in a word why there was none.
    pub fn origin_answer(
        rule: &str,
        origin: &str,
        status: Result<u16, &str>,
        took: Millis,
    ) -> Self {
        let class = match status {
            Ok(status @ 100..=599) => format!("{}xx", status.div_euclid(100)),
            Ok(_) => "other".to_owned(),
            Err(word) => word.to_owned(),
        };
        Self {
            took: Some(took),
            ..Self::one(Metric::OriginAnswers, &[rule, origin, &class])
        }
    }

    /// A copy of the revocations that was so old when a poll renewed it.
    pub fn revocation_lag(age: Millis) -> Self {
        Self {
            took: Some(age),
            ..Self::one(Metric::RevocationLag, &[])
        }
    }

    /// So many events for the destination `to` came to this: `queued`, `delivered`, `failed` (and sent again) or `dropped`.
    pub fn events(to: &str, outcome: &str, count: u64) -> Self {
        Self {
            count,
            ..Self::one(Metric::Events, &[to, outcome])
        }
    }

    /// An event that was taken so long after its change.
    pub fn event_delay(to: &str, took: Millis) -> Self {
        Self {
            took: Some(took),
            ..Self::one(Metric::EventDelay, &[to])
        }
    }

    /// What an event of the log counts as; `None` when it is no metric's.
    pub fn of_event(event: LogEvent, members: &[(Member, &str)]) -> Option<Self> {
        use crate::settings::LogLevel::{Error, Warn};
        let member = |wanted: Member| {
            let found = members.iter().find(|(member, _)| *member == wanted);
            found.map(|(_, value)| *value)
        };
        let reason = member(Member::Reason);
        match event {
            LogEvent::SessionCreated => Some(Self::one(
                Metric::SessionsCreated,
                &[reason.unwrap_or_default()],
            )),
            LogEvent::SessionRefreshed => Some(Self::one(Metric::Refreshes, &[])),
            LogEvent::TokenTheft => Some(Self::one(Metric::Thefts, &[reason.unwrap_or_default()])),
            LogEvent::SessionsEnded => {
                let count = member(Member::Count).and_then(|count| count.parse().ok());
                Some(Self {
                    count: count.unwrap_or(1),
                    ..Self::one(Metric::Revocations, &[reason.unwrap_or_default()])
                })
            }
            LogEvent::Gateway | LogEvent::BrowserApi | LogEvent::Refresh | LogEvent::Rpc => {
                let rule = member(Member::Rule).unwrap_or_default();
                reason.map(|reason| Self::one(Metric::Refusals, &[reason, rule, event.name()]))
            }
            _ if matches!(event.level(), Warn | Error) => {
                Some(Self::one(Metric::LogEvents, &[event.name()]))
            }
            _ => None,
        }
    }
}

fn bounded(label: &str) -> String {
    let end = label.floor_char_boundary(MAX_LABEL_BYTES);
    label.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Metric, Point};
    use crate::log_events::{LogEvent, Member};

    #[test]
    fn an_event_is_counted_once_and_by_what_it_says() {
        let of = |event, members: &[(Member, &str)]| {
            Point::of_event(event, members).map(|point| (point.metric, point.labels, point.count))
        };
        let labels = |labels: &[&str]| labels.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            of(
                LogEvent::SessionsEnded,
                &[(Member::Count, "7"), (Member::Reason, "rpc")]
            ),
            Some((Metric::Revocations, labels(&["rpc"]), 7))
        );
        assert_eq!(
            of(
                LogEvent::Gateway,
                &[(Member::Reason, "claims"), (Member::Rule, "admin")]
            ),
            Some((Metric::Refusals, labels(&["claims", "admin", "gateway"]), 1))
        );
        // Passed on as anonymous: no refusal.
        assert_eq!(of(LogEvent::Gateway, &[]), None);
        assert_eq!(
            of(LogEvent::KeyRing, &[]),
            Some((Metric::LogEvents, labels(&["key_ring"]), 1))
        );
        assert_eq!(of(LogEvent::Page, &[]), None);
    }

    #[test]
    fn every_metric_is_described() {
        let document = include_str!("../../../docs/metrics.md");
        for metric in Metric::ALL {
            assert!(document.contains(metric.name()), "{}", metric.name());
            for label in metric.labels() {
                assert!(document.contains(&format!("`{label}`")), "{label}");
            }
        }
    }
}
