//! The pipeline: `Unverified` → [`Pending`] → [`Verified`]. Nothing else can build a `Verified`.
//!
//! Signature verification may be asynchronous (WebCrypto), and the core may not wait. So the pipeline stops at
//! `Pending`, which holds all that a backend needs, and goes on with the verdict.

use crate::keys::{key, symmetric};
use crate::{
    Algorithm, Form, KeyMaterial, Policy, TokenFault, TokenOrigin, Unverified, VerificationKey,
};
use crate::{
    json::{Object, ObjectText},
    time::{Millis, UnixMillis},
};

/// What a backend found about a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureVerdict(bool);

impl SignatureVerdict {
    /// The answer of a backend that checked [`Pending::signature`] over [`Pending::signing_input`] with one of
    /// [`Pending::keys`] and [`Pending::algorithm`]. A backend that failed has no answer: that is an outage.
    pub const fn from_backend(good: bool) -> Self {
        Self(good)
    }

    /// True when the signature is good.
    pub const fn is_good(self) -> bool {
        self.0
    }
}

/// A token whose keys are chosen and whose signature is still to be checked.
#[derive(Debug)]
pub struct Pending<'a, 'k> {
    token: Unverified<'a>,
    keys: Vec<&'k VerificationKey>,
    policy: &'k Policy,
}

impl<'a> Unverified<'a> {
    /// Chooses the keys that this token may be checked with. The key and the policy decide; the header must agree.
    pub fn choose_keys<'k>(
        self,
        keys: &'k [VerificationKey],
        policy: &'k Policy,
    ) -> Result<Pending<'a, 'k>, TokenFault> {
        policy.check_type(self.typ())?;
        // An unsecured token under another name; no backend needs to see it.
        if self.signature.is_empty() {
            return Err(TokenFault::BadSignature);
        }
        let keys = key::select(keys, policy, self.key_id(), self.algorithm())?;
        Ok(Pending {
            token: self,
            keys,
            policy,
        })
    }
}

impl<'k> Pending<'_, 'k> {
    /// The keys to try, in order: at least one, at most [`key::MAX_CANDIDATES`]. All fit [`Self::algorithm`].
    pub fn keys(&self) -> &[&'k VerificationKey] {
        &self.keys
    }

    /// The algorithm, on which header, key and policy agree.
    pub const fn algorithm(&self) -> Algorithm {
        self.token.algorithm()
    }

    /// What is signed.
    pub const fn signing_input(&self) -> &str {
        self.token.signing_input()
    }

    /// The signature. ECDSA signatures are `r || s` (RFC 7518 section 3.4), which is what WebCrypto takes.
    pub fn signature(&self) -> &[u8] {
        self.token.signature()
    }

    /// The verdict when no backend is needed: HS256 is checked here and now. `None` = ask a backend.
    pub fn verify_here(&self) -> Option<SignatureVerdict> {
        if self.algorithm() != Algorithm::HS256 {
            return None;
        }
        let good = self.keys.iter().any(|key| match key.material() {
            KeyMaterial::Symmetric(secret) => {
                symmetric::verify(secret, self.signing_input().as_bytes(), self.signature())
            }
            _ => false,
        });
        Some(SignatureVerdict(good))
    }

    /// Checks the claims of a token whose signature is good.
    pub fn finish(
        self,
        verdict: SignatureVerdict,
        now: UnixMillis,
    ) -> Result<Verified, TokenFault> {
        if !verdict.is_good() {
            return Err(TokenFault::BadSignature);
        }
        // Not one that was read.
        if self.token.payload.text().is_empty() {
            return Err(TokenFault::BadPayload);
        }
        let claims = self.token.payload.object();
        let times = self.policy.check_claims(self.token.form, &claims, now)?;
        Ok(Verified {
            form: self.token.form,
            algorithm: self.token.header.algorithm,
            key_id: self.token.header.key_id,
            version: self.token.header.version,
            origin: self.token.header.origin,
            payload: self.token.payload,
            expiry: times.expiry,
            issued_at: times.issued_at,
            tolerance: self.policy.tolerance,
        })
    }
}

/// A token whose signature and claims are good under its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    form: Form,
    algorithm: Algorithm,
    key_id: Option<String>,
    version: Option<String>,
    origin: TokenOrigin,
    payload: ObjectText,
    expiry: UnixMillis,
    issued_at: Option<UnixMillis>,
    tolerance: Millis,
}

impl Verified {
    /// How it was spelled.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The algorithm it was verified with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of the key it was verified with, when it named one.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The header's `version` (SuperTokens protocol).
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What our own tokens tell of where they come from; of another's token it means nothing.
    pub const fn origin(&self) -> TokenOrigin {
        self.origin
    }

    /// The text of the payload, as it was signed.
    pub fn payload(&self) -> &str {
        self.payload.text()
    }

    /// The claims of the payload.
    pub fn claims(&self) -> Object<'_> {
        self.payload.object()
    }

    /// The claims one by one, names and texts of values, in the order they were signed.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.payload.members()
    }

    /// When it expires, by its own claim.
    pub const fn expiry(&self) -> UnixMillis {
        self.expiry
    }

    /// When it was issued, if it says so.
    pub const fn issued_at(&self) -> Option<UnixMillis> {
        self.issued_at
    }

    /// From when on it is refused: the expiry plus the policy's tolerance. A cache must not answer from then on.
    pub const fn good_until(&self) -> UnixMillis {
        self.expiry.plus(self.tolerance)
    }
}
