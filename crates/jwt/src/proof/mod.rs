//! Proofs of possession: a JWT that somebody signs with a key of their own to show that they hold it.
//!
//! Browsers make them for device-bound sessions (`dbsc+jwt`), API clients for DPoP (`dpop+jwt`, RFC 9449). They are no tokens
//! of an issuer: nobody vouches for the key, which stands in the header or is known already, and there is no `exp`; what a
//! proof is for, and how old it may be, the caller checks in its claims. Everything else is as strict as with tokens: one
//! spelling, the `typ` that is asked for, algorithms that are listed, and a key that fits the algorithm. Only this module
//! builds a [`VerifiedProof`].

mod thumbprint;

pub use thumbprint::Thumbprint;

use crate::{
    Algorithm, Policy, SignatureVerdict, TokenFault, Types, Unverified, VerificationKey, compact,
    json::{self, Object, ObjectText},
    keys::jwk::{self, KeySetSource},
    time::Millis,
};

/// Members of a JWK that are secret (RFC 7518 section 6): a key that was given away shows nothing any more (RFC 9449 section 4.3).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What a kind of proof must be.
#[derive(Debug, Clone, Copy)]
pub struct ProofPolicy {
    /// Its `typ`, which must be there (RFC 8725 section 3.11).
    pub typ: &'static str,
    /// The algorithms that it may be signed with: asymmetric ones.
    pub algorithms: &'static [Algorithm],
    /// The longest text that is looked at, in bytes.
    pub max_bytes: usize,
}

/// A proof that was taken apart and believed in nothing.
#[derive(Debug)]
pub struct Proof<'a> {
    token: Unverified<'a>,
}

/// A proof whose signature is still to be checked.
#[derive(Debug)]
pub struct PendingProof<'a> {
    token: Unverified<'a>,
    key: VerificationKey,
    thumbprint: Thumbprint,
}

/// A proof whose signature is good for a key.
#[derive(Debug)]
pub struct VerifiedProof {
    key: VerificationKey,
    thumbprint: Thumbprint,
    payload: ObjectText,
}

/// The key that the payload of a token says that it is bound to (RFC 9449 section 6.1); `Ok(None)` when it is bound to none.
///
/// # Errors
/// `cnf` is there and is anything but one thumbprint: a kind of binding that is not checked here.
pub fn bound_key(payload: &Object<'_>) -> Result<Option<Thumbprint>, TokenFault> {
    if !payload.contains("cnf") {
        return Ok(None);
    }
    let confirmation = payload.object("cnf").ok().flatten();
    let confirmation = confirmation.and_then(|text| json::parse_object(text).ok());
    let confirmation = confirmation.ok_or(TokenFault::BoundToKey)?;
    if confirmation.members().count() != 1 {
        return Err(TokenFault::BoundToKey);
    }
    let key = confirmation.string("jkt").ok().flatten();
    let key = key.and_then(|text| Thumbprint::parse(&text));
    key.map(Some).ok_or(TokenFault::BoundToKey)
}

impl ProofPolicy {
    /// Takes a proof apart.
    ///
    /// # Errors
    /// It is too long, not in its one spelling, of another `typ`, or signed with an algorithm that is not listed.
    pub fn parse<'a>(&self, text: &'a str) -> Result<Proof<'a>, TokenFault> {
        let token = compact::parse(text, self.max_bytes)?;
        let typ = Policy {
            typ: Types::Only(self.typ.to_owned()),
            ..Policy::own(Millis(0))
        };
        typ.check_type(token.typ())?;
        if !self.algorithms.contains(&token.algorithm()) {
            return Err(TokenFault::AlgorithmMismatch);
        }
        if token.signature.is_empty() {
            return Err(TokenFault::BadSignature);
        }
        Ok(Proof { token })
    }
}

impl<'a> Proof<'a> {
    /// The claims, which nobody has vouched for: for refusing early, never for deciding.
    pub fn claims_unverified(&self) -> Object<'_> {
        self.token.claims_unverified()
    }

    /// To be checked with the key that stands in its header (`jwk`, RFC 7515 section 4.1.3).
    ///
    /// # Errors
    /// There is none, it has a private part, it is weak, or it does not fit the algorithm.
    pub fn with_its_own_key(self) -> Result<PendingProof<'a>, TokenFault> {
        let header = self.token.signing_input.split('.').next();
        let header = compact::decode(header.unwrap_or_default())?;
        let header = std::str::from_utf8(&header).map_err(|_| TokenFault::BadHeader)?;
        let header = json::parse_object(header).map_err(|_| TokenFault::BadHeader)?;
        let key = header.object("jwk").map_err(|_| TokenFault::BadHeader)?;
        let key = key.ok_or(TokenFault::UnknownKey)?;
        let members = json::parse_object(key).map_err(|_| TokenFault::BadHeader)?;
        if PRIVATE.iter().any(|member| members.contains(member)) {
            return Err(TokenFault::UnknownKey);
        }
        let algorithms = [self.token.algorithm()];
        let key = jwk::parse_key(key, KeySetSource::Fetched, &algorithms)
            .map_err(|_| TokenFault::UnknownKey)?;
        self.with_key(key)
    }

    /// To be checked with a key that is known; one in the header counts for nothing then.
    ///
    /// # Errors
    /// The key is for another algorithm than the header says, or symmetric.
    pub fn with_key(self, key: VerificationKey) -> Result<PendingProof<'a>, TokenFault> {
        if key.algorithm() != self.token.algorithm() {
            return Err(TokenFault::AlgorithmMismatch);
        }
        let thumbprint = key.thumbprint().ok_or(TokenFault::AlgorithmMismatch)?;
        Ok(PendingProof {
            token: self.token,
            key,
            thumbprint,
        })
    }
}

impl PendingProof<'_> {
    /// The key to check it with.
    pub const fn key(&self) -> &VerificationKey {
        &self.key
    }

    /// The algorithm, on which header, key and policy agree.
    pub const fn algorithm(&self) -> Algorithm {
        self.token.algorithm()
    }

    /// What is signed.
    pub const fn signing_input(&self) -> &str {
        self.token.signing_input()
    }

    /// The signature; of ECDSA `r || s` (RFC 7518 section 3.4).
    pub fn signature(&self) -> &[u8] {
        self.token.signature()
    }

    /// The proof, once a backend has said what the signature is worth.
    ///
    /// # Errors
    /// The signature is bad.
    pub fn finish(self, verdict: SignatureVerdict) -> Result<VerifiedProof, TokenFault> {
        if !verdict.is_good() {
            return Err(TokenFault::BadSignature);
        }
        Ok(VerifiedProof {
            key: self.key,
            thumbprint: self.thumbprint,
            payload: self.token.payload,
        })
    }
}

impl VerifiedProof {
    /// The key whose holder made it.
    pub const fn key(&self) -> &VerificationKey {
        &self.key
    }

    /// The thumbprint of that key.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// What it says.
    pub fn claims(&self) -> Object<'_> {
        self.payload.object()
    }
}
