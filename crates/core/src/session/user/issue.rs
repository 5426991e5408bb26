//! Creating a session and exchanging its refresh tokens.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{
    GONE, UserContext, anti_csrf_token, device_shown, end, key_shown, live, maintenance, outbox,
    publish, shown, view,
};
use crate::{
    events::{EventType, Member, Value},
    refusal::ReuseSubtype,
    session::{
        call::{Create, Gone, Refresh, RotationMode, UserReply},
        lineage::{Lineage, Rotation, Step, Superseding, TokenPosition},
        minting::AccessGrant,
        model::TokenInfo,
        record::{Ending, SessionRecord, StoreFault, UserStore},
        refresh_token::{self, TokenMaker},
    },
    settings::{RecentTokenReuse, SupersededBy},
};
use postern_jwt::{
    json,
    proof::Thumbprint,
    secret::sha256_hex,
    time::{Millis, UnixMillis},
};

pub(super) fn create<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    call: Create,
    dpop_key: Option<Thumbprint>,
) -> Result<UserReply, StoreFault> {
    make_room(store, context, &call.user_id, 1)?;
    let (anti_csrf, validity) = (call.anti_csrf, call.access_token_validity);
    let (mut record, data) = new_record(context, call, dpop_key)?;
    let position = Lineage::START.used();
    let (refresh, access) = tokens(context, &mut record, position, None, anti_csrf, validity)?;
    if !insert(store, context, &record, data)? {
        return Err(StoreFault("the new handle exists already".to_owned()));
    }
    Ok(UserReply::Issued {
        session: view(&record),
        access,
        refresh,
    })
}

/// A session of a SuperTokens core: stored if it is not known here, with the times of creation and expiry that it had there. Its first
/// refresh token is given for the core's: what is found out by exchanging it is found out as with any other.
pub(super) fn adopt<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    call: Create,
    (created, expiry): (UnixMillis, UnixMillis),
    is_stolen: bool,
) -> Result<UserReply, StoreFault> {
    let (handle, user_id) = (call.handle.clone(), call.user_id.clone());
    let expiry = match context.settings.session_absolute_lifetime {
        Some(lifetime) => expiry.min(created.plus(lifetime)),
        None => expiry,
    };
    if store.session(&handle)?.is_none() && context.counts(created, expiry) {
        let (mut record, data) = new_record(context, call, None)?;
        record.created = created;
        record.expiry = expiry;
        // Access tokens of the core count for no longer than ours do.
        let longest = context.settings.access_token_validity;
        record.access_expires_max = context.now.plus(longest);
        insert(store, context, &record, data)?;
        // Only now: it may be the oldest itself.
        make_room(store, context, &user_id, 0)?;
    }
    let Some(mut record) = live(store, context, &handle)? else {
        return Ok(GONE);
    };
    let secret_number = context.newest_secret()?.0.0;
    let is_behind = record.expiry < expiry || record.secret_number != secret_number;
    if record.last_refreshed.is_none() && is_behind {
        // What has become of it at the core and in the key ring since it is here. Nothing was made with the secret from then.
        record.expiry = record.expiry.max(expiry);
        record.secret_number = secret_number;
        store.update_session(&record)?;
    }
    if is_stolen {
        let subtype = ReuseSubtype::StaleLineage;
        return theft(store, context, record, Ending::Theft, subtype);
    }
    let token = maker(context, &record)?.token(Lineage::START.used(), false);
    Ok(UserReply::Issued {
        session: view(&record),
        access: grant(context, &record, context.now, sha256_hex(&token)),
        refresh: TokenInfo {
            token,
            expiry: record.expiry,
            created: record.created,
        },
    })
}

/// The record of a new session, and its data.
fn new_record(
    context: &UserContext<'_>,
    call: Create,
    dpop_key: Option<Thumbprint>,
) -> Result<(SessionRecord, Option<String>), StoreFault> {
    let ((secret_number, _), _) = context.newest_secret()?;
    let record = SessionRecord {
        handle: call.handle,
        user_id: call.user_id,
        tenant_id: call.tenant_id,
        created: context.now,
        expiry: refreshed_expiry(context, context.now),
        access_expires_max: context.now,
        last_refreshed: None,
        salt: Base64UrlUnpadded::encode_string(context.random.get(8..).unwrap_or_default()),
        secret_number: *secret_number,
        lineage: Lineage::START,
        by_service_api: call.by_service_api,
        use_dynamic_key: call.use_dynamic_key,
        payload: call.payload,
        device: call.device,
        made_by: call.made_by,
        last_seen: None,
        data_seq: u64::from(call.session_data.is_some()),
        copy_expires: UnixMillis(0),
        binding: None,
        dpop_key,
    };
    Ok((record, call.session_data))
}

/// Stores a new session with its data; `false` when its handle exists.
fn insert<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: &SessionRecord,
    data: Option<String>,
) -> Result<bool, StoreFault> {
    if !store.insert_session(record)? {
        return Ok(false);
    }
    if let Some(data) = data {
        store.set_data(&record.handle, &data)?;
        outbox::queue_put_under_way(store, context.now, &record.handle)?;
    }
    let by = [(Member::By, record.made_by.as_deref().into())];
    publish::of_session(store, context, EventType::SessionCreated, record, &by)?;
    Ok(true)
}

