//! Proofs of possession (DPoP, RFC 9449): whether a request shows the key that its access token is bound to.
//!
//! The rules are `postern_core::dpop`'s. A token that is bound to no key is as it was; one that is bound counts nowhere
//! without a proof, in no cookie and under no other scheme.

use super::{verified_session::VerifiedToken, verifier};
use crate::objects::context::Context;
use postern_core::{
    dpop::{self, Asked, DpopFault, UsedProofs},
    error::Presented,
    http::{bearer::Scheme, credentials::Transfer},
    refusal::Refusal,
};
use postern_jwt::TokenFault;
use std::cell::RefCell;

thread_local! {
    /// The proofs that were used in this isolate. Other isolates do not know of them: for a proof that is used again within
    /// its minute elsewhere, RFC 9449 section 11.1 relies on the time.
    static USED: RefCell<UsedProofs> = RefCell::default();
}

/// What shows the key, and for which request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// The `DPoP` header.
    pub(crate) proof: Option<&'a str>,
    /// The method as it was sent.
    pub(crate) method: &'a str,
    /// The URL as the client asked for it.
    pub(crate) url: &'a str,
}

/// A token of which the request does not show the key.
#[derive(Debug)]
pub(crate) struct NotShown {
    /// What its sender hears.
    pub(crate) refusal: Refusal,
    /// What stood in the request.
    pub(crate) presented: Presented,
    /// What the log has in place of the refusal's text.
    pub(crate) detail: Option<String>,
}

/// Whether a proof that is good can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proofs {
    /// It cannot: this was its one use.
    UsedUp,
    /// It can: nothing came of this, as of an explanation.
    Kept,
}

/// Refuses a bound token where nothing shows its key.
pub(crate) fn refuse_bound(known: &VerifiedToken) -> Result<(), Refusal> {
    match known.bound_key {
        Some(_) => Err(Refusal::Unauthorised(TokenFault::BoundToKey.code())),
        None => Ok(()),
    }
}

/// Refuses a token of a request that does not show its key, and one without a key that pretends to have one.
pub(crate) async fn check(
    context: &Context,
    known: &VerifiedToken,
    (token, scheme, transfer): (&str, Scheme, Transfer),
    shown: Shown<'_>,
    proofs: Proofs,
) -> Result<(), NotShown> {
    let bound = |text: &str| {
        let refusal = Refusal::Unauthorised(TokenFault::BoundToKey.code());
        refused(refusal, Presented::BoundToken, Some(text.to_owned()))
    };
    match (known.bound_key, scheme, transfer) {
        (None, Scheme::Bearer, _) => Ok(()),
        (None, Scheme::Dpop, _) => Err(bound("the token is bound to no key")),
        (Some(_), Scheme::Bearer, _) | (Some(_), _, Transfer::Cookie) => Err(bound(
            "the token is bound to a key, and came without a proof",
        )),
        (Some(key), Scheme::Dpop, Transfer::Header) => {
            let asked = Asked {
                method: shown.method,
                url: shown.url,
                access_token: token,
                key,
            };
            prove(context, shown.proof, &asked, proofs).await
        }
    }
}

/// Checks a proof for what was asked, and records its use.
pub(crate) async fn prove(
    context: &Context,
    proof: Option<&str>,
    asked: &Asked<'_>,
    proofs: Proofs,
) -> Result<(), NotShown> {
    let pending = dpop::read(proof, asked, context.now).map_err(not_proved)?;
    let verdict = verifier::proof_verdict(&pending.proof)
        .await
        .map_err(|outage| refused(outage, Presented::Proof, None))?;
    let used = pending.finish(verdict).map_err(not_proved)?;
    let is_first = match proofs {
        Proofs::UsedUp => USED.with_borrow_mut(|used_up| used_up.record(&used, context.now)),
        Proofs::Kept => true,
    };
    is_first
        .then_some(())
        .ok_or_else(|| not_proved(DpopFault::Used))
}

fn not_proved(fault: DpopFault) -> NotShown {
    let refusal = Refusal::Unauthorised("the proof of possession is not good");
    refused(refusal, Presented::Proof, Some(fault.to_string()))
}

fn refused(refusal: Refusal, presented: Presented, detail: Option<String>) -> NotShown {
    NotShown {
        refusal,
        presented,
        detail,
    }
}
