//! Creating a session, and new tokens for it: refresh, regenerate, and the protocol's verify, which may re-mint.

use super::data::{too_large, within_limit};
use super::journal;
use crate::auth::user_call::{AT_ONCE, about, into_refusal};
use crate::{
    auth::{signer, verified_session::VerifiedToken, verifier},
    objects::{context::Context, revocation_copy},
};
use postern_core::session::minting::OWN_VERSION;
use postern_core::{
    http::credentials::Transfer,
    refusal::Refusal,
    session::{
        call::{Carried, Create, DeviceShown, Refresh, RotationMode, UserCall, UserReply, Verify},
        handle::MAX_USER_ID_BYTES,
        listing::MadeBy,
        minting::{self, AccessGrant, Lengths},
        model::{Device, IssuedSession, SessionView, TokenInfo},
        refresh_token, user,
    },
    settings::DeviceBinding,
    supertokens::fdi::{
        front_token::front_token_length,
        size_budget::{TokenLengths, check_size_budget},
    },
    tenant::PUBLIC_TENANT,
    tokens::access_token::{self, AccessTokenVersion},
};
use postern_jwt::time::Millis;

/// A session to be created.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) user_id: String,
    pub(crate) tenant_id: String,
    pub(crate) payload: String,
    /// The session data; the empty object counts as none.
    pub(crate) session_data: String,
    pub(crate) anti_csrf: bool,
    pub(crate) use_dynamic_key: bool,
    pub(crate) by_service_api: bool,
    pub(crate) access_token_validity: Option<Millis>,
    pub(crate) version: AccessTokenVersion,
    pub(crate) device: Option<Device>,
    /// Which way it is made.
    pub(crate) made_by: MadeBy,
    /// How the tokens will travel, when we know it: they must then fit a browser's cookies.
    pub(crate) transfer: Option<Transfer>,
}

