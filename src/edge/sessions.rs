//! The use cases, as every door calls them: verify, read and overwrite, create, refresh, list, end.
//!
//! Owns the order of things across objects, KV and keys: a handle's tag before any I/O, the signing key before anything
//! changes, the object before KV. Which rule applies is the core's to say.

use std::rc::Rc;

use super::{
    context::Context,
    kv,
    tokens::{self, Known, Lengths},
    user_sessions,
};
use crate::{
    frontend::{
        front_token::front_token_length,
        size_budget::{TokenLengths, check_size_budget},
    },
    http::credentials::Transfer,
    secret::Secret,
    session::{
        call::{
            AccessGrant, Carried, Create, Door, Envelope, Gone, Refresh, UserCall, UserReply,
            Verify,
        },
        handle::{CheckedHandle, HandleKind, MAX_USER_ID_BYTES},
        model::{
            Device, IssuedSession, PUBLIC_TENANT, Refusal, SessionInformation, SessionView,
            TokenInfo,
        },
        refresh_token, user,
    },
    settings::{Freshness, TrustedIssuer},
    time::Millis,
    token::{AccessTokenVersion, access_token},
};

/// The version of access tokens made at our own doors.
pub(super) const OWN_VERSION: AccessTokenVersion = AccessTokenVersion::V5;

/// A session to be created.
#[derive(Debug)]
pub(super) struct NewSession {
    pub(super) user_id: String,
    pub(super) tenant_id: String,
    pub(super) payload: String,
    /// The session data; the empty object counts as none.
    pub(super) session_data: String,
    pub(super) anti_csrf: bool,
    pub(super) use_dynamic_key: bool,
    pub(super) by_service_api: bool,
    pub(super) access_token_validity: Option<Millis>,
    pub(super) version: AccessTokenVersion,
    pub(super) device: Option<Device>,
    /// How the tokens will travel, when we know it: they must then fit a browser's cookies.
    pub(super) transfer: Option<Transfer>,
}

/// How an access token is to be verified.
#[derive(Debug)]
pub(super) struct Verification<'a> {
    pub(super) access_token: &'a str,
    pub(super) anti_csrf_token: Option<&'a str>,
    /// Compare the anti-CSRF token, if the access token carries one.
    pub(super) check_anti_csrf: bool,
    pub(super) freshness: Freshness,
}

/// Verifies an access token and, as fresh as asked for, that its session lives.
pub(super) async fn get_session(
    context: &Context,
    ask: &Verification<'_>,
) -> Result<Rc<Known>, Refusal> {
    let known = tokens::verify(context, ask.access_token).await?;
    if ask.check_anti_csrf
        && let Some(expected) = known
            .claims
            .as_ref()
            .and_then(|claims| claims.anti_csrf_token.as_ref())
        && !Secret::new(expected.clone().into_bytes())
            .equals(ask.anti_csrf_token.unwrap_or_default().as_bytes())
    {
        return Err(Refusal::TryRefreshToken(
            "the anti-CSRF token does not match",
        ));
    }
    standing(context, &known.session.handle, ask.freshness).await?;
    Ok(known)
}

