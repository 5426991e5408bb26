//! Settings for the tests of other modules.

use super::{IssuerKeys, IssuerNames, RawValue, Settings, TrustedIssuer};
use postern_jwt::{Algorithm, time::Millis};

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

/// A trusted issuer as an entry makes it that says no more than it must.
pub(crate) fn trusted_issuer(id: &str, name: &str) -> TrustedIssuer {
    TrustedIssuer {
        id: id.to_owned(),
        names: IssuerNames::exact(name),
        parties: postern_jwt::Parties {
            audience: vec!["us".to_owned()],
            ..Default::default()
        },
        algorithms: vec![Algorithm::HS256],
        keys: IssuerKeys::Uri("https://issuer.example/jwks".to_owned()),
        asks_for_claims: false,
        token_from: None,
        handle_claim: "sid".to_owned(),
        session_is_required: true,
        user_id_claim: "sub".to_owned(),
        max_token_age: Millis::from_seconds(3600),
        data_lifetime: Millis::from_seconds(3600),
        typ: None,
        logout_audience: Vec::new(),
        clock_tolerance: None,
        exchange: None,
    }
}
