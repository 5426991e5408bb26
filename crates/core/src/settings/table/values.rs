//! The forms that settings have: durations, words, numbers, sizes, origins, hosts.

use std::ops::RangeInclusive;

use super::form::Form;
use crate::location::Location;
use crate::settings::duration::{LONGEST, digits, parse_duration};
use crate::settings::origin::{
    is_fetchable, parse_base_path, parse_cookie_domain, parse_host, parse_origin,
};
use crate::settings::size::parse_size;
use crate::settings::{Freshness, issuers, issuers::TrustedIssuer};
use postern_jwt::secret::{Secret, digest};
use postern_jwt::time::Millis;

const MIN_API_KEY_LENGTH: usize = 20;

/// How long something lives: from a second to ten years; less than a minute is for tests.
pub(super) fn lifetime() -> Form<Millis> {
    duration(Millis::from_seconds(1)..=LONGEST).warned_of(|span| warn_if_below(*span, 60))
}

pub(super) fn duration(bounds: RangeInclusive<Millis>) -> Form<Millis> {
    let [least, most] = [bounds.start(), bounds.end()].map(|bound| match bound.as_seconds() {
        days if days > 0 && days.is_multiple_of(86_400) => format!("{}d", days / 86_400),
        seconds => format!("{seconds}s"),
    });
    Form::scalar(
        format!("a duration from {least} to {most}, such as \"3.6s\" or \"2m\""),
        move |text| parse_duration(text).filter(|span| bounds.contains(span)),
    )
}

/// The warning about spans that are too short for anything but tests.
fn warn_if_below(span: Millis, seconds: u64) -> Option<String> {
    (span < Millis::from_seconds(seconds))
        .then(|| format!("is below {seconds} s: good for tests, costly in production"))
}

/// One of a few words, in any case.
pub(super) fn choice<T: Copy + 'static>(words: &'static [(&'static str, T)]) -> Form<T> {
    let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let accepted = match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    };
    Form::scalar(accepted, |text| chosen(words, text))
}

fn chosen<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text))
        .map(|(_, meaning)| *meaning)
}

pub(super) fn boolean() -> Form<bool> {
    choice(&[("true", true), ("false", false)])
}

pub(super) fn whole_number(bounds: RangeInclusive<u32>) -> Form<u32> {
    Form::scalar(
        format!("a whole number from {} to {}", bounds.start(), bounds.end()),
        move |text| {
            u32::try_from(digits(text)?)
                .ok()
                .filter(|count| bounds.contains(count))
        },
    )
}

/// A number of bytes, from `least` to `most_kib` KiB.
pub(super) fn size(least: u64, most_kib: u64) -> Form<u64> {
    let most = most_kib.saturating_mul(1024);
    let named = if most_kib.is_multiple_of(1024) {
        format!("{}MiB", most_kib / 1024)
    } else {
        format!("{most_kib}KiB")
    };
    Form::scalar(
        format!("a size from {least} bytes to {named}, such as \"4KiB\" or a number of bytes"),
        move |text| parse_size(text).filter(|size| (least..=most).contains(size)),
    )
}

/// A share in thousandths, from `0` to `0.25`.
pub(super) fn jitter() -> Form<u32> {
    Form::scalar(
        "a number from 0 to 0.25 with at most three decimals",
        |text| {
            let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
            if digits(whole)? != 0 || !(1..=3).contains(&decimals.len()) {
                return None;
            }
            let permille = digits(&format!("{decimals:0<3}"))?;
            u32::try_from(permille)
                .ok()
                .filter(|permille| *permille <= 250)
        },
    )
}

pub(super) fn freshness() -> Form<Freshness> {
    Form::scalar(
        "stateless, strict, or \"within N\" with N from 1s, such as \"within 60s\"",
        parse_freshness,
    )
    .warned_of(|freshness| match freshness {
        Freshness::Within(bound) => warn_if_below(*bound, 10),
        Freshness::Stateless | Freshness::Strict => None,
    })
}

