//! Settings: `NAME=value` lines, a `:` before the value for JSON. Operators write them, and some of their values come from elsewhere.

use postern_core::settings::{RawValue, Settings};

use super::text;

pub const DICTIONARY: &[&str] = &[
    "API_DOMAIN=",
    "API_KEYS=",
    "WEBSITE_ORIGINS=",
    "COOKIE_DOMAIN=",
    "LEGACY_KEYLESS_ALLOW=",
    "ACCESS_TOKEN_VALIDITY=",
    "MAX_SESSION_DATA=",
    "TRUSTED_ISSUERS=:",
    "FRESHNESS=",
    "\n",
    "https://",
    "127.0.0.1",
    "::1/128",
    "10.0.0.0/8",
    "within 60s",
    "1h",
    "1MiB",
    "true",
    ":true",
    ":[",
    "99999999999999999999",
    "d",
    "ms",
    ":{\"a\":",
    "\"jwks\":{\"keys\":[]}",
];

pub fn settings(input: &[u8]) {
    let Some(lines) = text(input) else { return };
    let values: Vec<(String, RawValue)> = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let value = match value.strip_prefix(':') {
                Some(json) => RawValue::Json(json.to_owned()),
                None => RawValue::Text(value.to_owned()),
            };
            (name.to_owned(), value)
        })
        .collect();
    // The platform gives a Worker no more.
    if values.len() > 128 {
        return;
    }
    match Settings::parse(&values) {
        Ok((settings, _)) => {
            assert!(settings.access_token_validity.0 >= 1_000);
            assert!(settings.max_session_data <= 4 * 1024 * 1024);
            assert!(settings.access_token_jitter_permille <= 250);
            assert!(settings.issuer().starts_with("http"));
            assert!(!settings.accepts_api_key(""), "no key is no key");
            assert!(!settings.allows_keyless_client(lines));
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(
                    !fault.setting.is_empty() || values.iter().any(|(name, _)| name.is_empty())
                );
                assert!(!fault.message.is_empty());
                // The log says what is wrong, and never repeats a value.
                for (_, value) in values.iter().take(32) {
                    let (RawValue::Text(value) | RawValue::Json(value)) = value;
                    // Messages have examples of their own, all with dots or spaces.
                    let is_telling = value.len() >= 20 && !value.contains([' ', '.']);
                    assert!(
                        !is_telling || !fault.message.contains(value.as_str()),
                        "{}: {}",
                        fault.setting,
                        fault.message
                    );
                }
            }
        }
    }
}