/// Refuses a session that has ended, as fresh as asked for. `handle` comes from a token that was verified.
pub(super) async fn standing(
    context: &Context,
    handle: &str,
    freshness: Freshness,
) -> Result<(), Refusal> {
    match freshness {
        Freshness::Stateless => return Ok(()),
        Freshness::Within(bound) if user_sessions::recall(handle, bound, context.now).is_some() => {
            return Ok(());
        }
        Freshness::Within(_) | Freshness::Strict => {}
    }
    let handle = &context.checked(handle)?;
    let call = UserCall::Check {
        handle: handle.as_str().to_owned(),
    };
    match about(context, handle, &call).await?.reply {
        UserReply::Standing { .. } => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// Reads session data: from KV when this isolate knows the session to live, else from the user's object.
pub(super) async fn get_session_data(
    context: &Context,
    handle: &str,
    freshness: Freshness,
) -> Result<String, Refusal> {
    let handle = context.checked(handle)?;
    keep_for(context, &handle)?;
    let known_seq = match freshness {
        Freshness::Strict => None,
        Freshness::Stateless => Some(0),
        Freshness::Within(bound) => {
            user_sessions::recall(handle.as_str(), bound, context.now).map(|fact| fact.data_seq)
        }
    };
    let mut copy_lapsed = false;
    if let Some(known_seq) = known_seq {
        match kv::get(&kv::namespace(&context.env), handle.as_str()).await {
            Ok(Some(found))
                if found.metadata.session_expires > context.now
                    && found.metadata.seq >= known_seq =>
            {
                return Ok(found.text);
            }
            Ok(_) => copy_lapsed = true,
            // The object answers in KV's place.
            Err(kv::KvFault(message)) => super::log::fault("kv", &message),
        }
    }
    let call = UserCall::ReadData {
        handle: handle.as_str().to_owned(),
        copy_lapsed,
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Data { session_data, .. } => Ok(session_data),
        other => Err(unexpected(other)),
    }
}

/// Overwrites session data as a whole.
pub(super) async fn update_session_data(
    context: &Context,
    handle: &str,
    session_data: String,
) -> Result<(), Refusal> {
    within_limit(context, &session_data)?;
    let handle = context.checked(handle)?;
    let call = UserCall::WriteData {
        handle: handle.as_str().to_owned(),
        session_data,
        keep_for: keep_for(context, &handle)?,
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Written { .. } => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// Creates a session. A payload whose token would not fit is refused before anything is created.
pub(super) async fn create(context: &Context, new: NewSession) -> Result<IssuedSession, Refusal> {
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
    token_fits(context, &session, &new)?;
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
    });
    let envelope = about(context, &handle, &call).await?;
    issued(context, envelope.reply, new.version).await
}

/// A refresh token to be exchanged.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) refresh_token: String,
    pub(super) anti_csrf_token: Option<String>,
    pub(super) check_anti_csrf: bool,
    pub(super) anti_csrf: Option<bool>,
    pub(super) door: Door,
    pub(super) use_dynamic_key: Option<bool>,
    pub(super) access_token_validity: Option<Millis>,
    pub(super) version: AccessTokenVersion,
}

/// Exchanges a refresh token.
pub(super) async fn refresh(
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
    // Every key that could be asked for, before anything rotates: an outage here must cost nothing.
    for by_service_api in [true, false] {
        tokens::signer(
            context,
            by_service_api,
            exchange.use_dynamic_key.unwrap_or(true),
        )?;
    }
    let door = exchange.door;
    let protected = clashing_claims(exchange.version);
    let call = UserCall::Refresh(Refresh {
        token: exchange.refresh_token,
        anti_csrf_token: exchange.anti_csrf_token,
        check_anti_csrf: exchange.check_anti_csrf,
        anti_csrf: exchange.anti_csrf,
        door: exchange.door,
        use_dynamic_key: exchange.use_dynamic_key,
        protected_claims: protected.iter().map(|&claim| claim.to_owned()).collect(),
        access_token_validity: exchange.access_token_validity,
    });
    let envelope = about(context, &handle, &call).await?;
    let issued = issued(context, envelope.reply, exchange.version).await;
    issued.map_err(|refusal| match refusal {
        // At the protocol's doors the version decides whether the setting counts.
        Refusal::TokenTheftDetected { subtype, .. }
            if door == Door::Own
                && !user::is_reported_as_theft(context.settings.recent_token_reuse, subtype) =>
        {
            Refusal::Unauthorised("a refresh token was used twice; the session has ended")
        }
        other => other,
    })
}

/// The claims that a payload may not hold in a token of this version: in the legacy versions it is nested, so none.
const fn clashing_claims(version: AccessTokenVersion) -> &'static [&'static str] {
    if version.is_legacy() {
        &[]
    } else {
        access_token::protected_claims(version)
    }
}

