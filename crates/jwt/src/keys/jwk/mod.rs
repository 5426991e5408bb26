//! Strict reading of JSON Web Keys and key sets (RFC 7517, RFC 7518 section 6, RFC 8037, RFC 9964).
//!
//! A document that is not a key set is refused whole. A key that cannot be used is left out, and said to be, so that one
//! odd key of an issuer does not cost its users the others. Only public parts are ever read.
//!
//! The type `Jwk` is read by serde, and keys are written by `jwt_compact`'s `JsonWebKey` ([`VerificationKey::jwk`]). That one is not read, because it cannot
//! say what has to be refused: an RSA key with `d` and without its primes passes for a public one, a `kty` that it does not know
//! and a part that lacks are one fault, `null` counts as absent, and it has no `kid`, `use`, `key_ops` and `alg`.

mod fault;
mod material;
mod set;

pub use fault::KeyFault;
pub use set::{
    KeySet, KeySetFault, LeftOut, MAX_KEY_SET_BYTES, MAX_KEYS, OtherDocument, parse_set,
};

use material::material;
use serde::Deserialize;

use crate::json::{self, Object, typed::Field};
use crate::unverified::MAX_KEY_ID_BYTES;
use crate::{Algorithm, KeyMaterial, VerificationKey};

/// Where a key set comes from, which decides whether symmetric keys may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetSource {
    /// Given in the settings by the operator.
    Settings,
    /// Fetched: everybody can read it, so a symmetric or private key in it is no secret and is left out.
    Fetched,
}

/// Reads one key. `algorithms` as in [`parse_set`].
pub fn parse_key(
    text: &str,
    source: KeySetSource,
    algorithms: &[Algorithm],
) -> Result<VerificationKey, KeyFault> {
    let jwk = json::parse_object(text).map_err(|_| KeyFault::Malformed)?;
    read(&jwk, source, algorithms)
}

/// The public half of a signing key of our own: `text` gives the key, we give its name and its one algorithm.
pub fn own_key(
    text: &str,
    key_id: &str,
    algorithm: Algorithm,
) -> Result<VerificationKey, KeyFault> {
    let jwk = json::parse_object(text).map_err(|_| KeyFault::Malformed)?;
    let jwk: Jwk<'_> = jwk.read().map_err(|_| KeyFault::Malformed)?;
    let key = VerificationKey {
        key_id: Some(key_id.to_owned()),
        issuer: None,
        algorithm,
        material: material(jwk, Some(algorithm.name()), KeySetSource::Fetched)?,
    };
    if algorithm.family() == key.material.family() {
        Ok(key)
    } else {
        Err(KeyFault::AlgorithmMismatch)
    }
}

/// The members of a JWK that mean something here (RFC 7517 section 4, RFC 7518 section 6, RFC 9964 section 4).
#[derive(Deserialize)]
struct Jwk<'a> {
    #[serde(borrow, default)]
    kty: Field<'a>,
    #[serde(borrow, default)]
    kid: Field<'a>,
    #[serde(borrow, default, rename = "use")]
    purpose: Field<'a>,
    /// `null` is no list.
    #[serde(default, deserialize_with = "list")]
    key_ops: Option<Vec<String>>,
    #[serde(borrow, default)]
    alg: Field<'a>,
    /// Of elliptic curves, as are `x` and `y`.
    #[serde(borrow, default)]
    crv: Field<'a>,
    #[serde(borrow, default)]
    x: Field<'a>,
    #[serde(borrow, default)]
    y: Field<'a>,
    /// Of RSA, as is `e`.
    #[serde(borrow, default)]
    n: Field<'a>,
    #[serde(borrow, default)]
    e: Field<'a>,
    /// The secret of a symmetric key.
    #[serde(borrow, default)]
    k: Field<'a>,
    /// Of ML-DSA, with `alg` (RFC 9964 section 4).
    #[serde(borrow, default, rename = "pub")]
    public: Field<'a>,
    /// What makes it a private key: of ML-DSA, and of any other type.
    #[serde(borrow, default, rename = "priv")]
    private: Field<'a>,
    #[serde(borrow, default)]
    d: Field<'a>,
    /// Microsoft's: see [`VerificationKey::issuer`].
    #[serde(borrow, default)]
    issuer: Field<'a>,
}

fn list<'de, D: serde::Deserializer<'de>>(of: D) -> Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(of).map(Some)
}

fn read(
    jwk: &Object<'_>,
    source: KeySetSource,
    algorithms: &[Algorithm],
) -> Result<VerificationKey, KeyFault> {
    let mut jwk: Jwk<'_> = jwk.read().map_err(|_| KeyFault::Malformed)?;
    let key_id = text(std::mem::take(&mut jwk.kid))?;
    if key_id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > MAX_KEY_ID_BYTES)
    {
        return Err(KeyFault::Malformed);
    }
    check_purpose(std::mem::take(&mut jwk.purpose), jwk.key_ops.as_deref())?;
    let is_private = jwk.d.is_there() || jwk.private.is_there();
    let alg = text(std::mem::take(&mut jwk.alg))?;
    let issuer = text(std::mem::take(&mut jwk.issuer))?;
    let material = material(jwk, alg.as_deref(), source)?;
    if source == KeySetSource::Fetched && is_private {
        return Err(KeyFault::SecretFetched);
    }
    let algorithm = match alg {
        Some(name) => declared(&name, &material, algorithms)?,
        None => first_that_fits(&material, algorithms)?,
    };
    Ok(VerificationKey {
        key_id,
        issuer,
        algorithm,
        material,
    })
}

/// The algorithm that a key's `alg` names.
fn declared(
    name: &str,
    material: &KeyMaterial,
    algorithms: &[Algorithm],
) -> Result<Algorithm, KeyFault> {
    let named = Algorithm::from_name(name).ok_or(KeyFault::Unsupported)?;
    if named.family() != material.family() {
        Err(KeyFault::AlgorithmMismatch)
    } else if !material.fits(named) {
        Err(KeyFault::BadSize)
    } else if !algorithms.contains(&named) {
        Err(KeyFault::NotListed)
    } else {
        Ok(named)
    }
}

fn first_that_fits(
    material: &KeyMaterial,
    algorithms: &[Algorithm],
) -> Result<Algorithm, KeyFault> {
    let mut listed = algorithms.iter().copied();
    if let Some(algorithm) = listed.find(|algorithm| material.fits(*algorithm)) {
        return Ok(algorithm);
    }
    let is_of_family = |algorithm: &Algorithm| algorithm.family() == material.family();
    Err(if algorithms.iter().any(is_of_family) {
        KeyFault::BadSize
    } else {
        KeyFault::NotListed
    })
}

/// `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3) must not say otherwise than verifying.
fn check_purpose(purpose: Field<'_>, operations: Option<&[String]>) -> Result<(), KeyFault> {
    if text(purpose)?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyFault::NotForVerifying);
    }
    match operations {
        Some(operations) if !operations.iter().any(|one| one == "verify") => {
            Err(KeyFault::NotForVerifying)
        }
        _ => Ok(()),
    }
}

fn text(member: Field<'_>) -> Result<Option<String>, KeyFault> {
    let text = member.text().map_err(|_| KeyFault::Malformed)?;
    Ok(text.map(Into::into))
}
