//! Metrics: what is counted and measured, and the counts of one isolate as Prometheus text.
//!
//! A point is counted where the log has an event for it, so both say the same; and for what happens without a line: answers of
//! origins, questions for keys, polls, verifications. Labels are names of rules, origins and issuers, codes and ways: never
//! user data, and few in number. docs/metrics.md says what each is for.

use std::collections::BTreeMap;

use crate::log_events::{LogEvent, Member};
use postern_jwt::time::Millis;

/// How many different sets of labels are kept. What comes later is counted under `other`.
pub const MAX_SERIES: usize = 1_000;
/// The longest value of a label, in bytes.
const MAX_LABEL_BYTES: usize = 100;

/// Of how many verifications that an isolate answers from its memory one is counted, for all of them.
pub const VERIFICATIONS_SAMPLED: u64 = 64;

/// Up to how many milliseconds each bucket of a time goes; a last one has no end.
const BUCKETS: [u64; 12] = [
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000,
];

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
    pub const ALL: [Self; 10] = [
        Self::SessionsCreated,
        Self::Refreshes,
        Self::Refusals,
        Self::Thefts,
        Self::Revocations,
        Self::Verifications,
        Self::IssuerKeyFetches,
        Self::RevocationLag,
        Self::OriginAnswers,
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
            Self::LogEvents => &["event"],
        }
    }

    /// What its values are.
    pub const fn kind(self) -> Kind {
        match self {
            Self::RevocationLag | Self::OriginAnswers => Kind::Histogram,
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

/// What was counted under one set of labels.
#[derive(Debug, Default)]
struct Series {
    count: u64,
    /// All the milliseconds that it took; of a histogram only, as the next.
    took: u64,
    /// How many went into each of [`BUCKETS`], and into none before it.
    buckets: [u64; BUCKETS.len()],
}

impl Series {
    fn add(&mut self, point: &Point) {
        self.count = self.count.saturating_add(point.count);
        let Some(took) = point.took else {
            return;
        };
        self.took = self.took.saturating_add(took.0);
        let place = BUCKETS.iter().position(|end| took.0 <= *end);
        if let Some(bucket) = place.and_then(|place| self.buckets.get_mut(place)) {
            *bucket = bucket.saturating_add(point.count);
        }
    }
}

/// The counts of one isolate since it started.
#[derive(Debug, Default)]
pub struct Counters {
    series: BTreeMap<(Metric, Vec<String>), Series>,
}

impl Counters {
    /// Counts a point.
    pub fn add(&mut self, point: &Point) {
        let mut key = (point.metric, point.labels.clone());
        if self.series.len() >= MAX_SERIES && !self.series.contains_key(&key) {
            key.1 = vec!["other".to_owned(); point.labels.len()];
        }
        self.series.entry(key).or_default().add(point);
    }

    /// All counts in Prometheus' text format, version 0.0.4. A metric without labels is there before it was first counted.
    pub fn to_prometheus(&self) -> String {
        let mut text = String::new();
        for metric in Metric::ALL {
            let (name, help) = (metric.name(), metric.help());
            let kind = match metric.kind() {
                Kind::Counter => "counter",
                Kind::Histogram => "histogram",
            };
            text.push_str(
                &[
                    "# HELP ",
                    name,
                    " ",
                    help,
                    "\n# TYPE ",
                    name,
                    " ",
                    kind,
                    "\n",
                ]
                .concat(),
            );
            let none = (metric, Vec::new());
            if metric.labels().is_empty() && !self.series.contains_key(&none) {
                write_series(&mut text, metric, &[], &Series::default());
            }
            let of_metric = self.series.iter().filter(|((of, _), _)| *of == metric);
            for ((_, values), series) in of_metric {
                write_series(&mut text, metric, values, series);
            }
        }
        text
    }
}

fn write_series(text: &mut String, metric: Metric, values: &[String], series: &Series) {
    let pairs: Vec<String> = metric
        .labels()
        .iter()
        .zip(values)
        .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
        .collect();
    let labels = |more: Option<String>| {
        let all: Vec<String> = pairs.iter().cloned().chain(more).collect();
        if all.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", all.join(","))
        }
    };
    let mut line = |suffix: &str, labels: &str, value: &str| {
        text.push_str(&[metric.name(), suffix, labels, " ", value, "\n"].concat());
    };
    if metric.kind() == Kind::Counter {
        line("", &labels(None), &series.count.to_string());
        return;
    }
    let mut so_far = 0_u64;
    for (end, count) in BUCKETS.iter().zip(series.buckets) {
        so_far = so_far.saturating_add(count);
        let end = format!("le=\"{}\"", seconds(Millis(*end)));
        line("_bucket", &labels(Some(end)), &so_far.to_string());
    }
    let all = series.count.to_string();
    line("_bucket", &labels(Some("le=\"+Inf\"".to_owned())), &all);
    line("_sum", &labels(None), &seconds(Millis(series.took)));
    line("_count", &labels(None), &all);
}

/// Seconds, with a fraction where there is one.
fn seconds(time: Millis) -> String {
    let text = format!(
        "{}.{:03}",
        time.0.div_euclid(1_000),
        time.0.rem_euclid(1_000)
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
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
    use super::{Counters, MAX_SERIES, Metric, Point, VERIFICATIONS_SAMPLED};
    use crate::log_events::{LogEvent, Member};
    use postern_jwt::time::Millis;

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
    fn times_are_told_as_a_histogram() {
        let mut counters = Counters::default();
        for (status, took) in [
            (Ok(200), 4),
            (Ok(204), 5),
            (Ok(204), 6),
            (Ok(204), 70_000),
            (Ok(999), 1),
            (Err("timed_out"), 30_000),
        ] {
            counters.add(&Point::origin_answer("app", "api", status, Millis(took)));
        }
        let text = counters.to_prometheus();
        let labels = r#"rule="app",origin="api",status="2xx""#;
        for line in [
            format!("postern_origin_answer_seconds_bucket{{{labels},le=\"0.005\"}} 2"),
            format!("postern_origin_answer_seconds_bucket{{{labels},le=\"0.01\"}} 3"),
            format!("postern_origin_answer_seconds_bucket{{{labels},le=\"60\"}} 3"),
            format!("postern_origin_answer_seconds_bucket{{{labels},le=\"+Inf\"}} 4"),
            format!("postern_origin_answer_seconds_sum{{{labels}}} 70.015"),
            format!("postern_origin_answer_seconds_count{{{labels}}} 4"),
            r#"postern_origin_answer_seconds_count{rule="app",origin="api",status="other"} 1"#
                .to_owned(),
            r#"postern_origin_answer_seconds_sum{rule="app",origin="api",status="timed_out"} 30"#
                .to_owned(),
            "postern_revocation_lag_seconds_count 0".to_owned(),
            "# TYPE postern_revocation_lag_seconds histogram".to_owned(),
            "# TYPE postern_refreshes_total counter".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_sampled_verification_counts_for_those_that_were_not() {
        let mut counters = Counters::default();
        for remembered in [true, false, true] {
            counters.add(&Point::verification("own", remembered));
        }
        let text = counters.to_prometheus();
        let remembered = VERIFICATIONS_SAMPLED * 2;
        for (how, count) in [("remembered", remembered), ("checked", 1)] {
            let line =
                format!("postern_verifications_total{{issuer=\"own\",how=\"{how}\"}} {count}\n");
            assert!(text.contains(&line), "{text}");
        }
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
