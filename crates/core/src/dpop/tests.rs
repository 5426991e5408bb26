//! The example of RFC 9449, and one mutation for each check.

use jwt_compact::{
    Algorithm as Scheme, AlgorithmSignature,
    alg::{Ed25519, Es256},
    jwk::JsonWebKey,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Asked, BoundToken, DpopFault, NONCE_LIFETIME, Nonces, Use, UsedProofs, read};
use postern_jwt::{
    SignatureVerdict, TokenFault, compact,
    proof::Thumbprint,
    time::{Millis, UnixMillis},
};

const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const URL: &str = "https://resource.example.org/protectedresource";
const NOW: UnixMillis = UnixMillis::from_seconds(1_562_262_620);
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;

fn public(pair: &str) -> Value {
    let mut key: Value = serde_json::from_str(pair).unwrap();
    key.as_object_mut().unwrap().remove("d");
    key
}

fn jwk(text: &str) -> JsonWebKey<'_> {
    serde_json::from_str(text).unwrap()
}

fn thumbprint(key: &Value) -> Thumbprint {
    let text = key.to_string();
    let algorithm = if key["kty"] == "EC" { "ES256" } else { "EdDSA" }
        .parse()
        .unwrap();
    postern_jwt::keys::jwk::parse_key(
        &text,
        postern_jwt::keys::jwk::KeySetSource::Fetched,
        &[algorithm],
    )
    .unwrap()
    .thumbprint()
    .unwrap()
}

fn claims() -> Value {
    json!({ "jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": URL, "iat": 1_562_262_618,
            "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" })
}

fn header() -> Value {
    json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": public(P256) })
}

fn signed(header: &Value, claims: &Value) -> String {
    let input = [header, claims]
        .map(|part| compact::encode(part.to_string().as_bytes()))
        .join(".");
    let signature = if header["alg"] == "EdDSA" {
        let key = (&jwk(ED25519)).try_into().unwrap();
        Ed25519.sign(&key, input.as_bytes()).as_bytes().into_owned()
    } else {
        let key = (&jwk(P256)).try_into().unwrap();
        Es256.sign(&key, input.as_bytes()).as_bytes().into_owned()
    };
    format!("{input}.{}", compact::encode(&signature))
}

fn asked(key: Thumbprint) -> Asked<'static> {
    Asked {
        method: "GET",
        url: URL,
        token: Some(BoundToken { text: TOKEN, key }),
        nonces: None,
    }
}

fn used(header: Option<&str>, asked: &Asked<'_>, now: UnixMillis) -> Result<Use, DpopFault> {
    let pending = read(header, asked, now)?;
    let public = pending.proof.key().jwk();
    let input = pending.proof.signing_input().as_bytes();
    let signature = pending.proof.signature();
    let is_good = if public.contains("OKP") {
        let key: <Ed25519 as Scheme>::VerifyingKey = (&jwk(&public)).try_into().unwrap();
        <Ed25519 as Scheme>::Signature::try_from_slice(signature)
            .is_ok_and(|it| Ed25519.verify_signature(&it, &key, input))
    } else {
        let key: <Es256 as Scheme>::VerifyingKey = (&jwk(&public)).try_into().unwrap();
        <Es256 as Scheme>::Signature::try_from_slice(signature)
            .is_ok_and(|it| Es256.verify_signature(&it, &key, input))
    };
    pending.finish(SignatureVerdict::from_backend(is_good))
}

fn own() -> Thumbprint {
    thumbprint(&public(P256))
}

/// The key, the hash of the access token and the proof of RFC 9449 section 7.1.
#[test]
fn the_example_of_the_standard_is_good() {
    let key = json!({ "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" });
    assert_eq!(
        thumbprint(&key).to_string(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
    let header = r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}}"#;
    let payload = r#"{"jti":"e1j3V_bKic8-LAEB","htm":"GET","htu":"https://resource.example.org/protectedresource","iat":1562262618,"ath":"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"}"#;
    let proof = format!(
        "{}.{}.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
        compact::encode(header.as_bytes()),
        compact::encode(payload.as_bytes())
    );
    let used = used(Some(&proof), &asked(thumbprint(&key)), NOW).unwrap();
    assert_eq!(used.until, UnixMillis::from_seconds(1_562_262_678));
}

