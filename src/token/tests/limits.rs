//! What is just at a limit passes, and what a fault says names the limit.

use super::{
    Algorithm, CLAIMS, KeySetSource, TokenFault, compact, keys, parse_key, parse_set, plain_token,
    secret_jwk, token, with_members,
};
use crate::token::{MAX_KEY_ID_BYTES, access_token::PayloadFault, jwk::KeySetFault, legacy};

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
    let no_object = crate::json::parse_object("x").unwrap_err();
    for (said, words) in [
        (KeySetFault::TooLarge.to_string(), "65536 bytes"),
        (KeySetFault::TooManyKeys.to_string(), "100 keys"),
        (KeySetFault::NoUsableKey.to_string(), "no usable key"),
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
