//! Verification keys, and which of them a token may be checked with.

use std::borrow::Cow;

use jwt_compact::{alg::SecretBytes, jwk::JsonWebKey};

use crate::secret::Secret;
use crate::{Algorithm, Curve, Family, MlDsa, Policy, TokenFault, compact};

/// How many keys are tried for one token: a token without `kid` must not buy unbounded work.
pub const MAX_CANDIDATES: usize = 8;

/// The parts of a key that verification needs.
#[derive(Debug, Clone)]
pub enum KeyMaterial {
    /// An RSA public key: big-endian, without leading zeros.
    Rsa {
        /// The modulus `n`.
        modulus: Vec<u8>,
        /// The exponent `e`.
        exponent: Vec<u8>,
    },
    /// A point on a curve; both coordinates have the curve's full length.
    Ec {
        /// The curve.
        curve: Curve,
        /// The coordinate `x`.
        x: Vec<u8>,
        /// The coordinate `y`.
        y: Vec<u8>,
    },
    /// An Ed25519 public key of 32 bytes.
    Okp {
        /// The public key.
        x: Vec<u8>,
    },
    /// An ML-DSA public key, as long as its parameter set has it.
    Akp {
        /// The parameter set.
        set: MlDsa,
        /// The public key.
        public: Vec<u8>,
    },
    /// A symmetric key.
    Symmetric(Secret),
}

impl KeyMaterial {
    /// True when both are the same key.
    pub fn is_same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Rsa { modulus, exponent },
                Self::Rsa {
                    modulus: n,
                    exponent: e,
                },
            ) => modulus == n && exponent == e,
            (
                Self::Ec { curve, x, y },
                Self::Ec {
                    curve: other,
                    x: x2,
                    y: y2,
                },
            ) => curve == other && x == x2 && y == y2,
            (Self::Okp { x }, Self::Okp { x: x2 }) => x == x2,
            (
                Self::Akp { set, public },
                Self::Akp {
                    set: other,
                    public: public2,
                },
            ) => set == other && public == public2,
            (Self::Symmetric(secret), Self::Symmetric(other)) => secret.equals(other.expose()),
            _ => false,
        }
    }

    /// An ML-DSA key as a JWK (RFC 9964 section 4), which `JsonWebKey` does not know; in the order of a thumbprint (section 6 there).
    pub(crate) fn akp_jwk(&self) -> Option<String> {
        let Self::Akp { set, public } = self else {
            return None;
        };
        let (alg, public) = (set.name(), compact::encode(public));
        Some(format!(r#"{{"alg":"{alg}","kty":"AKP","pub":"{public}"}}"#))
    }

    /// Any other key as a JWK (RFC 7517), with nothing but the key in it.
    pub(crate) fn to_jwk(&self) -> Option<JsonWebKey<'_>> {
        let borrowed = |bytes| Cow::Borrowed(bytes);
        Some(match self {
            Self::Akp { .. } => return None,
            Self::Rsa { modulus, exponent } => JsonWebKey::Rsa {
                modulus: borrowed(modulus.as_slice()),
                public_exponent: borrowed(exponent),
                private_parts: None,
            },
            Self::Ec { curve, x, y } => JsonWebKey::EllipticCurve {
                curve: curve.name().into(),
                x: borrowed(x),
                y: borrowed(y),
                secret: None,
            },
            Self::Okp { x } => JsonWebKey::KeyPair {
                curve: "Ed25519".into(),
                x: borrowed(x),
                secret: None,
            },
            Self::Symmetric(secret) => JsonWebKey::Symmetric {
                secret: SecretBytes::borrowed(secret.expose()),
            },
        })
    }

    /// The kind of algorithm that it works with.
    pub(crate) const fn family(&self) -> Family {
        match self {
            Self::Rsa { .. } => Family::Rsa,
            Self::Ec { curve, .. } => Family::Ecdsa(*curve),
            Self::Okp { .. } => Family::Ed25519,
            Self::Akp { set, .. } => Family::MlDsa(*set),
            Self::Symmetric(_) => Family::Hmac,
        }
    }

    /// True when it may be used with an algorithm: a MAC key shorter than the hash may not (RFC 7518 section 3.2).
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let is_long_enough = match self {
            Self::Symmetric(secret) => secret.expose().len() >= minimum_secret_bytes(algorithm),
            _ => true,
        };
        algorithm.family() == self.family() && is_long_enough
    }
}

/// A key, and the one algorithm that it is used with (RFC 8725 section 3.1).
#[derive(Debug, Clone)]
pub struct VerificationKey {
    pub(crate) key_id: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) material: KeyMaterial,
}

impl VerificationKey {
    /// The key's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The issuer that the key is for, where a set that several issuers share says so: its member `issuer`, which is Microsoft's.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The algorithm that it is used with, and no other.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key itself.
    pub const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// The key as a JWK for WebCrypto's `importKey`, with nothing but the key in it. That of a symmetric key is as secret
    /// as the key.
    pub fn jwk(&self) -> String {
        self.material.akp_jwk().unwrap_or_else(|| {
            // Strings in an object: that can be written. An empty text would be no key to anybody.
            serde_json::to_string(&self.material.to_jwk()).unwrap_or_default()
        })
    }
}

/// The shortest key that RFC 7518 section 3.2 allows for a MAC.
const fn minimum_secret_bytes(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    }
}

/// The keys that a token with this `kid` and `alg` may be checked with: 1 to [`MAX_CANDIDATES`].
///
/// A `kid` selects one key: two of one name that both fit are no choice (RFC 7517 section 4.5). Only a token without
/// `kid` is tried with every key that its `alg` fits.
pub fn select<'k>(
    keys: &'k [VerificationKey],
    policy: &Policy,
    key_id: Option<&str>,
    algorithm: Algorithm,
) -> Result<Vec<&'k VerificationKey>, TokenFault> {
    if !policy.allows(algorithm) {
        return Err(TokenFault::AlgorithmMismatch);
    }
    let mut named = keys
        .iter()
        .filter(|key| key_id.is_none() || key.key_id() == key_id)
        .peekable();
    if named.peek().is_none() {
        return Err(TokenFault::UnknownKey);
    }
    let candidates: Vec<_> = named.filter(|key| key.algorithm == algorithm).collect();
    let most = if key_id.is_some() { 1 } else { MAX_CANDIDATES };
    match candidates.len() {
        0 => Err(TokenFault::AlgorithmMismatch),
        count if count <= most => Ok(candidates),
        _ => Err(TokenFault::TooManyKeys),
    }
}