#[test]
fn good_proofs_in_other_spellings() {
    let ed = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": public(ED25519) });
    let key = thumbprint(&public(ED25519));
    used(Some(&signed(&ed, &claims())), &asked(key), NOW).unwrap();
    for (name, value) in [
        (
            "htu",
            json!("HTTPS://RESOURCE.example.org:443/x/../%70rotectedresource?a=b#c"),
        ),
        ("htu", json!("wss://resource.example.org/protectedresource")),
        ("iat", json!(1_562_262_625)),
        ("jti", json!("j".repeat(512))),
        ("iat", json!(1_562_262_561)),
        ("iat", json!(1_562_262_618.5)),
        ("nonce", json!("unasked for")),
    ] {
        let mut claims = claims();
        claims[name] = value;
        used(Some(&signed(&header(), &claims)), &asked(own()), NOW).unwrap();
    }
    let other_url = Asked {
        url: "https://resource.example.org/protectedresource?x=1",
        ..asked(own())
    };
    used(Some(&signed(&header(), &claims())), &other_url, NOW).unwrap();
}

#[test]
#[allow(clippy::too_many_lines)] // one table
fn one_mutation_for_each_check_is_refused() {
    let claim = DpopFault::Claim;
    for (name, value, expected) in [
        ("jti", json!(""), claim("jti")),
        ("jti", json!(7), claim("jti")),
        ("jti", Value::Null, claim("jti")),
        ("jti", json!("x".repeat(513)), claim("jti")),
        ("htm", json!("get"), DpopFault::Method),
        ("htm", json!("POST"), DpopFault::Method),
        ("htm", json!(["GET"]), claim("htm")),
        (
            "htu",
            json!("http://resource.example.org/protectedresource"),
            DpopFault::Target,
        ),
        (
            "htu",
            json!("https://resource.example.org:8443/protectedresource"),
            DpopFault::Target,
        ),
        (
            "htu",
            json!("https://resource.example.org/protectedresource/"),
            DpopFault::Target,
        ),
        (
            "htu",
            json!("https://resource.example.org/ProtectedResource"),
            DpopFault::Target,
        ),
        (
            "htu",
            json!("https://resource.example.org/"),
            DpopFault::Target,
        ),
        (
            "htu",
            json!("https://x@resource.example.org/protectedresource"),
            DpopFault::Target,
        ),
        (
            "htu",
            json!("https://resource.example.org.evil.example/protectedresource"),
            DpopFault::Target,
        ),
        ("htu", json!("/protectedresource"), DpopFault::Target),
        ("htu", json!(""), claim("htu")),
        ("iat", json!("1562262618"), claim("iat")),
        ("iat", Value::Null, claim("iat")),
        ("iat", json!(1_562_262_560), DpopFault::Time),
        ("iat", json!(1_562_262_626), DpopFault::Time),
        ("iat", json!(0), DpopFault::Time),
        ("iat", json!(-1), DpopFault::Time),
        ("iat", json!(1e300), DpopFault::Time),
        (
            "ath",
            json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEp"),
            DpopFault::AccessToken,
        ),
        (
            "ath",
            json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo="),
            DpopFault::AccessToken,
        ),
        ("ath", Value::Null, claim("ath")),
    ] {
        let mut claims = claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
        let found = used(Some(&signed(&header(), &claims)), &asked(own()), NOW);
        assert_eq!(found, Err(expected), "{name}: {value}");
    }
    for (name, value, expected) in [
        ("typ", json!("JWT"), TokenFault::WrongType),
        ("typ", json!("at+jwt"), TokenFault::WrongType),
        ("typ", json!("dbsc+jwt"), TokenFault::WrongType),
        ("typ", Value::Null, TokenFault::WrongType),
        ("alg", json!("none"), TokenFault::AlgorithmNone),
        ("alg", json!("HS256"), TokenFault::AlgorithmMismatch),
        ("alg", json!("ES384"), TokenFault::UnknownKey),
        ("alg", json!("RS256"), TokenFault::UnknownKey),
        ("jwk", Value::Null, TokenFault::UnknownKey),
        ("jwk", json!("x"), TokenFault::BadHeader),
        (
            "jwk",
            serde_json::from_str(P256).unwrap(),
            TokenFault::UnknownKey,
        ),
        ("jwk", public(ED25519), TokenFault::UnknownKey),
        (
            "jwk",
            json!({ "kty": "oct", "k": "c2VjcmV0" }),
            TokenFault::UnknownKey,
        ),
        ("crit", json!(["exp"]), TokenFault::CriticalExtension),
    ] {
        let mut header = header();
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value.clone();
        }
        let found = used(Some(&signed(&header, &claims())), &asked(own()), NOW);
        let is_expected =
            matches!(found, Err(DpopFault::Token(fault)) if fault == expected || name == "crit");
        assert!(is_expected, "{name}: {value}: {found:?}");
    }
    let good = signed(&header(), &claims());
    let long = format!("{good}{}", "A".repeat(4096));
    let spoiled = good.replace(&good[good.len() - 20..good.len() - 10], "AAAAAAAAAA");
    let other_key = asked(thumbprint(&public(ED25519)));
    for (text, asked, expected) in [
        (None, asked(own()), DpopFault::Missing),
        (
            Some(format!("{good}, {good}")),
            asked(own()),
            DpopFault::Doubled,
        ),
        (
            Some(spoiled),
            asked(own()),
            DpopFault::Token(TokenFault::BadSignature),
        ),
        (Some(good.clone()), other_key, DpopFault::Key),
        (
            Some(good.clone()),
            Asked {
                method: "POST",
                ..asked(own())
            },
            DpopFault::Method,
        ),
        (
            Some(good),
            Asked {
                token: Some(BoundToken {
                    text: "another",
                    key: own(),
                }),
                ..asked(own())
            },
            DpopFault::AccessToken,
        ),
    ] {
        assert_eq!(
            used(text.as_deref(), &asked, NOW),
            Err(expected),
            "{expected}"
        );
    }
    for text in ["", "a", "a.b.c", long.as_str()] {
        assert!(matches!(
            used(Some(text), &asked(own()), NOW),
            Err(DpopFault::Token(_))
        ));
    }
}

