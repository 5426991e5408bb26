//! Listing a user's sessions with their facts, and remembering the ended ones for a stated time.

use super::{UserContext, end};
use crate::session::{
    call::UserReply,
    listing::{Cursor, Ended, ListedSession, PAGE},
    record::{Ending, PageOf, SessionRecord, StoreFault, UserStore},
};
use postern_jwt::time::Millis;

/// How often it is written down that a session's user was seen. A request costs no write otherwise.
pub const SEEN_EVERY: Millis = Millis(5 * 60_000);
/// How many sessions that ended by themselves one call gives their end in storage.
const SETTLED_AT_ONCE: usize = 500;

/// A page of live sessions, or of ended ones.
pub(super) fn list<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
    tenant_id: Option<&str>,
    after: Option<&Cursor>,
    ended: bool,
) -> Result<UserReply, StoreFault> {
    if ended && after.is_none() {
        settle(store, context, user_id)?;
    }
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
        records.iter().map(ListedSession::of).collect()
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

/// Ends in storage what has ended by itself: at its expiry, or because everybody's sessions from before a moment were.
fn settle<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    user_id: &str,
) -> Result<(), StoreFault> {
    let mut sessions = store.sessions_of(user_id, None)?;
    sessions.retain(|session| !context.counts(session.created, session.expiry));
    for session in sessions.iter().take(SETTLED_AT_ONCE) {
        end::end_by_handle(store, context, &session.handle, Ending::Expired, None)?;
    }
    Ok(())
}

/// Remembers a session that ends now. An expiry that is noticed late is told with the time at which it was.
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
        ended: Some(Ended::of(time, ending, by)),
        ..ListedSession::of(record)
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
