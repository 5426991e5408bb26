//! Is a session live, and does its access token still belong to it?

use super::{
    GONE, UserContext, data, device_shown, foreign, issue, listing, maintenance, seen, shown, view,
};
use crate::session::{
    call::{Carried, Gone, RotationMode, UserReply, Verify},
    handle::{is_foreign, is_mark},
    issuer,
    minting::AccessGrant,
    record::{SessionRecord, StoreFault, UserStore},
};
use postern_jwt::{json, proof::Thumbprint, time::UnixMillis};

pub(super) fn check<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    issued: Option<UnixMillis>,
) -> Result<UserReply, StoreFault> {
    let ended = if is_foreign(handle) {
        match foreign::ended(store, context, handle, issued)? {
            Some(ended) if is_mark(handle) => {
                return Ok(UserReply::NotEnded {
                    data_seq: 0,
                    ended: Some(ended),
                });
            }
            Some(ended) => Some(ended),
            None => return Ok(GONE),
        }
    } else {
        listing::note_seen(store, context, handle)?;
        None
    };
    Ok(match data::current(store, context, handle)? {
        Some(current) => UserReply::NotEnded {
            data_seq: current.seq,
            ended,
        },
        None => GONE,
    })
}

pub(super) fn verify<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    call: Verify,
) -> Result<UserReply, StoreFault> {
    if device_shown::is_out_of_reach(context, &record) {
        return Ok(shown::OUT_OF_REACH);
    }
    if seen::mark(context, &mut record, &call.hash1)? && !store.update_session(&record)? {
        return Ok(GONE);
    }
    listing::note_seen(store, context, &call.handle)?;
    let issuer = context.settings.issuer();
    let same = |payload: &str| json::same_value(&record.payload, payload);
    let differs = !(same(&call.payload)
        .and_then(|same_text| Ok(same_text || same(&issuer::without(&call.payload, &issuer))?)))
    .map_err(|_| StoreFault("a stored payload is not JSON".to_owned()))?;
    match call.rotation_mode {
        RotationMode::Lazy => verify_lazily(store, context, record, &call, differs),
        RotationMode::Own | RotationMode::Eager => {
            let maker = issue::maker(context, &record)?;
            let lineage = record.lineage;
            let next = lineage.generation.saturating_add(1);
            let belongs = |hash1: &str| {
                maker.has_hash(lineage.used(), hash1)
                    || maker.find_child(next, lineage.children, hash1).is_some()
            };
            // Until a session of a core is refreshed here, its tokens name the core's refresh token.
            let has_cores_tokens = record.is_of_former_core() && record.last_refreshed.is_none();
            if !belongs(&call.hash1)
                && !call.parent_hash1.as_deref().is_some_and(belongs)
                && !has_cores_tokens
            {
                return Ok(UserReply::Unauthorised {
                    reason: Gone::RotatedOut,
                });
            }
            let payload = call.payload;
            Ok(found(&SessionRecord { payload, ..record }, None, differs))
        }
    }
}

/// Rows C2 to C8 of cdi.md 3.3: an access token of a child promotes the child's refresh token.
fn verify_lazily<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    call: &Verify,
    differs: bool,
) -> Result<UserReply, StoreFault> {
    let payload_changed = call.check_database && differs;
    let maker = issue::maker(context, &record)?;
    let lineage = record.lineage;
    let mut mint = payload_changed;
    let mut promoted = None;
    if let Some(parent) = &call.parent_hash1 {
        let next = lineage.generation.saturating_add(1);
        if maker.has_hash(lineage.used(), parent) {
            promoted = maker.find_child(next, lineage.children, &call.hash1);
        }
        mint |= promoted.is_some() || maker.has_hash(lineage.used(), &call.hash1);
    }
    if let Some(index) = promoted {
        record.lineage = lineage.promoted(index);
        record.expiry = record
            .expiry
            .max(issue::refreshed_expiry(context, record.created));
    }
    if !mint {
        let payload = call.payload.clone();
        return Ok(found(&SessionRecord { payload, ..record }, None, differs));
    }
    let validity = context.settings.access_token_validity;
    let expiry = context.now.plus(validity).min(record.expiry);
    let access = AccessGrant {
        anti_csrf_token: call.anti_csrf_token.clone(),
        ..issue::grant(context, &record, expiry, call.hash1.clone())
    };
    store_and_allow(store, context, record, Some(access))
}

/// A new payload, and a new access token with no more life than the one at hand (none when that one is expired).
pub(super) fn regenerate<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    payload: Option<String>,
    carried: Carried,
) -> Result<UserReply, StoreFault> {
    if device_shown::is_out_of_reach(context, &record) {
        return Ok(shown::OUT_OF_REACH);
    }
    record.payload = payload.unwrap_or(record.payload);
    seen::mark(context, &mut record, &carried.hash1)?;
    let device = device_shown::of_token(&record, carried.device);
    let access = same_life(context, &record, carried, device);
    store_and_allow(store, context, record, access)
}

/// Permission for an access token in place of the one at hand, with no more life than that has; `None` when it has none.
pub(super) fn same_life(
    context: &UserContext<'_>,
    record: &SessionRecord,
    carried: Carried,
    device: Option<Thumbprint>,
) -> Option<AccessGrant> {
    let expiry = carried.expiry.min(record.access_expires_max);
    (expiry > context.now).then(|| AccessGrant {
        parent_hash1: carried.parent_hash1,
        anti_csrf_token: carried.anti_csrf_token,
        device,
        ..issue::grant(context, record, expiry, carried.hash1)
    })
}

pub(super) fn store_and_allow<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    access: Option<AccessGrant>,
) -> Result<UserReply, StoreFault> {
    if let Some(access) = &access {
        record.access_expires_max = record.access_expires_max.max(access.expiry);
    }
    if !store.update_session(&record)? {
        return Ok(GONE);
    }
    maintenance::renew_if_half_spent(store, context, &record)?;
    Ok(found(&record, access, false))
}

fn found(
    record: &SessionRecord,
    access: Option<AccessGrant>,
    payload_update_available: bool,
) -> UserReply {
    UserReply::Live {
        session: view(record),
        access,
        payload_update_available,
        data_seq: record.data_seq,
    }
}