/// What the protocol's verify found (cdi.md 3.3, 3.4).
#[derive(Debug)]
pub(super) struct VerifiedSession {
    pub(super) session: SessionView,
    pub(super) access_token: Option<TokenInfo>,
    pub(super) payload_update_available: bool,
}

/// Verifies for the backend protocol: may promote a refresh token and re-mint the access token.
pub(super) async fn verify_for_protocol(
    context: &Context,
    known: &Known,
    check_database: bool,
    door: Door,
) -> Result<VerifiedSession, Refusal> {
    let Some(claims) = &known.claims else {
        return Err(Refusal::TryRefreshToken("not a session token of ours"));
    };
    let session = SessionView {
        payload: claims.payload.clone(),
        ..known.session.clone()
    };
    let stateless = match door {
        Door::Lazy => !check_database && claims.parent_refresh_token_hash1.is_none(),
        Door::Own | Door::Eager => !check_database,
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
        door,
    });
    match about(context, &handle, &call).await?.reply {
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
        other => Err(unexpected(other)),
    }
}

/// Replaces the payload of a session, and re-mints the access token at hand with it.
pub(super) async fn regenerate(
    context: &Context,
    access_token: &str,
    payload: Option<String>,
    refuse_protected_claims: bool,
) -> Result<(SessionView, Option<TokenInfo>), Refusal> {
    let claims = tokens::verify_even_if_expired(context, access_token).await?;
    let handle = context.checked(&claims.handle)?;
    if let Some(payload) = payload.as_ref().filter(|_| refuse_protected_claims) {
        payload_allowed(payload, claims.version)?;
    }
    let call = UserCall::Regenerate {
        handle: claims.handle,
        payload,
        carried: Carried {
            expiry: claims.expiry,
            hash1: claims.refresh_token_hash1,
            parent_hash1: claims.parent_refresh_token_hash1,
            anti_csrf_token: claims.anti_csrf_token,
        },
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Live {
            session, access, ..
        } => {
            let access_token = reminted(context, &session, access.as_ref(), claims.version).await?;
            Ok((session, access_token))
        }
        other => Err(unexpected(other)),
    }
}

/// Everything stored about a session.
pub(super) async fn information(
    context: &Context,
    handle: &str,
) -> Result<SessionInformation, Refusal> {
    let handle = context.checked(handle)?;
    let call = UserCall::ReadInformation {
        handle: handle.as_str().to_owned(),
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Information {
            session,
            session_data,
            expiry,
            created,
            last_refreshed,
            device,
        } => Ok(SessionInformation {
            session,
            session_data,
            expiry,
            created,
            last_refreshed,
            device,
        }),
        other => Err(unexpected(other)),
    }
}

