//! A trusted issuer's token becomes a session of our own, once.

use super::{NewSession, foreign_token::ForeignToken, own_session};
use crate::{auth::verified_session::VerifiedToken, objects::context::Context};
use postern_core::{
    refusal::Refusal,
    session::{listing::MadeBy, user},
    tokens::exchanged::exchanged,
};

/// The session that a verified token makes, bound to the key that the token is bound to.
pub(crate) fn session_of(context: &Context, known: &VerifiedToken) -> Result<NewSession, Refusal> {
    let issuers = &context.settings.trusted_issuers;
    let session = exchanged(issuers, &known.session, known.made, context.now)?;
    let no_data = user::EMPTY.to_owned();
    let mut new = own_session(context, session.user_id, session.payload, no_data);
    new.tenant_id = session.tenant_id;
    new.made_by = MadeBy::Exchange;
    new.dpop_key = known.session.bound_key;
    new.from_token = Some(ForeignToken::of(context, known));
    Ok(new)
}
