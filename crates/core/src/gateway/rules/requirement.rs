//! Claim requirements: what a payload must say before a rule lets its session pass.
//!
//! A claim that is missing, or of another type than the test is about, does not meet it. Nothing is converted: `"5"` is
//! not 5. A claim is named by its member, whatever its letters (`https://example.com/roles` is one name), or by the
//! path to it as a list.

use std::cmp::Ordering;

use postern_jwt::json::{self, Kind, Number};

use crate::gateway::rules::fields::{Faults, Fields};

/// How deep `all` and `any` may be nested.
const MAX_DEPTH: usize = 8;

/// The most tests of one rule.
const MAX_TESTS: usize = 64;

/// The most values of one test, and the most steps of the path to a claim.
const MAX_VALUES: usize = 64;
const MAX_STEPS: usize = 8;

/// The longest name of a claim, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The fields that hold a test, each alone in its table.
const TESTS: [&str; 6] = [
    "equals", "contains", "any_of", "all_of", "at_least", "present",
];

/// A test's field, and what makes the test of its value.
type Made<T> = (&'static str, fn(T) -> Test);
const ONE_VALUE: [Made<String>; 2] = [("equals", Test::Equals), ("contains", Test::Contains)];
const MANY_VALUES: [Made<Vec<String>>; 2] = [("any_of", Test::AnyOf), ("all_of", Test::AllOf)];

/// A tree of tests.
#[derive(Debug, Clone)]
pub enum Requirement {
    /// Every one of these.
    All(Vec<Self>),
    /// At least one of these.
    Any(Vec<Self>),
    /// A claim passes a test.
    Claim {
        /// The members on the way to it.
        path: Vec<String>,
        /// The test.
        test: Test,
    },
}

/// A test of one claim. Values are texts of JSON scalars.
#[derive(Debug, Clone)]
pub enum Test {
    /// It is this value.
    Equals(String),
    /// It is a list that holds this value, or a text that holds it as a word between spaces, as `scope` does.
    Contains(String),
    /// It is one of these, or holds one of them.
    AnyOf(Vec<String>),
    /// It holds all of these.
    AllOf(Vec<String>),
    /// It is a number of at least this value.
    AtLeast(Number<'static>),
    /// It is there and not null (`true`), or not (`false`).
    Present(bool),
}

/// A test that a payload does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedClaim {
    /// The claim's name: the first step of its path, which is how browser SDKs name claims.
    pub id: String,
    /// Whether the payload has the claim at all.
    pub exists: bool,
}

impl Requirement {
    /// The tests that a payload fails, in the order of the rule; none when the requirement is met.
    pub fn failures(&self, payload: &str) -> Vec<FailedClaim> {
        let mut failed = Vec::new();
        if !self.is_met(payload, &mut failed) {
            failed.dedup();
            return failed;
        }
        Vec::new()
    }

    fn is_met(&self, payload: &str, failed: &mut Vec<FailedClaim>) -> bool {
        match self {
            // Not lazily: all that is missing is reported together.
            Self::All(parts) => parts
                .iter()
                .fold(true, |met, part| part.is_met(payload, failed) & met),
            Self::Any(parts) => {
                let before = failed.len();
                let met = parts.iter().any(|part| part.is_met(payload, failed));
                if met {
                    failed.truncate(before);
                }
                met
            }
            Self::Claim { path, test } => {
                let claim = at(payload, path);
                let met = test.is_met(claim);
                if !met {
                    failed.push(FailedClaim {
                        id: path.first().cloned().unwrap_or_default(),
                        exists: claim.is_some(),
                    });
                }
                met
            }
        }
    }
}

/// The text of the claim at a path.
fn at<'p>(payload: &'p str, path: &[String]) -> Option<&'p str> {
    path.iter().try_fold(payload, |value, name| {
        json::parse_object(value).ok()?.get(name)
    })
}

impl Test {
    fn is_met(&self, claim: Option<&str>) -> bool {
        let Some(claim) = claim.filter(|claim| json::kind(claim) != Kind::Null) else {
            return matches!(self, Self::Present(false));
        };
        match self {
            Self::Present(wanted) => *wanted,
            Self::Equals(value) => is_same(claim, value),
            Self::Contains(value) => holds(claim, value),
            Self::AnyOf(values) => values
                .iter()
                .any(|value| is_same(claim, value) || holds(claim, value)),
            Self::AllOf(values) => values.iter().all(|value| holds(claim, value)),
            Self::AtLeast(least) => {
                number(claim).is_some_and(|number| number.compare(least) != Ordering::Less)
            }
        }
    }
}

fn is_same(left: &str, right: &str) -> bool {
    json::same_value(left, right).unwrap_or(false)
}

