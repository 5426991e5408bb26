//! What the tests of tokens share: keys, and tokens signed with them.

#[path = "keys.rs"]
pub(crate) mod keys;
#[path = "ml_dsa.rs"]
pub(crate) mod ml_dsa;

use jwt_compact::{
    Algorithm as Scheme, AlgorithmSignature,
    alg::{Ed25519, Es256, Hs256, Hs256Key, Hs384, Hs384Key, Hs512, Hs512Key, Rsa},
    jwk::JsonWebKey,
};
use p384::ecdsa::signature::{Signer, Verifier};
use postern_jwt::keys::jwk::{self as key_sets, KeyFault, KeySetFault, KeySetSource};
use postern_jwt::time::{Millis, UnixMillis};
use postern_jwt::{
    Algorithm, Curve, Family, KeyMaterial, MAX_TOKEN_BYTES, Parties, Pending, Policy,
    SignatureVerdict, TokenFault, Types, VerificationKey, Verified, compact,
};
use std::{str::FromStr, sync::LazyLock};

/// The time at which these tests happen.
pub(crate) const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

/// A secret that is long enough for each MAC.
pub(crate) const SECRET: [u8; 64] = [0x5a; 64];

/// Claims that every policy here takes.
pub(crate) const CLAIMS: &str = r#"{"iss":"https://issuer.example","aud":"us","sub":"u","sid":"s","exp":1800000600,"iat":1799999999}"#;

pub(crate) fn policy() -> Policy {
    Policy {
        algorithms: None,
        typ: Types::Access,
        issuer: Some("https://issuer.example".to_owned()),
        parties: Parties {
            audience: vec!["them".to_owned(), "us".to_owned()],
            ..Parties::default()
        },
        needs_expiry: true,
        max_lifetime: Some(Millis::from_seconds(3600)),
        checks_confirmation: true,
        tolerance: Millis(0),
        not_before_allowance: Millis(0),
        issued_at_allowance: Millis(0),
    }
}

/// A JWK with more members.
pub(crate) fn with_members(jwk: &str, members: &str) -> String {
    format!("{},{members}}}", jwk.strip_suffix('}').unwrap())
}

pub(crate) fn secret_jwk() -> String {
    format!(
        r#"{{"kty":"oct","k":"{}","kid":"hmac"}}"#,
        compact::encode(&SECRET)
    )
}

/// The usable keys of a set, for an issuer that lists every algorithm.
pub(crate) fn parse_set(
    text: &str,
    source: KeySetSource,
) -> Result<Vec<VerificationKey>, KeySetFault> {
    key_sets::parse_set(text, source, &Algorithm::ALL).map(|set| set.keys)
}

/// One key, for the same.
pub(crate) fn parse_key(text: &str, source: KeySetSource) -> Result<VerificationKey, KeyFault> {
    key_sets::parse_key(text, source, &Algorithm::ALL)
}