pub(super) fn refresh<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    call: &Refresh,
) -> Result<UserReply, StoreFault> {
    const NOT_OURS: UserReply = UserReply::Unauthorised {
        reason: Gone::NotOurs,
    };
    let Some(presented) = refresh_token::parse(&call.token) else {
        return Ok(NOT_OURS);
    };
    let Some(mut record) = live(store, context, presented.handle)? else {
        return Ok(GONE);
    };
    if !context.keeps_secret(record.secret_number)? {
        return Ok(NOT_OURS);
    }
    let Some(bound) = maker(context, &record)?.check(&presented) else {
        return Ok(NOT_OURS);
    };
    if call.check_anti_csrf
        && bound
        && !anti_csrf_matches(context, &record, presented.position, call)
    {
        return Ok(UserReply::Unauthorised {
            reason: Gone::AntiCsrf,
        });
    }
    // Before anything that ends the session: whoever has not the key changes nothing.
    if let Some(refused) = key_shown::refused(store, context, &record, call.proof.as_ref())? {
        return Ok(refused);
    }
    let grace = context.settings.refresh_grace_period;
    let (lineage, step) = record.lineage.present(
        presented.position,
        rotation(context, call.rotation_mode),
        grace,
        context.now,
    );
    let (position, parent, slide) = match step {
        Step::NeverIssued => return Ok(NOT_OURS),
        Step::Reuse(subtype) => return theft(store, context, record, Ending::Theft, subtype),
        Step::Reissue => (presented.position, None, false),
        Step::Issue { child, slide, .. } => {
            let parent =
                matches!(call.rotation_mode, RotationMode::Lazy).then(|| sha256_hex(&call.token));
            (child, parent, slide)
        }
    };
    match device_shown::shown(context, &mut record, call.device.as_ref()) {
        device_shown::Shown::Enough => {}
        device_shown::Shown::OutOfReach => return Ok(shown::OUT_OF_REACH),
        device_shown::Shown::Unproven => {
            return Ok(UserReply::Unauthorised {
                reason: Gone::DeviceUnproven,
            });
        }
        device_shown::Shown::Missing => {
            return theft(
                store,
                context,
                record,
                Ending::DeviceKeyMissing,
                ReuseSubtype::DeviceKeyMissing,
            );
        }
    }
    if holds_protected_claim(&record.payload, &call.protected_claims)? {
        return Ok(UserReply::Unauthorised {
            reason: Gone::ProtectedClaim,
        });
    }
    record.lineage = lineage;
    record.last_refreshed = Some(context.now);
    record.use_dynamic_key = call.use_dynamic_key.unwrap_or(record.use_dynamic_key);
    if slide {
        record.expiry = record.expiry.max(refreshed_expiry(context, record.created));
    }
    let reissued = matches!(step, Step::Reissue);
    let bound = match call.anti_csrf {
        Some(wanted) if !reissued => wanted,
        Some(_) | None => bound,
    };
    let (refresh, access) = tokens(
        context,
        &mut record,
        position,
        parent,
        bound,
        call.access_token_validity,
    )?;
    if !store.update_session(&record)? {
        return Ok(GONE);
    }
    maintenance::renew_if_half_spent(store, context, &record)?;
    if context.settings.events_refreshed {
        publish::of_session(store, context, EventType::SessionRefreshed, &record, &[])?;
    }
    Ok(UserReply::Issued {
        session: view(&record),
        access,
        refresh,
    })
}

fn theft<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: SessionRecord,
    ending: Ending,
    subtype: ReuseSubtype,
) -> Result<UserReply, StoreFault> {
    let reason = [(Member::Reason, Value::Text(subtype.name()))];
    publish::of_session(store, context, EventType::SessionTheft, &record, &reason)?;
    end::end(store, context, &record, ending, None)?;
    Ok(UserReply::Theft {
        handle: record.handle,
        user_id: record.user_id,
        subtype,
        country: record.device.and_then(|device| device.country),
    })
}

/// Whether a reuse is reported as theft; the others are reported as `UNAUTHORISED`, by setting (protocol 5.6).
pub const fn is_reported_as_theft(setting: RecentTokenReuse, subtype: ReuseSubtype) -> bool {
    matches!(setting, RecentTokenReuse::TokenTheft)
        || matches!(
            subtype,
            ReuseSubtype::StaleLineage | ReuseSubtype::DeviceKeyMissing
        )
}

/// Ends the oldest sessions of a user until so many more fit under the setting.
fn make_room<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
    coming: usize,
) -> Result<(), StoreFault> {
    let most = usize::try_from(context.settings.max_sessions_per_user).unwrap_or(usize::MAX);
    if store.count_sessions_of(user_id)?.saturating_add(coming) <= most {
        return Ok(());
    }
    let mut sessions = store.sessions_of(user_id, None)?;
    // One that has expired and waits for the alarm displaces nobody.
    sessions.retain(|session| context.counts(session.created, session.expiry));
    let surplus = sessions.len().saturating_add(coming).saturating_sub(most);
    for session in sessions.iter().take(surplus) {
        end::end_by_handle(store, context, &session.handle, Ending::Displaced, None)?;
    }
    Ok(())
}

