//! Proofs of possession (DPoP, RFC 9449): whether a request shows the key that its access token is bound to.
//!
//! The rules are `postern_core::dpop`'s. A token that is bound to no key is as it was; one that is bound counts nowhere
//! without a proof, in no cookie and under no other scheme.

use super::{verified_session::VerifiedToken, verifier};
use crate::{
    objects::{
        context::Context,
        seen_signals::client::{self as memory, Outage},
    },
    runtime::log,
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use postern_core::{
    dpop::{self, Asked, BoundToken, DpopFault, Nonces, Use, UsedProofs},
    error::Presented,
    http::bearer::Scheme,
    refusal::Refusal,
    request::credentials::Transfer,
    session::call::ProofShown,
    settings::Freshness,
    tokens::logout::call::SignalCall,
};
use postern_jwt::TokenFault;
use std::cell::RefCell;

thread_local! {
    /// The proofs that were used in this isolate. Others do not know of them: at `strict` an object does.
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
    /// It cannot in this isolate: this was its one use.
    UsedUp,
    /// It cannot anywhere: an object has it on record.
    UsedUpEverywhere,
    /// It can: nothing came of this, as of an explanation.
    Kept,
}

impl Proofs {
    /// At this freshness; an explanation uses nothing up at any.
    pub(crate) const fn at(self, freshness: Freshness) -> Self {
        match (self, freshness) {
            (Self::UsedUp, Freshness::Strict) => Self::UsedUpEverywhere,
            (proofs, _) => proofs,
        }
    }
}

impl NotShown {
    /// The refusal, where nothing else logs why.
    pub(crate) fn logged(self) -> Refusal {
        if let Some(detail) = &self.detail {
            log::write(log::Event::Token, detail);
        }
        self.refusal
    }
}

/// Refuses a bound token where nothing shows its key.
pub(crate) fn refuse_bound(known: &VerifiedToken) -> Result<(), Refusal> {
    match known.session.bound_key {
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
        refused(refusal, Some(text.to_owned()))
    };
    match (known.session.bound_key, scheme, transfer) {
        (None, Scheme::Bearer, _) => Ok(()),
        (None, Scheme::Dpop, _) => Err(bound("the token is bound to no key")),
        (Some(_), Scheme::Bearer, _) | (Some(_), _, Transfer::Cookie) => Err(bound(
            "the token is bound to a key, and came without a proof",
        )),
        (Some(key), Scheme::Dpop, Transfer::Header) => {
            let token = BoundToken { text: token, key };
            prove(context, shown, token, proofs).await
        }
    }
}

/// Checks a proof for a bound token, and records its use.
pub(crate) async fn prove(
    context: &Context,
    shown: Shown<'_>,
    token: BoundToken<'_>,
    proofs: Proofs,
) -> Result<(), NotShown> {
    let used = checked(context, shown, Some(token)).await?;
    let is_first = match proofs {
        Proofs::Kept => true,
        Proofs::UsedUp => is_first_here(context, &used),
        Proofs::UsedUpEverywhere => {
            is_first_here(context, &used) && is_first_anywhere(context, &used).await?
        }
    };
    is_first
        .then_some(())
        .ok_or_else(|| not_proved(context, DpopFault::Used))
}

/// Checks the proof that came with a refresh token. Whether it is of the session's key, and whether it was used before, says the user's
/// object.
pub(crate) async fn of_refresh(
    context: &Context,
    shown: Shown<'_>,
) -> Result<ProofShown, NotShown> {
    let used = checked(context, shown, None).await?;
    Ok(ProofShown {
        key: used.key,
        id: BASE64URL_NOPAD.encode(&used.id),
        expires: used.until,
    })
}

async fn checked(
    context: &Context,
    shown: Shown<'_>,
    token: Option<BoundToken<'_>>,
) -> Result<Use, NotShown> {
    let secrets = context.ring.refresh_secrets(context.now);
    let asked = Asked {
        method: shown.method,
        url: shown.url,
        token,
        nonces: context.settings.dpop_nonce.then(|| Nonces::new(&secrets)),
    };
    let not_proved = |fault| not_proved(context, fault);
    let pending = dpop::read(shown.proof, &asked, context.now).map_err(not_proved)?;
    let verdict = verifier::proof_verdict(&pending.proof)
        .await
        .map_err(|outage| refused(outage, None))?;
    pending.finish(verdict).map_err(not_proved)
}

fn is_first_here(context: &Context, used: &Use) -> bool {
    USED.with_borrow_mut(|proofs| proofs.record(used, context.now))
}

/// Whether no isolate has recorded the proof before. There are 256 objects that remember them, whoever's they are: as many as can be
/// asked at once for long, and no more than can be left behind.
async fn is_first_anywhere(context: &Context, used: &Use) -> Result<bool, NotShown> {
    const OUT_OF_REACH: Refusal =
        Refusal::GeneralError("the memory of used proofs is out of reach");
    let shard = HEXLOWER.encode(used.id.get(..1).unwrap_or_default());
    let call = SignalCall::Take {
        name: BASE64URL_NOPAD.encode(&used.id),
        until: used.until,
    };
    let was_taken = memory::was_taken(&context.env, &format!("dpop-proofs {shard}"), call).await;
    match was_taken {
        Ok(Some(was_taken)) => Ok(!was_taken),
        Ok(None) | Err(Outage) => Err(refused(OUT_OF_REACH, None)),
    }
}

fn not_proved(context: &Context, fault: DpopFault) -> NotShown {
    let secrets = context.ring.refresh_secrets(context.now);
    let nonce = Some(Nonces::new(&secrets)).filter(|_| fault == DpopFault::Nonce);
    let refusal = match nonce.and_then(|nonces| nonces.make(context.now)) {
        Some(nonce) => Refusal::UseDpopNonce(nonce),
        None => Refusal::InvalidDpopProof("the proof of possession is not good"),
    };
    refused(refusal, Some(fault.to_string()))
}

const fn refused(refusal: Refusal, detail: Option<String>) -> NotShown {
    NotShown {
        refusal,
        presented: Presented::BoundToken,
        detail,
    }
}
