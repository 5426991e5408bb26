//! Ending sessions: a row becomes a tombstone, its data goes, its KV copy is queued for deletion, and the authority on
//! revocations gets to know.

use super::{UserContext, foreign, listing, outbox, publish, revocation};
use crate::{
    events::{Event, EventType, Member, Value},
    session::{
        call::UserReply,
        handle::{is_foreign, is_mark},
        record::{Ending, SessionRecord, StoreFault, Stored, Tombstone, UserStore},
    },
    tenant::OWN,
};
use postern_jwt::time::{Millis, UnixMillis};

/// The tombstone of a revoked session stands at least this long: a call whose answer was lost can be repeated.
const REPEATABLE_FOR: Millis = Millis(10 * 60_000);

/// How many sessions that ended by themselves one call gives their end in storage.
const SETTLED_AT_ONCE: usize = 500;

pub(super) fn revoke<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handles: Vec<String>,
    keep_for: Option<Millis>,
    repeatable: bool,
    by: Option<&str>,
) -> Result<UserReply, StoreFault> {
    let mut revoked: Vec<String> = Vec::new();
    for handle in handles {
        let ended = if is_foreign(&handle) {
            end_foreign(store, context, &handle, keep_for)?
        } else {
            end_by_handle(store, context, &handle, Ending::Revoked, by)?
        };
        if (ended || was_revoked(store, &handle, repeatable)?) && !revoked.contains(&handle) {
            revoked.push(handle);
        }
    }
    store.hasten_revocations(context.now)?;
    Ok(UserReply::Handles { handles: revoked })
}

/// Which of a user's sessions are to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) user_id: &'a str,
    /// In one tenant, or in all.
    pub(super) tenant_id: Option<&'a str>,
    /// All but this one.
    pub(super) except: Option<&'a str>,
}

pub(super) fn revoke_all<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    whose: &Whose<'_>,
    repeatable: bool,
    by: Option<&str>,
) -> Result<UserReply, StoreFault> {
    let mut revoked = Vec::new();
    for session in store.sessions_of(whose.user_id, whose.tenant_id)? {
        let ends = whose.except != Some(session.handle.as_str());
        let ending = Ending::RevokedWithAll;
        if ends && end_by_handle(store, context, &session.handle, ending, by)? {
            revoked.push(session.handle);
        }
    }
    if !revoked.is_empty() && store.publishes_events() {
        let count = u64::try_from(revoked.len()).unwrap_or(u64::MAX);
        let members = [
            (Member::Issuer, Value::Text(OWN)),
            (Member::UserId, Value::Text(whose.user_id)),
            (Member::TenantId, whose.tenant_id.into()),
            (Member::Except, whose.except.into()),
            (Member::By, by.into()),
            (Member::Count, Value::Number(count)),
        ];
        let event = Event::new(EventType::UserSessionsEnded, &members);
        store.publish(&event, context.now)?;
    }
    if revoked.is_empty() {
        for handle in store.last_ended_together(whose.user_id, whose.tenant_id)? {
            if was_revoked(store, &handle, repeatable)? {
                revoked.push(handle);
            }
        }
    }
    store.hasten_revocations(context.now)?;
    Ok(UserReply::Handles { handles: revoked })
}

/// Whether an earlier call has revoked a session, and this one is to report it: always if it is `repeatable`, else only
/// if no caller was told so, because the authority did not have it yet.
fn was_revoked<S: UserStore>(
    store: &S,
    handle: &str,
    repeatable: bool,
) -> Result<bool, StoreFault> {
    let ending = if is_foreign(handle) {
        ending(store.foreign(handle)?.as_ref())
    } else {
        ending(store.session(handle)?.as_ref())
    };
    if !matches!(ending, Some(Ending::Revoked | Ending::RevokedWithAll)) {
        return Ok(false);
    }
    let task = store.revocation_task(handle)?;
    Ok(repeatable || task.is_some_and(|task| !task.recorded))
}

const fn ending<T>(stored: Option<&Stored<T>>) -> Option<Ending> {
    match stored {
        Some(Stored::Ended(tombstone)) => Some(tombstone.ending),
        _ => None,
    }
}

/// Ends a session. `true` when it was one that had not ended by itself.
pub(super) fn end_by_handle<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    ending: Ending,
    by: Option<&str>,
) -> Result<bool, StoreFault> {
    match store.session(handle)? {
        Some(Stored::Live(record)) => {
            let counts = context.counts(record.created, record.expiry);
            // What has ended by itself, nobody ends.
            let (ending, by) = match () {
                () if counts => (ending, by),
                () if record.created < context.not_before => (Ending::CutOff, None),
                () => (Ending::Expired, None),
            };
            Ok(end(store, context, &record, ending, by)? && counts)
        }
        _ => Ok(false),
    }
}

