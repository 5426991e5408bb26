//! The published examples: RFC 7515 appendix A, RFC 7519 sections 3 and 6, RFC 7520 section 4, RFC 7797 section 4 and
//! RFC 8037 appendix A. Most carry text that is no claims, so they are verified as JWS.

use serde_json::Value;

use super::{support::key, verify_jws};
use crate::json::ObjectText;
use crate::keys::jwk::{self as key_sets, KeySetSource};
use crate::{Algorithm, MAX_TOKEN_BYTES, TokenFault, compact};

#[test]
fn examples_of_the_standards() {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/vectors/rfc-jws.json")).unwrap();
    assert_eq!(rows.len(), 24);
    for row in rows {
        let token = row["token"].as_str().unwrap();
        // Who takes a key that names no algorithm agrees on one: here that of the example.
        let algorithm = compact::parse_jws(token, MAX_TOKEN_BYTES, |_| Ok(ObjectText::default()));
        let listed = algorithm.map_or(Algorithm::RS256, |token| token.algorithm());
        let listed: Vec<_> = [listed].into_iter().chain(Algorithm::ALL).collect();
        let key = key_sets::parse_key(&row["key"].to_string(), KeySetSource::Settings, &listed);
        let keys = [key.unwrap()];
        let found = verify_jws(token, &keys).map(drop);
        let expected = match row["result"].as_str().unwrap() {
            "good" => Ok(()),
            code => Err(code),
        };
        let section = format!("RFC {} section {}", row["rfc"], row["section"]);
        assert_eq!(found.map_err(TokenFault::code), expected, "{section}");
    }
}

#[test]
fn what_they_carry_is_what_was_signed() {
    // RFC 8037 appendix A.4.
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                  hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let public =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let payload = verify_jws(signed, &[key(public)]);
    assert_eq!(
        payload.as_deref(),
        Ok(b"Example of Ed25519 signing".as_slice())
    );
}
