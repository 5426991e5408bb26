//! Metrics: what is counted, and the counts of one isolate as Prometheus text.
//!
//! A point is counted where the log has an event for it, so both say the same. Labels are names of rules, codes and ways: never
//! user data, and few in number. docs/metrics.md says what each is for.

use std::collections::BTreeMap;

use crate::log_events::{LogEvent, Member};

/// How many different sets of labels are kept. What comes later is counted under `other`.
pub const MAX_SERIES: usize = 1_000;
/// The longest value of a label, in bytes.
const MAX_LABEL_BYTES: usize = 100;

/// Something that is counted.
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
    /// Other lines of the log, of level warn and error.
    LogEvents,
}

impl Metric {
    /// All, in the order of the text.
    pub const ALL: [Self; 6] = [
        Self::SessionsCreated,
        Self::Refreshes,
        Self::Refusals,
        Self::Thefts,
        Self::Revocations,
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
            Self::LogEvents => "postern_log_events_total",
        }
    }

    /// What it counts.
    pub const fn help(self) -> &'static str {
        match self {
            Self::SessionsCreated => "Sessions that were made.",
            Self::Refreshes => "Refreshes that were answered with new tokens.",
            Self::Refusals => "Requests and calls that were refused.",
            Self::Thefts => "Refresh tokens that two holders used; each ended a session.",
            Self::Revocations => "Sessions that were ended by somebody.",
            Self::LogEvents => "Other log lines of level warn and error.",
        }
    }

    /// Its labels, in the order of a point's values.
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::SessionsCreated | Self::Revocations => &["by"],
            Self::Refreshes => &[],
            Self::Refusals => &["reason", "rule", "event"],
            Self::Thefts => &["reason"],
            Self::LogEvents => &["event"],
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
}

impl Point {
    /// A point of one.
    pub fn one(metric: Metric, labels: &[&str]) -> Self {
        Self {
            metric,
            labels: labels.iter().map(|label| bounded(label)).collect(),
            count: 1,
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

/// The counts of one isolate since it started.
#[derive(Debug, Default)]
pub struct Counters {
    series: BTreeMap<(Metric, Vec<String>), u64>,
}

impl Counters {
    /// Counts a point.
    pub fn add(&mut self, point: &Point) {
        let mut key = (point.metric, point.labels.clone());
        if self.series.len() >= MAX_SERIES && !self.series.contains_key(&key) {
            key.1 = vec!["other".to_owned(); point.labels.len()];
        }
        let count = self.series.entry(key).or_default();
        *count = count.saturating_add(point.count);
    }

    /// All counts in Prometheus' text format, version 0.0.4. A metric without labels is there before it was first counted.
    pub fn to_prometheus(&self) -> String {
        let mut text = String::new();
        for metric in Metric::ALL {
            let (name, help) = (metric.name(), metric.help());
            text.push_str(&["# HELP ", name, " ", help, "\n# TYPE ", name, " counter\n"].concat());
            let none = (metric, Vec::new());
            if metric.labels().is_empty() && !self.series.contains_key(&none) {
                text.push_str(&[name, " 0\n"].concat());
            }
            let of_metric = self.series.iter().filter(|((of, _), _)| *of == metric);
            for ((_, values), count) in of_metric {
                let pairs: Vec<String> = metric
                    .labels()
                    .iter()
                    .zip(values)
                    .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                    .collect();
                let labels = if pairs.is_empty() {
                    String::new()
                } else {
                    format!("{{{}}}", pairs.join(","))
                };
                text.push_str(&[name, &labels, " ", &count.to_string(), "\n"].concat());
            }
        }
        text
    }
}

/// A label's value as the text format writes it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{Counters, MAX_SERIES, Metric, Point};
    use crate::log_events::{LogEvent, Member};

    #[test]
    fn counts_are_told_by_label() {
        let mut counters = Counters::default();
        counters.add(&Point::one(
            Metric::Refusals,
            &["session", "a \"b\"\\", "gateway"],
        ));
        counters.add(&Point::one(
            Metric::Refusals,
            &["session", "a \"b\"\\", "gateway"],
        ));
        let text = counters.to_prometheus();
        let line = r#"postern_refusals_total{reason="session",rule="a \"b\"\\",event="gateway"} 2"#;
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(text.contains("\npostern_refreshes_total 0\n"));
    }

    #[test]
    fn the_number_of_series_is_bounded_and_nothing_is_lost() {
        let mut counters = Counters::default();
        for n in 0..MAX_SERIES + 50 {
            let rule = n.to_string();
            counters.add(&Point::one(
                Metric::Refusals,
                &["session", &rule, "gateway"],
            ));
        }
        assert!(counters.series.len() <= MAX_SERIES + Metric::ALL.len());
        assert!(
            counters
                .to_prometheus()
                .contains("{reason=\"other\",rule=\"other\",event=\"other\"} 50\n")
        );
    }

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
