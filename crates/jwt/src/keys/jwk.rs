//! Strict reading of JSON Web Keys and key sets (RFC 7517, RFC 7518 section 6, RFC 8037, RFC 9964).
//!
//! A document that is not a key set is refused whole. A key that cannot be used is left out, and said to be, so that one
//! odd key of an issuer does not cost its users the others. Only public parts are ever read.
//!
//! The type `Jwk` is read by serde, and keys are written by `jwt_compact`'s `JsonWebKey` ([`VerificationKey::jwk`]). That one is not read, because it cannot
//! say what has to be refused: an RSA key with `d` and without its primes passes for a public one, a `kty` that it does not know
//! and a part that lacks are one fault, `null` counts as absent, and it has no `kid`, `use`, `key_ops` and `alg`.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;

use crate::keys::weak_key;
use crate::unverified::MAX_KEY_ID_BYTES;
use crate::{Algorithm, Curve, KeyMaterial, MlDsa, VerificationKey};
use crate::{
    json::{self, JsonFault, Object, typed::Field},
    secret::Secret,
};

/// The largest key set that is read, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// How many keys a set may have.
pub const MAX_KEYS: usize = 100;

/// RSA moduli are from 2,048 (RFC 7518 section 3.3) to 8,192 bits: longer ones only cost time.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The longest RSA exponent, in bytes: what WebCrypto implementations take.
const RSA_EXPONENT_MAX_BYTES: usize = 4;

/// Where a key set comes from, which decides whether symmetric keys may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetSource {
    /// Given in the settings by the operator.
    Settings,
    /// Fetched: everybody can read it, so a symmetric or private key in it is no secret and is left out.
    Fetched,
}

/// Why a key set document was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySetFault {
    /// Larger than [`MAX_KEY_SET_BYTES`].
    TooLarge,
    /// More than [`MAX_KEYS`] keys.
    TooManyKeys,
    /// Not a JSON object with an array `keys` of objects.
    Malformed(JsonFault),
    /// Another document than a key set.
    NotASet(OtherDocument),
    /// No key that can be used; all of these were left out.
    NoUsableKey(Vec<LeftOut>),
}

/// What is found in a key set's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherDocument {
    /// An issuer's metadata (OpenID Connect Discovery, RFC 8414): it has a `jwks_uri`.
    Metadata,
    /// X.509 certificates by their `kid`, as some issuers serve them beside their key set.
    Certificates,
    /// An object without `keys`.
    Unknown,
}

impl OtherDocument {
    fn of(document: &Object<'_>) -> Self {
        if document.contains("jwks_uri") {
            return Self::Metadata;
        }
        let mut members = document.members();
        if members.any(|member| member.value().starts_with("\"-----BEGIN CERTIFICATE")) {
            return Self::Certificates;
        }
        Self::Unknown
    }
}

impl std::fmt::Display for OtherDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metadata => {
                "the issuer's metadata and no JWK Set: what its jwks_uri says is the address"
            }
            Self::Certificates => {
                "X.509 certificates by name and no JWK Set: the issuer has another address for that"
            }
            Self::Unknown => "no JWK Set: it has no member \"keys\"",
        })
    }
}

impl std::fmt::Display for KeySetFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "larger than {MAX_KEY_SET_BYTES} bytes"),
            Self::TooManyKeys => write!(f, "more than {MAX_KEYS} keys"),
            Self::Malformed(fault) => write!(f, "not a JWK Set: {fault}"),
            Self::NotASet(found) => write!(f, "{found}"),
            Self::NoUsableKey(left_out) => {
                f.write_str("no usable key")?;
                for key in left_out.iter().take(MAX_NAMED) {
                    write!(f, "; {key}")?;
                }
                match left_out.len().saturating_sub(MAX_NAMED) {
                    0 => Ok(()),
                    others => write!(f, "; {others} others"),
                }
            }
        }
    }
}

/// How many keys a text names that were left out, and how many characters of a `kid`.
const MAX_NAMED: usize = 8;
const MAX_NAMED_KEY_ID: usize = 48;

