//! Foreign issuers: which one a token claims, what it must then say, and whom it names.

use std::borrow::Cow;

use crate::settings::TrustedIssuer;
use postern_jwt::{Policy, TokenFault, Types, Unverified, VerificationKey, Verified};
use postern_jwt::{json::Object, time::Millis};

/// The longest session or user claim of a foreign token, in bytes.
pub const MAX_IDENTITY_BYTES: usize = 256;

/// The issuer whose exact name the token carries. Whether it is telling the truth, its keys will show.
pub fn claimed<'s>(
    issuers: &'s [TrustedIssuer],
    token: &Unverified<'_>,
) -> Option<&'s TrustedIssuer> {
    if issuers.is_empty() {
        return None;
    }
    of_claims(issuers, &token.claims_unverified())
}

/// The issuer whose exact name these claims carry.
pub(crate) fn of_claims<'s>(
    issuers: &'s [TrustedIssuer],
    claims: &Object<'_>,
) -> Option<&'s TrustedIssuer> {
    choose(issuers, claims).map(|choice| choice.issuer)
}

/// The entry that a token is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'s> {
    pub(crate) issuer: &'s TrustedIssuer,
    /// False when the token fits other entries as well: then it is to be refused.
    pub(crate) is_only: bool,
}

/// Chooses among the entries for the issuer that these claims name: those with `required_claims` that are all met, else those
/// without any; and where several are left, the one whose audience and parties the token names.
pub(crate) fn choose<'s>(issuers: &'s [TrustedIssuer], claims: &Object<'_>) -> Option<Choice<'s>> {
    let name = claims.string("iss").ok()??;
    let named: Vec<&TrustedIssuer> = issuers
        .iter()
        .filter(|issuer| issuer.names.named(&name).is_some())
        .collect();
    let of = |is_one: &dyn Fn(&TrustedIssuer) -> bool, among: &[&'s TrustedIssuer]| {
        let found = among.iter().copied().filter(|issuer| is_one(issuer));
        found.collect::<Vec<_>>()
    };
    let asked_for = |issuer: &TrustedIssuer| {
        issuer.asks_for_claims && issuer.parties.claim_not_met(claims).is_none()
    };
    let mut fitting = of(&asked_for, &named);
    if fitting.is_empty() {
        fitting = of(&|issuer| !issuer.asks_for_claims, &named);
    }
    if fitting.len() > 1 {
        let addressed = of(&|issuer| issuer.parties.are_named(claims), &fitting);
        if addressed.len() > 1 {
            let issuer = *addressed.first()?;
            return Some(Choice {
                issuer,
                is_only: false,
            });
        }
        if !addressed.is_empty() {
            fitting = addressed;
        }
    }
    // One that does not fit says why the token is refused.
    let issuer = *fitting.first().or_else(|| named.first())?;
    Some(Choice {
        issuer,
        is_only: true,
    })
}

/// How far ahead of ours an issuer's clock may be, unless its entry says otherwise: tokens are used the moment they are
/// made, and a login must not fail by chance.
pub const DEFAULT_CLOCK_TOLERANCE: Millis = Millis::from_seconds(5);

/// What a token of this issuer must say. `tolerance` is the setting `CLOCK_TOLERANCE`.
pub fn policy(issuer: &TrustedIssuer, tolerance: Millis) -> Policy {
    let ahead = issuer
        .clock_tolerance
        .unwrap_or_else(|| DEFAULT_CLOCK_TOLERANCE.max(tolerance));
    Policy {
        algorithms: Some(issuer.algorithms.clone()),
        typ: issuer.typ.clone().map_or(Types::Access, Types::Only),
        // Where it has several, [`identity`] looks at `iss` once more.
        issuer: issuer.names.only().map(str::to_owned),
        parties: issuer.parties.clone(),
        needs_expiry: true,
        max_lifetime: Some(issuer.max_token_age),
        checks_confirmation: true,
        tolerance,
        not_before_allowance: ahead,
        issued_at_allowance: ahead,
    }
}

/// The keys of a set that may have signed a token of this issuer with these claims: a key that names an issuer is for that one,
/// since who holds the key of one customer must not make tokens of another. The claims are believed once the key has signed them.
pub fn keys_for<'k>(
    issuer: &TrustedIssuer,
    keys: &'k [VerificationKey],
    claims: &Object<'_>,
) -> Cow<'k, [VerificationKey]> {
    if keys.iter().all(|key| key.issuer().is_none()) {
        return Cow::Borrowed(keys);
    }
    let iss = claims.string("iss").ok().flatten().unwrap_or_default();
    let is_for = |key: &&VerificationKey| {
        key.issuer()
            .is_none_or(|of_key| issuer.names.share_key(of_key, &iss))
    };
    Cow::Owned(keys.iter().filter(is_for).cloned().collect())
}

/// Whom a verified foreign token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignIdentity {
    /// The claim that names the session, unique within the issuer only; `None` = the token names none.
    pub session: Option<String>,
    /// The tenant that `iss` names, of an issuer that has tenants.
    pub tenant: Option<String>,
    /// The claim that names the user; unique within issuer and tenant only.
    pub user_id: String,
}

