use super::support::{CLAIMS, key_ring, plain_token, token, verify};
use crate::{
    settings::{
        TrustedIssuer,
        testing::{parsed, trusted_issuer as issuer},
    },
    tokens::{
        form::parse,
        token_issuer::{TokenIssuer, token_issuer},
        trusted_issuer::{MAX_IDENTITY_BYTES, claimed, identity, policy},
    },
};
use postern_jwt::time::Millis;
use postern_jwt::{Algorithm, MAX_TOKEN_BYTES, TokenFault, compact};

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
        let sorted = parse(&token)
            .and_then(|token| token_issuer(token, |key_id| key_id == "ours", &issuers));
        sorted.map(|issuer| match issuer {
            TokenIssuer::Own(_) => "own".to_owned(),
            TokenIssuer::Trusted(_, issuer) => issuer.id.clone(),
            TokenIssuer::Ambiguous(issuer) => format!("{}, among others", issuer.id),
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
    let legacy = format!("{}.e30=.AAAA", crate::tokens::legacy::HEADER_V1);
    assert!(matches!(
        parse(&legacy).and_then(|token| token_issuer(token, |_| false, &issuers)),
        Ok(TokenIssuer::Own(_))
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
    assert_eq!(
        (named.session.as_deref(), named.user_id.as_str()),
        (Some("s"), "u")
    );
    let longest = format!(r#""sid":"{}""#, "s".repeat(MAX_IDENTITY_BYTES));
    assert_eq!(
        of(&longest).unwrap().session.unwrap().len(),
        MAX_IDENTITY_BYTES
    );
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

/// A machine's token names no session. It is somebody's all the same, unless the entry asks for the claim.
#[test]
fn a_token_without_a_session_is_refused_only_where_the_entry_asks_for_one() {
    let mut issuer = issuer("b", "https://issuer.example");
    issuer.session_is_required = false;
    let policy = policy(&issuer, Millis(0));
    let of = |sid: &str| {
        let payload = CLAIMS.replace(r#""sid":"s""#, sid);
        let token = plain_token(Algorithm::HS256, &payload);
        identity(&issuer, &verify(&token, &key_ring(), &policy).unwrap())
    };
    assert_eq!(of(r#""sid":"s""#).unwrap().session.as_deref(), Some("s"));
    assert_eq!(of(r#""client_id":"c""#).unwrap().session, None);
    // What is there and no name is no reason to pass.
    for sid in [r#""sid":"""#, r#""sid":7"#, r#""sid":null"#] {
        assert_eq!(of(sid), Err(TokenFault::BadClaim), "{sid}");
    }
}

/// Of an issuer with tenants both places that name the tenant agree.
#[test]
fn the_tenant_is_part_of_whom_a_token_names() {
    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    let file = r#"[{"id":"e","provider":"entra","tenants":"any","audience":["us"],"algorithms":["HS256"],
        "jwks":{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}]"#;
    let settings = parsed(&[("TRUSTED_ISSUERS", file)]);
    let issuer = &settings.trusted_issuers[0];
    let policy = policy(issuer, Millis(0));
    let of = |iss: &str, tid: &str| {
        let payload = CLAIMS
            .replace("https://issuer.example", iss)
            .replace(r#""sid":"s""#, &format!(r#""tid":{tid}"#));
        let token = plain_token(Algorithm::HS256, &payload);
        identity(issuer, &verify(&token, &key_ring(), &policy).unwrap())
    };
    let tid = format!("\"{TENANT}\"");
    let v1 = of(&format!("https://sts.windows.net/{TENANT}/"), &tid).unwrap();
    let v2 = of(
        &format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        &tid,
    )
    .unwrap();
    assert_eq!(v1, v2);
    assert_eq!(v1.tenant.as_deref(), Some(TENANT));
    let other = TENANT.replace('1', "2");
    assert_eq!(
        of(&format!("https://sts.windows.net/{other}/"), &tid),
        Err(TokenFault::WrongIssuer)
    );
    assert_eq!(
        of("https://sts.windows.net/common/", &tid),
        Err(TokenFault::WrongIssuer)
    );
    assert_eq!(
        of(&format!("https://sts.windows.net/{TENANT}/"), "7"),
        Err(TokenFault::BadClaim)
    );
}

/// One issuer, several entries: the claims that an entry asks for decide, then whom the token is for.
#[test]
fn of_several_entries_for_one_issuer_the_token_chooses() {
    let entry = |id: &str, members: &str| {
        format!(
            r#"{{"id":"{id}","issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks",{members}}}"#
        )
    };
    let all = [
        entry("users", r#""audience":["us"]"#),
        entry(
            "machines",
            r#""required_claims":{"gty":"client-credentials"},"audience":["us"]"#,
        ),
        entry("jobs", r#""required_claims":{"gty":["job","cron"]}"#),
        entry("others", r#""audience":["them"]"#),
    ];
    let settings = parsed(&[("TRUSTED_ISSUERS", &format!("[{}]", all.join(",")))]);
    let of = |claims: &str| {
        let payload = format!(r#"{{"iss":"https://issuer.example",{claims}}}"#);
        let token = plain_token(Algorithm::HS256, &payload);
        let parsed = compact::parse(&token, MAX_TOKEN_BYTES).unwrap();
        match token_issuer(parsed, |_| false, &settings.trusted_issuers).unwrap() {
            TokenIssuer::Trusted(_, issuer) => issuer.id.clone(),
            TokenIssuer::Ambiguous(issuer) => format!("{}?", issuer.id),
            TokenIssuer::Own(_) => "own".to_owned(),
        }
    };
    for (claims, expected) in [
        (r#""aud":"us""#, "users"),
        (r#""aud":"them""#, "others"),
        (r#""aud":["them","us"]"#, "users?"),
        (r#""aud":"nobody""#, "users"),
        (r#""gty":"client-credentials","aud":"them""#, "machines"),
        (r#""gty":"cron""#, "jobs"),
        (
            r#""gty":["cron","client-credentials"],"aud":"us""#,
            "machines?",
        ),
        (r#""gty":"password","aud":"us""#, "users"),
    ] {
        assert_eq!(of(claims), expected, "{claims}");
    }
}

/// Issuer, claim and rule, and never a value.
#[test]
fn what_is_wrong_with_a_token_is_said_without_its_values() {
    let issuer = issuer("b", "https://issuer.example");
    let said = |fault: TokenFault, claims: &str| {
        let claims = postern_jwt::json::parse_object(claims).unwrap();
        crate::tokens::trusted_issuer::diagnosis(&issuer, fault, Some(&claims))
    };
    let secret = r#"{"aud":"s3cret","sub":7,"exp":1,"cnf":"s3cret"}"#;
    for (fault, expected) in [
        (
            TokenFault::WrongAudience,
            r#"issuer b: wrong_audience: claim "aud" names none of the entry's audience"#,
        ),
        (
            TokenFault::ClaimMissing,
            r#"issuer b: claim_missing: claim "sid" (handle_claim) is missing"#,
        ),
        (
            TokenFault::BadClaim,
            r#"issuer b: bad_claim: claim "sid" (handle_claim) is no string of 1 to 256 bytes"#,
        ),
        (
            TokenFault::Expired,
            r#"issuer b: expired: claim "exp" has passed"#,
        ),
        (
            TokenFault::BoundToKey,
            r#"issuer b: bound_to_key: claim "cnf" asks for a proof of another kind than DPoP"#,
        ),
        (TokenFault::BadSignature, "issuer b: bad_signature"),
    ] {
        assert_eq!(said(fault, secret), expected);
    }
    assert!(
        said(TokenFault::BadClaim, r#"{"sid":"s","sub":7}"#)
            .contains(r#"claim "sub" (user_id_claim)"#)
    );
    assert!(
        said(TokenFault::BadClaim, r#"{"exp":"7"}"#).contains(r#"claim "exp" is of a wrong type"#)
    );
}

/// A fresh token of an issuer whose clock is a little ahead is good; one that is far ahead is not.
#[test]
fn an_issuers_clock_may_be_a_few_seconds_ahead() {
    let mut issuer = issuer("b", "https://issuer.example");
    let check = |issuer: &TrustedIssuer, ahead: u64, general: u64| {
        let at = super::support::NOW.as_seconds() + ahead;
        let claims = CLAIMS.replace(r#""iat":1799999999"#, &format!(r#""iat":{at},"nbf":{at}"#));
        let policy = policy(issuer, Millis::from_seconds(general));
        verify(
            &plain_token(Algorithm::HS256, &claims),
            &key_ring(),
            &policy,
        )
        .map(drop)
    };
    assert_eq!(check(&issuer, 5, 0), Ok(()));
    assert_eq!(check(&issuer, 6, 0), Err(TokenFault::NotYetValid));
    assert_eq!(check(&issuer, 30, 30), Ok(()));
    issuer.clock_tolerance = Some(Millis(0));
    assert_eq!(check(&issuer, 1, 30), Err(TokenFault::NotYetValid));
    issuer.clock_tolerance = Some(Millis::from_seconds(60));
    assert_eq!(check(&issuer, 60, 0), Ok(()));
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
    strict.parties.audience = vec!["others".to_owned()];
    assert_eq!(check(&strict), Err(TokenFault::WrongAudience));
    strict.algorithms = vec![Algorithm::ES256];
    assert_eq!(check(&strict), Err(TokenFault::AlgorithmMismatch));
    strict.typ = Some("at+jwt".to_owned());
    assert_eq!(check(&strict), Err(TokenFault::WrongType));
}
