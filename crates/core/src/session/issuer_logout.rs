//! What is ended when a trusted issuer says that a session, or all of a subject, has ended there; and what a token of that
//! issuer is checked against because of it.
//!
//! An issuer names a session by `sid`, or a subject by `sub`; a handle takes both, or other claims altogether. So its word is kept
//! under marks, made of either name alone, and each token is checked against the marks of the names that it carries. What can
//! be named by its handle is ended there as well, so that its data goes at once.

use super::{
    call::UserCall,
    handle::{CheckedHandle, HandleKeys, MarkKind, Subject},
};
use crate::{settings::TrustedIssuer, tokens::logout::Ended};
use postern_jwt::{
    json::Object,
    time::{Millis, UnixMillis},
};

/// How much longer than its tokens live a mark is kept: for clocks that differ.
const MARGIN: Millis = Millis::from_seconds(3600);

/// An event that is older says nothing about the data of a subject, which a later login may have written.
const FRESH: Millis = Millis::from_seconds(120);

/// A name of a token, under which its issuer may have said that it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The mark.
    pub handle: CheckedHandle,
    /// True where a token that was made later counts: it is a subject's. What names a session ends it for good.
    pub is_dated: bool,
}

/// The marks that a token with these claims is checked against.
pub fn marks(keys: &HandleKeys, issuer: &TrustedIssuer, claims: &Object<'_>) -> Vec<Mark> {
    let text = |name: &str| {
        let text = claims.string(name).ok().flatten();
        text.unwrap_or_default().into_owned()
    };
    let iss = text("iss");
    let tenant = issuer.names.named(&iss).and_then(|named| named.tenant);
    let mark = |name: &str, kind| {
        let name = text(name);
        (!name.is_empty()).then(|| Mark {
            handle: keys.mark(&issuer.id, tenant.unwrap_or_default(), kind, &name),
            is_dated: kind == MarkKind::Subject,
        })
    };
    let subject = mark("sub", MarkKind::Subject);
    subject
        .into_iter()
        .chain(mark("sid", MarkKind::Session))
        .collect()
}

/// The calls that end what a signal names, each with the handle whose object it is for. All of them can be repeated.
pub fn orders(
    keys: &HandleKeys,
    issuer: &TrustedIssuer,
    ended: &Ended,
    now: UnixMillis,
) -> Vec<(CheckedHandle, UserCall)> {
    let keep_for = Millis(issuer.max_token_age.0.saturating_add(MARGIN.0));
    let mark = |kind, name: &str| keys.mark(&issuer.id, &ended.tenant, kind, name);
    let revoke = |handle: CheckedHandle, keep_for| {
        let call = UserCall::Revoke {
            handles: vec![handle.as_str().to_owned()],
            keep_for: Some(keep_for),
            repeatable: true,
            by: None,
        };
        (handle, call)
    };
    let end_before = |handle: CheckedHandle| {
        let call = UserCall::EndBefore {
            handle: handle.as_str().to_owned(),
            moment: ended.moment,
            keep_for,
        };
        (handle, call)
    };
    let by_standard_names = |claim: &str| {
        issuer.handle_claim == claim && issuer.user_id_claim == "sub" && ended.tenant.is_empty()
    };
    let mut orders = Vec::new();
    if let Some(session) = &ended.session {
        orders.push(revoke(mark(MarkKind::Session, session), keep_for));
        if let Some(subject) = &ended.subject
            && by_standard_names("sid")
        {
            let handle = keys.issue_foreign(&issuer.id, Subject::of(subject), session);
            orders.push(revoke(
                handle,
                issuer.max_token_age.max(issuer.data_lifetime),
            ));
        }
    }
    // A session's name says nothing where tokens do not carry it.
    if let Some(subject) = &ended.subject
        && (ended.session.is_none() || issuer.handle_claim != "sid")
    {
        orders.push(end_before(mark(MarkKind::Subject, subject)));
        if by_standard_names("sub") && now.since(ended.moment) <= FRESH {
            orders.push(end_before(keys.issue_foreign(
                &issuer.id,
                Subject::of(subject),
                subject,
            )));
        }
    }
    orders
}

#[cfg(test)]
mod tests;
