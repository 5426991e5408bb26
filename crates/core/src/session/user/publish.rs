//! What is published as events of a user's sessions.

use super::UserContext;
use crate::{
    events::{Event, EventType, Member, Value},
    session::{
        handle::issuer_id,
        listing::Ended,
        record::{Ending, SessionRecord, StoreFault, UserStore},
    },
    tenant::OWN,
};

/// Publishes that something happened to a session of ours.
pub(super) fn of_session<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    of: EventType,
    record: &SessionRecord,
    more: &[(Member, Value<'_>)],
) -> Result<(), StoreFault> {
    if !store.publishes_events() {
        return Ok(());
    }
    let mut members = vec![
        (Member::Handle, Value::Text(&record.handle)),
        (Member::Issuer, Value::Text(OWN)),
        (Member::UserId, Value::Text(&record.user_id)),
        (Member::TenantId, Value::Text(&record.tenant_id)),
    ];
    members.extend_from_slice(more);
    store.publish(&Event::new(of, &members), context.now)
}

/// Publishes that a session of ours has ended: as `listSessions` says it.
pub(super) fn of_end<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: &SessionRecord,
    ending: Ending,
    by: Option<&str>,
) -> Result<(), StoreFault> {
    let ended = Ended::of(context.now, ending.name(), by);
    let more = [
        (Member::Reason, Value::Text(&ended.reason)),
        (Member::By, ended.by.as_deref().into()),
    ];
    of_session(store, context, EventType::SessionEnded, record, &more)
}

/// Publishes that a trusted issuer's session has ended here.
pub(super) fn of_foreign_end<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<(), StoreFault> {
    if !store.publishes_events() {
        return Ok(());
    }
    let members = [
        (Member::Handle, Value::Text(handle)),
        (Member::Issuer, issuer_id(handle).into()),
        (Member::Reason, Value::Text(Ending::Revoked.name())),
    ];
    store.publish(&Event::new(EventType::SessionEnded, &members), context.now)
}