/// One key of each family, named `hmac`, `rsa`, `p256`, `p384`, `p521`, `ed` and as its ML-DSA, for the first algorithm of that; and for
/// each other algorithm the same under another name.
pub(crate) fn key_ring() -> Vec<VerificationKey> {
    let jwks = [
        secret_jwk(),
        with_members(keys::RSA, r#""kid":"rsa""#),
        with_members(keys::P256, r#""kid":"p256""#),
        ec_jwk(
            Curve::P384,
            &p384_key().verifying_key().to_encoded_point(false),
        ),
        ec_jwk(
            Curve::P521,
            &p521::ecdsa::VerifyingKey::from(&p521_key()).to_encoded_point(false),
        ),
        with_members(keys::ED25519, r#""kid":"ed""#),
    ];
    let others = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        let jwk = match algorithm {
            Algorithm::HS384 | Algorithm::HS512 => secret_jwk().replace(r#","kid":"hmac""#, ""),
            Algorithm::Ed25519 => keys::ED25519.to_owned(),
            Algorithm::MlDsa(set) => {
                let name = key_id(algorithm);
                return Some(with_members(
                    &ml_dsa::jwk(set),
                    &format!(r#""kid":"{name}""#),
                ));
            }
            _ if algorithm.family() == Family::Rsa && algorithm != Algorithm::RS256 => {
                keys::RSA.to_owned()
            }
            _ => return None,
        };
        let members = format!(r#""kid":"{}","alg":"{algorithm}""#, key_id(algorithm));
        Some(with_members(&jwk, &members))
    });
    let jwks: Vec<String> = jwks.into_iter().chain(others).collect();
    let set = format!(r#"{{"keys":[{}]}}"#, jwks.join(","));
    parse_set(&set, KeySetSource::Settings).unwrap()
}

pub(crate) const fn key_id(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "hmac",
        Algorithm::RS256 => "rsa",
        Algorithm::ES256 => "p256",
        Algorithm::ES384 => "p384",
        Algorithm::ES512 => "p521",
        Algorithm::EdDSA => "ed",
        other => other.name(),
    }
}

/// A key pair on P-384.
pub(crate) fn p384_key() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap()
}

/// A key pair on P-521, whose scalars have seven bits in their first byte to spare.
pub(crate) fn p521_key() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&[&[0], [7; 65].as_slice()].concat()).unwrap()
}

/// A point as a JWK that is named after its curve.
pub(crate) fn ec_jwk(curve: Curve, point: &impl AsRef<[u8]>) -> String {
    let (x, y) = point.as_ref()[1..].split_at(curve.coordinate_bytes());
    let name = curve.name();
    format!(
        r#"{{"kty":"EC","crv":"{name}","x":"{}","y":"{}","kid":"{}"}}"#,
        compact::encode(x),
        compact::encode(y),
        name.replace('-', "").to_lowercase()
    )
}

pub(crate) fn jwk(text: &str) -> JsonWebKey<'static> {
    serde_json::from_str(text).unwrap()
}

/// Read once: checking the primes of a private key is slow.
pub(crate) static RSA_KEY: LazyLock<<Rsa as Scheme>::SigningKey> =
    LazyLock::new(|| (&jwk(keys::RSA)).try_into().unwrap());

/// Signs with jwt-compact.
pub(crate) fn sign(algorithm: Algorithm, message: &str) -> Vec<u8> {
    fn with<S: Scheme>(scheme: &S, key: &S::SigningKey, message: &str) -> Vec<u8> {
        let signature = scheme.sign(key, message.as_bytes());
        signature.as_bytes().into_owned()
    }
    match algorithm {
        Algorithm::HS256 => with(&Hs256, &Hs256Key::new(SECRET), message),
        Algorithm::HS384 => with(&Hs384, &Hs384Key::new(SECRET), message),
        Algorithm::HS512 => with(&Hs512, &Hs512Key::new(SECRET), message),
        Algorithm::ES256 => with(&Es256, &(&jwk(keys::P256)).try_into().unwrap(), message),
        Algorithm::EdDSA | Algorithm::Ed25519 => with(
            &Ed25519,
            &(&jwk(keys::ED25519)).try_into().unwrap(),
            message,
        ),
        Algorithm::ES384 => {
            let signature: p384::ecdsa::Signature = p384_key().sign(message.as_bytes());
            signature.to_vec()
        }
        Algorithm::ES512 => {
            let signature: p521::ecdsa::Signature = p521_key().sign(message.as_bytes());
            signature.to_vec()
        }
        Algorithm::MlDsa(set) => ml_dsa::sign(set, message.as_bytes()),
        rsa => with(&Rsa::from_str(rsa.name()).unwrap(), &RSA_KEY, message),
    }
}

pub(crate) fn signing_input(header: &str, payload: &str) -> String {
    format!(
        "{}.{}",
        compact::encode(header.as_bytes()),
        compact::encode(payload.as_bytes())
    )
}

