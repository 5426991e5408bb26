//! Creating a session. New tokens for one that is there are made in [`refresh`] and [`remint`].

mod payload;
mod refresh;
mod remint;

pub(crate) use payload::payload_allowed;
pub(super) use payload::{Minted, protected, token_fits, too_long};
pub(crate) use refresh::{Exchange, refresh, with_proof};
pub(crate) use remint::{KeyShown, regenerate, verify_for_protocol};

use crate::auth::user_call::{AT_ONCE, about, into_refusal};
use crate::sessions::data::{too_large, within_limit};
use crate::sessions::foreign_token::ForeignToken;
use crate::sessions::journal;
use crate::{auth::signer, objects::context::Context};
use postern_core::session::minting::OWN_VERSION;
use postern_core::{
    refusal::Refusal,
    request::credentials::Transfer,
    session::{
        call::{Create, UserCall, UserReply},
        handle::MAX_USER_ID_BYTES,
        listing::MadeBy,
        minting::AccessGrant,
        model::{Device, IssuedSession, SessionView, TokenInfo},
        user,
    },
    supertokens::former_core::not_a_cores,
    tenant::PUBLIC_TENANT,
    tokens::access_token::AccessTokenVersion,
};
use postern_jwt::{proof::Thumbprint, time::Millis};

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
    /// The key that it is bound to by DPoP.
    pub(crate) dpop_key: Option<Thumbprint>,
    /// How the tokens will travel, when we know it: they must then fit a browser's cookies.
    pub(crate) transfer: Option<Transfer>,
    /// The trusted issuer's token that it is made from, which makes one session only.
    pub(crate) from_token: Option<ForeignToken>,
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
        .issue(&new.user_id, &new.tenant_id, not_a_cores(random));
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
        dpop_key: new.dpop_key,
    };
    token_fits(context, &session, minted, new.transfer)?;
    // As late as can be: what is refused uses no token up.
    if let Some(token) = &new.from_token {
        token.use_up(context).await?;
    }
    let create = Create {
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
    };
    let call = match new.dpop_key {
        Some(key) => UserCall::CreateBound { create, key },
        None => UserCall::Create(create),
    };
    let envelope = about(context, &handle, AT_ONCE, &call).await?;
    let Issued {
        session,
        access,
        refresh,
    } = issued(envelope.reply)?;
    // No cut-off is older than a session that is new.
    let access_token = signer::sign(context, &session, &access, new.version).await?;
    journal::created(context, &session.handle, new.made_by);
    if let Some(token) = &new.from_token {
        journal::exchanged(context, &session.handle, &token.issuer);
    }
    Ok(with_tokens(session, access_token, refresh, access))
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

/// A new session of the public tenant with the defaults of our own endpoints.
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
        dpop_key: None,
        transfer: None,
        from_token: None,
    }
}
