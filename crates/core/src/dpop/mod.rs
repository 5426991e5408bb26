//! Demonstrating proof of possession (DPoP, RFC 9449), as a resource server checks it.
//!
//! An access token that names a key (`cnf.jkt`) is good only with a proof: a JWT that its holder signs with that key for
//! one request. [`read`] takes the header apart, [`Pending::finish`] says what the proof is good for, and [`UsedProofs`]
//! remembers which were used. The Worker checks the signature in between.

pub mod claim;
mod nonce;
mod replay;
pub mod target;

pub use nonce::{NONCE_LIFETIME, Nonces};
pub use replay::UsedProofs;

use postern_jwt::{
    Algorithm, SignatureVerdict, TokenFault, compact,
    json::Object,
    proof::{PendingProof, ProofPolicy, Thumbprint},
    secret::{Secret, digest},
    time::{Millis, UnixMillis},
};

/// The longest proof, in bytes.
pub const MAX_PROOF_BYTES: usize = 4096;
/// How old a proof may be.
pub const LIFETIME: Millis = Millis(60_000);
/// How far a client's clock may be ahead.
pub const FUTURE: Millis = Millis(5_000);
/// The longest `jti`, in bytes.
const MAX_ID_BYTES: usize = 512;

const POLICY: ProofPolicy = ProofPolicy {
    typ: "dpop+jwt",
    algorithms: &[
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
    ],
    max_bytes: MAX_PROOF_BYTES,
};

/// Why a proof is not good. The text is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DpopFault {
    /// The request has none.
    Missing,
    /// The header stands there twice.
    Doubled,
    /// It is no proof: form, `typ`, algorithm, key or signature.
    Token(TokenFault),
    /// A claim is absent or has the wrong type.
    Claim(&'static str),
    /// `htm` is another method.
    Method,
    /// `htu` is another URL.
    Target,
    /// `iat` is too old, or in the future.
    Time,
    /// `nonce` is absent, not ours, or too old.
    Nonce,
    /// `ath` is the hash of another access token.
    AccessToken,
    /// The access token is bound to another key.
    Key,
    /// It was used before.
    Used,
}

impl std::fmt::Display for DpopFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("the request has no DPoP proof"),
            Self::Doubled => f.write_str("the request has two DPoP proofs"),
            Self::Token(fault) => write!(f, "DPoP proof: {fault}"),
            Self::Claim(name) => {
                write!(f, "DPoP proof: \"{name}\" is absent or has the wrong form")
            }
            Self::Method => f.write_str("DPoP proof: \"htm\" is another method"),
            Self::Target => f.write_str("DPoP proof: \"htu\" is another URL"),
            Self::Time => f.write_str("DPoP proof: \"iat\" is too old or in the future"),
            Self::Nonce => f.write_str("DPoP proof: \"nonce\" is absent, not ours, or too old"),
            Self::AccessToken => f.write_str("DPoP proof: \"ath\" is of another access token"),
            Self::Key => f.write_str("DPoP proof: the access token is bound to another key"),
            Self::Used => f.write_str("DPoP proof: used before"),
        }
    }
}

/// The request that a proof must be for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method, as it was sent.
    pub method: &'a str,
    /// Its URL as the client asked for it.
    pub url: &'a str,
    /// The access token that comes with it; `None` where none does, as at a refresh (RFC 9449 section 5).
    pub token: Option<BoundToken<'a>>,
    /// Where a nonce of ours is asked for: what makes them. It stands in for the client's clock then.
    pub nonces: Option<Nonces<'a>>,
}

/// An access token that is bound to a key.
#[derive(Debug, Clone, Copy)]
pub struct BoundToken<'a> {
    /// The token, as it was sent.
    pub text: &'a str,
    /// The key that it is bound to.
    pub key: Thumbprint,
}

/// A proof whose signature is still to be checked; everything else about it is good.
#[derive(Debug)]
pub struct Pending<'a> {
    /// The proof, for the backend that checks signatures.
    pub proof: PendingProof<'a>,
    bound_to: Option<Thumbprint>,
    once: Once,
}

