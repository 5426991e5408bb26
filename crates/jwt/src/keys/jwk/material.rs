//! What a key is made of, by its `kty` (RFC 7518 section 6, RFC 8037, RFC 9964), and that it is worth something.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{Jwk, KeyFault, KeySetSource, text};
use crate::json::typed::Field;
use crate::keys::weak_key;
use crate::secret::Secret;
use crate::{Curve, KeyMaterial, MlDsa};

/// RSA moduli are from 2,048 (RFC 7518 section 3.3) to 8,192 bits: longer ones only cost time.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The longest RSA exponent, in bytes: what WebCrypto implementations take.
const RSA_EXPONENT_MAX_BYTES: usize = 4;

/// The public part of a key, or the secret of a symmetric one. `alg` is what the key or its owner says that it is for.
pub(super) fn material(
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
