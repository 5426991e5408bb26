//! Settings for the tests of other modules.

use super::{RawValue, Settings};

/// Settings with `API_DOMAIN` `https://api.example.com` unless `values` say otherwise.
pub(crate) fn parsed(values: &[(&str, &str)]) -> Settings {
    let mut raw: Vec<_> = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), RawValue::Text((*value).to_owned())))
        .collect();
    if !values.iter().any(|(name, _)| *name == "API_DOMAIN") {
        raw.push((
            "API_DOMAIN".to_owned(),
            RawValue::Text("https://api.example.com".to_owned()),
        ));
    }
    Settings::parse(&raw).unwrap().0
}