/// A key set that was read.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// The keys that can be used, in the order of the document; at least one.
    pub keys: Vec<VerificationKey>,
    /// The others.
    pub left_out: Vec<LeftOut>,
}

/// A key that cannot be used. As text it is fit for a log, whatever the issuer called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place in the set, from 1.
    pub place: usize,
    /// Its `kid`, if that is a string.
    pub key_id: Option<String>,
    /// Why.
    pub fault: KeyFault,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key {}", self.place)?;
        if let Some(key_id) = &self.key_id {
            let is_plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
            let key_id: String = key_id
                .chars()
                .filter(is_plain)
                .take(MAX_NAMED_KEY_ID)
                .collect();
            write!(f, " ({key_id})")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for KeySetFault {}

/// Why one key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// A member is missing, has the wrong type, or is not canonical base64url.
    Malformed,
    /// A key type, curve or algorithm that is not ours.
    Unsupported,
    /// `use` or `key_ops` says that it does not verify signatures.
    NotForVerifying,
    /// `alg` does not fit `kty` and `crv`.
    AlgorithmMismatch,
    /// Too short or of a wrong length, or an RSA exponent that is no exponent.
    BadSize,
    /// A symmetric or a private key in a fetched set: everybody can sign with it.
    SecretFetched,
    /// An RSA key that can be factored (CVE-2017-15361), or an Ed25519 key of small order.
    Weak,
    /// It is for an algorithm that the issuer's entry does not list.
    NotListed,
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a member is missing or malformed",
            Self::Unsupported => "its type, curve or algorithm is not supported",
            Self::NotForVerifying => "it is not for verifying, by its use or key_ops",
            Self::AlgorithmMismatch => "its alg does not fit its kty and crv",
            Self::BadSize => "it is too short, or of a wrong length",
            Self::SecretFetched => "it is secret or private, and everybody can read it",
            Self::Weak => "it is known to protect nothing",
            Self::NotListed => "it is for none of the algorithms that are listed",
        })
    }
}

impl std::error::Error for KeyFault {}

