//! What the log says about the life of sessions: that one was made, refreshed, ended or stolen; never whose it is.

use crate::{
    objects::context::Context,
    runtime::{
        log::{self, Event, Member},
        metrics,
    },
};
use postern_core::{
    metrics::{Metric, Point},
    refusal::ReuseSubtype,
    session::listing::{EndedBy, MadeBy},
    tenant::OWN,
};

/// A session was made.
pub(super) fn created(context: &Context, handle: &str, by: MadeBy) {
    let digest = context.ring.session_digest(handle);
    let members = [
        (Member::Session, digest.as_str()),
        (Member::Issuer, OWN),
        (Member::Reason, by.name()),
    ];
    log::write_with(Event::SessionCreated, &members, "a session was made");
}

/// A token of this trusted issuer was exchanged for a session.
pub(super) fn exchanged(context: &Context, handle: &str, issuer: &str) {
    let digest = context.ring.session_digest(handle);
    let members = [(Member::Session, digest.as_str()), (Member::Issuer, issuer)];
    log::write_with(
        Event::TokenExchanged,
        &members,
        "a token was exchanged for a session",
    );
}

/// A session was refreshed.
pub(super) fn refreshed(context: &Context, handle: &str) {
    if !log::is_written(Event::SessionRefreshed) {
        metrics::add(&Point::one(Metric::Refreshes, &[]));
        return;
    }
    let digest = context.ring.session_digest(handle);
    let members = [(Member::Session, digest.as_str()), (Member::Issuer, OWN)];
    log::write_with(Event::SessionRefreshed, &members, "a session was refreshed");
}

/// Sessions were ended.
pub(super) fn ended(context: &Context, handles: &[String], by: EndedBy) {
    let Some(first) = handles.first() else {
        return;
    };
    let (digest, count) = (
        context.ring.session_digest(first),
        handles.len().to_string(),
    );
    let members = [
        if handles.len() == 1 {
            (Member::Session, digest.as_str())
        } else {
            (Member::Count, count.as_str())
        },
        (Member::Reason, by.name()),
    ];
    log::write_with(Event::SessionsEnded, &members, "sessions were ended");
}

/// What is stored about a person was erased, or a part of it.
pub(super) fn erased(sessions: usize, goes_on: bool, by: EndedBy) {
    let count = sessions.to_string();
    let members = [(Member::Count, count.as_str()), (Member::Reason, by.name())];
    let what = if goes_on {
        "sessions of a person were erased; there are more"
    } else {
        "what was stored about a person is erased"
    };
    log::write_with(Event::PersonErased, &members, what);
}

/// A refresh token was used by two holders, or without the key of its device.
pub(super) fn theft(context: &Context, handle: &str, subtype: ReuseSubtype, country: Option<&str>) {
    let digest = context.ring.session_digest(handle);
    let mut members = vec![
        (Member::Session, digest.as_str()),
        (Member::Reason, subtype.name()),
    ];
    members.extend(country.map(|country| (Member::Country, country)));
    log::write_with(
        Event::TokenTheft,
        &members,
        if subtype == ReuseSubtype::DeviceKeyMissing {
            "a bound session was refreshed without showing its device; it has ended"
        } else {
            "a refresh token was used twice; the session has ended"
        },
    );
}
