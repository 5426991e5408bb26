//! What a refresh has to show of the key that its session is bound to by DPoP (RFC 9449 section 5).

use super::OUT_OF_REACH;
use crate::session::{
    call::{Gone, ProofShown, UserReply},
    record::{SessionRecord, StoreFault, UserStore},
    user::{MAX_USED_TICKETS, UserContext},
};

/// The protocol number from which on isolates know of sessions that are bound by DPoP.
const KNOWN_FROM: u32 = 4;

/// Between the proofs that were used and the tickets that were: they are remembered together.
const USED: &str = "dpop ";

/// Whether an isolate would make a token that does not say to which key its session is bound.
pub(in crate::session::user) fn is_out_of_reach(
    context: &UserContext<'_>,
    record: &SessionRecord,
) -> bool {
    record.dpop_key.is_some() && context.protocol < KNOWN_FROM
}

/// Why a refresh is refused for want of a proof; `None` = it goes on, and the proof is used up. Nothing is ended: there was no
/// reuse, and whoever has not the key gets nothing.
pub(in crate::session::user) fn refused<S: UserStore>(
    store: &S,
    context: &UserContext<'_>,
    record: &SessionRecord,
    proof: Option<&ProofShown>,
) -> Result<Option<UserReply>, StoreFault> {
    let Some(key) = record.dpop_key else {
        return Ok(None);
    };
    let because = |reason| Ok(Some(UserReply::Unauthorised { reason }));
    if is_out_of_reach(context, record) {
        return Ok(Some(OUT_OF_REACH));
    }
    // By this object's clock: it is what forgets the used ones.
    let Some(proof) = proof.filter(|proof| proof.key == key && proof.expires > context.now) else {
        return because(Gone::KeyUnproven);
    };
    let name = [USED, &proof.id].concat();
    store.forget_tickets(context.now)?;
    if store.is_ticket_used(&record.handle, &name)?
        || store.count_tickets(&record.handle)? >= MAX_USED_TICKETS
    {
        return because(Gone::ProofUsed);
    }
    store.use_ticket(&record.handle, &name, proof.expires)?;
    Ok(None)
}
