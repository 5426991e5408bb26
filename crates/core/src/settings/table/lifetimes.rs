//! How long tokens, keys and sessions live, and how sessions are made.

use super::forms::{BOOLEAN, MINUTE, SECOND, choice, duration, parse_boolean, warn_if_short};
use crate::settings::duration::{LONGEST, digits};
use crate::settings::reader::Reader;
use crate::settings::{RecentTokenReuse, Settings, SupersededBy};
use postern_jwt::SigningAlgorithm;
use postern_jwt::time::Millis;

const DURATION: &str =
    "a duration from 1s to 3650d, such as \"500ms\", \"3.6s\", \"15m\", \"168h\" or \"100d\"";

/// How long things live, and how sessions are made.
pub(in crate::settings) fn read_lifetimes(reader: &mut Reader<'_>, settings: &mut Settings) {
    for (name, target, warn_below) in [
        (
            "ACCESS_TOKEN_VALIDITY",
            &mut settings.access_token_validity,
            MINUTE,
        ),
        (
            "REFRESH_TOKEN_VALIDITY",
            &mut settings.refresh_token_validity,
            MINUTE,
        ),
        (
            "SIGNING_KEY_ROTATION_INTERVAL",
            &mut settings.signing_key_rotation_interval,
            MINUTE,
        ),
    ] {
        reader.scalar(name, target, DURATION, duration(SECOND, LONGEST));
        warn_if_short(reader, name, *target, warn_below);
    }
    reader.scalar(
        "ACCESS_TOKEN_VALIDITY_JITTER",
        &mut settings.access_token_jitter_permille,
        "a number from 0 to 0.25 with at most three decimals",
        parse_jitter,
    );
    reader.scalar(
        "SESSION_ABSOLUTE_LIFETIME",
        &mut settings.session_absolute_lifetime,
        DURATION,
        |text| duration(SECOND, LONGEST)(text).map(Some),
    );
    if let Some(lifetime) = settings.session_absolute_lifetime {
        warn_if_short(reader, "SESSION_ABSOLUTE_LIFETIME", lifetime, MINUTE);
    }
    reader.scalar(
        "MAX_SESSIONS_PER_USER",
        &mut settings.max_sessions_per_user,
        "a whole number from 1 to 10000",
        |text| {
            u32::try_from(digits(text)?)
                .ok()
                .filter(|count| (1..=10_000).contains(count))
        },
    );
    reader.scalar(
        "REFRESH_GRACE_PERIOD",
        &mut settings.refresh_grace_period,
        "a duration from 0s to 300s",
        duration(Millis(0), Millis::from_seconds(300)),
    );
    reader.scalar(
        "REFRESH_TOKEN_SUPERSEDED_BY",
        &mut settings.refresh_token_superseded_by,
        "use or time",
        choice(&[("use", SupersededBy::Use), ("time", SupersededBy::Time)]),
    );
    reader.scalar(
        "RECENT_TOKEN_REUSE_BEHAVIOUR",
        &mut settings.recent_token_reuse,
        "TOKEN_THEFT or UNAUTHORISED",
        choice(&[
            ("TOKEN_THEFT", RecentTokenReuse::TokenTheft),
            ("UNAUTHORISED", RecentTokenReuse::Unauthorised),
        ]),
    );
    reader.scalar(
        "SIGNING_ALGORITHM",
        &mut settings.signing_algorithm,
        "RS256, ES256 or EdDSA",
        choice(&[
            ("RS256", SigningAlgorithm::RS256),
            ("ES256", SigningAlgorithm::ES256),
            ("EdDSA", SigningAlgorithm::EdDSA),
        ]),
    );
    reader.scalar(
        "USE_DYNAMIC_SIGNING_KEY",
        &mut settings.use_dynamic_signing_key,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "CLOCK_TOLERANCE",
        &mut settings.clock_tolerance,
        "a duration from 0s to 300s",
        duration(Millis(0), Millis::from_seconds(300)),
    );
}

/// A share in thousandths, from `0` to `0.25`.
fn parse_jitter(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if digits(whole)? != 0 || !(1..=3).contains(&decimals.len()) {
        return None;
    }
    let permille = digits(&format!("{decimals:0<3}"))?;
    u32::try_from(permille)
        .ok()
        .filter(|permille| *permille <= 250)
}
