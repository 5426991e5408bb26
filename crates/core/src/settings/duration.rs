//! Durations as people write them: `500ms`, `3.6s`, `15m`, `168h`, `100d`.

use postern_jwt::time::Millis;

/// The longest duration any setting takes: ten years.
pub(super) const LONGEST: Millis = Millis::from_seconds(10 * 365 * 86_400);

/// Parses a number with a unit; whole milliseconds only. `0` needs no unit.
pub(crate) fn parse_duration(text: &str) -> Option<Millis> {
    if text == "0" {
        return Some(Millis(0));
    }
    let unit_start = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit_start)?;
    let unit: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = digits(whole)?.checked_mul(unit)?;
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = digits(fraction)?.checked_mul(unit)?;
    // `scale` is a power of ten, hence never zero; a remainder would be a part of a millisecond.
    if scaled.checked_rem(scale)? != 0 {
        return None;
    }
    whole.checked_add(scaled.checked_div(scale)?).map(Millis)
}

/// A non-empty run of ASCII digits: no sign, no spaces, which `u64::from_str` would partly accept.
pub(super) fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::parse_duration;
    use postern_jwt::time::Millis;

    #[test]
    fn numbers_with_units_are_durations() {
        for (text, millis) in [
            ("500ms", 500),
            ("1s", 1000),
            ("3.6s", 3600),
            ("0.001s", 1),
            ("1.50m", 90_000),
            ("15m", 900_000),
            ("168h", 604_800_000),
            ("100d", 8_640_000_000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "+1s",
            "1 s",
            "1S",
            "1min",
            "1.s",
            ".5s",
            "1.2.3s",
            "0.5ms",
            "1e3s",
            "٣s",
            "99999999999999999999s",
            "18446744073709551615d",
            "1h30m",
            "0.00000000000000000000001s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
