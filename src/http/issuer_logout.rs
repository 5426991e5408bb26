//! `POST {base}/issuers/{id}/logout`: a trusted issuer's servers say that a session has ended there.

use worker::Env;

use crate::{
    auth::issuer_signal::{self, NotVerified},
    objects::context::Context,
    runtime::{
        http::{body::BodyFault, request::Incoming},
        js::ExecutionContext,
        log,
    },
    sessions::issuer_logout::{self, Taken},
};
use postern_core::{
    error,
    http::reply::Reply,
    tokens::logout::{
        SignalFault, SignalKind,
        exchange::{MAX_BODY_BYTES, accepted, kind, refused, token, unavailable, wrong_type},
    },
};

const REPEATED: SignalFault = SignalFault::Says("the token was used before");

/// Answers the servers of the issuer of this id in settings.
pub(crate) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    id: &str,
) -> Reply {
    let Some(kind) = kind(&request.header("content-type").unwrap_or_default()) else {
        log::write(log::Event::IssuerLogout, &said(id, "another content type"));
        return wrong_type();
    };
    let body = match request.body(MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(BodyFault::Crowded) => return unavailable(),
        Err(_) => {
            return refuse(
                id,
                kind,
                SignalFault::Says("the body is too long or broken off"),
            );
        }
    };
    let Ok(body) = std::str::from_utf8(&body) else {
        return refuse(id, kind, SignalFault::Says("the body is not UTF-8"));
    };
    let token = match token(kind, request.query(), body) {
        Ok(token) => token,
        Err(fault) => return refuse(id, kind, fault),
    };
    match taken(env, execution, id, kind, &token).await {
        Ok(reply) => reply,
        Err(NotVerified::Fault(fault)) => refuse(id, kind, fault),
        Err(NotVerified::Outage(why)) => {
            log::write(log::Event::IssuerLogoutOutage, &said(id, &why));
            unavailable()
        }
    }
}

async fn taken(
    env: &Env,
    execution: &ExecutionContext,
    id: &str,
    kind: SignalKind,
    token: &str,
) -> Result<Reply, NotVerified> {
    let outage = |refusal| NotVerified::Outage(error::detail(&refusal));
    let context = Context::open(env, execution).await.map_err(outage)?;
    let mut issuers = context.settings.trusted_issuers.iter();
    let Some(issuer) = issuers.find(|issuer| issuer.id == id) else {
        return Ok(error::not_found());
    };
    let signal = issuer_signal::verified(&context, issuer, kind, token).await?;
    let outcome = issuer_logout::take(&context, issuer, &signal)
        .await
        .map_err(outage)?;
    match (outcome, kind) {
        (Taken::Ended, _) => {}
        (Taken::Nothing(why), _) => log::write(log::Event::IssuerLogout, &said(id, why)),
        // A transmitter that got no answer sends it again, and is to hear what it would have heard (RFC 8935 section 2).
        (Taken::Repeated, SignalKind::SecurityEvent) => {
            log::write(log::Event::IssuerLogout, &said(id, REPEATED.text()));
        }
        (Taken::Repeated, SignalKind::BackChannel) => return Err(REPEATED.into()),
    }
    Ok(accepted(kind))
}

fn refuse(id: &str, kind: SignalKind, fault: SignalFault) -> Reply {
    log::write(log::Event::IssuerLogout, &said(id, fault.text()));
    refused(kind, fault)
}

fn said(id: &str, what: &str) -> String {
    format!("issuer {id}: a logout signal: {what}")
}
