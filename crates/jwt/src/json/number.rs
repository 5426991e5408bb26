//! Numbers as exact decimals: compared and rounded by value, never through a float.

use std::{borrow::Cow, cmp::Ordering};

/// A JSON number: `digits` × 10^`exponent`, with no zero at either end of `digits` (zero has no digits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number<'a> {
    negative: bool,
    digits: Cow<'a, str>,
    exponent: i64,
}

impl<'a> Number<'a> {
    /// Reads number text that the scanner has accepted; exponents saturate, which no value in use reaches.
    pub fn from_valid(text: &'a str) -> Self {
        let (negative, unsigned) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = cut(unsigned, |byte| matches!(byte, b'e' | b'E'));
        let (whole, fraction) = cut(mantissa, |byte| byte == b'.');
        // Nearly always there is no fraction, and nothing to copy.
        let all = match fraction {
            "" => Cow::Borrowed(whole),
            _ => Cow::Owned([whole, fraction].concat()),
        };
        let kept = all.trim_end_matches('0').len();
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let dropped = i64::try_from(all.len().saturating_sub(kept)).unwrap_or(i64::MAX);
        let digits = match all {
            Cow::Borrowed(all) => Cow::Borrowed(significant(all, kept)),
            Cow::Owned(all) => Cow::Owned(significant(&all, kept).to_owned()),
        };
        if digits.is_empty() {
            return Self {
                negative: false,
                digits,
                exponent: 0,
            };
        }
        let exponent = parse_saturating(exponent).saturating_sub(places);
        Self {
            negative,
            digits,
            exponent: exponent.saturating_add(dropped),
        }
    }

    /// The same number, independent of the text that it was read from.
    pub fn into_owned(self) -> Number<'static> {
        Number {
            negative: self.negative,
            digits: Cow::Owned(self.digits.into_owned()),
            exponent: self.exponent,
        }
    }

    /// The value when it is a whole number that fits; `1.0` and `1e3` are whole.
    pub fn to_u64(&self) -> Option<u64> {
        if self.negative || self.exponent < 0 {
            return None;
        }
        let zeros = u32::try_from(self.exponent).ok()?;
        self.leading(self.digits.len())?
            .checked_mul(10_u64.checked_pow(zeros)?)
    }

    /// The value × 10^`places`, rounded down; 0 when negative, `u64::MAX` when too large.
    ///
    /// `floor_scaled(3)` turns a NumericDate (RFC 7519 section 2: seconds, fractions allowed) into milliseconds.
    pub fn floor_scaled(&self, places: u8) -> u64 {
        if self.negative || self.digits.is_empty() {
            return 0;
        }
        let exponent = self.exponent.saturating_add(i64::from(places));
        let magnitude = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
        match exponent.cmp(&0) {
            Ordering::Less => {
                let cut = usize::try_from(magnitude).unwrap_or(usize::MAX);
                self.leading(self.digits.len().saturating_sub(cut))
                    .unwrap_or(u64::MAX)
            }
            Ordering::Equal | Ordering::Greater => self
                .leading(self.digits.len())
                .zip(10_u64.checked_pow(magnitude))
                .and_then(|(value, power)| value.checked_mul(power))
                .unwrap_or(u64::MAX),
        }
    }

    /// Compares by value.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }

    /// Without the signs: by the place of the first digit, then digit by digit (no number ends in zeros).
    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let height = |number: &Self| {
            let length = i64::try_from(number.digits.len()).unwrap_or(i64::MAX);
            number.exponent.saturating_add(length)
        };
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => height(self)
                .cmp(&height(other))
                .then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    /// The first `count` digits as an integer; `None` when they do not fit.
    fn leading(&self, count: usize) -> Option<u64> {
        match self.digits.get(..count)? {
            "" => Some(0),
            digits => digits.parse().ok(),
        }
    }
}

/// What stands before a mark and after it; all of it and nothing when there is none.
fn cut(text: &str, is_mark: impl Fn(u8) -> bool) -> (&str, &str) {
    let found = text.bytes().position(is_mark);
    let halves = found.and_then(|at| Some((text.get(..at)?, text.get(at.saturating_add(1)..)?)));
    halves.unwrap_or((text, ""))
}

/// The first `kept` digits without the zeros they begin with.
fn significant(digits: &str, kept: usize) -> &str {
    let kept = digits.get(..kept).unwrap_or_default();
    kept.trim_start_matches('0')
}

/// An exponent: optional sign and digits, clamped to what an `i64` holds; none is 0.
fn parse_saturating(exponent: &str) -> i64 {
    if exponent.is_empty() {
        return 0;
    }
    exponent.parse().unwrap_or(if exponent.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    })
}
