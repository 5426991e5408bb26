//! Settings: every variable and secret, typed, bounded, and with its faults reported together, by name.
//!
//! Names, forms, bounds, defaults and descriptions are in `table`, what settings ask of each other in `checks`. Where the values come
//! from is not known here.

pub(crate) mod origin;

mod checks;
mod choices;
mod derived;
mod duration;
mod issuers;
mod network;
mod public_suffix;
mod reader;
mod size;
mod table;
mod token_places;

pub use crate::http::cookie::SameSite;
pub use choices::{
    AntiCsrf, Console, DeviceBinding, DeviceIp, Freshness, LogLevel, RecentTokenReuse,
    SupersededBy, TokenTransferMethod,
};
pub(crate) use duration::parse_duration;
#[cfg(test)]
pub(crate) use issuers::NOT_EXCHANGED;
pub use issuers::{
    ExchangeTerms, ExchangedUsers, IssuerKeys, IssuerNames, MAX_CLOCK_TOLERANCE, Named, Tenants,
    TrustedIssuer,
};
pub use network::Network;
pub use postern_jwt::SigningAlgorithm;
pub use table::{SettingRow, Settings, names_and_defaults, reference};

/// A variable as the platform hands it over.
#[derive(Debug, Clone)]
pub enum RawValue {
    /// A text variable or a secret.
    Text(String),
    /// The JSON text of any other variable: TOML booleans, numbers, arrays and tables.
    Json(String),
}

/// A setting that cannot be used. The message says the accepted form and never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The name as it was given.
    pub setting: String,
    /// What is wrong, to be read after the name: `must be …`, `is not a setting …`.
    pub message: String,
}

/// A setting that works but is unwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The name.
    pub setting: String,
    /// What is unwise, to be read after the name.
    pub message: String,
}

impl Settings {
    /// Reads all variables of one deployment, which has no `issuers.toml`.
    ///
    /// # Errors
    /// See [`Self::with_issuers`].
    pub fn parse(values: &[(String, RawValue)]) -> Result<(Self, Vec<Warning>), Vec<SettingFault>> {
        Self::with_issuers(values, "")
    }

    /// Reads all variables of one deployment, and `issuers.toml` as JSON text (empty = there is none).
    ///
    /// # Errors
    /// Every fault is reported at once, unknown names included: all variables of the Worker are ours.
    pub fn with_issuers(
        values: &[(String, RawValue)],
        issuers_file: &str,
    ) -> Result<(Self, Vec<Warning>), Vec<SettingFault>> {
        let mut reader = reader::Reader::with_issuers(values, issuers_file);
        let Some(mut settings) = Self::read(&mut reader) else {
            reader.fault("POSTERN", "has a default that is no value");
            return Err(reader.finish().0);
        };
        if settings.max_access_token_bytes == 0 {
            settings.max_access_token_bytes = settings.largest_cookie_token();
        }
        checks::check(&mut reader, &settings);
        let (faults, warnings) = reader.finish();
        if faults.is_empty() {
            Ok((settings, warnings))
        } else {
            Err(faults)
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests;
