//! A refresh token supersedes the one that it was issued for once it, or its access token, was seen in use.

use super::{GONE, UserContext, issue, listing};
use crate::{
    session::{
        call::UserReply,
        record::{SessionRecord, StoreFault, UserStore},
    },
    settings::SupersededBy,
};

/// An isolate has seen the access token that goes with the refresh token of this hash. Nothing is written but the first time.
pub(super) fn note<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    mut record: SessionRecord,
    hash1: &str,
) -> Result<UserReply, StoreFault> {
    if mark(context, &mut record, hash1)? && !store.update_session(&record)? {
        return Ok(GONE);
    }
    listing::note_seen(store, context, &record.handle)?;
    Ok(UserReply::Done {})
}

/// Marks in a record that the token of this hash was seen. `true` when that is news.
pub(super) fn mark(
    context: &UserContext<'_>,
    record: &mut SessionRecord,
    hash1: &str,
) -> Result<bool, StoreFault> {
    let lineage = record.lineage;
    let matters = context.settings.refresh_token_superseded_by == SupersededBy::Use
        && lineage.children > 0
        && lineage.child_seen.is_none();
    if !matters {
        return Ok(false);
    }
    let next = lineage.generation.saturating_add(1);
    let child = issue::maker(context, record)?.find_child(next, lineage.children, hash1);
    if child.is_some() {
        record.lineage = lineage.with_child_seen(context.now);
    }
    Ok(child.is_some())
}