/// Reads a key set. `algorithms` are those that keys may be used with, in order of preference: a key whose `alg` names none
/// is for the first that it fits, and for no other.
pub fn parse_set(
    text: &str,
    source: KeySetSource,
    algorithms: &[Algorithm],
) -> Result<KeySet, KeySetFault> {
    if text.len() > MAX_KEY_SET_BYTES {
        return Err(KeySetFault::TooLarge);
    }
    // Some servers put a byte order mark in front, which a reader may ignore (RFC 8259 section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = json::parse_object(text).map_err(KeySetFault::Malformed)?;
    let elements = document.array("keys").map_err(KeySetFault::Malformed)?;
    let elements = elements.ok_or_else(|| KeySetFault::NotASet(OtherDocument::of(&document)))?;
    if elements.len() > MAX_KEYS {
        return Err(KeySetFault::TooManyKeys);
    }
    let mut set = KeySet::default();
    for (place, element) in (1_usize..).zip(elements) {
        // One odd element must not cost the issuer's users the others.
        let jwk = json::parse_object(element).ok();
        let key = jwk
            .as_ref()
            .ok_or(KeyFault::Malformed)
            .and_then(|jwk| read(jwk, source, algorithms));
        match key {
            Ok(key) => set.keys.push(key),
            Err(fault) => {
                let key_id = jwk
                    .as_ref()
                    .and_then(|jwk| jwk.string("kid").ok().flatten());
                set.left_out.push(LeftOut {
                    place,
                    key_id: key_id.map(Into::into),
                    fault,
                });
            }
        }
    }
    if set.keys.is_empty() {
        return Err(KeySetFault::NoUsableKey(set.left_out));
    }
    Ok(set)
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

fn material(
    jwk: Jwk<'_>,
    alg: Option<&str>,
    source: KeySetSource,
) -> Result<KeyMaterial, KeyFault> {
    match text(jwk.kty)?.ok_or(KeyFault::Malformed)?.as_str() {
        "RSA" => rsa(jwk.n, jwk.e),
        "EC" => ec(jwk.crv, jwk.x, jwk.y),
        "OKP" => okp(jwk.crv, jwk.x),
        "AKP" => akp(alg, jwk.public),
        "oct" if source == KeySetSource::Fetched => Err(KeyFault::SecretFetched),
        "oct" => Ok(KeyMaterial::Symmetric(Secret::new(bytes(jwk.k)?))),
        _ => Err(KeyFault::Unsupported),
    }
}

fn rsa(n: Field<'_>, e: Field<'_>) -> Result<KeyMaterial, KeyFault> {
    let modulus = unsigned_integer(bytes(n)?);
    let exponent = unsigned_integer(bytes(e)?);
    if !RSA_MODULUS_BITS.contains(&bit_length(&modulus)) {
        return Err(KeyFault::BadSize);
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    // An exponent of 1 would make every message its own signature.
    let usable = odd(&exponent) && bit_length(&exponent) > 1;
    if !usable || exponent.len() > RSA_EXPONENT_MAX_BYTES || !odd(&modulus) {
        return Err(KeyFault::BadSize);
    }
    if weak_key::is_factorable(&modulus) {
        return Err(KeyFault::Weak);
    }
    Ok(KeyMaterial::Rsa { modulus, exponent })
}

fn ec(crv: Field<'_>, x: Field<'_>, y: Field<'_>) -> Result<KeyMaterial, KeyFault> {
    let name = text(crv)?.ok_or(KeyFault::Malformed)?;
    let curve = Curve::from_name(&name).ok_or(KeyFault::Unsupported)?;
    let (x, y) = (in_full(bytes(x)?, curve), in_full(bytes(y)?, curve));
    if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
        return Err(KeyFault::BadSize);
    }
    Ok(KeyMaterial::Ec { curve, x, y })
}

fn okp(crv: Field<'_>, x: Field<'_>) -> Result<KeyMaterial, KeyFault> {
    if text(crv)?.ok_or(KeyFault::Malformed)? != "Ed25519" {
        return Err(KeyFault::Unsupported);
    }
    let x = bytes(x)?;
    if x.len() != 32 {
        return Err(KeyFault::BadSize);
    }
    if weak_key::has_small_order(&x) {
        return Err(KeyFault::Weak);
    }
    Ok(KeyMaterial::Okp { x })
}

/// A key that says itself what it is for: `alg` is required (RFC 9964 section 4).
fn akp(alg: Option<&str>, public: Field<'_>) -> Result<KeyMaterial, KeyFault> {
    let set = MlDsa::from_name(alg.ok_or(KeyFault::Malformed)?).ok_or(KeyFault::Unsupported)?;
    let public = bytes(public)?;
    if public.len() != set.public_key_bytes() {
        return Err(KeyFault::BadSize);
    }
    Ok(KeyMaterial::Akp { set, public })
}

fn text(member: Field<'_>) -> Result<Option<String>, KeyFault> {
    let text = member.text().map_err(|_| KeyFault::Malformed)?;
    Ok(text.map(Into::into))
}

/// Canonical base64url without padding, of what may be a secret: in constant time.
fn bytes(member: Field<'_>) -> Result<Vec<u8>, KeyFault> {
    let encoded = member.text().map_err(|_| KeyFault::Malformed)?;
    let encoded = encoded.ok_or(KeyFault::Malformed)?;
    Base64UrlUnpadded::decode_vec(&encoded).map_err(|_| KeyFault::Malformed)
}

/// How many leading zeros of a coordinate may lack: of more than these, the curve is another.
const MOST_ZEROS: usize = 4;

/// A coordinate as long as its curve's are (RFC 7518 section 6.2.1.2): some issuers leave its leading zeros out.
fn in_full(bytes: Vec<u8>, curve: Curve) -> Vec<u8> {
    let lacking = curve.coordinate_bytes().saturating_sub(bytes.len());
    if lacking > MOST_ZEROS {
        return bytes;
    }
    let mut full = vec![0; lacking];
    full.extend(bytes);
    full
}

/// Without leading zeros, which some issuers send.
fn unsigned_integer(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    number
        .len()
        .saturating_mul(8)
        .saturating_sub(usize::try_from(unused).unwrap_or(0))
}