/// Replaces the stored payload; access tokens that are out keep theirs.
pub(super) async fn replace_payload(
    context: &Context,
    handle: &str,
    payload: String,
) -> Result<(), Refusal> {
    let handle = context.checked(handle)?;
    let call = UserCall::ReplacePayload {
        handle: handle.as_str().to_owned(),
        payload,
    };
    match about(context, &handle, &call).await?.reply {
        UserReply::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

/// The handles of a user's sessions, in one tenant or in all.
pub(super) async fn list(
    context: &Context,
    user_id: String,
    tenant_id: Option<String>,
) -> Result<Vec<String>, Refusal> {
    let route = context.handle_keys().route(&user_id);
    let envelope =
        user_sessions::ask(&context.env, &route, &UserCall::List { user_id, tenant_id }).await?;
    handles(envelope.reply)
}

/// Ends sessions; gives the handles of those that this call ended.
pub(super) async fn revoke(
    context: &Context,
    presented: Vec<String>,
) -> Result<Vec<String>, Refusal> {
    let mut revoked = Vec::new();
    let checked: Vec<CheckedHandle> = presented
        .iter()
        .filter_map(|handle| context.handle_keys().check(handle))
        .collect();
    let mut rest = checked.as_slice();
    while let Some(first) = rest.first() {
        // One question per object: neighbours in the list often belong to one user.
        let same = rest
            .iter()
            .take_while(|handle| handle.route() == first.route())
            .count();
        let (group, others) = rest.split_at_checked(same).unwrap_or((rest, &[]));
        let call = UserCall::Revoke {
            handles: group
                .iter()
                .map(|handle| handle.as_str().to_owned())
                .collect(),
            keep_for: tombstone_for(context, first)?,
        };
        let envelope = user_sessions::ask(&context.env, first.route(), &call).await?;
        for handle in group {
            user_sessions::forget(handle.as_str());
        }
        revoked.append(&mut handles(envelope.reply)?);
        rest = others;
    }
    Ok(revoked)
}

/// Ends a user's sessions, in one tenant or in all.
pub(super) async fn revoke_all(
    context: &Context,
    user_id: String,
    tenant_id: Option<String>,
) -> Result<Vec<String>, Refusal> {
    let route = context.handle_keys().route(&user_id);
    let envelope = user_sessions::ask(
        &context.env,
        &route,
        &UserCall::RevokeAll { user_id, tenant_id },
    )
    .await?;
    let revoked = handles(envelope.reply)?;
    for handle in &revoked {
        user_sessions::forget(handle);
    }
    Ok(revoked)
}

/// Refuses a payload that holds a claim of the protocol's, or that is not one JSON object.
pub(super) fn payload_allowed(payload: &str, version: AccessTokenVersion) -> Result<(), Refusal> {
    let object =
        crate::json::parse_object(payload).map_err(|fault| Refusal::BadInput(fault.to_string()))?;
    match access_token::find_protected(&object, version) {
        Some(claim) => Err(Refusal::BadInput(format!(
            "The user payload contains protected field: {claim}"
        ))),
        None => Ok(()),
    }
}

/// Asks the object of a handle, and notes what its answer says about the handle.
async fn about(
    context: &Context,
    handle: &CheckedHandle,
    call: &UserCall,
) -> Result<Envelope, Refusal> {
    let envelope = user_sessions::ask(&context.env, handle.route(), call).await?;
    let seq = match &envelope.reply {
        UserReply::Standing { data_seq } | UserReply::Live { data_seq, .. } => Some(*data_seq),
        UserReply::Data { seq, .. } | UserReply::Written { seq } => Some(*seq),
        UserReply::Unauthorised(Gone::NoSession) | UserReply::Theft { .. } => {
            user_sessions::forget(handle.as_str());
            None
        }
        _ => None,
    };
    if let Some(seq) = seq {
        user_sessions::note(handle.as_str(), envelope.as_of, context.now, seq);
    }
    Ok(envelope)
}

/// Signs what the object allowed.
async fn issued(
    context: &Context,
    reply: UserReply,
    version: AccessTokenVersion,
) -> Result<IssuedSession, Refusal> {
    let UserReply::Issued {
        session,
        access,
        refresh,
    } = reply
    else {
        return Err(unexpected(reply));
    };
    let access_token = tokens::sign(context, &session, &access, version).await?;
    Ok(IssuedSession {
        session,
        access_token,
        refresh_token: refresh,
        anti_csrf_token: access.anti_csrf_token,
    })
}

async fn reminted(
    context: &Context,
    session: &SessionView,
    access: Option<&AccessGrant>,
    version: AccessTokenVersion,
) -> Result<Option<TokenInfo>, Refusal> {
    match access {
        Some(access) => tokens::sign(context, session, access, version)
            .await
            .map(Some),
        None => Ok(None),
    }
}

fn handles(reply: UserReply) -> Result<Vec<String>, Refusal> {
    match reply {
        UserReply::Handles(handles) => Ok(handles),
        other => Err(unexpected(other)),
    }
}

/// The refusal behind an answer that is not the one hoped for.
fn unexpected(reply: UserReply) -> Refusal {
    match reply {
        UserReply::Unauthorised(gone) => Refusal::Unauthorised(gone.message()),
        UserReply::Theft {
            handle,
            user_id,
            subtype,
        } => {
            super::log::warning(
                "token_theft",
                "a refresh token was used twice; the session has ended",
            );
            Refusal::TokenTheftDetected {
                handle,
                user_id,
                subtype,
            }
        }
        UserReply::CopyPending => {
            Refusal::GeneralError("the new data is not in KV yet; it will be")
        }
        _ => Refusal::GeneralError("the user's object gave another answer than was asked for"),
    }
}

fn within_limit(context: &Context, session_data: &str) -> Result<(), Refusal> {
    let limit = context.settings.max_session_data;
    if u64::try_from(session_data.len()).unwrap_or(u64::MAX) > limit {
        return Err(too_large("sessionData", session_data.len(), limit));
    }
    Ok(())
}

fn too_large(what: &'static str, size: usize, limit: u64) -> Refusal {
    Refusal::TooLarge {
        what,
        size: u64::try_from(size).unwrap_or(u64::MAX),
        limit,
    }
}

/// Refuses a payload whose access token would be longer than a browser's cookie holds.
fn token_fits(context: &Context, session: &SessionView, new: &NewSession) -> Result<(), Refusal> {
    if !clashing_claims(new.version).is_empty() {
        payload_allowed(&session.payload, new.version)?;
    }
    let hash = "0".repeat(64);
    let grant = AccessGrant {
        created: context.now,
        expiry: context.now,
        hash1: hash.clone(),
        // The child of a refresh at a lazy door carries one.
        parent_hash1: new.by_service_api.then_some(hash),
        anti_csrf_token: new.anti_csrf.then(|| "0".repeat(43)),
        use_dynamic_key: new.use_dynamic_key,
        by_service_api: new.by_service_api,
    };
    let key = tokens::signer(context, new.by_service_api, new.use_dynamic_key)?;
    let Lengths { token, payload } =
        tokens::lengths(&tokens::claims(context, session, &grant, new.version), key)?;
    if let Some(transfer) = new.transfer {
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
        return Err(Refusal::BadInput(format!(
            "the payload makes an access token of {length} bytes; the limit is {limit} bytes"
        )));
    }
    Ok(())
}

/// How long data of a trusted issuer's session is kept; `None` for sessions of our own.
fn keep_for(context: &Context, handle: &CheckedHandle) -> Result<Option<Millis>, Refusal> {
    Ok(issuer_of(context, handle)?.map(|issuer| issuer.data_lifetime))
}

/// How long a tombstone of a trusted issuer's session is kept: until no token of it is accepted any more.
fn tombstone_for(context: &Context, handle: &CheckedHandle) -> Result<Option<Millis>, Refusal> {
    Ok(issuer_of(context, handle)?.map(|issuer| issuer.max_token_age.max(issuer.data_lifetime)))
}

/// The issuer behind a handle; `None` for sessions of our own. A handle of an issuer that is no longer trusted names
/// no session.
fn issuer_of<'a>(
    context: &'a Context,
    handle: &CheckedHandle,
) -> Result<Option<&'a TrustedIssuer>, Refusal> {
    let HandleKind::Foreign { issuer } = handle.kind() else {
        return Ok(None);
    };
    let mut trusted = context.settings.trusted_issuers.iter();
    let found = trusted.find(|trusted| &trusted.id == issuer);
    found.map(Some).ok_or(Refusal::Unauthorised(
        "the issuer of this session is not trusted",
    ))
}

/// A new session of the public tenant with the defaults of our own doors.
pub(super) fn own_session(
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
        transfer: None,
    }
}
