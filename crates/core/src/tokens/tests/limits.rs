//! What is just at a limit passes, and what a fault says names the limit.

use super::support::{
    CLAIMS, keys, parse_key, parse_set, plain_token, secret_jwk, token, with_members,
};
use crate::tokens::{access_token::PayloadFault, legacy};
use postern_jwt::keys::jwk::KeySetFault;
use postern_jwt::keys::jwk::KeySetSource;
use postern_jwt::{Algorithm, TokenFault, compact};
use postern_jwt::{MAX_KEY_ID_BYTES, jwks_cache};

#[test]
fn a_token_may_be_as_long_as_the_limit() {
    let token = plain_token(Algorithm::HS256, CLAIMS);
    assert!(compact::parse(&token, token.len()).is_ok());
    let refused = compact::parse(&token, token.len() - 1).unwrap_err();
    assert_eq!(refused, TokenFault::TooLarge);
}

#[test]
fn a_key_id_may_be_as_long_as_the_limit() {
    let named = |bytes: usize| {
        let unnamed = secret_jwk().replace(r#","kid":"hmac""#, "");
        let jwk = with_members(&unnamed, &format!(r#""kid":"{}""#, "k".repeat(bytes)));
        parse_key(&jwk, KeySetSource::Settings)
    };
    assert!(named(MAX_KEY_ID_BYTES).is_ok());
    assert!(named(MAX_KEY_ID_BYTES + 1).is_err());
}

#[test]
fn an_rsa_exponent_may_have_four_bytes() {
    let key = |exponent: &[u8]| {
        let jwk = keys::RSA_OTHER.replace(
            r#""e":"AQAB""#,
            &format!(r#""e":"{}""#, compact::encode(exponent)),
        );
        parse_key(&jwk, KeySetSource::Fetched)
    };
    assert!(key(&[0x80, 0, 0, 1]).is_ok());
    assert!(key(&[1, 0, 0, 0, 1]).is_err());
}

#[test]
fn what_is_wrong_is_said() {
    let malformed = parse_set("x", KeySetSource::Fetched).unwrap_err();
    let no_object = postern_jwt::json::parse_object("x").unwrap_err();
    for (said, words) in [
        (KeySetFault::TooLarge.to_string(), "65536 bytes"),
        (KeySetFault::TooManyKeys.to_string(), "100 keys"),
        (
            KeySetFault::NoUsableKey(Vec::new()).to_string(),
            "no usable key",
        ),
        (malformed.to_string(), "not a JWK Set: "),
        (
            PayloadFault::Protected("sub").to_string(),
            "protected field: sub",
        ),
        (PayloadFault::Malformed(no_object).to_string(), "malformed"),
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_legacy_token_is_of_the_version_that_its_header_says() {
    for (header, version) in [(legacy::HEADER_V1, "1"), (legacy::HEADER_V2, "2")] {
        let token = format!("{header}.{}.", legacy::encode(b"{}"));
        let parsed = legacy::parse(&token, token.len()).unwrap();
        assert_eq!(parsed.version(), Some(version));
    }
}

#[test]
fn a_headers_key_id_may_be_as_long_as_the_limit() {
    let named = |bytes: usize| {
        let header = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(bytes));
        let token = token(Algorithm::HS256, &header, CLAIMS);
        compact::parse(&token, token.len()).map(drop)
    };
    assert_eq!(named(MAX_KEY_ID_BYTES), Ok(()));
    assert_eq!(named(MAX_KEY_ID_BYTES + 1), Err(TokenFault::BadKeyId));
}

#[test]
fn a_fault_is_said_by_its_code_and_known_to_be_one_of_structure_or_not() {
    use TokenFault::{
        BadEncoding, BadHeader, BadPayload, BadSignature, Expired, NotASessionToken, NotThreeParts,
        TooLarge, UnknownKey, WrongType,
    };
    for fault in [
        TooLarge,
        NotThreeParts,
        BadEncoding,
        BadHeader,
        BadPayload,
        NotASessionToken,
    ] {
        assert!(fault.is_structural(), "{fault}");
    }
    for fault in [BadSignature, Expired, UnknownKey, WrongType] {
        assert!(!fault.is_structural(), "{fault}");
        assert_eq!(fault.to_string(), fault.code());
    }
    let unknown = "none".parse::<Algorithm>().unwrap_err();
    assert_eq!(unknown.to_string(), "unknown algorithm");
}

#[test]
fn keys_are_the_same_when_every_part_of_them_is() {
    let all = [
        keys::RSA_OTHER.to_owned(),
        keys::RSA_OTHER.replace("AQAB", "Aw"),
        keys::RSA.to_owned(),
        keys::P256.to_owned(),
        keys::P384.to_owned(),
        // Points that are on no curve, which is found at import.
        ec("P-256", 1, 2),
        ec("P-256", 1, 3),
        ec("P-256", 4, 2),
        keys::ED25519.to_owned(),
        keys::ED25519.replace("M0xN", "N0xN"),
        secret_jwk(),
        secret_jwk().replace(r#""k":"W"#, r#""k":"X"#),
    ]
    .map(|jwk| super::support::key(&jwk));
    for (at, one) in all.iter().enumerate() {
        for (number, other) in all.iter().enumerate() {
            let same = one.material().is_same_key(other.material());
            assert_eq!(same, at == number, "{at} and {number}");
        }
    }
}

fn ec(curve: &str, x: u8, y: u8) -> String {
    let [x, y] = [x, y].map(|byte| compact::encode(&[byte; 32]));
    format!(r#"{{"kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
}

#[test]
fn a_set_of_keys_is_used_for_a_day_at_most_and_a_day_more_without_its_server() {
    assert_eq!(jwks_cache::MAX_LIFETIME.as_seconds(), 86_400);
    assert_eq!(jwks_cache::MAX_STALE.as_seconds(), 86_400);
}
