//! What counts as an access token by its structure, member by member.

use crate::{
    settings::testing::trusted_issuer as issuer,
    tokens::{candidate::is_access_token, legacy},
};
use postern_jwt::{MAX_TOKEN_BYTES, compact};

const HEADER: &str = r#"{"kid":"d-1","version":"5"}"#;
const CLAIMS: &str =
    r#"{"sub":"u","sessionHandle":"h","refreshTokenHash1":"r","exp":2,"iat":1,"stt":0}"#;

fn token(header: &str, claims: &str) -> String {
    let (header, claims) = (
        compact::encode(header.as_bytes()),
        compact::encode(claims.as_bytes()),
    );
    format!("{header}.{claims}.AAAA")
}

/// Whether a token without `alg`, which the strict parser refuses, counts as ours. It is none the less for having one.
fn is_ours(header: &str, claims: &str) -> bool {
    let is_ours = |header: &str| is_access_token(&token(header, claims), &[]);
    let with_algorithm = header.replacen('{', r#"{"alg":"RS256","#, 1);
    if !header.contains("alg") {
        assert_eq!(is_ours(&with_algorithm), is_ours(header), "{header}");
    }
    is_ours(header)
}

#[test]
fn a_token_like_ours_counts_whoever_signed_it() {
    assert!(is_ours(HEADER, CLAIMS));
    // One of ours with a wrong `typ` is to be refused, not to be overlooked.
    assert!(is_ours(
        r#"{"kid":"d-1","version":"3","typ":"at+jwt","alg":"none"}"#,
        CLAIMS
    ));
    for version in ["3", "4", "5", "6", "255"] {
        assert!(is_ours(&HEADER.replace('5', version), CLAIMS), "{version}");
    }
    assert!(is_ours(r#"{"kid":"d-1"}"#, CLAIMS));
    assert!(is_ours(HEADER, &CLAIMS.replace(r#","stt":0"#, "")));
    assert!(is_ours(
        HEADER,
        &CLAIMS.replace(r#""exp":2"#, r#""exp":2.5e9"#)
    ));
}

#[test]
fn a_token_that_lacks_one_thing_is_none_of_our_business() {
    for (header, why) in [
        (r#"{"version":"5"}"#, "no kid"),
        (r#"{"kid":1,"version":"5"}"#, "kid is a number"),
        (r#"{"kid":"d-1","version":"2"}"#, "a legacy version"),
        (r#"{"kid":"d-1","version":"0"}"#, "version zero"),
        (r#"{"kid":"d-1","version":"x"}"#, "version is a word"),
        (r#"{"kid":"d-1","version":"256"}"#, "version beyond a byte"),
        (r#"{"kid":"d-1","version":5}"#, "version is a number"),
        (r#"{"kid":"d-1","version":null}"#, "version is null"),
    ] {
        assert!(!is_ours(header, CLAIMS), "{why}");
    }
    for (member, by) in [
        (r#""sub":"u""#, r#""sub":1"#),
        (r#""sub":"u""#, r#""x":1"#),
        (r#""sessionHandle":"h""#, r#""sessionHandle":null"#),
        (r#""sessionHandle":"h""#, r#""x":1"#),
        (r#""refreshTokenHash1":"r""#, r#""refreshTokenHash1":[]"#),
        (r#""refreshTokenHash1":"r""#, r#""x":1"#),
        (r#""exp":2"#, r#""exp":"2""#),
        (r#""exp":2"#, r#""x":1"#),
        (r#""iat":1"#, r#""iat":null"#),
        (r#""iat":1"#, r#""x":1"#),
        (r#""stt":0"#, r#""stt":1"#),
        (r#""stt":0"#, r#""stt":"0""#),
    ] {
        let claims = CLAIMS.replace(member, by);
        assert_ne!(claims, CLAIMS);
        assert!(!is_ours(HEADER, &claims), "{by}");
    }
}

#[test]
fn what_is_no_compact_token_is_none_of_our_business() {
    let good = token(HEADER, CLAIMS);
    let [header, claims]: [&str; 2] = good
        .split('.')
        .take(2)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    for text in [
        String::new(),
        "garbage".to_owned(),
        format!("{header}.{claims}"),
        format!("{good}.AAAA"),
        format!("{header}=.{claims}.AAAA"),
        format!("{header}.{claims}=.AAAA"),
        token("[]", CLAIMS),
        token(HEADER, "[]"),
        token(HEADER, ""),
        token("", CLAIMS),
    ] {
        assert!(!is_access_token(&text, &[]), "{text}");
    }
}

#[test]
fn a_token_that_names_a_trusted_issuer_counts_and_no_other_foreign_one_does() {
    let issuers = [issuer("a", "https://issuer.example")];
    for header in ["{}", r#"{"alg":"RS256"}"#] {
        let named = |claims: &str| is_access_token(&token(header, claims), &issuers);
        assert!(named(r#"{"iss":"https://issuer.example"}"#));
        assert!(!named(r#"{"iss":"https://issuer.example/"}"#));
        assert!(!named(r#"{"iss":["https://issuer.example"]}"#));
        assert!(!named("{}"));
        let claims = r#"{"iss":"https://issuer.example"}"#;
        assert!(!is_access_token(&token(header, claims), &[]));
    }
}

#[test]
fn a_legacy_token_counts_when_its_claims_are_all_there() {
    let claims = r#"{"sessionHandle":"h","userId":"u","refreshTokenHash1":"r","userData":{},"expiryTime":2,"timeCreated":1}"#;
    let of = |claims: &str| {
        let claims = legacy::encode(claims.as_bytes());
        is_access_token(&format!("{}.{claims}.AAAA", legacy::HEADER_V2), &[])
    };
    assert!(of(claims));
    assert!(!of("{}"));
    assert!(!of(&claims.replace(r#""userId":"u","#, "")));
}

#[test]
fn a_token_counts_up_to_the_limit() {
    let of_length = |bytes: usize| {
        let good = token(HEADER, CLAIMS);
        let claims_end = good.rfind('.').unwrap();
        let signature = "A".repeat(bytes - claims_end - 1);
        format!("{}.{signature}", &good[..claims_end])
    };
    assert!(is_access_token(&of_length(MAX_TOKEN_BYTES), &[]));
    assert!(!is_access_token(&of_length(MAX_TOKEN_BYTES + 1), &[]));
}
