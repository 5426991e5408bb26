//! A trusted issuer's token that makes one session only.

use crate::{
    auth::verified_session::VerifiedToken,
    objects::{
        context::Context,
        seen_signals::client::{self as memory, Outage},
    },
};
use postern_core::{refusal::Refusal, tokens::logout::call::SignalCall};
use postern_jwt::time::UnixMillis;

/// A token that makes one session only.
#[derive(Debug)]
pub(crate) struct ForeignToken {
    /// Whose it is: the id in settings.
    pub(super) issuer: String,
    /// A keyed digest of all its claims: one token may have several signatures that are good.
    name: String,
    /// From when on it is refused for its age.
    until: UnixMillis,
}

impl ForeignToken {
    /// A token that was verified.
    pub(super) fn of(context: &Context, known: &VerifiedToken) -> Self {
        let issuer = known.session.identity.issuer.id();
        Self {
            issuer: issuer.to_owned(),
            name: context
                .handle_keys()
                .signal_name(issuer, &known.session.payload),
            until: known.good_until,
        }
    }

    /// Refuses a token that made a session before; from now on this one did.
    pub(super) async fn use_up(&self, context: &Context) -> Result<(), Refusal> {
        const OUT_OF_REACH: Refusal =
            Refusal::GeneralError("the memory of exchanged tokens is out of reach");
        // One object for each first letter: as many as can be asked at once for long, and no more than can be left behind.
        let shard = self.name.get(..1).unwrap_or_default();
        let memory_name = ["exchanged-tokens ", &self.issuer, " ", shard].concat();
        let call = SignalCall::Take {
            name: self.name.clone(),
            until: self.until,
        };
        match memory::was_taken(&context.env, &memory_name, call).await {
            Ok(Some(false)) => Ok(()),
            Ok(Some(true)) => Err(Refusal::Unauthorised("the token was exchanged before")),
            Ok(None) | Err(Outage) => Err(OUT_OF_REACH),
        }
    }
}
