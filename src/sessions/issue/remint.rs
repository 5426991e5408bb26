//! New access tokens for a session that is there: with another payload, or because the protocol's verify asks for one.

use super::payload::{Minted, token_fits};

use crate::auth::user_call::{AT_ONCE, about, into_refusal};
use crate::{
    auth::{
        authenticate::check_revocation,
        dpop::{self, Proofs, Shown},
        signer,
        verified_session::VerifiedToken,
        verifier,
    },
    objects::{context::Context, revocation_copy},
};
use postern_core::{
    dpop::BoundToken,
    refusal::Refusal,
    session::{
        call::{Carried, RotationMode, UserCall, UserReply, Verify},
        minting::AccessGrant,
        model::{SessionView, TokenInfo},
    },
    settings::Freshness,
    tokens::access_token::AccessTokenVersion,
};
use postern_jwt::TokenFault;

/// What shows the key of a bound token that is to be made anew.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyShown<'a> {
    /// Nothing: there is no room for a proof.
    Nowhere,
    /// This proof.
    By(Shown<'a>),
    /// The proof that came with the request that is being answered.
    Before,
}

const fn refused_token(fault: TokenFault) -> Refusal {
    Refusal::Unauthorised(fault.code())
}

/// An object of a release from before sessions were bound by DPoP would have a bound token made anew that is bound to nothing.
const FORGOTTEN_KEY: Refusal =
    Refusal::GeneralError("the object does not know the key that the session is bound to");

/// Replaces the payload of a session, and re-mints the access token at hand with it. `shown` is what shows the key of a bound one.
pub(crate) async fn regenerate(
    context: &Context,
    access_token: &str,
    payload: Option<String>,
    refuse_protected_claims: bool,
    shown: KeyShown<'_>,
) -> Result<(SessionView, Option<TokenInfo>), Refusal> {
    let claims = verifier::verify_even_if_expired(context, access_token).await?;
    let key = claims.bound_key().map_err(refused_token)?;
    match (key, shown) {
        (Some(key), KeyShown::By(shown)) => {
            let token = BoundToken {
                text: access_token,
                key,
            };
            dpop::prove(context, shown, token, Proofs::UsedUp)
                .await
                .map_err(dpop::NotShown::logged)?;
        }
        (Some(_), KeyShown::Nowhere) => return Err(refused_token(TokenFault::BoundToKey)),
        (Some(_), KeyShown::Before) | (None, _) => {}
    }
    let handle = context.checked(&claims.handle)?;
    if let Some(payload) = payload.as_ref().filter(|_| refuse_protected_claims) {
        let session = SessionView {
            handle: claims.handle.clone(),
            user_id: claims.user_id.clone(),
            tenant_id: claims.tenant_id.clone(),
            payload: payload.clone(),
        };
        let minted = Minted {
            version: claims.version,
            by_service_api: false,
            anti_csrf: claims.anti_csrf_token.is_some(),
            use_dynamic_key: true,
            dpop_key: key,
        };
        token_fits(context, &session, minted, None)?;
    }
    let call = UserCall::Regenerate {
        handle: claims.handle,
        payload,
        carried: Carried {
            expiry: claims.expiry,
            hash1: claims.refresh_token_hash1,
            parent_hash1: claims.parent_refresh_token_hash1,
            anti_csrf_token: claims.anti_csrf_token,
            device: claims.origin.device,
        },
    };
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Live {
            session, access, ..
        } => {
            if access.as_ref().is_some_and(|access| access.dpop_key != key) {
                return Err(FORGOTTEN_KEY);
            }
            let access_token = reminted(context, &session, access.as_ref(), claims.version).await?;
            Ok((session, access_token))
        }
        other => Err(into_refusal(other)),
    }
}

/// What the protocol's verify found (cdi.md 3.3, 3.4).
#[derive(Debug)]
pub(crate) struct VerifiedSession {
    pub(crate) session: SessionView,
    pub(crate) access_token: Option<TokenInfo>,
    pub(crate) payload_update_available: bool,
}

/// Verifies for the backend protocol: may promote a refresh token and re-mint the access token.
pub(crate) async fn verify_for_protocol(
    context: &Context,
    known: &VerifiedToken,
    check_database: bool,
    rotation_mode: RotationMode,
) -> Result<VerifiedSession, Refusal> {
    let Some(claims) = &known.claims else {
        return Err(Refusal::TryRefreshToken("not a session token of ours"));
    };
    let session = SessionView {
        handle: claims.handle.clone(),
        user_id: claims.user_id.clone(),
        tenant_id: claims.tenant_id.clone(),
        payload: claims.payload.clone(),
    };
    let stateless = match rotation_mode {
        RotationMode::Lazy => !check_database && claims.parent_refresh_token_hash1.is_none(),
        RotationMode::Own | RotationMode::Eager => !check_database,
    };
    let is_of_former_core = verifier::is_of_former_core(known);
    if is_of_former_core && check_database {
        // Nothing is promoted by it: the core has made its refresh token.
        check_revocation(context, known, Freshness::Strict).await?;
    }
    if stateless || is_of_former_core {
        return Ok(VerifiedSession {
            session,
            access_token: None,
            payload_update_available: false,
        });
    }
    let handle = context.checked(&session.handle)?;
    let call = UserCall::Verify(Verify {
        handle: session.handle,
        hash1: claims.refresh_token_hash1.clone(),
        parent_hash1: claims.parent_refresh_token_hash1.clone(),
        payload: claims.payload.clone(),
        anti_csrf_token: claims.anti_csrf_token.clone(),
        check_database,
        rotation_mode,
    });
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Live {
            session,
            access,
            payload_update_available,
            ..
        } => {
            let access_token = reminted(context, &session, access.as_ref(), claims.version).await?;
            Ok(VerifiedSession {
                session,
                access_token,
                payload_update_available,
            })
        }
        other => Err(into_refusal(other)),
    }
}

pub(super) const UNHEARD: Refusal =
    Refusal::GeneralError("nothing was heard from the authority and the key ring for too long");

/// Signs a new token for a session that may be old. One that does not tell how old is not made by an isolate that may have
/// missed a cut-off: others would take it for one of a session from after it.
pub(super) async fn minted_again(
    context: &Context,
    session: &SessionView,
    access: &AccessGrant,
    version: AccessTokenVersion,
) -> Result<TokenInfo, Refusal> {
    let tells = !version.is_legacy() && access.session_created.is_some();
    if !tells && !revocation_copy::may_mint_undated(context) {
        return Err(UNHEARD);
    }
    signer::sign(context, session, access, version).await
}

async fn reminted(
    context: &Context,
    session: &SessionView,
    access: Option<&AccessGrant>,
    version: AccessTokenVersion,
) -> Result<Option<TokenInfo>, Refusal> {
    match access {
        Some(access) => minted_again(context, session, access, version)
            .await
            .map(Some),
        None => Ok(None),
    }
}