#[test]
fn a_proof_is_named_by_key_method_url_and_id() {
    let name = |method: &str, claims: &Value| {
        let asked = Asked {
            method: if method == "GET" { "GET" } else { "POST" },
            ..asked(own())
        };
        used(Some(&signed(&header(), claims)), &asked, NOW)
            .unwrap()
            .id
    };
    let first = name("GET", &claims());
    assert_eq!(
        first,
        name("GET", &claims()),
        "another signature, the same proof"
    );
    let mut other = claims();
    other["jti"] = json!("another");
    assert_ne!(first, name("GET", &other));
    let mut post = claims();
    post["htm"] = json!("POST");
    assert_ne!(first, name("POST", &post));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whenever a proof arrives, and however often: it passes once at most, and never outside its time.
    #[test]
    fn a_proof_passes_once_and_in_its_time(arrivals in prop::collection::vec(0_u64..200_000, 1..12), ahead in 0_u64..10_000) {
        let mut arrivals = arrivals;
        arrivals.sort_unstable();
        let start = 1_562_262_000_000_u64;
        let mut claims = claims();
        claims["iat"] = json!((start + 60_000 + ahead) / 1000);
        let made = UnixMillis((start + 60_000 + ahead) / 1000 * 1000);
        let text = signed(&header(), &claims);
        let mut proofs = UsedProofs::default();
        let mut passed = 0;
        for arrival in arrivals {
            let now = UnixMillis(start + arrival);
            match used(Some(&text), &asked(own()), now) {
                Ok(used) => {
                    prop_assert!(now < made.plus(Millis(60_000)) && made <= now.plus(Millis(5_000)));
                    passed += u32::from(proofs.record(&used, now));
                }
                Err(fault) => prop_assert_eq!(fault, DpopFault::Time),
            }
        }
        prop_assert!(passed <= 1);
    }
}

#[test]
fn challenges_name_the_algorithms_of_proofs() {
    use crate::{error::Presented, refusal::Refusal};
    let names: Vec<&str> = super::POLICY
        .algorithms
        .iter()
        .map(|it| it.name())
        .collect();
    let algs = format!("algs=\"{}\"", names.join(" "));
    for (refusal, error) in [
        (Refusal::InvalidDpopProof("x"), "invalid_dpop_proof"),
        (Refusal::UseDpopNonce("n".to_owned()), "use_dpop_nonce"),
        (Refusal::Unauthorised("x"), "invalid_token"),
        (Refusal::TryRefreshToken("x"), "invalid_token"),
    ] {
        let expected = format!("DPoP error=\"{error}\", {algs}");
        assert_eq!(
            crate::error::challenge(&refusal, Presented::BoundToken),
            Some(expected.as_str())
        );
    }
}

