//! Sizes as people write them: `1MiB`, `64KiB`, or a plain number of bytes.

use super::duration::digits;

/// Parses a size into bytes.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = if let Some(number) = text.strip_suffix("MiB") {
        (number, 1_048_576)
    } else if let Some(number) = text.strip_suffix("KiB") {
        (number, 1024)
    } else {
        (text, 1)
    };
    digits(number)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_are_whole_numbers_of_a_binary_unit() {
        for (text, bytes) in [
            ("1MiB", Some(1_048_576)),
            ("64KiB", Some(65_536)),
            ("4096", Some(4096)),
            ("", None),
            ("MiB", None),
            ("1MB", None),
            ("1.5MiB", None),
            ("-1", None),
            ("18446744073709551615KiB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}