pub(in crate::settings) fn parse_freshness(text: &str) -> Option<Freshness> {
    if let Some(fixed) = chosen(
        &[
            ("stateless", Freshness::Stateless),
            ("strict", Freshness::Strict),
        ],
        text,
    ) {
        return Some(fixed);
    }
    let (word, bound) = text.split_once(' ')?;
    (word.eq_ignore_ascii_case("within")).then_some(())?;
    parse_duration(bound.trim_start())
        .filter(|bound| (Millis::from_seconds(1)..=LONGEST).contains(bound))
        .map(Freshness::Within)
}

/// An origin without a path. `what` says which one.
pub(super) fn origin(what: &str) -> Form<String> {
    Form::scalar(format!("{what}, without a path"), parse_origin)
}

pub(super) fn base_path() -> Form<String> {
    Form::scalar_or_empty(
        "a path such as \"/auth\", of letters, digits and -_.~; empty for the root",
        parse_base_path,
    )
}

pub(super) fn base_path_below_root() -> Form<String> {
    Form::scalar(
        "a path such as \"/core\", of letters, digits and -_.~; to answer at the root use SERVICE_API_HOSTS",
        |text| parse_base_path(text).filter(|path| !path.is_empty()),
    )
}

pub(super) fn hosts() -> Form<Vec<String>> {
    Form::list(
        "hosts, such as \"core.example.com\" or \"localhost:8787\"",
        parse_host,
    )
}

/// Keys are kept as digests only, so that comparing them takes the same time whatever is presented.
pub(super) fn api_keys() -> Form<Vec<Secret>> {
    Form::list(
        "keys, each of 20 or more of A-Z, a-z, 0-9, = and -",
        |text| {
            let is_good = text.len() >= MIN_API_KEY_LENGTH
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'=' || b == b'-');
            is_good.then(|| digest(text.as_bytes()))
        },
    )
}

pub(super) fn cookie_domain() -> Form<Option<String>> {
    Form::scalar("a domain such as \".example.com\"", parse_cookie_domain).optional()
}

/// `Some("")`: cookies had no domain.
pub(super) fn older_cookie_domain() -> Form<Option<String>> {
    Form::scalar_or_empty(
        "a domain such as \".example.com\", or empty when cookies had no domain before",
        |text| {
            if text.is_empty() {
                Some(String::new())
            } else {
                parse_cookie_domain(text)
            }
        },
    )
    .optional()
}

pub(super) fn session_expired_status() -> Form<u16> {
    Form::scalar(
        "a status from 401 to 499 except 403, which means that claims are not met",
        |text| {
            u16::try_from(digits(text)?)
                .ok()
                .filter(|status| (401..500).contains(status) && *status != 403)
        },
    )
}

pub(super) fn location() -> Form<Option<Location>> {
    Form::scalar(
        "wnam, enam, sam, weur, eeur, apac, oc, afr or me",
        Location::from_name,
    )
    .optional()
}

/// Where events are sent.
pub(super) fn webhook_url() -> Form<Option<String>> {
    Form::scalar(
        "an https URL without user information, such as \"https://app.example.com/hooks/postern\"",
        |text| is_fetchable(text).then(|| text.to_owned()),
    )
    .optional()
}

/// Where a SuperTokens core answers; kept without a slash at its end.
pub(super) fn core_url() -> Form<Option<String>> {
    Form::scalar(
        "an https URL without user information, such as \"https://core.example.com\"",
        |text| is_fetchable(text).then(|| text.trim_end_matches('/').to_owned()),
    )
    .optional()
}

/// The one entry of an issuer by which operators sign in to the console.
pub(super) fn console_access() -> Form<Option<TrustedIssuer>> {
    Form::read_by(
        "an array with one entry, with the members of `TRUSTED_ISSUERS`",
        |reader, name, accepted| {
            let mut issuers = issuers::read_setting(reader, name);
            if issuers.len() > 1 {
                reader.fault(name, format!("must be {accepted}"));
            }
            Some(issuers.pop())
        },
    )
}

pub(super) fn trusted_issuers() -> Form<Vec<TrustedIssuer>> {
    Form::read_by(issuers::FORM, |reader, _, _| Some(issuers::read(reader)))
}