/// At a refresh no access token is there: any key will do here, and `ath` is not looked at. The session says which key it is.
#[test]
fn a_proof_without_an_access_token_names_its_key() {
    let asked = Asked {
        token: None,
        ..asked(own())
    };
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("ath");
    let ed = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": public(ED25519) });
    for (header, key) in [(header(), own()), (ed, thumbprint(&public(ED25519)))] {
        let text = signed(&header, &claims);
        assert_eq!(used(Some(&text), &asked, NOW).unwrap().key, key);
    }
}

#[test]
fn where_a_nonce_is_asked_for_it_stands_in_for_the_clients_clock() {
    let secrets = [(1, postern_jwt::secret::Secret::new(vec![1; 32]))];
    let nonces = Nonces::new(&secrets);
    let asked = Asked {
        nonces: Some(nonces),
        ..asked(own())
    };
    let with = |nonce: Value, iat: u64| {
        let mut claims = claims();
        claims["nonce"] = nonce;
        claims["iat"] = json!(iat);
        used(Some(&signed(&header(), &claims)), &asked, NOW)
    };
    let nonce = nonces.make(NOW).unwrap();
    for iat in [0, 1_562_262_618, 2_000_000_000] {
        let used = with(json!(nonce), iat).unwrap();
        assert_eq!(used.until, NOW.plus(NONCE_LIFETIME));
    }
    let old = nonces.make(NOW.minus(NONCE_LIFETIME)).unwrap();
    for wrong in [
        json!(old),
        json!("n"),
        json!(""),
        json!(null),
        json!([nonce]),
    ] {
        assert_eq!(with(wrong, 1_562_262_618), Err(DpopFault::Nonce));
    }
    let without = signed(&header(), &claims());
    assert_eq!(used(Some(&without), &asked, NOW), Err(DpopFault::Nonce));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Reordered, doubled and delayed, with the nonces of several moments: each proof passes once at most, and only while its
    /// nonce is good.
    #[test]
    fn a_proof_with_a_nonce_passes_once_and_while_the_nonce_is_good(
        nonces_made in prop::collection::vec(0_u64..300_000, 1..4),
        arrivals in prop::collection::vec((0_usize..4, 0_u64..500_000), 1..16),
    ) {
        let secrets = [(1, postern_jwt::secret::Secret::new(vec![1; 32]))];
        let nonces = Nonces::new(&secrets);
        let asked = Asked { nonces: Some(nonces), ..asked(own()) };
        let start = 1_562_262_000_000_u64;
        let texts: Vec<(UnixMillis, String)> = nonces_made.iter().enumerate().map(|(n, at)| {
            let made = UnixMillis(start + at);
            let mut claims = claims();
            claims["nonce"] = json!(nonces.make(made).unwrap());
            claims["jti"] = json!(format!("{n}"));
            (made, signed(&header(), &claims))
        }).collect();
        let mut arrivals: Vec<(usize, u64)> = arrivals.into_iter().map(|(which, at)| (which % texts.len(), at)).collect();
        arrivals.sort_unstable_by_key(|(_, at)| *at);
        let mut proofs = UsedProofs::default();
        let mut passed = vec![0; texts.len()];
        for (which, at) in arrivals {
            let now = UnixMillis(start + at);
            let (made, text) = &texts[which];
            match used(Some(text), &asked, now) {
                Ok(used) => {
                    prop_assert!(now < made.plus(NONCE_LIFETIME) && *made <= now.plus(Millis(5_000)));
                    passed[which] += u32::from(proofs.record(&used, now));
                }
                Err(fault) => {
                    prop_assert_eq!(fault, DpopFault::Nonce);
                    prop_assert!(now >= made.plus(NONCE_LIFETIME) || *made > now.plus(Millis(5_000)));
                }
            }
        }
        prop_assert!(passed.iter().all(|&times| times <= 1));
    }
}

#[test]
fn each_fault_says_what_is_wrong() {
    use DpopFault as F;
    let faults = [
        F::Missing,
        F::Doubled,
        F::Token(TokenFault::BadClaim),
        F::Claim("jti"),
        F::Method,
        F::Target,
        F::Time,
        F::Nonce,
        F::AccessToken,
        F::Key,
        F::Used,
    ];
    let texts: std::collections::BTreeSet<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), faults.len());
    assert!(texts.iter().all(|text| text.contains("DPoP proof")));
}
