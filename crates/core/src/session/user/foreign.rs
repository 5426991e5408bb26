//! Handles of trusted issuers that end and live again.
//!
//! Some issuers have no name for a session, so that a handle names a subject. Ending it means: tokens made up to that moment
//! are refused, and a later login is a new session, without the data of the old one. A handle that names a session stays
//! ended, whatever its issuer goes on signing for it.

use super::{UserContext, outbox};
use crate::{
    session::{
        handle::{is_mark, issuer_id},
        record::{Ending, StoreFault, Stored, Tombstone, UserStore},
    },
    settings::TrustedIssuer,
};
use postern_jwt::time::UnixMillis;

impl UserContext<'_> {
    fn issuer_of(&self, handle: &str) -> Option<&TrustedIssuer> {
        let id = issuer_id(handle)?;
        let mut issuers = self.settings.trusted_issuers.iter();
        issuers.find(|issuer| issuer.id == id)
    }
}

/// When a handle was last ended, for a token that was made at `issued`; zero = never. `None` = the token is of a session that
/// has ended. A token that was made later begins a new one.
pub(super) fn ended<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
    issued: Option<UnixMillis>,
) -> Result<Option<UnixMillis>, StoreFault> {
    let is_later = |ended: UnixMillis| issued.is_some_and(|issued| issued > ended);
    Ok(match store.foreign(handle)? {
        None => Some(UnixMillis(0)),
        Some(Stored::Live(record)) => {
            (issued.is_none() || is_later(record.ended)).then_some(record.ended)
        }
        // It holds nothing that a later login could find.
        Some(Stored::Ended(tombstone)) if is_mark(handle) => {
            is_later(tombstone.ended).then_some(tombstone.ended)
        }
        Some(Stored::Ended(tombstone)) => match context.issuer_of(handle) {
            Some(trusted) if trusted.names_subjects() && is_later(tombstone.ended) => {
                let keep_until = context.now.plus(trusted.data_lifetime);
                store.revive_foreign(handle, keep_until)?;
                Some(tombstone.ended)
            }
            _ => None,
        },
    })
}

/// Lets a handle that names a subject be ended again, though nobody has shown a token of the session since: the moment
/// counts.
pub(super) fn end_again<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<(), StoreFault> {
    let names_subject = context
        .issuer_of(handle)
        .is_some_and(TrustedIssuer::names_subjects);
    if names_subject && matches!(store.foreign(handle)?, Some(Stored::Ended(_))) {
        store.revive_foreign(handle, context.now)?;
    }
    Ok(())
}

/// Drops data whose time is over. That the handle was ended is remembered for as long as there may be tokens from before.
pub(super) fn drop_lapsed<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    handle: &str,
) -> Result<(), StoreFault> {
    let ended = match store.foreign(handle)? {
        Some(Stored::Live(record)) => record.ended,
        _ => UnixMillis(0),
    };
    let tokens_until = context.issuer_of(handle).map(|issuer| {
        ended
            .plus(issuer.max_token_age)
            .plus(context.settings.clock_tolerance)
    });
    match tokens_until {
        Some(keep_until) if ended > UnixMillis(0) && keep_until > context.now => {
            let tombstone = Tombstone {
                ended,
                ending: Ending::Revoked,
                keep_until,
            };
            store.end_foreign(handle, tombstone)?;
        }
        _ => store.drop_foreign(handle)?,
    }
    outbox::queue_delete(store, context.now, handle)
}
