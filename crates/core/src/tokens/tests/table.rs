//! The strictness table, of which tests/strictness/rows.mjs is the source: each row is refused for its reason, or accepted.
//! tests/worker/strictness.test.mjs shows the same rows to the Worker, and docs/strictness.md compares.

use serde_json::Value;

use super::support::{NOW, ask_backend};
use crate::{
    settings::{IssuerKeys, IssuerNames, TrustedIssuer},
    tokens::trusted_issuer,
};
use postern_jwt::Algorithm;
use postern_jwt::keys::jwk;
use postern_jwt::keys::jwk::KeySetSource;
use postern_jwt::proof;
use postern_jwt::time::Millis;
use postern_jwt::{MAX_TOKEN_BYTES, TokenFault, VerificationKey, compact};

fn trusted(set: &Value) -> TrustedIssuer {
    let text = |member: &str| set[member].as_str().unwrap().to_owned();
    let algorithms = set["algorithms"].as_array().unwrap();
    TrustedIssuer {
        id: text("name"),
        names: IssuerNames::exact(&text("issuer")),
        parties: postern_jwt::Parties {
            audience: vec!["postern".to_owned()],
            ..Default::default()
        },
        algorithms: algorithms
            .iter()
            .map(|name| Algorithm::from_name(name.as_str().unwrap()).unwrap())
            .collect(),
        keys: IssuerKeys::Inline(text("jwks")),
        asks_for_claims: false,
        token_from: None,
        handle_claim: "sid".to_owned(),
        session_is_required: true,
        user_id_claim: "sub".to_owned(),
        max_token_age: Millis::from_seconds(3650 * 86_400),
        data_lifetime: Millis::from_seconds(86_400),
        typ: (!set.as_object().unwrap().contains_key("typ")).then(|| "JWT".to_owned()),
        logout_audience: Vec::new(),
        clock_tolerance: Some(Millis(0)),
        exchange: None,
    }
}

/// All that the Worker does with a token of an issuer, but for fetching the keys.
fn judge(token: &str, keys: &[VerificationKey], trusted: &TrustedIssuer) -> Result<(), TokenFault> {
    let policy = trusted_issuer::policy(trusted, Millis(0));
    let pending = compact::parse(token, MAX_TOKEN_BYTES)?.choose_keys(keys, &policy)?;
    let verdict = pending
        .verify_here()
        .unwrap_or_else(|| ask_backend(&pending));
    let verified = pending.finish(verdict, NOW)?;
    // A bound token counts with a proof only, and none comes here.
    if proof::bound_key(&verified.claims())?.is_some() {
        return Err(TokenFault::BoundToKey);
    }
    trusted_issuer::identity(trusted, &verified).map(drop)
}

#[test]
fn every_row_is_judged_as_the_table_says() {
    let table: Value =
        serde_json::from_str(include_str!("../../../../../tests/strictness/table.json")).unwrap();
    let rows = table["rows"].as_array().unwrap();
    let mut otherwise = Vec::new();
    for set in table["keySets"].as_array().unwrap() {
        let trusted = trusted(set);
        let IssuerKeys::Inline(jwks) = &trusted.keys else {
            panic!("given above");
        };
        let source = match set["source"].as_str().unwrap() {
            "settings" => KeySetSource::Settings,
            _ => KeySetSource::Fetched,
        };
        // A set without a usable key is an outage to the Worker; here no key is found.
        let keys = jwk::parse_set(jwks, source, &trusted.algorithms);
        let keys = keys.unwrap_or_default().keys;
        for row in rows.iter().filter(|row| row["set"] == set["name"]) {
            let found = judge(row["token"].as_str().unwrap(), &keys, &trusted);
            let expected = row
                .get("code")
                .map_or(Ok(()), |code| Err(code.as_str().unwrap()));
            if found.map_err(TokenFault::code) != expected {
                otherwise.push(format!("{}: {}: {found:?}", row["group"], row["title"]));
            }
        }
    }
    assert_eq!(otherwise, [""; 0], "{otherwise:#?}");
    let attacks = rows.iter().filter(|row| row.get("code").is_some()).count();
    assert!(attacks >= 80, "{attacks}");
}
