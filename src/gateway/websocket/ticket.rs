//! The session ticket that a request carries: why it does not count, or whose session it stands for.
//!
//! Its form is `postern_core::session::ticket`'s; that it works once is the object's to see to.

use std::rc::Rc;

use crate::{auth::verified_session::VerifiedToken, objects::context::Context, sessions};
use postern_core::error;
use postern_core::gateway::request::ticket_query::Offered;
use postern_core::gateway::{RequestMeta, Rule};
use postern_core::identity::Issuer;
use postern_core::refusal::Refusal;
use postern_core::session::ticket::{TicketFault, TicketScope};

/// Why a ticket does not open a session.
pub(crate) enum NotRedeemed {
    /// It does not count, and this is what the log has of it.
    Because(String),
    /// Nobody can tell at the moment.
    Outage(Refusal),
}

/// The session of the ticket that a request under a rule offers, which is used up by it.
pub(crate) async fn redeemed(
    context: &Context,
    rule: &Rule,
    facts: &RequestMeta<'_>,
    offered: &Offered,
) -> Result<Rc<VerifiedToken>, NotRedeemed> {
    let because = |why: &str| NotRedeemed::Because(["ticket: ", why].concat());
    let text = match offered {
        Offered::None => return Err(because("none")),
        Offered::Several => return Err(because("given more than once")),
        Offered::One(text) => text,
    };
    if facts.method != "GET" {
        return Err(because("counts for GET only"));
    }
    if !rule.issuers.accepts(&Issuer::Own) {
        return Err(because("sessions of our own are not accepted here"));
    }
    let scope = TicketScope {
        host: facts.host,
        path: facts.path,
    };
    let keys = context.ring.ticket_keys(context.now);
    let opened = keys
        .map(|key| key.open(text, scope, context.now))
        .find(|opened| !matches!(opened, Err(TicketFault::NotOurs)))
        .unwrap_or(Err(TicketFault::NotOurs));
    let ticket = opened.map_err(|fault| because(fault.text()))?;
    match sessions::redeem(context, ticket).await {
        Ok(known) => Ok(known),
        Err(outage @ Refusal::GeneralError(_)) => Err(NotRedeemed::Outage(outage)),
        Err(refusal) => Err(because(&error::detail(&refusal))),
    }
}