fn holds(claim: &str, value: &str) -> bool {
    match json::kind(claim) {
        Kind::Array => json::parse_array(claim)
            .is_ok_and(|elements| elements.into_iter().any(|element| is_same(element, value))),
        Kind::String => match (json::parse_string(claim), json::parse_string(value)) {
            (Ok(words), Ok(word)) => words.split(' ').any(|known| known == word),
            _ => false,
        },
        Kind::Object | Kind::Number | Kind::Boolean | Kind::Null => false,
    }
}

fn number(text: &str) -> Option<Number<'_>> {
    (json::kind(text) == Kind::Number && json::minify(text).is_ok())
        .then(|| Number::from_valid(text.trim()))
}

/// Reads the value of `require`.
pub(crate) fn read(text: &str, place: &str, faults: &mut Faults) -> Option<Requirement> {
    let mut reading = Reading { faults, tests: 0 };
    let requirement = reading.node(text, place, 0);
    if reading.tests > MAX_TESTS {
        faults.fault(place, format!("must hold at most {MAX_TESTS} tests"));
    }
    requirement
}

struct Reading<'f> {
    faults: &'f mut Faults,
    tests: usize,
}

impl Reading<'_> {
    fn node(&mut self, text: &str, place: &str, depth: usize) -> Option<Requirement> {
        if depth >= MAX_DEPTH {
            self.faults
                .fault(place, format!("must not be nested deeper than {MAX_DEPTH}"));
            return None;
        }
        let mut fields = Fields::open(text, place, self.faults);
        let (all, any) = (fields.get("all"), fields.get("any"));
        match (all, any) {
            (Some(parts), None) | (None, Some(parts)) => {
                let name = if all.is_some() { "all" } else { "any" };
                fields.finish("beside all or any");
                let parts = self.parts(parts, &format!("{place}.{name}"), depth)?;
                Some(if all.is_some() {
                    Requirement::All(parts)
                } else {
                    Requirement::Any(parts)
                })
            }
            (Some(_), Some(_)) => {
                fields.fault_here(
                    "must not have both all and any; put one into the other".to_owned(),
                );
                None
            }
            (None, None) => {
                self.tests = self.tests.saturating_add(1);
                claim(fields)
            }
        }
    }

    fn parts(&mut self, text: &str, place: &str, depth: usize) -> Option<Vec<Requirement>> {
        let Some(parts) = json::parse_array(text)
            .ok()
            .filter(|parts| (1..=MAX_TESTS).contains(&parts.len()))
        else {
            self.faults.fault(
                place,
                format!("must be a list of 1 to {MAX_TESTS} requirements"),
            );
            return None;
        };
        parts
            .into_iter()
            .enumerate()
            .map(|(number, part)| {
                self.node(part, &format!("{place}[{number}]"), depth.saturating_add(1))
            })
            // All of them are read, so that all faults are found.
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }
}

fn claim(mut fields: Fields<'_, '_>) -> Option<Requirement> {
    let path = fields.list(
        "claim",
        "the name of a claim, or the list of names on the way to it",
        MAX_STEPS,
        |name| {
            (1..=MAX_NAME_BYTES)
                .contains(&name.len())
                .then(|| name.to_owned())
        },
    );
    if !fields.has("claim") {
        fields.fault("claim", "is required, or else all or any".to_owned());
    }
    let mut tests = Vec::new();
    for (name, make) in ONE_VALUE {
        if let Some(value) = fields.get(name) {
            match scalar(value) {
                Some(value) => tests.push(make(value)),
                None => fields.fault(name, "must be a text, a number, true or false".to_owned()),
            }
        }
    }
    for (name, make) in MANY_VALUES {
        if let Some(value) = fields.get(name) {
            match scalars(value) {
                Some(values) => tests.push(make(values)),
                None => fields.fault(
                    name,
                    format!("must be a list of 1 to {MAX_VALUES} texts, numbers, true or false"),
                ),
            }
        }
    }
    if let Some(value) = fields.get("at_least") {
        match number(value) {
            Some(least) => tests.push(Test::AtLeast(least.into_owned())),
            None => fields.fault("at_least", "must be a number".to_owned()),
        }
    }
    if let Some(wanted) = fields.boolean("present") {
        tests.push(Test::Present(wanted));
    }
    if TESTS.into_iter().filter(|name| fields.has(name)).count() != 1 {
        fields.fault_here(format!("must have one of {}", TESTS.join(", ")));
    }
    fields.finish("of a requirement");
    Some(Requirement::Claim {
        path: path?,
        test: tests.pop()?,
    })
}

fn scalar(text: &str) -> Option<String> {
    matches!(
        json::kind(text),
        Kind::String | Kind::Number | Kind::Boolean
    )
    .then(|| json::minify(text).ok())
    .flatten()
}

fn scalars(text: &str) -> Option<Vec<String>> {
    let elements = json::parse_array(text).ok()?;
    (1..=MAX_VALUES)
        .contains(&elements.len())
        .then(|| elements.into_iter().map(scalar).collect())
        .flatten()
}
