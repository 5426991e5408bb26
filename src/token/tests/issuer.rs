use super::{
    Algorithm, CLAIMS, MAX_TOKEN_BYTES, TokenFault, compact, key_ring, plain_token, token, verify,
};
use crate::{
    settings::{IssuerKeys, TrustedIssuer},
    time::Millis,
    token::claimant::{Claimant, claimant, parse},
    token::issuer::{MAX_IDENTITY_BYTES, claimed, identity, policy},
};

fn issuer(id: &str, name: &str) -> TrustedIssuer {
    TrustedIssuer {
        id: id.to_owned(),
        issuer: name.to_owned(),
        audience: vec!["us".to_owned()],
        algorithms: vec![Algorithm::HS256],
        keys: IssuerKeys::Uri("https://issuer.example/jwks".to_owned()),
        handle_claim: "sid".to_owned(),
        user_id_claim: "sub".to_owned(),
        max_token_age: Millis::from_seconds(3600),
        data_lifetime: Millis::from_seconds(3600),
        typ: None,
        clock_tolerance: None,
    }
}

#[test]
fn a_token_is_its_exact_issuers() {
    let issuers = [
        issuer("a", "https://issuer.example/"),
        issuer("b", "https://issuer.example"),
    ];
    let of = |payload: &str| {
        let token = plain_token(Algorithm::HS256, payload);
        let parsed = compact::parse(&token, MAX_TOKEN_BYTES).unwrap();
        claimed(&issuers, &parsed).map(|issuer| issuer.id.clone())
    };
    assert_eq!(of(CLAIMS).as_deref(), Some("b"));
    assert_eq!(
        of(r#"{"iss":"https://issuer.example/"}"#).as_deref(),
        Some("a")
    );
    for nobody in [
        "{}",
        r#"{"iss":"https://other.example"}"#,
        r#"{"iss":["https://issuer.example"]}"#,
        r#"{"iss":null}"#,
        r#"{"iss":"HTTPS://issuer.example"}"#,
    ] {
        assert_eq!(of(nobody), None, "{nobody}");
    }
}

#[test]
fn a_token_is_sorted_by_key_then_issuer_then_shape() {
    let issuers = [issuer("b", "https://issuer.example")];
    let sort = |header: &str, payload: &str| {
        let token = token(Algorithm::HS256, header, payload);
        let sorted =
            parse(&token).and_then(|token| claimant(token, |key_id| key_id == "ours", &issuers));
        sorted.map(|claimant| match claimant {
            Claimant::Own(_) => "own".to_owned(),
            Claimant::Foreign(_, issuer) => issuer.id.clone(),
        })
    };
    let ours = r#"{"alg":"RS256","kid":"ours","typ":"JWT","version":"5"}"#;
    let gone = r#"{"alg":"RS256","kid":"gone","typ":"JWT","version":"5"}"#;
    let other_purpose = r#"{"alg":"RS256","kid":"ours","typ":"JWT"}"#;
    let plain = r#"{"alg":"RS256"}"#;
    for (header, payload, expected) in [
        (ours, "{}", Ok("own")),
        (ours, CLAIMS, Ok("own")),
        (gone, "{}", Ok("own")),
        (gone, CLAIMS, Ok("b")),
        (plain, CLAIMS, Ok("b")),
        (plain, "{}", Err(TokenFault::NotASessionToken)),
        (other_purpose, CLAIMS, Err(TokenFault::NotASessionToken)),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(sort(header, payload), expected, "{header} {payload}");
    }
    let legacy = format!("{}.e30=.AAAA", crate::token::legacy::HEADER_V1);
    assert!(matches!(
        parse(&legacy).and_then(|token| claimant(token, |_| false, &issuers)),
        Ok(Claimant::Own(_))
    ));
    assert!(parse("opaque").is_err_and(TokenFault::is_structural));
}

#[test]
fn session_and_user_are_strings_of_bounded_size() {
    let issuer = issuer("b", "https://issuer.example");
    let policy = policy(&issuer, Millis(0));
    let of = |sid: &str| {
        let payload = CLAIMS.replace(r#""sid":"s""#, sid);
        let token = plain_token(Algorithm::HS256, &payload);
        identity(&issuer, &verify(&token, &key_ring(), &policy).unwrap())
    };
    let named = of(r#""sid":"s""#).unwrap();
    assert_eq!((named.session.as_str(), named.user_id.as_str()), ("s", "u"));
    let longest = format!(r#""sid":"{}""#, "s".repeat(MAX_IDENTITY_BYTES));
    assert_eq!(of(&longest).unwrap().session.len(), MAX_IDENTITY_BYTES);
    for (sid, expected) in [
        (
            format!(r#""sid":"{}""#, "s".repeat(MAX_IDENTITY_BYTES + 1)),
            TokenFault::BadClaim,
        ),
        (
            format!(r#""sid":"{}""#, "é".repeat(129)),
            TokenFault::BadClaim,
        ),
        (r#""sid":"""#.to_owned(), TokenFault::BadClaim),
        (r#""sid":7"#.to_owned(), TokenFault::BadClaim),
        (r#""sid":null"#.to_owned(), TokenFault::BadClaim),
        (r#""sid":["s"]"#.to_owned(), TokenFault::BadClaim),
        (r#""Sid":"s""#.to_owned(), TokenFault::ClaimMissing),
    ] {
        assert_eq!(of(&sid), Err(expected), "{sid}");
    }
}

#[test]
fn the_policy_is_the_issuers() {
    let mut strict = issuer("b", "https://issuer.example");
    let token = plain_token(Algorithm::HS256, CLAIMS);
    let check =
        |issuer: &TrustedIssuer| verify(&token, &key_ring(), &policy(issuer, Millis(0))).map(drop);
    assert_eq!(check(&strict), Ok(()));
    strict.max_token_age = Millis::from_seconds(600);
    assert_eq!(check(&strict), Err(TokenFault::LifetimeTooLong));
    strict.audience = vec!["others".to_owned()];
    assert_eq!(check(&strict), Err(TokenFault::WrongAudience));
    strict.algorithms = vec![Algorithm::ES256];
    assert_eq!(check(&strict), Err(TokenFault::AlgorithmMismatch));
    strict.typ = Some("at+jwt".to_owned());
    assert_eq!(check(&strict), Err(TokenFault::WrongType));
}