/// Creates a session. A payload whose token would not fit is refused before anything is created.
pub(crate) async fn create(context: &Context, new: NewSession) -> Result<IssuedSession, Refusal> {
    if new.user_id.len() > MAX_USER_ID_BYTES {
        return Err(too_large(
            "userId",
            new.user_id.len(),
            u64::try_from(MAX_USER_ID_BYTES).unwrap_or(u64::MAX),
        ));
    }
    within_limit(context, &new.session_data)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Refusal::GeneralError("no randomness"))?;
    let handle = context
        .handle_keys()
        .issue(&new.user_id, &new.tenant_id, random);
    let session = SessionView {
        handle: handle.as_str().to_owned(),
        user_id: new.user_id.clone(),
        tenant_id: new.tenant_id.clone(),
        payload: new.payload.clone(),
    };
    let minted = Minted {
        version: new.version,
        by_service_api: new.by_service_api,
        anti_csrf: new.anti_csrf,
        use_dynamic_key: new.use_dynamic_key,
    };
    token_fits(context, &session, minted, new.transfer)?;
    let call = UserCall::Create(Create {
        handle: session.handle,
        user_id: new.user_id,
        tenant_id: new.tenant_id,
        payload: new.payload,
        session_data: (new.session_data != user::EMPTY).then_some(new.session_data),
        anti_csrf: new.anti_csrf,
        use_dynamic_key: new.use_dynamic_key,
        by_service_api: new.by_service_api,
        access_token_validity: new.access_token_validity,
        device: new.device,
        made_by: Some(new.made_by.name().to_owned()),
    });
    let envelope = about(context, &handle, AT_ONCE, &call).await?;
    let Issued {
        session,
        access,
        refresh,
    } = issued(envelope.reply)?;
    // No cut-off is older than a session that is new.
    let access_token = signer::sign(context, &session, &access, new.version).await?;
    journal::created(context, &session.handle, new.made_by);
    Ok(with_tokens(session, access_token, refresh, access))
}

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
    let handle = context
        .handle_keys()
        .check(presented.handle)
        .ok_or(NOT_OURS)?;
    if exchange.version.is_legacy() && !revocation_copy::may_make_untold(context) {
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
    });
    let envelope = about(context, &handle, AT_ONCE, &call).await?;
    if let UserReply::Theft {
        handle,
        subtype,
        country,
        ..
    } = &envelope.reply
    {
        journal::theft(context, handle, *subtype, country.as_deref());
    }
    let issued = issued(envelope.reply).map_err(|refusal| match refusal {
        // At the protocol's doors the version decides whether the setting counts.
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

/// The claims that a payload may not hold in a token of this version: in the legacy versions it is nested, so none.
const fn clashing_claims(version: AccessTokenVersion) -> &'static [&'static str] {
    if version.is_legacy() {
        &[]
    } else {
        access_token::protected_claims(version)
    }
}

/// Replaces the payload of a session, and re-mints the access token at hand with it.
pub(crate) async fn regenerate(
    context: &Context,
    access_token: &str,
    payload: Option<String>,
    refuse_protected_claims: bool,
) -> Result<(SessionView, Option<TokenInfo>), Refusal> {
    let claims = verifier::verify_even_if_expired(context, access_token).await?;
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
    if stateless {
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

/// Refuses a payload that holds a claim of the protocol's, or that is not one JSON object.
pub(crate) fn payload_allowed(payload: &str, version: AccessTokenVersion) -> Result<(), Refusal> {
    let object = postern_jwt::json::parse_object(payload)
        .map_err(|fault| Refusal::BadInput(fault.to_string()))?;
    match access_token::find_protected(&object, version) {
        Some(claim) => Err(protected(claim)),
        None => Ok(()),
    }
}

/// The refusal of a payload that holds a claim of the protocol's.
pub(super) fn protected(claim: &str) -> Refusal {
    Refusal::BadInput(format!(
        "The user payload contains protected field: {claim}"
    ))
}

/// What the object allowed.
struct Issued {
    session: SessionView,
    access: AccessGrant,
    refresh: TokenInfo,
}

fn issued(reply: UserReply) -> Result<Issued, Refusal> {
    match reply {
        UserReply::Issued {
            session,
            access,
            refresh,
        } => Ok(Issued {
            session,
            access,
            refresh,
        }),
        other => Err(into_refusal(other)),
    }
}

fn with_tokens(
    session: SessionView,
    access_token: TokenInfo,
    refresh_token: TokenInfo,
    access: AccessGrant,
) -> IssuedSession {
    IssuedSession {
        session,
        access_token,
        refresh_token,
        anti_csrf_token: access.anti_csrf_token,
    }
}

const UNHEARD: Refusal =
    Refusal::GeneralError("nothing was heard from the authority and the key ring for too long");

/// Signs a new token for a session that may be old. One that does not tell how old is not made by an isolate that may have
/// missed a cut-off: others would take it for one of a session from after it.
async fn minted_again(
    context: &Context,
    session: &SessionView,
    access: &AccessGrant,
    version: AccessTokenVersion,
) -> Result<TokenInfo, Refusal> {
    let tells = !version.is_legacy() && access.session_created.is_some();
    if !tells && !revocation_copy::may_make_untold(context) {
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

/// How the access tokens of a session are minted, as far as their length goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Minted {
    pub(super) version: AccessTokenVersion,
    pub(super) by_service_api: bool,
    pub(super) anti_csrf: bool,
    pub(super) use_dynamic_key: bool,
}

/// Refuses a payload whose access token would be longer than a browser's cookie holds.
pub(super) fn token_fits(
    context: &Context,
    session: &SessionView,
    new: Minted,
    transfer: Option<Transfer>,
) -> Result<(), Refusal> {
    if !clashing_claims(new.version).is_empty() {
        payload_allowed(&session.payload, new.version)?;
    }
    let key = signer::signer(context, new.by_service_api, new.use_dynamic_key)?;
    let minted = minting::Minted {
        version: new.version,
        by_service_api: new.by_service_api,
        anti_csrf: new.anti_csrf,
        algorithm: key.algorithm,
        key_id: &key.kid,
        device: context.settings.device_binding != DeviceBinding::Off,
        issuer: &context.settings.issuer(),
    };
    let Lengths { token, payload } = minted
        .lengths(session, context.now)
        .map_err(|fault| Refusal::BadInput(fault.to_string()))?;
    if let Some(transfer) = transfer {
        let expiry = context.now.0;
        let lengths = TokenLengths {
            access_token: token,
            refresh_token: refresh_token::longest(&session.handle),
            front_token: front_token_length(&session.user_id, expiry, payload),
        };
        return check_size_budget(&context.settings, transfer, lengths);
    }
    let length = u64::try_from(token).unwrap_or(u64::MAX);
    let limit = context.settings.max_access_token_bytes;
    if length > limit {
        return Err(too_long(length, limit));
    }
    Ok(())
}

/// The refusal of a payload that makes a token of `length` bytes.
pub(super) fn too_long(length: u64, limit: u64) -> Refusal {
    Refusal::BadInput(format!(
        "the payload makes an access token of {length} bytes; the limit is {limit} bytes"
    ))
}

/// A new session of the public tenant with the defaults of our own doors.
pub(crate) fn own_session(
    context: &Context,
    user_id: String,
    payload: String,
    session_data: String,
) -> NewSession {
    NewSession {
        user_id,
        tenant_id: PUBLIC_TENANT.to_owned(),
        payload,
        session_data,
        anti_csrf: false,
        use_dynamic_key: context.settings.use_dynamic_signing_key,
        by_service_api: false,
        access_token_validity: None,
        version: OWN_VERSION,
        device: None,
        made_by: MadeBy::Rpc,
        transfer: None,
    }
}
