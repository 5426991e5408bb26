//! Exchanging a refresh token.

use super::{
    Issued, issued,
    payload::clashing_claims,
    remint::{UNHEARD, minted_again},
    with_tokens,
};

use crate::auth::user_call::{AT_ONCE, about};
use crate::sessions::journal;
use crate::{
    auth::{
        dpop::{self, Shown},
        former_core, signer,
    },
    objects::{context::Context, revocation_copy},
};
use postern_core::{
    refusal::Refusal,
    session::{
        call::{DeviceShown, ProofShown, Refresh, RotationMode, UserCall, UserReply},
        model::IssuedSession,
        refresh_token, user,
    },
    tokens::access_token::AccessTokenVersion,
};
use postern_jwt::time::Millis;

/// A refresh token to be exchanged.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) refresh_token: String,
    pub(crate) anti_csrf_token: Option<String>,
    pub(crate) check_anti_csrf: bool,
    pub(crate) anti_csrf: Option<bool>,
    pub(crate) rotation_mode: RotationMode,
    pub(crate) use_dynamic_key: Option<bool>,
    pub(crate) access_token_validity: Option<Millis>,
    pub(crate) version: AccessTokenVersion,
    /// What the request showed of the device of a bound session.
    pub(crate) device: DeviceShown,
    /// The proof of possession that came with it, which is good.
    pub(crate) proof: Option<ProofShown>,
}

/// Exchanges a refresh token.
pub(crate) async fn refresh(
    context: &Context,
    exchange: Exchange,
) -> Result<IssuedSession, Refusal> {
    const NOT_OURS: Refusal = Refusal::Unauthorised("Refresh token is not valid.");
    let Some(presented) = refresh_token::parse(&exchange.refresh_token) else {
        return Err(NOT_OURS);
    };
    let checked = context
        .handle_keys()
        .check(presented.handle)
        .ok_or(NOT_OURS)?;
    if exchange.version.is_legacy() && !revocation_copy::may_mint_undated(context) {
        return Err(UNHEARD);
    }
    // Every key that could be asked for, before anything rotates: an outage here must cost nothing.
    for by_service_api in [true, false] {
        signer::signer(
            context,
            by_service_api,
            exchange.use_dynamic_key.unwrap_or(true),
        )?;
    }
    let rotation_mode = exchange.rotation_mode;
    let protected = clashing_claims(exchange.version);
    let call = UserCall::Refresh(Refresh {
        token: exchange.refresh_token,
        anti_csrf_token: exchange.anti_csrf_token,
        check_anti_csrf: exchange.check_anti_csrf,
        anti_csrf: exchange.anti_csrf,
        rotation_mode: exchange.rotation_mode,
        use_dynamic_key: exchange.use_dynamic_key,
        protected_claims: protected.iter().map(|&claim| claim.to_owned()).collect(),
        access_token_validity: exchange.access_token_validity,
        device: Some(exchange.device),
        proof: exchange.proof,
    });
    let envelope = about(context, &checked, AT_ONCE, &call).await?;
    if let UserReply::Theft {
        handle,
        subtype,
        country,
        ..
    } = &envelope.reply
    {
        journal::theft(context, handle, *subtype, country.as_deref());
        former_core::remove_later(context, checked);
    }
    let issued = issued(envelope.reply).map_err(|refusal| match refusal {
        // At the protocol's endpoints the version decides whether the setting counts.
        Refusal::TokenTheftDetected(theft)
            if rotation_mode == RotationMode::Own
                && !user::is_reported_as_theft(
                    context.settings.recent_token_reuse,
                    theft.subtype,
                ) =>
        {
            Refusal::Unauthorised("a refresh token was used twice; the session has ended")
        }
        other => other,
    });
    let Issued {
        session,
        access,
        refresh,
    } = issued?;
    let access_token = minted_again(context, &session, &access, exchange.version).await?;
    journal::refreshed(context, &session.handle);
    Ok(with_tokens(session, access_token, refresh, access))
}

/// Exchanges a refresh token that a proof of possession may have come with. One that is no good matters to a bound session only.
pub(crate) async fn with_proof(
    context: &Context,
    shown: Option<Shown<'_>>,
    exchange: impl FnOnce(Option<ProofShown>) -> Exchange,
) -> Result<IssuedSession, Refusal> {
    let (proof, fault) = match shown {
        None => (None, None),
        Some(shown) => match dpop::of_refresh(context, shown).await {
            Ok(proof) => (Some(proof), None),
            Err(outage) if matches!(outage.refusal, Refusal::GeneralError(_)) => {
                return Err(outage.refusal);
            }
            Err(fault) => (None, Some(fault)),
        },
    };
    match (refresh(context, exchange(proof)).await, fault) {
        (Err(Refusal::InvalidDpopProof(_)), Some(fault)) => Err(fault.logged()),
        (outcome, _) => outcome,
    }
}