pub(super) fn end<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: &SessionRecord,
    ending: Ending,
    by: Option<&str>,
) -> Result<bool, StoreFault> {
    let mut tokens_end = record.access_expires_max;
    if record.is_of_former_core() && record.last_refreshed.is_none() {
        // The core may have made tokens since it was taken over.
        tokens_end = tokens_end.max(context.now.plus(context.settings.access_token_validity));
    }
    let mut keep_until = tokens_end.max(context.now);
    if matches!(ending, Ending::Revoked | Ending::RevokedWithAll) {
        keep_until = keep_until.max(context.now.plus(REPEATABLE_FOR));
    }
    if record.is_of_former_core() {
        // The core may know it for as long as that: it must not be taken over again.
        keep_until = keep_until.max(record.expiry);
    }
    let tombstone = Tombstone {
        ended: context.now,
        ending,
        keep_until,
    };
    let has_copy = record.data_seq > 0;
    let ended = store.end_session(&record.handle, tombstone)?;
    if ended {
        listing::remember(store, context, record, ending, by)?;
        publish::of_end(store, context, record, ending, by)?;
    }
    if ended && has_copy {
        outbox::queue_delete(store, context.now, &record.handle)?;
    }
    // Of an expiry every isolate knows by itself: tokens and copies say when they end. A cut-off is published as one number, but
    // tokens that do not tell when their session was created may be made after it by whoever had not heard of it.
    if ended && ending != Ending::Expired {
        revocation::queue(store, context, &record.handle, tokens_end, has_copy)?;
    }
    Ok(ended)
}

/// Ends what a trusted issuer's subject had up to a moment, as the issuer said.
pub(super) fn end_before<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    moment: UnixMillis,
    keep_for: Millis,
) -> Result<UserReply, StoreFault> {
    let moment = moment.min(context.now);
    let stored = store.foreign(handle)?;
    let known = match &stored {
        Some(Stored::Live(record)) => record.ended,
        Some(Stored::Ended(tombstone)) => tombstone.ended,
        None => UnixMillis(0),
    };
    if is_foreign(handle) && moment > known {
        let tombstone = Tombstone {
            ended: moment,
            ending: Ending::Revoked,
            keep_until: context.now.plus(keep_for),
        };
        if matches!(stored, Some(Stored::Ended(_))) {
            // So that it can be ended once more, with the later moment.
            store.revive_foreign(handle, context.now)?;
        }
        if store.end_foreign(handle, tombstone)? {
            // A mark has no data.
            let has_copy = !is_mark(handle);
            if has_copy {
                outbox::queue_delete(store, context.now, handle)?;
                publish::of_foreign_end(store, context, handle)?;
            }
            revocation::queue(store, context, handle, tombstone.keep_until, has_copy)?;
        }
    }
    store.hasten_revocations(context.now)?;
    Ok(UserReply::Done {})
}

/// Ends a trusted issuer's session here. Its issuer may think otherwise; we only refuse it.
pub(super) fn end_foreign<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    keep_for: Option<Millis>,
) -> Result<bool, StoreFault> {
    let tombstone = Tombstone {
        ended: context.now,
        ending: Ending::Revoked,
        keep_until: context.now.plus(keep_for.unwrap_or(Millis(0))),
    };
    foreign::end_again(store, context, handle)?;
    let ended = store.end_foreign(handle, tombstone)?;
    if ended {
        // A mark is no session: it has no data, and nothing of it ends for anybody.
        if !is_mark(handle) {
            outbox::queue_delete(store, context.now, handle)?;
            publish::of_foreign_end(store, context, handle)?;
        }
        // As long as the tombstone: its issuer may go on making tokens for the session.
        revocation::queue(store, context, handle, tombstone.keep_until, true)?;
    }
    Ok(ended)
}

/// Ends in storage what has ended by itself: at its expiry, or because everybody's sessions from before a moment were.
pub(super) fn settle<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
) -> Result<(), StoreFault> {
    let mut sessions = store.sessions_of(user_id, None)?;
    sessions.retain(|session| !context.counts(session.created, session.expiry));
    for session in sessions.iter().take(SETTLED_AT_ONCE) {
        end_by_handle(store, context, &session.handle, Ending::Expired, None)?;
    }
    Ok(())
}
