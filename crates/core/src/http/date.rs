//! HTTP dates: the IMF-fixdate form of RFC 9110 section 5.6.7, which cookies use for `Expires`.
//!
//! The time is an argument.

use postern_jwt::time::UnixMillis;

const DAY_NAMES: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTH_NAMES: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SECONDS_PER_DAY: u64 = 86_400;

/// The last second that four digits of year can name: 9999-12-31 23:59:59. Later points are written as this one.
const LATEST_SECONDS: u64 = 253_402_300_799;

/// `point` as IMF-fixdate, e.g. `Thu, 01 Jan 1970 00:00:00 GMT`; parts of a second are dropped.
pub fn http_date(point: UnixMillis) -> String {
    let seconds = point.as_seconds().min(LATEST_SECONDS);
    let days = seconds / SECONDS_PER_DAY;
    let second_of_day = seconds % SECONDS_PER_DAY;
    let (year, month, day) = civil_date(days);
    let day_name = pick(&DAY_NAMES, days % 7);
    let month_name = pick(&MONTH_NAMES, month.saturating_sub(1));
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{day_name}, {day:02} {month_name} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

fn pick(names: &[&'static str], index: u64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or_default()
}

/// Year, month (1 to 12) and day of a count of days since 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last day of its year; 400 years are 146,097 days. Every
/// operation saturates only because the lints ask for it: with the cap above, none comes near the bounds.
const fn civil_date(days: u64) -> (u64, u64, u64) {
    let since_march_0000 = days.saturating_add(719_468);
    let era = since_march_0000 / 146_097;
    let day_of_era = since_march_0000 % 146_097;
    let year_of_era = day_of_era
        .saturating_sub(day_of_era / 1_460)
        .saturating_add(day_of_era / 36_524)
        .saturating_sub(day_of_era / 146_096)
        / 365;
    let day_of_year = day_of_era.saturating_sub(
        year_of_era
            .saturating_mul(365)
            .saturating_add(year_of_era / 4)
            .saturating_sub(year_of_era / 100),
    );
    let march_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = day_of_year
        .saturating_sub(march_month.saturating_mul(153).saturating_add(2) / 5)
        .saturating_add(1);
    let (month, carry) = if march_month < 10 {
        (march_month.saturating_add(3), 0)
    } else {
        (march_month.saturating_sub(9), 1)
    };
    let year = era
        .saturating_mul(400)
        .saturating_add(year_of_era)
        .saturating_add(carry);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::http_date;
    use postern_jwt::time::UnixMillis;

    #[test]
    fn dates_are_imf_fixdate() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), // the example of RFC 9110
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
            (1_826_953_157, "Tue, 23 Nov 2027 06:59:17 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX / 1000, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(UnixMillis::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn parts_of_a_second_are_dropped() {
        assert_eq!(
            http_date(UnixMillis(1_999)),
            "Thu, 01 Jan 1970 00:00:01 GMT"
        );
    }
}
