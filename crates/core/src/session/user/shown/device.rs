//! What a refresh has to show of the device of a bound session, and what a new token says of it.

use super::key;
use crate::{
    device::DeviceKeys,
    session::{call::DeviceShown, record::SessionRecord, user::UserContext},
};
use postern_jwt::proof::Thumbprint;

/// The protocol number from which on isolates know of bound sessions.
const KNOWN_FROM: u32 = 3;

/// What a refresh has shown of the device of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session::user) enum Shown {
    /// Enough to go on.
    Enough,
    /// The isolate is of a release that cannot show it.
    OutOfReach,
    /// Nothing, for a reason: the session goes on.
    Unproven,
    /// Nothing. Whoever asks has the refresh token and not the key.
    Missing,
}

/// Whether an isolate knows nothing of bound sessions, and this is one.
pub(in crate::session::user) fn is_out_of_reach(
    context: &UserContext<'_>,
    record: &SessionRecord,
) -> bool {
    (record.device().is_some() && context.protocol < KNOWN_FROM)
        || key::is_out_of_reach(context, record)
}

/// The device that a token says which is made from one that says `named`: what was said once is said again.
pub(in crate::session::user) fn of_token(
    record: &SessionRecord,
    named: Option<Thumbprint>,
) -> Option<Thumbprint> {
    let bound_to = record.binding.as_ref().map(|binding| binding.thumbprint);
    record
        .device()
        .or_else(|| bound_to.filter(|_| named.is_some()))
}

/// Looks at what a refresh shows; a good cookie confirms the binding.
pub(in crate::session::user) fn shown(
    context: &UserContext<'_>,
    record: &mut SessionRecord,
    shown: Option<&DeviceShown>,
) -> Shown {
    if is_out_of_reach(context, record) {
        return Shown::OutOfReach;
    }
    let Some(binding) = &mut record.binding else {
        return Shown::Enough;
    };
    let keys = DeviceKeys::new(context.refresh_secrets);
    let cookie = shown.and_then(|shown| shown.cookie.as_deref());
    let is_good = cookie.is_some_and(|cookie| {
        keys.check_cookie(&record.handle, binding.thumbprint, cookie, context.now)
            .is_ok()
    });
    if is_good {
        binding.is_confirmed = true;
    }
    match () {
        () if is_good || !binding.is_confirmed => Shown::Enough,
        () if shown.is_some_and(|shown| shown.is_excused) => Shown::Unproven,
        () => Shown::Missing,
    }
}