/// A token of any header and payload, signed as `algorithm` whatever the header says.
pub(crate) fn token(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let input = signing_input(header, payload);
    let signature = sign(algorithm, &input);
    format!("{input}.{}", compact::encode(&signature))
}

/// A token with a plain header.
pub(crate) fn plain_token(algorithm: Algorithm, payload: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","kid":"{}"}}"#, key_id(algorithm));
    token(algorithm, &header, payload)
}

/// The backend of these tests: jwt-compact and the curves that it lacks, with the key as WebCrypto would import it.
pub(crate) fn ask_backend(pending: &Pending<'_, '_>) -> SignatureVerdict {
    fn with<S: Scheme>(scheme: &S, key: &S::VerifyingKey, pending: &Pending<'_, '_>) -> bool {
        let bytes = pending.signature();
        let fits = S::Signature::LENGTH.is_none_or(|length| length.get() == bytes.len());
        fits && S::Signature::try_from_slice(bytes).is_ok_and(|signature| {
            scheme.verify_signature(&signature, key, pending.signing_input().as_bytes())
        })
    }
    let good = pending.keys().iter().any(|key| {
        if let KeyMaterial::Akp { set, public } = key.material() {
            let input = pending.signing_input().as_bytes();
            return ml_dsa::verify(*set, public, input, pending.signature());
        }
        let public = key.jwk();
        let public = jwk(&public);
        match (key.material(), pending.algorithm()) {
            (KeyMaterial::Rsa { .. }, algorithm) => {
                let scheme: Rsa = algorithm.name().parse().unwrap();
                with(&scheme, &(&public).try_into().unwrap(), pending)
            }
            // A point that is not on the curve is refused at import, by WebCrypto as well.
            (KeyMaterial::Ec { .. }, Algorithm::ES256) => (&public)
                .try_into()
                .is_ok_and(|key| with(&Es256, &key, pending)),
            (KeyMaterial::Ec { x, y, .. }, Algorithm::ES384) => {
                let point = [&[4], x.as_slice(), y].concat();
                let signature = p384::ecdsa::Signature::from_slice(pending.signature());
                p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok_and(|key| {
                    let input = pending.signing_input().as_bytes();
                    signature.is_ok_and(|signature| key.verify(input, &signature).is_ok())
                })
            }
            (KeyMaterial::Ec { x, y, .. }, Algorithm::ES512) => {
                let point = [&[4], x.as_slice(), y].concat();
                let signature = p521::ecdsa::Signature::from_slice(pending.signature());
                p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok_and(|key| {
                    let input = pending.signing_input().as_bytes();
                    signature.is_ok_and(|signature| key.verify(input, &signature).is_ok())
                })
            }
            (KeyMaterial::Okp { .. }, _) => (&public)
                .try_into()
                .is_ok_and(|key| with(&Ed25519, &key, pending)),
            (KeyMaterial::Symmetric(_), Algorithm::HS384) => {
                with(&Hs384, &(&public).try_into().unwrap(), pending)
            }
            (KeyMaterial::Symmetric(_), Algorithm::HS512) => {
                with(&Hs512, &(&public).try_into().unwrap(), pending)
            }
            other => panic!("no backend for {other:?}"),
        }
    });
    SignatureVerdict::from_backend(good)
}

/// The whole way of a compact token.
pub(crate) fn verify(
    token: &str,
    keys: &[VerificationKey],
    policy: &Policy,
) -> Result<Verified, TokenFault> {
    let pending = compact::parse(token, MAX_TOKEN_BYTES)?.choose_keys(keys, policy)?;
    let verdict = pending
        .verify_here()
        .unwrap_or_else(|| ask_backend(&pending));
    pending.finish(verdict, NOW)
}

/// A key that must be good.
pub(crate) fn key(jwk: &str) -> VerificationKey {
    parse_key(jwk, KeySetSource::Settings).unwrap()
}
