//! Why a key cannot be used.

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
