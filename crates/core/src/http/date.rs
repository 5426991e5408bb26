//! HTTP dates: the IMF-fixdate form of RFC 9110 section 5.6.7, which cookies use for `Expires`.

use std::time::{Duration, SystemTime};

use postern_jwt::time::UnixMillis;

/// The last second that four digits of year can name: 9999-12-31 23:59:59. Later points are written as this one.
const LATEST_SECONDS: u64 = 253_402_300_799;

/// `point` as IMF-fixdate, e.g. `Thu, 01 Jan 1970 00:00:00 GMT`; parts of a second are dropped.
pub fn http_date(point: UnixMillis) -> String {
    let since_epoch = Duration::from_secs(point.as_seconds().min(LATEST_SECONDS));
    let point = SystemTime::UNIX_EPOCH.checked_add(since_epoch);
    httpdate::fmt_http_date(point.unwrap_or(SystemTime::UNIX_EPOCH))
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
