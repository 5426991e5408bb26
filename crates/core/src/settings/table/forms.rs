//! Forms that several settings have: durations, words, yes or no; and the warning about short spans.

use crate::settings::duration::parse_duration;
use crate::settings::reader::Reader;
use postern_jwt::time::Millis;

pub(super) const SECOND: Millis = Millis::from_seconds(1);
pub(super) const MINUTE: Millis = Millis::from_seconds(60);
pub(super) const BOOLEAN: &str = "true or false";

pub(super) fn warn_if_short(
    reader: &mut Reader<'_>,
    name: &str,
    span: Millis,
    unwise_below: Millis,
) {
    if span < unwise_below {
        reader.warn(
            name,
            format!(
                "is below {} s: good for tests, costly in production",
                unwise_below.as_seconds()
            ),
        );
    }
}

pub(super) fn duration(least: Millis, most: Millis) -> impl FnOnce(&str) -> Option<Millis> {
    move |text| parse_duration(text).filter(|span| (least..=most).contains(span))
}

/// One of a few words, in any case.
pub(super) fn choice<T: Copy>(words: &[(&str, T)]) -> impl FnOnce(&str) -> Option<T> {
    move |text| {
        words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, meaning)| *meaning)
    }
}

pub(super) fn parse_boolean(text: &str) -> Option<bool> {
    choice(&[("true", true), ("false", false)])(text)
}
