//! `POST {base}/session/ticket`: a ticket for one request to the gateway that can carry no header.
//!
//! What a ticket is made for. Its form is in `postern_core::session::ticket`.

use data_encoding::BASE64URL_NOPAD;

use super::{rate_limit, request_headers::Headers};
use crate::{
    auth::{
        authenticate::{Demands, verified},
        verified_session::VerifiedToken,
    },
    gateway::upstream_url::Outgoing,
    objects::{context::Context, key_ring},
    runtime::{
        http::{body::BodyFault, request::Incoming},
        log, random, settings,
    },
};
use postern_core::{
    error::{self, Presented},
    gateway::{self, Denial, RequestMeta},
    http::reply::Reply,
    identity::Issuers,
    refusal::Refusal,
    session::ticket::{ID_BYTES, LIFE, MAX_PATH_BYTES, Ticket, TicketScope},
};
use postern_jwt::json::{self, ObjectWriter};

/// The most bytes of a body: a path of which every character is escaped.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// `POST {base}/session/ticket`.
pub(crate) async fn answer(context: &Context, request: &Incoming) -> Reply {
    let headers = Headers::to_verify(request, &context.settings);
    let browser = headers.request(request.method());
    let own = Issuers::own();
    let demands = Demands {
        issuers: &own,
        ..Demands::of(context.settings.freshness)
    };
    let known = match verified(context, &browser, &demands).await {
        Ok((known, _)) => known,
        Err(refused) => return refused.reply(&context.settings),
    };
    match made(context, request, &known).await {
        Ok(reply) => reply,
        Err(refusal) => {
            log::write(log::Event::SessionTicket, &error::detail(&refusal));
            let status = context.settings.session_expired_status_code;
            error::reply(&refusal, Presented::Token, status)
        }
    }
}

async fn made(
    context: &Context,
    request: &Incoming,
    known: &VerifiedToken,
) -> Result<Reply, Refusal> {
    let handle = known.session_handle()?;
    rate_limit::of_ticket(context, handle).await?;
    let body = request.body(MAX_BODY_BYTES).await.map_err(|fault| {
        Refusal::BadInput(match fault {
            BodyFault::TooLarge => format!("body is longer than {MAX_BODY_BYTES}"),
            BodyFault::Broken => "body is broken off".to_owned(),
            BodyFault::Slow => "body did not arrive in time".to_owned(),
            BodyFault::Crowded => {
                return Refusal::GeneralError("too many bodies are in flight");
            }
        })
    })?;
    let path = path_of(&body)?;
    let host = request.host().unwrap_or_default();
    check_path(context, request, host, &path)?;
    let id: [u8; ID_BYTES] =
        random::random().map_err(|_| Refusal::GeneralError("no randomness"))?;
    let expires = context.now.plus(LIFE).min(known.good_until);
    let ticket = Ticket {
        handle: handle.to_owned(),
        id: BASE64URL_NOPAD.encode(&id),
        expires,
        until: known.good_until,
    };
    let scope = TicketScope { host, path: &path };
    let mut answer = ObjectWriter::new();
    answer.text("status", "OK");
    let key = context.ring.ticket_keys(context.now).next();
    let key = key.ok_or(key_ring::OUT_OF_REACH)?;
    answer.text("ticket", &key.seal(&ticket, scope));
    answer.json("expiresAt", &expires.0.to_string());
    Ok(Reply::json(200, answer.finish()))
}

/// Reads `{"path":…}`.
fn path_of(body: &[u8]) -> Result<String, Refusal> {
    let bad = |text: &str| Refusal::BadInput(text.to_owned());
    let body = std::str::from_utf8(body).map_err(|_| bad("body is not UTF-8"))?;
    let object =
        json::parse_object(body).map_err(|fault| Refusal::BadInput(format!("body {fault}")))?;
    if object.members().any(|member| member.name() != "path") {
        return Err(bad("\"path\" is the only field"));
    }
    let path = object
        .string("path")
        .map_err(|_| bad("\"path\" must be a string"))?
        .ok_or_else(|| bad("\"path\" is required"))?;
    if path.len() > MAX_PATH_BYTES {
        return Err(Refusal::BadInput(format!(
            "\"path\" is longer than {MAX_PATH_BYTES}"
        )));
    }
    if !path.starts_with('/') || path.contains(['?', '#']) {
        return Err(bad(
            "\"path\" must begin with a slash, without query and fragment",
        ));
    }
    Ok(path.into_owned())
}

/// Refuses a path at which the gateway would refuse every `GET`.
fn check_path(
    context: &Context,
    request: &Incoming,
    host: &str,
    path: &str,
) -> Result<(), Refusal> {
    const NO_RULE: &str = "no rule of the gateway is for \"path\"";
    let bad = |text: &str| Refusal::BadInput(text.to_owned());
    let url = [request.origin(), path].concat();
    let target = Outgoing::of(&url, path, request.raw_host());
    let target = target.ok_or_else(|| bad("\"path\" is malformed"))?;
    let gateway = settings::gateway(&context.env)
        .map_err(|_| Refusal::GeneralError("the service is misconfigured"))?
        .ok_or_else(|| bad(NO_RULE))?;
    let facts = RequestMeta {
        host,
        method: "GET",
        raw_path: path,
        path: target.path(),
        query: "",
        header: &|_| None,
    };
    match gateway::admit(&gateway, &facts) {
        // An origin may accept what is ambiguous; a ticket does not.
        Ok(_) if target.path() == path => Ok(()),
        Ok(_) => Err(bad("\"path\" is not in its normal form")),
        Err(Denial::Path(fault)) => Err(Refusal::BadInput(["\"path\" ", fault.text()].concat())),
        Err(_) => Err(bad(NO_RULE)),
    }
}
