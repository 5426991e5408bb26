//! JWK thumbprints (RFC 7638): the name of a public key that everybody computes alike.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{KeyMaterial, VerificationKey, compact};

/// The bytes of a thumbprint.
const BYTES: usize = 32;

/// The SHA-256 thumbprint of a public key (RFC 7638 section 3). It is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint([u8; BYTES]);

impl Thumbprint {
    /// That of no key.
    pub const NONE: Self = Self([0; BYTES]);

    /// The bytes.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads canonical base64url without padding; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = compact::decode(text).ok()?.try_into().ok()?;
        Some(Self(bytes))
    }

    /// Of a public key whose required members alone are in `jwk`, in the order and spelling of RFC 7638 section 3.3.
    pub fn of_canonical(jwk: &str) -> Self {
        Self(Sha256::digest(jwk).into())
    }
}

impl std::fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a thumbprint has 43 characters of base64url")
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.to_string()
    }
}

impl VerificationKey {
    /// The thumbprint of the key; `None` for a symmetric one, which its thumbprint would give away to a search.
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        match self.material() {
            KeyMaterial::Symmetric(_) => None,
            public => {
                let digest = match public.akp_jwk() {
                    Some(jwk) => Sha256::digest(jwk),
                    None => public.to_jwk()?.thumbprint::<Sha256>(),
                };
                Some(Thumbprint(digest.into()))
            }
        }
    }
}