/// What makes one use of a proof.
#[derive(Debug)]
struct Once {
    /// Method, URL and `jti`.
    text: String,
    until: UnixMillis,
}

/// The one use of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Names the proof: a digest of key, method, URL and `jti`. A stranger who learns a `jti` cannot use it up.
    pub id: [u8; 32],
    /// The key that it was signed with.
    pub key: Thumbprint,
    /// Until when the proof could be used again.
    pub until: UnixMillis,
}

/// Reads the `DPoP` header of a request; `header` is `None` when there is none.
///
/// # Errors
/// There is not exactly one proof, it is not in its form, or it is for another request, token or time.
pub fn read<'a>(
    header: Option<&'a str>,
    asked: &Asked<'_>,
    now: UnixMillis,
) -> Result<Pending<'a>, DpopFault> {
    let text = header.ok_or(DpopFault::Missing)?;
    // Runtimes join repeated headers with a comma, which no proof holds.
    if text.contains(',') {
        return Err(DpopFault::Doubled);
    }
    let proof = POLICY.parse(text.trim()).map_err(DpopFault::Token)?;
    let once = check_claims(&proof.claims_unverified(), asked, now)?;
    let proof = proof.with_its_own_key().map_err(DpopFault::Token)?;
    Ok(Pending {
        proof,
        bound_to: asked.token.map(|token| token.key),
        once,
    })
}

impl Pending<'_> {
    /// The use that the proof is good for, once a backend has checked its signature. The caller records it.
    ///
    /// # Errors
    /// The signature is bad, or the access token is bound to another key.
    pub fn finish(self, verdict: SignatureVerdict) -> Result<Use, DpopFault> {
        let proof = self.proof.finish(verdict).map_err(DpopFault::Token)?;
        let key = proof.thumbprint();
        if self.bound_to.is_some_and(|bound_to| bound_to != key) {
            return Err(DpopFault::Key);
        }
        Ok(Use {
            id: use_id(key, &self.once.text),
            key,
            until: self.once.until,
        })
    }
}

/// RFC 9449 section 4.3, numbers 3 and 8 to 12. The order is cheap checks first; none of them says anything to a stranger
/// that he does not know.
fn check_claims(
    claims: &Object<'_>,
    asked: &Asked<'_>,
    now: UnixMillis,
) -> Result<Once, DpopFault> {
    let text = |name: &'static str| {
        let found = claims.string(name).ok().flatten();
        found
            .filter(|text| !text.is_empty())
            .ok_or(DpopFault::Claim(name))
    };
    let id = text("jti")?;
    if id.len() > MAX_ID_BYTES {
        return Err(DpopFault::Claim("jti"));
    }
    if text("htm")? != asked.method {
        return Err(DpopFault::Method);
    }
    let wanted = target::normal(asked.url).ok_or(DpopFault::Target)?;
    if target::normal(&text("htu")?).as_deref() != Some(wanted.as_str()) {
        return Err(DpopFault::Target);
    }
    let made = claims
        .number("iat")
        .ok()
        .flatten()
        .ok_or(DpopFault::Claim("iat"))?;
    let until = if let Some(nonces) = asked.nonces {
        let nonce = text("nonce").map_err(|_| DpopFault::Nonce)?;
        nonces.check(&nonce, now).ok_or(DpopFault::Nonce)?
    } else {
        let made = UnixMillis(made.floor_scaled(3));
        let until = made.plus(LIFETIME);
        if now >= until || made > now.plus(FUTURE) {
            return Err(DpopFault::Time);
        }
        until
    };
    if let Some(token) = asked.token {
        let hash = compact::encode(digest(token.text.as_bytes()).expose());
        if !Secret::new(hash.into_bytes()).equals(text("ath")?.as_bytes()) {
            return Err(DpopFault::AccessToken);
        }
    }
    // A method holds no line feed, nor does a URL in its normal form.
    let text = [asked.method, wanted.as_str(), &*id].join("\n");
    Ok(Once { text, until })
}

fn use_id(key: Thumbprint, once: &str) -> [u8; 32] {
    let text = format!("{key}\n{once}");
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(digest(text.as_bytes()).expose()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests;
