//! Ending what a trusted issuer says has ended there.

use futures_util::future::join_all;

use crate::{
    auth::user_call::into_refusal,
    objects::{
        context::Context,
        revocation_copy,
        seen_signals::client::{self, Outage},
        user_sessions,
    },
};
use postern_core::{
    refusal::Refusal,
    session::{call::UserReply, issuer_logout},
    settings::TrustedIssuer,
    tokens::logout::{Signal, call::SignalCall},
};

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// What it names has ended, here and wherever the authority on revocations is heard.
    Ended,
    /// It concerns nobody here, for this reason.
    Nothing(&'static str),
    /// It was taken in before.
    Repeated,
}

const UNRECORDED: Refusal = Refusal::GeneralError("the logout is not recorded everywhere yet");

/// Takes in a signal that was verified. It is remembered once its effect is recorded: one that failed may be sent again.
pub(crate) async fn take(
    context: &Context,
    issuer: &TrustedIssuer,
    signal: &Signal,
) -> Result<Taken, Refusal> {
    let name = context.handle_keys().signal_name(&issuer.id, &signal.jti);
    let memory_name = ["logout-signals ", &issuer.id].concat();
    let memory = |call| client::was_taken(&context.env, &memory_name, call);
    let question = SignalCall::WasTaken { name: name.clone() };
    // A release without a memory knows of nothing: what a signal ends is dated, and ending it twice ends nothing more.
    let was_taken = memory(question).await.map_err(|Outage| UNRECORDED)?;
    if was_taken.unwrap_or_default() {
        return Ok(Taken::Repeated);
    }
    let taken = match &signal.ends {
        Err(why) => Taken::Nothing(why),
        Ok(ended) => {
            let orders = issuer_logout::orders(context.handle_keys(), issuer, ended, context.now);
            let calls = orders.iter().map(|(handle, call)| async move {
                let reply = user_sessions::ask(context, handle.route(), call)
                    .await?
                    .reply;
                revocation_copy::note_end(handle.as_str(), context.now);
                match reply {
                    UserReply::Handles { .. } | UserReply::Done {} => Ok(()),
                    other => Err(into_refusal(other)),
                }
            });
            for outcome in join_all(calls).await {
                outcome?;
            }
            Taken::Ended
        }
    };
    let note = SignalCall::Take {
        name,
        until: signal.until,
    };
    memory(note).await.map_err(|Outage| UNRECORDED)?;
    Ok(taken)
}
