//! Random bytes.

/// Why WebCrypto has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CryptoFault {
    /// The key is malformed, or not one for this algorithm. Trying again will not help.
    BadKey,
    /// WebCrypto failed. A fault of ours, never a verdict on a signature.
    Backend,
}

/// Random bytes of the platform.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], CryptoFault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| CryptoFault::Backend)?;
    Ok(bytes)
}
