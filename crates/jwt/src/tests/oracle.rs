use super::support::{
    CLAIMS, NOW, key, key_ring, keys, plain_token, policy, token, verify, with_members,
};
use crate::time::{Millis, UnixMillis};
use crate::{Algorithm, TokenFault};

#[test]
fn tokens_of_an_independent_signer_are_verified() {
    let keys = key_ring();
    for algorithm in Algorithm::ALL {
        let verified = verify(&plain_token(algorithm, CLAIMS), &keys, &policy()).unwrap();
        assert_eq!(verified.payload(), CLAIMS);
        assert_eq!(verified.algorithm(), algorithm);
        assert_eq!(verified.expiry().as_seconds(), 1_800_000_600);
        assert_eq!(
            verified.issued_at(),
            Some(UnixMillis::from_seconds(1_799_999_999))
        );
        assert_eq!(verified.key_id(), Some(super::support::key_id(algorithm)));
    }
}

#[test]
fn a_signature_over_something_else_is_refused_by_every_algorithm() {
    let keys = key_ring();
    let other = CLAIMS.replace("\"u\"", "\"v\"");
    for algorithm in Algorithm::ALL {
        let good = plain_token(algorithm, CLAIMS);
        let (_, signature) = good.rsplit_once('.').unwrap();
        let forged = plain_token(algorithm, &other);
        let (input, _) = forged.rsplit_once('.').unwrap();
        let forged = format!("{input}.{signature}");
        assert_eq!(
            verify(&forged, &keys, &policy()),
            Err(TokenFault::BadSignature),
            "{algorithm}"
        );
    }
}

#[test]
fn each_algorithm_is_itself_only() {
    let keys = key_ring();
    for (signed, claimed) in [
        (Algorithm::RS256, Algorithm::RS384),
        (Algorithm::RS256, Algorithm::PS256),
        (Algorithm::PS256, Algorithm::RS256),
        (Algorithm::HS512, Algorithm::HS256),
    ] {
        let header = format!(
            r#"{{"alg":"{claimed}","kid":"{}"}}"#,
            super::support::key_id(signed)
        );
        assert_eq!(
            verify(&token(signed, &header, CLAIMS), &keys, &policy()),
            Err(TokenFault::AlgorithmMismatch)
        );
        // With a key of the same bits that is for the claimed one.
        let header = format!(
            r#"{{"alg":"{claimed}","kid":"{}"}}"#,
            super::support::key_id(claimed)
        );
        assert_eq!(
            verify(&token(signed, &header, CLAIMS), &keys, &policy()),
            Err(TokenFault::BadSignature)
        );
    }
}

#[test]
fn a_token_without_kid_is_tried_with_the_keys_that_fit() {
    let other = key(keys::RSA_OTHER);
    let ours = key(&with_members(keys::RSA, r#""alg":"RS256""#));
    let token = token(Algorithm::RS256, r#"{"alg":"RS256"}"#, CLAIMS);
    assert!(verify(&token, &[other.clone(), ours.clone()], &policy()).is_ok());
    assert_eq!(
        verify(&token, std::slice::from_ref(&other), &policy()),
        Err(TokenFault::BadSignature)
    );
    assert_eq!(
        verify(&token, &[key(keys::P256)], &policy()),
        Err(TokenFault::AlgorithmMismatch)
    );
    assert_eq!(verify(&token, &[], &policy()), Err(TokenFault::UnknownKey));
    let mut many = vec![other; 8];
    many.push(ours);
    assert_eq!(
        verify(&token, &many, &policy()),
        Err(TokenFault::TooManyKeys)
    );
}

#[test]
fn the_policy_narrows_what_the_key_allows() {
    let mut narrow = policy();
    narrow.algorithms = Some(vec![Algorithm::RS256]);
    let keys = key_ring();
    assert!(verify(&plain_token(Algorithm::RS256, CLAIMS), &keys, &narrow).is_ok());
    assert_eq!(
        verify(&plain_token(Algorithm::RS384, CLAIMS), &keys, &narrow),
        Err(TokenFault::AlgorithmMismatch)
    );
}

#[test]
fn times_are_exact_at_their_edges() {
    let keys = key_ring();
    let now = NOW.as_seconds();
    let check = |claims: &str, tolerance: u64| {
        let mut policy = policy();
        policy.tolerance = Millis::from_seconds(tolerance);
        policy.not_before_allowance = policy.tolerance;
        policy.issued_at_allowance = policy.tolerance;
        let payload = format!(r#"{{"iss":"https://issuer.example","aud":["us"],{claims}}}"#);
        verify(&plain_token(Algorithm::HS256, &payload), &keys, &policy).map(drop)
    };
    for (claims, tolerance, expected) in [
        (format!(r#""exp":{},"iat":{now}"#, now + 1), 0, Ok(())),
        (
            format!(r#""exp":{now},"iat":{now}"#),
            0,
            Err(TokenFault::Expired),
        ),
        (format!(r#""exp":{now}.001,"iat":{now}"#), 0, Ok(())),
        (format!(r#""exp":{now},"iat":{now}"#), 1, Ok(())),
        (
            format!(r#""exp":{},"iat":{now}"#, now - 1),
            1,
            Err(TokenFault::Expired),
        ),
        (format!(r#""exp":1.8000006E9,"iat":{now}"#), 0, Ok(())),
        (
            format!(r#""exp":-1,"iat":{now}"#),
            0,
            Err(TokenFault::Expired),
        ),
        (
            format!(r#""exp":1e400,"iat":{now}"#),
            0,
            Err(TokenFault::LifetimeTooLong),
        ),
        (
            format!(r#""exp":{},"iat":{now},"nbf":{now}"#, now + 9),
            0,
            Ok(()),
        ),
        (
            format!(r#""exp":{},"iat":{now},"nbf":{}"#, now + 9, now + 1),
            0,
            Err(TokenFault::NotYetValid),
        ),
        (
            format!(r#""exp":{},"iat":{now},"nbf":{}"#, now + 9, now + 1),
            1,
            Ok(()),
        ),
        (
            format!(r#""exp":{},"iat":{}"#, now + 9, now + 1),
            0,
            Err(TokenFault::IssuedInFuture),
        ),
        (format!(r#""exp":{},"iat":{}"#, now + 9, now + 1), 1, Ok(())),
        (format!(r#""exp":{},"iat":{now}"#, now + 3600), 0, Ok(())),
        (
            format!(r#""exp":{},"iat":{now}"#, now + 3601),
            0,
            Err(TokenFault::LifetimeTooLong),
        ),
        (
            format!(r#""exp":{}"#, now + 9),
            0,
            Err(TokenFault::IssuedAtMissing),
        ),
        (format!(r#""iat":{now}"#), 0, Err(TokenFault::ExpiryMissing)),
    ] {
        assert_eq!(
            check(&claims, tolerance),
            expected,
            "{claims} ± {tolerance}"
        );
    }
}

#[test]
fn a_cache_may_answer_until_expiry_plus_tolerance() {
    let mut tolerant = policy();
    tolerant.tolerance = Millis::from_seconds(5);
    let verified = verify(
        &plain_token(Algorithm::HS256, CLAIMS),
        &key_ring(),
        &tolerant,
    )
    .unwrap();
    assert_eq!(verified.good_until().as_seconds(), 1_800_000_605);
}