/// When a session created at `created` ends if it is refreshed now.
pub(super) fn refreshed_expiry(context: &UserContext<'_>, created: UnixMillis) -> UnixMillis {
    let sliding = context.now.plus(context.settings.refresh_token_validity);
    match context.settings.session_absolute_lifetime {
        Some(lifetime) => sliding.min(created.plus(lifetime)),
        None => sliding,
    }
}

/// Permission for an access token of a session, of no refresh: its first use is nothing that the object has to hear of.
pub(super) fn grant(
    context: &UserContext<'_>,
    record: &SessionRecord,
    expiry: UnixMillis,
    hash1: String,
) -> AccessGrant {
    AccessGrant {
        created: context.now,
        expiry,
        hash1,
        parent_hash1: None,
        anti_csrf_token: None,
        use_dynamic_key: record.use_dynamic_key,
        by_service_api: record.by_service_api,
        session_created: record.stated_creation(),
        generation: 0,
        device: record.device(),
        dpop_key: record.dpop_key,
    }
}

/// Makes and recognises the refresh tokens of a session whose [secret is kept](UserContext::keeps_secret).
pub(super) fn maker<'a>(
    context: &'a UserContext<'_>,
    record: &'a SessionRecord,
) -> Result<TokenMaker<'a>, StoreFault> {
    let ((_, secret), others) = context.newest_secret()?;
    Ok(TokenMaker {
        secret,
        others,
        salt: &record.salt,
        handle: &record.handle,
    })
}

fn rotation(context: &UserContext<'_>, rotation_mode: RotationMode) -> Rotation {
    match rotation_mode {
        RotationMode::Lazy => Rotation::Lazy,
        RotationMode::Eager => Rotation::Eager {
            quiet: Millis(0),
            superseding: Superseding::ByTime,
        },
        RotationMode::Own => {
            let half_life = Millis(context.settings.access_token_validity.0 / 2);
            Rotation::Eager {
                quiet: context.settings.refresh_grace_period.min(half_life),
                superseding: match context.settings.refresh_token_superseded_by {
                    SupersededBy::Use => Superseding::ByUse,
                    SupersededBy::Time => Superseding::ByTime,
                },
            }
        }
    }
}

/// The tokens of this generation and of its neighbours are accepted: a browser may hold the cookies of one answer and
/// the anti-CSRF token of another.
fn anti_csrf_matches(
    context: &UserContext<'_>,
    record: &SessionRecord,
    position: TokenPosition,
    call: &Refresh,
) -> bool {
    let Some(presented) = &call.anti_csrf_token else {
        return false;
    };
    let generation = position.generation;
    [
        generation,
        generation.saturating_sub(1),
        generation.saturating_add(1),
    ]
    .into_iter()
    .flat_map(|generation| {
        let keys = context.anti_csrf_keys.iter().map(|(_, key)| key);
        keys.map(move |key| anti_csrf_token(key, &record.handle, &record.salt, generation))
    })
    .fold(false, |found, token| token.equals(presented) | found)
}

fn holds_protected_claim(payload: &str, protected: &[String]) -> Result<bool, StoreFault> {
    let object = json::parse_object(payload)
        .map_err(|_| StoreFault("a stored payload is not JSON".to_owned()))?;
    Ok(protected.iter().any(|claim| object.contains(claim)))
}

/// The refresh token at `place` and permission for its access token; notes the latter in the record.
fn tokens(
    context: &UserContext<'_>,
    record: &mut SessionRecord,
    position: TokenPosition,
    parent_hash1: Option<String>,
    anti_csrf: bool,
    validity: Option<Millis>,
) -> Result<(TokenInfo, AccessGrant), StoreFault> {
    let token = maker(context, record)?.token(position, anti_csrf);
    // It may be a newer one than before. Older tokens of the session stay good as long as their secrets are known.
    record.secret_number = context.newest_secret()?.0.0;
    // What a caller asks for, its release has compared with a setting that may have changed.
    let longest = context.settings.access_token_validity;
    let validity = validity.map_or_else(|| context.jittered_validity(), |asked| asked.min(longest));
    let expiry = context.now.plus(validity).min(record.expiry);
    let access = AccessGrant {
        parent_hash1,
        anti_csrf_token: anti_csrf
            .then(|| context.anti_csrf_token(&record.handle, &record.salt, position.generation))
            .transpose()?,
        generation: if record.by_service_api {
            0
        } else {
            position.generation
        },
        ..grant(context, record, expiry, sha256_hex(&token))
    };
    record.access_expires_max = record.access_expires_max.max(access.expiry);
    let refresh = TokenInfo {
        token,
        expiry: refreshed_expiry(context, record.created),
        created: context.now,
    };
    Ok((refresh, access))
}
