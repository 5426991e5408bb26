//! Limits, freshness, where objects are made, and what is kept or logged.

use super::forms::{BOOLEAN, SECOND, choice, duration, parse_boolean, warn_if_short};
use crate::location::Location;
use crate::settings::duration::{LONGEST, digits};
use crate::settings::reader::Reader;
use crate::settings::size::parse_size;
use crate::settings::{DeviceIp, Freshness, LogLevel, Settings};
use postern_jwt::time::Millis;

const LOCATIONS: &str = "wnam, enam, sam, weur, eeur, apac, oc, afr or me";
const MAX_SESSION_DATA: u64 = 4 * 1024 * 1024;
/// A request head of this size is what HTTP servers commonly accept; a longer token would never arrive.
const MAX_ACCESS_TOKEN: u64 = 16 * 1024;

/// Limits, freshness and what is kept or logged.
pub(in crate::settings) fn read_limits(reader: &mut Reader<'_>, settings: &mut Settings) {
    reader.scalar(
        "CHECK_DATABASE",
        &mut settings.check_database,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "FRESHNESS",
        &mut settings.freshness,
        "stateless, strict, or \"within N\" with N from 1s, such as \"within 60s\"",
        parse_freshness,
    );
    if let Freshness::Within(bound) = settings.freshness {
        warn_if_short(reader, "FRESHNESS", bound, Millis::from_seconds(10));
    }
    reader.scalar(
        "REVOCATION_SHARDS",
        &mut settings.revocation_shards,
        "a whole number from 1 to 16",
        |text| {
            u32::try_from(digits(text)?)
                .ok()
                .filter(|count| (1..=16).contains(count))
        },
    );
    for (name, target) in [
        ("CENTRAL_LOCATION", &mut settings.central_location),
        ("USER_LOCATION", &mut settings.user_location),
    ] {
        reader.scalar(name, target, LOCATIONS, |text| {
            Location::from_name(text).map(Some)
        });
    }
    reader.scalar(
        "MAX_SESSION_DATA",
        &mut settings.max_session_data,
        "a size from 2 bytes to 4MiB, such as \"64KiB\" or a number of bytes",
        |text| parse_size(text).filter(|size| (2..=MAX_SESSION_DATA).contains(size)),
    );
    reader.scalar(
        "MAX_ACCESS_TOKEN_BYTES",
        &mut settings.max_access_token_bytes,
        "a size from 512 bytes to 16KiB",
        |text| parse_size(text).filter(|size| (512..=MAX_ACCESS_TOKEN).contains(size)),
    );
    reader.scalar(
        "DEVICE_IP",
        &mut settings.device_ip,
        "coarse, full or none",
        choice(&[
            ("coarse", DeviceIp::Coarse),
            ("full", DeviceIp::Full),
            ("none", DeviceIp::None),
        ]),
    );
    reader.scalar(
        "LOG_LEVEL",
        &mut settings.log_level,
        "error, warn, info or debug",
        choice(&[
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
        ]),
    );
}

pub(in crate::settings) fn parse_freshness(text: &str) -> Option<Freshness> {
    if let Some(fixed) = choice(&[
        ("stateless", Freshness::Stateless),
        ("strict", Freshness::Strict),
    ])(text)
    {
        return Some(fixed);
    }
    let (word, bound) = text.split_once(' ')?;
    (word.eq_ignore_ascii_case("within")).then_some(())?;
    duration(SECOND, LONGEST)(bound.trim_start()).map(Freshness::Within)
}
