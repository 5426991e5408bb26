//! Access tokens: the strict parsers, and who a token claims to be of.

use postern_core::{
    settings::TrustedIssuer,
    tokens::{
        access_token::{self, AccessClaims},
        candidate, legacy,
    },
};
use postern_jwt::{Algorithm, MAX_TOKEN_BYTES, Unverified, compact};

use super::text;

pub const DICTIONARY: &[&str] = &[
    ".",
    "=",
    "==",
    "-",
    "_",
    "+",
    "/",
    "e30",
    "eyJhbGciOiJSUzI1NiJ9",
    "eyJhbGciOiJub25lIn0",
    legacy::HEADER_V1,
    legacy::HEADER_V2,
];

pub fn token(input: &[u8]) {
    let Some(token) = text(input) else { return };
    if let Ok(parsed) = compact::parse(token, MAX_TOKEN_BYTES) {
        has_one_spelling(token, &parsed, compact::encode);
    }
    if let Ok(parsed) = legacy::parse(token, MAX_TOKEN_BYTES) {
        has_one_spelling(token, &parsed, legacy::encode);
    }
    let issuers: &[TrustedIssuer] = &[];
    let is_candidate = candidate::is_access_token(token, issuers);
    if let Ok(parsed) = access_token::parse(token) {
        assert!(token.len() <= MAX_TOKEN_BYTES);
        assert!(parsed.version().is_some());
        if let Ok(claims) = AccessClaims::from_unverified(&parsed) {
            assert!(is_candidate, "what reads as ours counts as ours: {token}");
            is_written_as_it_is_read(&claims);
        }
    }
}

/// What is accepted re-encodes to itself.
fn has_one_spelling(token: &str, parsed: &Unverified<'_>, encode: fn(&[u8]) -> String) {
    assert!(token.len() <= MAX_TOKEN_BYTES);
    assert!(parsed.key_id().is_none_or(|id| !id.is_empty()));
    let (header, payload) = parsed.signing_input().split_once('.').expect("two parts");
    assert_eq!(payload, encode(parsed.payload_unverified().as_bytes()));
    let whole = [header, payload, &encode(parsed.signature())].join(".");
    assert_eq!(whole, token);
}

/// What a token says, written into a new one and read again, is the same.
fn is_written_as_it_is_read(claims: &AccessClaims) {
    // A payload that holds a claim which this version protects cannot be written; nothing else may be in the way.
    let Ok(input) = claims.signing_input(Algorithm::RS256, "s-1") else {
        return;
    };
    let whole = access_token::complete(claims.version, &input, &[1, 2, 3]);
    let Ok(parsed) = access_token::parse(&whole) else {
        assert!(whole.len() > MAX_TOKEN_BYTES, "{whole}");
        return;
    };
    let again = AccessClaims::from_unverified(&parsed).expect("what was written reads");
    assert_eq!(again.user_id, claims.user_id);
    assert_eq!(again.handle, claims.handle);
    assert_eq!(again.payload, claims.payload);
    assert_eq!(again.refresh_token_hash1, claims.refresh_token_hash1);
}
