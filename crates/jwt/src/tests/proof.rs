//! Proofs of possession: RFC 7638's thumbprints, and what no proof may be.

use jwt_compact::{
    Algorithm as Scheme, AlgorithmSignature,
    alg::{Es256, Rsa},
};
use proptest::prelude::*;

use super::support::{jwk, key, keys, sign, signing_input, token, with_members};
use crate::json::parse_object;
use crate::proof::{PendingProof, ProofPolicy, Thumbprint, VerifiedProof, bound_key};
use crate::{
    Algorithm, KeyMaterial, SignatureVerdict, TokenFault, VerificationKey, compact,
    keys::jwk::{self as key_sets, KeySetSource},
};

const POLICY: ProofPolicy = ProofPolicy {
    typ: "dbsc+jwt",
    algorithms: &[Algorithm::ES256, Algorithm::RS256],
    max_bytes: 4096,
};

/// The public half of a key pair of the tests.
fn public(text: &str) -> String {
    let known = key(text);
    known.jwk()
}

#[test]
fn what_a_token_is_bound_to() {
    let key = Thumbprint::parse(&"k".repeat(43)).unwrap();
    let bound = |text: &str| bound_key(&parse_object(text).unwrap());
    assert_eq!(bound(r#"{"sub":"u"}"#), Ok(None));
    assert_eq!(
        bound(&format!(r#"{{"cnf":{{"jkt":"{key}"}}}}"#)),
        Ok(Some(key))
    );
    for other in [
        "null",
        "{}",
        r#""x""#,
        r#"{"jkt":"short"}"#,
        r#"{"jkt":null}"#,
        r#"{"x5t#S256":"a"}"#,
        &format!(r#"{{"jkt":"{key}","x5t#S256":"a"}}"#),
        &format!(r#"["{key}"]"#),
    ] {
        assert_eq!(
            bound(&format!(r#"{{"cnf":{other}}}"#)),
            Err(TokenFault::BoundToKey),
            "{other}"
        );
    }
}

fn backend(pending: &PendingProof<'_>) -> SignatureVerdict {
    fn with<S: Scheme>(scheme: &S, key: &S::VerifyingKey, pending: &PendingProof<'_>) -> bool {
        S::Signature::try_from_slice(pending.signature()).is_ok_and(|signature| {
            scheme.verify_signature(&signature, key, pending.signing_input().as_bytes())
        })
    }
    let public = pending.key().jwk();
    let public = jwk(&public);
    SignatureVerdict::from_backend(match pending.key().material() {
        KeyMaterial::Rsa { .. } => {
            let scheme: Rsa = pending.algorithm().name().parse().unwrap();
            with(&scheme, &(&public).try_into().unwrap(), pending)
        }
        KeyMaterial::Ec { .. } => (&public)
            .try_into()
            .is_ok_and(|key| with(&Es256, &key, pending)),
        other => panic!("no backend for {other:?}"),
    })
}

fn with_its_own_key(text: &str) -> Result<VerifiedProof, TokenFault> {
    let pending = POLICY.parse(text)?.with_its_own_key()?;
    let verdict = backend(&pending);
    pending.finish(verdict)
}

fn with_key(text: &str, key: &VerificationKey) -> Result<VerifiedProof, TokenFault> {
    let pending = POLICY.parse(text)?.with_key(key.clone())?;
    let verdict = backend(&pending);
    pending.finish(verdict)
}

fn header(algorithm: &str, typ: &str, jwk: &str) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"{typ}","jwk":{jwk}}}"#)
}

/// RFC 7638 section 3.1, and RFC 8037 appendix A.3.
#[test]
fn thumbprints_are_those_of_the_standards() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj\
             hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5\
             hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let rsa = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#);
    let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for (jwk, expected) in [
        (rsa.as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (okp, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        let found = key(jwk).thumbprint().unwrap();
        assert_eq!(Thumbprint::try_from(String::from(found)), Ok(found));
        assert_eq!(found.to_string(), expected);
        assert_eq!(Thumbprint::parse(expected), Some(found));
    }
    let secret = key(&super::support::secret_jwk());
    assert_eq!(secret.thumbprint(), None);
    assert_eq!(Thumbprint::parse("short"), None);
}

#[test]
fn a_proof_is_of_the_key_in_its_header_or_of_one_that_is_known() {
    for (algorithm, pair) in [
        (Algorithm::ES256, keys::P256),
        (Algorithm::RS256, keys::RSA),
    ] {
        let own = public(pair);
        let text = token(
            algorithm,
            &header(algorithm.name(), "dbsc+jwt", &own),
            r#"{"jti":"c"}"#,
        );
        let proof = with_its_own_key(&text).unwrap();
        assert_eq!(Some(proof.thumbprint()), key(&own).thumbprint());
        assert_eq!(proof.claims().string("jti").unwrap().as_deref(), Some("c"));
        let plain = format!(r#"{{"alg":"{algorithm}","typ":"dbsc+jwt"}}"#);
        let text = token(algorithm, &plain, r#"{"jti":"c"}"#);
        let known = key_sets::parse_key(&own, KeySetSource::Fetched, &[algorithm]).unwrap();
        assert!(with_key(&text, &known).is_ok());
        assert_eq!(with_its_own_key(&text).unwrap_err(), TokenFault::UnknownKey);
    }
}

#[test]
#[allow(clippy::too_many_lines)] // one table
fn what_is_no_proof_is_refused() {
    let (ec, rsa) = (public(keys::P256), public(keys::RSA));
    let es = |header: &str| token(Algorithm::ES256, header, r#"{"jti":"c"}"#);
    let good = es(&header("ES256", "dbsc+jwt", &ec));
    let other_rsa = public(keys::RSA_OTHER);
    let hmac = {
        // Key confusion: the public key as the secret of a MAC.
        let input = signing_input(&header("HS256", "dbsc+jwt", &ec), r#"{"jti":"c"}"#);
        format!(
            "{input}.{}",
            compact::encode(&sign(Algorithm::HS256, &input))
        )
    };
    let unsecured = signing_input(&header("none", "dbsc+jwt", &ec), r#"{"jti":"c"}"#);
    for (text, expected) in [
        (es(&header("ES256", "JWT", &ec)), TokenFault::WrongType),
        (es(&header("ES256", "dpop+jwt", &ec)), TokenFault::WrongType),
        (
            es(&format!(r#"{{"alg":"ES256","jwk":{ec}}}"#)),
            TokenFault::WrongType,
        ),
        (format!("{unsecured}."), TokenFault::AlgorithmNone),
        (hmac, TokenFault::AlgorithmMismatch),
        (
            token(
                Algorithm::RS384,
                &header("RS384", "dbsc+jwt", &rsa),
                r#"{"jti":"c"}"#,
            ),
            TokenFault::AlgorithmMismatch,
        ),
        // The algorithm of another kind of key.
        (
            es(&header("RS256", "dbsc+jwt", &ec)),
            TokenFault::UnknownKey,
        ),
        (
            es(&header("ES256", "dbsc+jwt", &rsa)),
            TokenFault::UnknownKey,
        ),
        (
            es(&header(
                "ES256",
                "dbsc+jwt",
                &with_members(&ec, r#""alg":"ES384""#),
            )),
            TokenFault::UnknownKey,
        ),
        // A private key is nobody's proof any more.
        (
            es(&header("ES256", "dbsc+jwt", keys::P256)),
            TokenFault::UnknownKey,
        ),
        (
            es(&header("ES256", "dbsc+jwt", r#""text""#)),
            TokenFault::BadHeader,
        ),
        (
            token(
                Algorithm::RS256,
                &header("RS256", "dbsc+jwt", &other_rsa),
                r#"{"jti":"c"}"#,
            ),
            TokenFault::BadSignature,
        ),
        (
            token(
                Algorithm::RS256,
                &header("RS256", "dbsc+jwt", keys::RSA_SHORT),
                "{}",
            ),
            TokenFault::UnknownKey,
        ),
        (
            es(&format!(
                r#"{{"alg":"ES256","typ":"dbsc+jwt","crit":["x"],"jwk":{ec}}}"#
            )),
            TokenFault::CriticalExtension,
        ),
        (
            es(&format!(
                r#"{{"alg":"ES256","typ":"dbsc+jwt","jwk":{ec},"jwk":{ec}}}"#
            )),
            TokenFault::BadHeader,
        ),
        (
            good.rsplit_once('.').unwrap().0.to_owned() + ".",
            TokenFault::BadSignature,
        ),
        (good.clone() + ".", TokenFault::NotThreeParts),
        (good.clone() + "=", TokenFault::BadEncoding),
        (format!("{good}{}", "A".repeat(4096)), TokenFault::TooLarge),
        (String::new(), TokenFault::NotThreeParts),
    ] {
        assert_eq!(with_its_own_key(&text).unwrap_err(), expected, "{text}");
    }
    assert!(with_its_own_key(&good).is_ok());
}

/// A key that is known decides: what stands in the header is anybody's.
#[test]
fn a_key_in_the_header_does_not_stand_in_for_the_one_that_is_known() {
    let own = public(keys::P256);
    let text = token(
        Algorithm::ES256,
        &header("ES256", "dbsc+jwt", &own),
        r#"{"jti":"c"}"#,
    );
    let known = key_sets::parse_key(
        &public(keys::RSA_OTHER),
        KeySetSource::Fetched,
        &[Algorithm::RS256],
    );
    assert_eq!(
        with_key(&text, &known.unwrap()).unwrap_err(),
        TokenFault::AlgorithmMismatch
    );
}

proptest! {
    #[test]
    fn a_changed_character_is_refused(at in any::<proptest::sample::Index>(), byte in 0x20_u8..0x7f) {
        let own = public(keys::P256);
        let text = token(Algorithm::ES256, &header("ES256", "dbsc+jwt", &own), r#"{"jti":"c"}"#);
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(with_its_own_key(&changed).is_ok(), changed == text);
    }

    #[test]
    fn arbitrary_text_is_refused(text in ".{0,200}|[A-Za-z0-9_-]{1,80}\\.[A-Za-z0-9_-]{1,80}\\.[A-Za-z0-9_-]{0,90}") {
        prop_assert!(with_its_own_key(&text).is_err());
    }
}
