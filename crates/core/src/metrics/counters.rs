//! The counts of one isolate, and how Prometheus reads them.

use std::collections::BTreeMap;

use super::{Kind, Metric, Point};
use postern_jwt::time::Millis;

/// How many different sets of labels are kept. What comes later is counted under `other`.
pub const MAX_SERIES: usize = 1_000;

/// Up to how many milliseconds each bucket of a time goes; a last one has no end.
const BUCKETS: [u64; 12] = [
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000,
];

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
    series: BTreeMap<Metric, BTreeMap<Vec<String>, Series>>,
    /// How many series there are.
    number: usize,
}

impl Counters {
    /// Counts a point.
    pub fn add(&mut self, point: &Point) {
        let series = self.series.entry(point.metric).or_default();
        if let Some(known) = series.get_mut(&point.labels) {
            return known.add(point);
        }
        let labels = if self.number < MAX_SERIES {
            point.labels.clone()
        } else {
            vec!["other".to_owned(); point.labels.len()]
        };
        let counted = series.entry(labels).or_insert_with(|| {
            self.number = self.number.saturating_add(1);
            Series::default()
        });
        counted.add(point);
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
            let counted = self.series.get(&metric);
            if metric.labels().is_empty() && counted.is_none() {
                write_series(&mut text, metric, &[], &Series::default());
            }
            for (values, series) in counted.into_iter().flatten() {
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
    use super::{Counters, MAX_SERIES};
    use crate::metrics::{Metric, Point, VERIFICATIONS_SAMPLED};
    use postern_jwt::time::Millis;

    #[test]
    fn counts_are_written_by_label() {
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
        assert_eq!(counters.series[&Metric::Refusals].len(), MAX_SERIES + 1);
        assert!(
            counters
                .to_prometheus()
                .contains("{reason=\"other\",rule=\"other\",event=\"other\"} 50\n")
        );
    }

    #[test]
    fn times_are_written_as_a_histogram() {
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
}
