//! Creating a session and exchanging its refresh tokens.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{GONE, Terms, end, live, maintenance, outbox, view};
use crate::{
    refusal::ReuseSubtype,
    session::{
        call::{Create, Gone, Refresh, RotationMode, UserReply},
        lineage::{Lineage, Place, Rotation, Step, Superseding},
        minting::AccessGrant,
        model::TokenInfo,
        record::{Ending, SessionRecord, StoreFault, UserStore},
        refresh_token::{self, TokenMaker},
    },
    settings::{RecentTokenReuse, SupersededBy},
};
use postern_jwt::{
    json,
    secret::sha256_hex,
    time::{Millis, UnixMillis},
};

pub(super) fn create<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    call: Create,
) -> Result<UserReply, StoreFault> {
    make_room(store, terms, &call.user_id)?;
    let (secret_number, _) = terms
        .refresh_secrets
        .last()
        .ok_or_else(|| StoreFault("the key ring holds no refresh-token secret".to_owned()))?;
    let has_data = call.session_data.is_some();
    let mut record = SessionRecord {
        handle: call.handle,
        user_id: call.user_id,
        tenant_id: call.tenant_id,
        created: terms.now,
        expiry: refreshed_expiry(terms, terms.now),
        access_expires_max: terms.now,
        last_refreshed: None,
        salt: Base64UrlUnpadded::encode_string(terms.random.get(8..).unwrap_or_default()),
        secret_number: *secret_number,
        lineage: Lineage::START,
        by_service_api: call.by_service_api,
        use_dynamic_key: call.use_dynamic_key,
        payload: call.payload,
        device: call.device,
        data_seq: u64::from(has_data),
        copy_expires: UnixMillis(0),
    };
    let place = Lineage::START.used();
    let (refresh, access) = tokens(
        terms,
        &mut record,
        place,
        None,
        call.anti_csrf,
        call.access_token_validity,
    )?;
    if !store.insert_session(&record)? {
        return Err(StoreFault("the new handle exists already".to_owned()));
    }
    if let Some(data) = call.session_data {
        store.set_data(&record.handle, &data)?;
        outbox::queue_put_under_way(store, terms.now, &record.handle)?;
    }
    Ok(UserReply::Issued {
        session: view(&record),
        access,
        refresh,
    })
}

pub(super) fn refresh<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    call: &Refresh,
) -> Result<UserReply, StoreFault> {
    const NOT_OURS: UserReply = UserReply::Unauthorised {
        reason: Gone::NotOurs,
    };
    let Some(presented) = refresh_token::parse(&call.token) else {
        return Ok(NOT_OURS);
    };
    let Some(mut record) = live(store, terms, presented.handle)? else {
        return Ok(GONE);
    };
    let Some(bound) = maker(terms, &record)?.check(&presented) else {
        return Ok(NOT_OURS);
    };
    if call.check_anti_csrf && bound && !anti_csrf_matches(terms, &record, presented.place, call) {
        return Ok(UserReply::Unauthorised {
            reason: Gone::AntiCsrf,
        });
    }
    let grace = terms.settings.refresh_grace_period;
    let (lineage, step) = record.lineage.present(
        presented.place,
        rotation(terms, call.door),
        grace,
        terms.now,
    );
    let (place, parent, slide) = match step {
        Step::NeverIssued => return Ok(NOT_OURS),
        Step::Reuse(subtype) => return reuse(store, terms, record, subtype),
        Step::Echo => (presented.place, None, false),
        Step::Issue { child, slide, .. } => {
            let parent = matches!(call.door, RotationMode::Lazy).then(|| sha256_hex(&call.token));
            (child, parent, slide)
        }
    };
    if holds_protected_claim(&record.payload, &call.protected_claims)? {
        return Ok(UserReply::Unauthorised {
            reason: Gone::ProtectedClaim,
        });
    }
    record.lineage = lineage;
    record.last_refreshed = Some(terms.now);
    record.use_dynamic_key = call.use_dynamic_key.unwrap_or(record.use_dynamic_key);
    if slide {
        record.expiry = record.expiry.max(refreshed_expiry(terms, record.created));
    }
    let echoed = matches!(step, Step::Echo);
    let bound = match call.anti_csrf {
        Some(wanted) if !echoed => wanted,
        Some(_) | None => bound,
    };
    let (refresh, access) = tokens(
        terms,
        &mut record,
        place,
        parent,
        bound,
        call.access_token_validity,
    )?;
    if !store.update_session(&record)? {
        return Ok(GONE);
    }
    maintenance::renew_if_half_spent(store, terms, &record)?;
    Ok(UserReply::Issued {
        session: view(&record),
        access,
        refresh,
    })
}

