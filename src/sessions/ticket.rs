//! Tickets: used up at the object of their session, which is the only one that knows which were used.

use std::rc::Rc;

use crate::{
    auth::{
        user_call::{AT_ONCE, about, into_refusal},
        verified_session::VerifiedToken,
    },
    objects::context::Context,
};
use postern_core::{
    refusal::Refusal,
    session::{
        call::{UserCall, UserReply},
        ticket::Ticket,
    },
};

/// Uses a ticket that was opened here, and gives its session as it stands at this moment.
pub(crate) async fn redeem(
    context: &Context,
    ticket: Ticket,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let handle = context.checked(&ticket.handle)?;
    let call = UserCall::RedeemTicket {
        handle: ticket.handle,
        id: ticket.id,
        expires: ticket.expires,
    };
    match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Live { session, .. } => {
            Ok(Rc::new(VerifiedToken::of_ticket(session, ticket.until)))
        }
        other => Err(into_refusal(other)),
    }
}