/// What is wrong with a token of this issuer, for logs: issuer, claim and rule, and never a value. `claims` are the token's.
pub fn diagnosis(issuer: &TrustedIssuer, fault: TokenFault, claims: Option<&Object<'_>>) -> String {
    let rule = match fault {
        TokenFault::WrongType => match &issuer.typ {
            Some(_) => "the header's typ is not the entry's typ".to_owned(),
            None if claims.is_some_and(|claims| claims.contains("events")) => {
                "claim \"events\" makes it a security event".to_owned()
            }
            None => "the header's typ names another purpose than access".to_owned(),
        },
        TokenFault::AlgorithmMismatch => {
            "the header's alg is not that of its key, or the entry does not list it".to_owned()
        }
        TokenFault::UnknownKey => "no usable key of the issuer has the header's kid".to_owned(),
        TokenFault::ExpiryMissing => "claim \"exp\" is missing".to_owned(),
        TokenFault::Expired => "claim \"exp\" has passed".to_owned(),
        TokenFault::NotYetValid => {
            "claim \"nbf\" lies ahead by more than clock_tolerance".to_owned()
        }
        TokenFault::IssuedInFuture => {
            "claim \"iat\" lies ahead by more than clock_tolerance".to_owned()
        }
        TokenFault::IssuedAtMissing => "claim \"iat\" is missing".to_owned(),
        TokenFault::LifetimeTooLong => {
            "claim \"exp\" is later than \"iat\" by more than max_token_age".to_owned()
        }
        TokenFault::WrongAudience => format!(
            "claim \"{}\" names none of the entry's audience",
            issuer.parties.audience_claim()
        ),
        TokenFault::WrongParty => {
            "claim \"azp\" is none of the entry's authorized_parties".to_owned()
        }
        TokenFault::ClaimNotMet => {
            let claim = claims.and_then(|claims| issuer.parties.claim_not_met(claims));
            format!(
                "claim \"{}\" is not as required_claims has it",
                claim.unwrap_or_default()
            )
        }
        TokenFault::InsufficientScope => "a scope of the entry's scope is missing".to_owned(),
        TokenFault::BoundToKey => {
            "claim \"cnf\" asks for a proof of another kind than DPoP".to_owned()
        }
        TokenFault::ClaimMissing => named(issuer, |name, member| {
            (!claims?.contains(name)).then(|| format!("claim \"{name}\" ({member}) is missing"))
        }),
        TokenFault::BadClaim => bad_claim(issuer, claims),
        _ => String::new(),
    };
    let colon = if rule.is_empty() { "" } else { ": " };
    format!("issuer {}: {}{colon}{rule}", issuer.id, fault.code())
}

/// What `tell` says of the first claim that names session or user of which it says something.
fn named(issuer: &TrustedIssuer, tell: impl Fn(&str, &str) -> Option<String>) -> String {
    [
        (&issuer.handle_claim, "handle_claim"),
        (&issuer.user_id_claim, "user_id_claim"),
    ]
    .into_iter()
    .find_map(|(name, member)| tell(name, member))
    .unwrap_or_default()
}

fn bad_claim(issuer: &TrustedIssuer, claims: Option<&Object<'_>>) -> String {
    let Some(claims) = claims else {
        return String::new();
    };
    let is_bad = |name: &&str| match *name {
        "iss" | "azp" => claims.string(name).is_err(),
        "aud" => claims
            .string_or_strings(issuer.parties.audience_claim())
            .is_err(),
        _ => claims.number(name).is_err(),
    };
    if let Some(name) = ["iss", "aud", "azp", "exp", "iat", "nbf"]
        .iter()
        .find(|name| is_bad(name))
    {
        return format!("claim \"{name}\" is of a wrong type");
    }
    named(issuer, |name, member| {
        let is_good = identity_text(claims, name).is_ok();
        (!is_good).then(|| {
            format!("claim \"{name}\" ({member}) is no string of 1 to {MAX_IDENTITY_BYTES} bytes")
        })
    })
}

fn identity_text(claims: &Object<'_>, name: &str) -> Result<String, TokenFault> {
    let claim = claims.string(name).map_err(|_| TokenFault::BadClaim)?;
    let text = claim.ok_or(TokenFault::ClaimMissing)?;
    if text.is_empty() || text.len() > MAX_IDENTITY_BYTES {
        return Err(TokenFault::BadClaim);
    }
    Ok(text.into_owned())
}

/// Reads session and user from a verified token: strings of 1 to [`MAX_IDENTITY_BYTES`] bytes, or it is refused. The one that
/// names the session may be absent, unless the entry itself asks for it.
///
/// # Errors
/// The claim that is missing or of a wrong form, or `iss`.
pub fn identity(issuer: &TrustedIssuer, token: &Verified) -> Result<ForeignIdentity, TokenFault> {
    let claims = token.claims();
    let iss = claims.string("iss").map_err(|_| TokenFault::BadClaim)?;
    let iss = iss.unwrap_or_default();
    let named = issuer.names.named(&iss).ok_or(TokenFault::WrongIssuer)?;
    // A security event or a logout token (RFC 8417 section 2.2), whatever its header calls it.
    if claims.contains("events") {
        return Err(TokenFault::WrongType);
    }
    if let Some(tenant) = named.tenant {
        // An issuer with tenants says it twice. A token that contradicts itself names nobody.
        let claimed = claims.string("tid").map_err(|_| TokenFault::BadClaim)?;
        if claimed.is_some_and(|claimed| claimed != tenant) {
            return Err(TokenFault::WrongIssuer);
        }
    }
    let session = match identity_text(&claims, &issuer.handle_claim) {
        Err(TokenFault::ClaimMissing) if !issuer.session_is_required => None,
        session => Some(session?),
    };
    Ok(ForeignIdentity {
        session,
        tenant: named.tenant.map(str::to_owned),
        user_id: identity_text(&claims, &issuer.user_id_claim)?,
    })
}