fn reuse<S: UserStore>(
    store: &S,
    terms: &Terms<'_>,
    record: SessionRecord,
    subtype: ReuseSubtype,
) -> Result<UserReply, StoreFault> {
    end::end(store, terms, &record, Ending::Theft)?;
    Ok(UserReply::Theft {
        handle: record.handle,
        user_id: record.user_id,
        subtype,
    })
}

/// Whether a reuse is reported as theft; the others are reported as `UNAUTHORISED`, by setting (protocol 5.6).
pub const fn is_reported_as_theft(setting: RecentTokenReuse, subtype: ReuseSubtype) -> bool {
    matches!(setting, RecentTokenReuse::TokenTheft) || matches!(subtype, ReuseSubtype::StaleLineage)
}

/// Ends the oldest sessions of a user until one more fits under the setting.
fn make_room<S: UserStore>(store: &S, terms: &Terms<'_>, user_id: &str) -> Result<(), StoreFault> {
    let most = usize::try_from(terms.settings.max_sessions_per_user).unwrap_or(usize::MAX);
    if store.count_sessions_of(user_id)? < most {
        return Ok(());
    }
    let mut sessions = store.sessions_of(user_id, None)?;
    // One that has expired and waits for the alarm displaces nobody.
    sessions.retain(|session| terms.counts(session.created, session.expiry));
    let surplus = sessions.len().saturating_add(1).saturating_sub(most);
    for session in sessions.iter().take(surplus) {
        end::end_by_handle(store, terms, &session.handle, Ending::Displaced)?;
    }
    Ok(())
}

/// When a session created at `created` ends if it is refreshed now.
pub(super) fn refreshed_expiry(terms: &Terms<'_>, created: UnixMillis) -> UnixMillis {
    let sliding = terms.now.plus(terms.settings.refresh_token_validity);
    match terms.settings.session_absolute_lifetime {
        Some(lifetime) => sliding.min(created.plus(lifetime)),
        None => sliding,
    }
}

pub(super) fn maker<'a>(
    terms: &'a Terms<'_>,
    record: &'a SessionRecord,
) -> Result<TokenMaker<'a>, StoreFault> {
    Ok(TokenMaker {
        secret: terms.refresh_secret(record.secret_number)?,
        salt: &record.salt,
        handle: &record.handle,
    })
}

fn rotation(terms: &Terms<'_>, door: RotationMode) -> Rotation {
    match door {
        RotationMode::Lazy => Rotation::Lazy,
        RotationMode::Eager => Rotation::Eager {
            quiet: Millis(0),
            superseding: Superseding::ByTime,
        },
        RotationMode::Own => {
            let half_life = Millis(terms.settings.access_token_validity.0 / 2);
            Rotation::Eager {
                quiet: terms.settings.refresh_grace_period.min(half_life),
                superseding: match terms.settings.refresh_token_superseded_by {
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
    terms: &Terms<'_>,
    record: &SessionRecord,
    place: Place,
    call: &Refresh,
) -> bool {
    let Some(presented) = &call.anti_csrf_token else {
        return false;
    };
    let generation = place.generation;
    [
        generation,
        generation.saturating_sub(1),
        generation.saturating_add(1),
    ]
    .into_iter()
    .map(|generation| terms.anti_csrf_token(&record.handle, &record.salt, generation))
    .fold(false, |found, token| token.equals(presented) | found)
}

fn holds_protected_claim(payload: &str, protected: &[String]) -> Result<bool, StoreFault> {
    let object = json::parse_object(payload)
        .map_err(|_| StoreFault("a stored payload is not JSON".to_owned()))?;
    Ok(protected.iter().any(|claim| object.contains(claim)))
}

/// The refresh token at `place` and permission for its access token; notes the latter in the record.
fn tokens(
    terms: &Terms<'_>,
    record: &mut SessionRecord,
    place: Place,
    parent_hash1: Option<String>,
    anti_csrf: bool,
    validity: Option<Millis>,
) -> Result<(TokenInfo, AccessGrant), StoreFault> {
    let token = maker(terms, record)?.token(place, anti_csrf);
    let validity = validity.unwrap_or_else(|| terms.jittered_validity());
    let access = AccessGrant {
        created: terms.now,
        expiry: terms.now.plus(validity).min(record.expiry),
        hash1: sha256_hex(&token),
        parent_hash1,
        anti_csrf_token: anti_csrf
            .then(|| terms.anti_csrf_token(&record.handle, &record.salt, place.generation)),
        use_dynamic_key: record.use_dynamic_key,
        by_service_api: record.by_service_api,
        session_created: record.told_creation(),
        generation: if record.by_service_api {
            0
        } else {
            place.generation
        },
    };
    record.access_expires_max = record.access_expires_max.max(access.expiry);
    let refresh = TokenInfo {
        token,
        expiry: refreshed_expiry(terms, record.created),
        created: terms.now,
    };
    Ok((refresh, access))
}
