//! Listing a user's sessions with their facts, and remembering the ended ones for a stated time.

use super::UserContext;
use crate::session::{
    call::UserReply,
    listing::{Cursor, Ended, ListedSession, PAGE},
    record::{Ending, PageOf, SessionRecord, StoreFault, UserStore},
};
use postern_jwt::time::Millis;

/// How often it is written down that a session's user was seen. A request costs no write otherwise.
pub const SEEN_EVERY: Millis = Millis(5 * 60_000);
/// A page of live sessions, or of ended ones.
pub(super) fn list<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
    tenant_id: Option<&str>,
    after: Option<&Cursor>,
    ended: bool,
) -> Result<UserReply, StoreFault> {
    let page = PageOf {
        user_id,
        tenant_id,
        after,
        // One more tells whether there is another page.
        limit: PAGE.saturating_add(1),
        now: context.now,
        not_before: context.not_before,
    };
    let mut sessions = if ended {
        store.ended_page(&page)?
    } else {
        let records = store.live_page(&page)?;
        records.iter().map(listed).collect()
    };
    let limit = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let goes_on = sessions.len() > limit;
    sessions.truncate(limit);
    let next = sessions.last().filter(|_| goes_on).map(|last| Cursor {
        at: last.ended.as_ref().map_or(last.created, |ended| ended.time),
        handle: last.handle.clone(),
    });
    Ok(UserReply::Sessions { sessions, next })
}

/// Remembers a session that ends now. An expiry that is noticed late is kept with the time at which it was.
pub(super) fn remember<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: &SessionRecord,
    ending: Ending,
    by: Option<&str>,
) -> Result<(), StoreFault> {
    let time = match ending {
        Ending::Expired => record.expiry.min(context.now),
        _ => context.now,
    };
    let forget = time.plus(context.settings.ended_session_retention);
    if forget <= context.now {
        return Ok(());
    }
    let session = ListedSession {
        ended: Some(Ended::of(time, ending.name(), by)),
        ..listed(record)
    };
    store.remember_ended(&session, forget)
}

/// Notes that a request of a session's user was seen, at most once in [`SEEN_EVERY`].
pub(super) fn note_seen<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<(), StoreFault> {
    store.mark_seen(handle, context.now, context.now.minus(SEEN_EVERY))
}

/// The facts of a session that lives.
fn listed(record: &SessionRecord) -> ListedSession {
    let seen = [
        Some(record.created),
        record.last_refreshed,
        record.lineage.child_seen,
        record.last_seen,
    ];
    ListedSession {
        handle: record.handle.clone(),
        user_id: record.user_id.clone(),
        tenant_id: record.tenant_id.clone(),
        created: record.created,
        last_refreshed: record.last_refreshed,
        last_seen: seen.into_iter().flatten().max().unwrap_or(record.created),
        expiry: record.expiry,
        device: record.device.clone(),
        made_by: record.made_by.clone(),
        device_bound: record.binding.as_ref().map(|binding| binding.bound),
        dpop_key: record.dpop_key,
        ended: None,
    }
}
