use super::support::{keys, ml_dsa, parse_key, parse_set, secret_jwk, with_members};
use crate::keys::jwk::KeySetSource;
use crate::keys::jwk::{self, KeyFault, KeySetFault, MAX_KEY_SET_BYTES, MAX_KEYS, own_key};
use crate::{Algorithm, MlDsa};
use crate::{KeyMaterial, compact, json};

fn fault(jwk: &str) -> KeyFault {
    parse_key(jwk, KeySetSource::Fetched).expect_err(jwk)
}

/// The same JWK with one member's value replaced.
fn replaced(jwk: &str, name: &str, value: &str) -> String {
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(jwk).unwrap();
    assert!(members.contains_key(name));
    members.insert(name.to_owned(), serde_json::from_str(value).unwrap());
    serde_json::to_string(&members).unwrap()
}

fn encoded(bytes: &[u8]) -> String {
    json::quote(&compact::encode(bytes))
}

#[test]
fn a_key_is_for_one_algorithm_its_own_or_the_first_listed_that_fits() {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, HS256, HS512, PS256, PS384, RS256};
    let of = |jwk: &str, listed: &[Algorithm]| {
        jwk::parse_key(jwk, KeySetSource::Settings, listed).map(|key| key.algorithm())
    };
    for (jwk, expected) in [
        (keys::RSA, RS256),
        (keys::P256, ES256),
        (keys::P384, ES384),
        (keys::P521, ES512),
        (keys::ED25519, EdDSA),
    ] {
        assert_eq!(of(jwk, &Algorithm::ALL), Ok(expected));
    }
    assert_eq!(of(keys::RSA, &[ES256, PS256, RS256]), Ok(PS256));
    assert_eq!(of(keys::RSA, &[RS256, PS256]), Ok(RS256));
    assert_eq!(of(keys::ED25519, &[Ed25519, EdDSA]), Ok(Ed25519));
    assert_eq!(of(keys::RSA, &[ES256]), Err(KeyFault::NotListed));
    let only = with_members(keys::RSA, r#""alg":"PS384""#);
    assert_eq!(of(&only, &[RS256, PS384]), Ok(PS384));
    assert_eq!(of(&only, &[RS256]), Err(KeyFault::NotListed));
    // A secret is for the first that it is long enough for.
    let short = format!(r#"{{"kty":"oct","k":{}}}"#, encoded(&[1; 32]));
    assert_eq!(of(&short, &[HS512, HS256]), Ok(HS256));
    assert_eq!(of(&short, &[HS512]), Err(KeyFault::BadSize));
    assert_eq!(of(&secret_jwk(), &[HS512, HS256]), Ok(HS512));
}

#[test]
fn private_parts_are_never_kept() {
    for jwk in [keys::RSA, keys::P256, keys::ED25519] {
        let key = parse_key(jwk, KeySetSource::Settings).unwrap();
        let public = key.jwk();
        let names: Vec<String> = json::parse_object(&public)
            .unwrap()
            .members()
            .map(|member| member.name().to_owned())
            .collect();
        assert!(
            names
                .iter()
                .all(|name| ["kty", "crv", "n", "e", "x", "y"].contains(&name.as_str()))
        );
        let original = json::parse_object(jwk).unwrap();
        let public = json::parse_object(&public).unwrap();
        for name in names {
            assert_eq!(public.get(&name), original.get(&name));
        }
    }
}

#[test]
fn hostile_rsa_keys_are_refused() {
    let mut wide = vec![0xff; 1025];
    wide[1024] = 1;
    let even = [vec![0x80; 255], vec![2]].concat();
    for (jwk, expected) in [
        (replaced(keys::RSA, "n", &encoded(&wide)), KeyFault::BadSize),
        (replaced(keys::RSA, "n", &encoded(&even)), KeyFault::BadSize),
        (
            replaced(keys::RSA, "n", &encoded(&[0; 300])),
            KeyFault::BadSize,
        ),
        (replaced(keys::RSA, "n", "\"\""), KeyFault::BadSize),
        (replaced(keys::RSA, "n", "\"a+b/\""), KeyFault::Malformed),
        (replaced(keys::RSA, "n", "7"), KeyFault::Malformed),
        (replaced(keys::RSA, "e", "\"\""), KeyFault::BadSize),
        (replaced(keys::RSA, "e", &encoded(&[1])), KeyFault::BadSize),
        (replaced(keys::RSA, "e", &encoded(&[0])), KeyFault::BadSize),
        (
            replaced(keys::RSA, "e", &encoded(&[0, 0, 1])),
            KeyFault::BadSize,
        ),
        (
            replaced(keys::RSA, "e", &encoded(&[1, 0, 0])),
            KeyFault::BadSize,
        ),
        (
            replaced(keys::RSA, "e", &encoded(&[1, 0, 0, 0, 1])),
            KeyFault::BadSize,
        ),
        (replaced(keys::RSA, "e", "\"AQAB==\""), KeyFault::Malformed),
    ] {
        assert_eq!(fault(&jwk), expected, "{jwk}");
    }
}

#[test]
fn hostile_and_useless_keys_are_refused() {
    for (jwk, expected) in [
        ("[]".to_owned(), KeyFault::Malformed),
        ("{}".to_owned(), KeyFault::Malformed),
        (
            r#"{"kty":"RSA","kty":"EC"}"#.to_owned(),
            KeyFault::Malformed,
        ),
        (r#"{"kty":"rsa"}"#.to_owned(), KeyFault::Unsupported),
        (r#"{"kty":["RSA"]}"#.to_owned(), KeyFault::Malformed),
        (
            r#"{"kty":"AKP","alg":"ML-DSA-44"}"#.to_owned(),
            KeyFault::Malformed,
        ),
        (
            replaced(&ml_dsa::jwk(MlDsa::MlDsa65), "alg", "\"ML-DSA-44\""),
            KeyFault::BadSize,
        ),
        (
            replaced(&ml_dsa::jwk(MlDsa::MlDsa44), "alg", "\"ML-DSA-45\""),
            KeyFault::Unsupported,
        ),
        (
            ml_dsa::jwk(MlDsa::MlDsa44).replace(r#""alg":"ML-DSA-44","#, ""),
            KeyFault::Malformed,
        ),
        (
            with_members(
                &ml_dsa::jwk(MlDsa::MlDsa44),
                &format!(r#""priv":{}"#, encoded(&[7; 32])),
            ),
            KeyFault::SecretFetched,
        ),
        (secret_jwk(), KeyFault::SecretFetched),
        (keys::RSA_SHORT.to_owned(), KeyFault::BadSize),
        (keys::X25519.to_owned(), KeyFault::Unsupported),
        (
            replaced(keys::P256, "crv", "\"secp256k1\""),
            KeyFault::Unsupported,
        ),
        (replaced(keys::P256, "crv", "\"P-384\""), KeyFault::BadSize),
        (
            replaced(keys::P256, "x", &encoded(&[1; 27])),
            KeyFault::BadSize,
        ),
        (
            replaced(keys::P256, "y", &encoded(&[1; 33])),
            KeyFault::BadSize,
        ),
        (
            replaced(keys::ED25519, "x", &encoded(&[1; 31])),
            KeyFault::BadSize,
        ),
        (
            replaced(keys::ED25519, "crv", "\"Ed448\""),
            KeyFault::Unsupported,
        ),
    ] {
        assert_eq!(fault(&jwk), expected, "{jwk}");
    }
}

#[test]
fn a_key_must_be_for_verifying_with_an_algorithm_that_fits() {
    for (jwk, expected) in [
        (
            with_members(keys::RSA, r#""use":"enc""#),
            KeyFault::NotForVerifying,
        ),
        (with_members(keys::RSA, r#""use":7"#), KeyFault::Malformed),
        (
            with_members(keys::RSA, r#""key_ops":null"#),
            KeyFault::Malformed,
        ),
        (
            with_members(keys::RSA, r#""key_ops":["sign"]"#),
            KeyFault::NotForVerifying,
        ),
        (
            with_members(keys::RSA, r#""key_ops":[]"#),
            KeyFault::NotForVerifying,
        ),
        (
            with_members(keys::RSA, r#""key_ops":"verify""#),
            KeyFault::Malformed,
        ),
        (
            with_members(keys::RSA, r#""alg":"HS256""#),
            KeyFault::AlgorithmMismatch,
        ),
        (
            with_members(keys::RSA, r#""alg":"ES256""#),
            KeyFault::AlgorithmMismatch,
        ),
        (
            with_members(keys::P256, r#""alg":"ES384""#),
            KeyFault::AlgorithmMismatch,
        ),
        (
            with_members(keys::RSA, r#""alg":"none""#),
            KeyFault::Unsupported,
        ),
        (
            with_members(keys::RSA, r#""alg":"RSA-OAEP""#),
            KeyFault::Unsupported,
        ),
        (with_members(keys::RSA, r#""kid":"""#), KeyFault::Malformed),
        (with_members(keys::RSA, r#""kid":1"#), KeyFault::Malformed),
        (
            with_members(keys::RSA, &format!(r#""kid":"{}""#, "k".repeat(257))),
            KeyFault::Malformed,
        ),
    ] {
        let refused = parse_key(&jwk, KeySetSource::Settings).unwrap_err();
        assert_eq!(refused, expected, "{jwk}");
    }
}

#[test]
fn what_everybody_can_read_is_no_secret() {
    for jwk in [keys::RSA, keys::P256, keys::ED25519, &secret_jwk()] {
        assert!(parse_key(jwk, KeySetSource::Settings).is_ok());
        assert_eq!(fault(jwk), KeyFault::SecretFetched);
    }
}

#[test]
fn leading_zeros_of_an_rsa_modulus_do_not_count() {
    let jwk: serde_json::Value = serde_json::from_str(keys::RSA_SHORT).unwrap();
    let text = parse_key(keys::RSA_OTHER, KeySetSource::Fetched).unwrap();
    let KeyMaterial::Rsa { modulus, .. } = text.material() else {
        panic!("an RSA key");
    };
    let padded = [&[0], modulus.as_slice()].concat();
    let key = parse_key(
        &replaced(keys::RSA_OTHER, "n", &encoded(&padded)),
        KeySetSource::Fetched,
    )
    .unwrap();
    assert_eq!(key.jwk(), text.jwk());
    let short = jwk["n"].as_str().unwrap();
    let inflated = format!("\"{}{short}\"", "A".repeat(172));
    assert_eq!(
        fault(&replaced(keys::RSA_SHORT, "n", &inflated)),
        KeyFault::BadSize
    );
}

#[test]
fn a_key_of_our_own_has_our_name_and_one_algorithm() {
    // What WebCrypto exports names the algorithm in its own way.
    let exported = with_members(keys::ED25519, r#""alg":"Ed25519","key_ops":["verify"]"#);
    let key = own_key(&exported, "d-1", Algorithm::EdDSA).unwrap();
    assert_eq!(key.key_id(), Some("d-1"));
    assert_eq!(key.algorithm(), Algorithm::EdDSA);
    let refused = own_key(keys::RSA, "d-1", Algorithm::ES256);
    assert_eq!(refused.unwrap_err(), KeyFault::AlgorithmMismatch);
    let refused = own_key(&secret_jwk(), "d-1", Algorithm::HS256);
    assert_eq!(refused.unwrap_err(), KeyFault::SecretFetched);
}

#[test]
fn symmetric_keys_are_as_long_as_their_hash() {
    let jwk = |length: usize, more: &str| {
        format!(r#"{{"kty":"oct","k":{}{more}}}"#, encoded(&vec![1; length]))
    };
    let read = |text: &str| parse_key(text, KeySetSource::Settings);
    assert_eq!(read(&jwk(31, "")).unwrap_err(), KeyFault::BadSize);
    assert_eq!(read(&jwk(0, "")).unwrap_err(), KeyFault::BadSize);
    assert_eq!(
        read(&jwk(63, r#","alg":"HS512""#)).unwrap_err(),
        KeyFault::BadSize
    );
    assert_eq!(read(&jwk(32, "")).unwrap().algorithm(), Algorithm::HS256);
    let longest = read(&jwk(64, r#","alg":"HS512""#)).unwrap();
    assert_eq!(longest.algorithm(), Algorithm::HS512);
}

#[test]
fn unusable_keys_are_left_out_and_a_malformed_set_is_refused() {
    let set = |keys: &[&str]| format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    let read = |text: &str| parse_set(text, KeySetSource::Fetched);
    let mixed = set(&[keys::X25519, keys::RSA_SHORT, &secret_jwk(), keys::P384]);
    assert_eq!(read(&mixed).unwrap().len(), 1);
    for empty in [set(&[]), set(&[&secret_jwk()]), set(&["7", "[]"])] {
        let refused = read(&empty).unwrap_err();
        assert!(matches!(refused, KeySetFault::NoUsableKey(_)), "{empty}");
    }
    let malformed = [
        "",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        &set(&[keys::P384, r#"{"a":1,"a":1}"#]),
        &format!("{} x", set(&[keys::P384])),
        &format!("\u{feff}\u{feff}{}", set(&[keys::P384])),
    ];
    for text in malformed {
        assert!(
            matches!(read(text), Err(KeySetFault::Malformed(_))),
            "{text}"
        );
    }
}

/// Sets as they are found: one odd element, a byte order mark, coordinates without their leading zeros.
#[test]
fn odd_sets_are_read_where_that_is_safe() {
    let read = |text: &str| parse_set(text, KeySetSource::Fetched);
    let set = format!("\u{feff}{{\"keys\":[7,{}]}}", keys::P384);
    assert_eq!(read(&set).unwrap().len(), 1);
    let mut full = [7; 32];
    full[0] = 0;
    let key = |x: &[u8]| {
        parse_key(
            &replaced(keys::P256, "x", &encoded(x)),
            KeySetSource::Settings,
        )
    };
    assert_eq!(key(&full[1..]).unwrap().jwk(), key(&full).unwrap().jwk());
}

#[test]
fn another_document_in_a_sets_place_is_named() {
    let said = |text: &str| {
        parse_set(text, KeySetSource::Fetched)
            .unwrap_err()
            .to_string()
    };
    let metadata = said(r#"{"issuer":"https://a","jwks_uri":"https://a/keys"}"#);
    assert!(metadata.contains("jwks_uri"), "{metadata}");
    let certificates = said(r#"{"k1":"-----BEGIN CERTIFICATE-----\nMIIC"}"#);
    assert!(certificates.contains("X.509"), "{certificates}");
    assert!(said("{}").contains("no member \"keys\""));
}

/// A log line names each key and its fault, whatever an issuer calls its keys, and not without end.
#[test]
fn what_was_left_out_is_said() {
    let odd = with_members(keys::X25519, r#""kid":"a\n\"b""#);
    let crowd = [keys::RSA_SHORT; 9].join(",");
    let text = format!(r#"{{"keys":[{odd},{},{crowd}]}}"#, secret_jwk());
    let set = |text: &str| jwk::parse_set(text, KeySetSource::Fetched, &Algorithm::ALL);
    let said = set(&text).unwrap_err().to_string();
    for part in [
        "no usable key; key 1 (ab): its type, curve or algorithm is not supported; ",
        "key 2 (hmac): it is secret or private, and everybody can read it; ",
        "key 3: it is too short, or of a wrong length; ",
        "; 3 others",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let text = format!(r#"{{"keys":[{odd},{}]}}"#, keys::P384);
    let set = set(&text).unwrap();
    assert_eq!((set.keys.len(), set.left_out.len()), (1, 1));
}

#[test]
fn a_set_is_bounded_in_bytes_and_keys() {
    let read = |text: &str| parse_set(text, KeySetSource::Fetched);
    let many = |count: usize| format!(r#"{{"keys":[{}]}}"#, vec![keys::P384; count].join(","));
    assert_eq!(read(&many(MAX_KEYS)).unwrap().len(), MAX_KEYS);
    assert_eq!(
        read(&many(MAX_KEYS + 1)).unwrap_err(),
        KeySetFault::TooManyKeys
    );
    let mut padded = many(1);
    padded.push_str(&" ".repeat(MAX_KEY_SET_BYTES - padded.len()));
    assert!(read(&padded).is_ok());
    padded.push(' ');
    assert_eq!(read(&padded).unwrap_err(), KeySetFault::TooLarge);
}
