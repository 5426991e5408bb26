//! `GET {base}/sessions` and `POST {base}/sessions/end`: people look at their own sessions, and end them.
//!
//! Whose they are says the session of the request: its user, in its tenant.

use std::rc::Rc;

use super::request_headers::Headers;
use crate::{
    auth::{
        authenticate::{Demands, verified},
        session_cookies,
        verified_session::VerifiedToken,
    },
    objects::context::Context,
    runtime::{
        http::{body::BodyFault, request::Incoming},
        log,
    },
    sessions::{self, Listing, Report},
};
use postern_core::{
    error::{self, Presented},
    http::reply::Reply,
    identity::Issuers,
    refusal::Refusal,
    request::credentials::Transfer,
    session::listing::EndedBy,
    settings::Freshness,
    supertokens::{cdi::request::query, fdi::answers},
};
use postern_jwt::json::{self, ObjectWriter};

/// The most bytes of a body: it names one handle.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// `GET {base}/sessions?cursor=…&ended=true`: the sessions of the person who asks; the one that asks is marked.
pub(crate) async fn list(context: &Context, request: &Incoming) -> Reply {
    let (known, _) = match asker(context, request, context.settings.freshness).await {
        Ok(asker) => asker,
        Err(reply) => return reply,
    };
    let identity = &known.session.identity;
    let listing = Listing {
        user_id: identity.subject.clone(),
        tenant_id: Some(identity.tenant_id.clone()),
        cursor: query::find(request.query(), "cursor"),
        ended: query::find(request.query(), "ended").as_deref() == Some("true"),
    };
    match sessions::list_sessions(context, listing).await {
        Ok(page) => Reply::json(200, page.result(known.session.handle.as_deref())),
        Err(refusal) => refused(context, &refusal),
    }
}

/// `POST {base}/sessions/end` with `{"handle": …}` or `{"others": true}`.
pub(crate) async fn end(context: &Context, request: &Incoming) -> Reply {
    // Asked at its object: a session that has ended ends no others.
    let (known, transfer) = match asker(context, request, Freshness::Strict).await {
        Ok(asker) => asker,
        Err(reply) => return reply,
    };
    let ended = async {
        match ends(request).await? {
            Ends::Others => others(context, &known).await,
            Ends::One(handle) => one(context, &known, handle).await,
        }
    };
    let revoked = match ended.await {
        Ok(revoked) => revoked,
        Err(refusal) => return refused(context, &refusal),
    };
    let mut reply = if revoked.contains(&known.liveness_handle) {
        // That was signing out.
        let headers = Headers::to_verify(request, &context.settings);
        let browser = session_cookies::looked_at(context, &headers.request(request.method()));
        answers::signed_out(&context.settings, &browser, transfer)
    } else {
        Reply::json(200, "")
    };
    let mut result = ObjectWriter::new();
    result.text("status", "OK");
    result.json(
        "revoked",
        &json::strings(revoked.iter().map(String::as_str)),
    );
    reply.body = result.finish();
    reply
}

/// The session of the request, which must be one of our own.
async fn asker(
    context: &Context,
    request: &Incoming,
    freshness: Freshness,
) -> Result<(Rc<VerifiedToken>, Transfer), Reply> {
    let headers = Headers::to_verify(request, &context.settings);
    let browser = headers.request(request.method());
    let own = Issuers::own();
    let demands = Demands {
        issuers: &own,
        ..Demands::of(freshness)
    };
    let verified = verified(context, &browser, &demands).await;
    let verified = verified.map(|(known, found)| (known, found.transfer()));
    verified.map_err(|refused| refused.reply(&context.settings))
}

/// Which of one's sessions are to end.
enum Ends {
    One(String),
    /// All but the one that asks.
    Others,
}

async fn ends(request: &Incoming) -> Result<Ends, Refusal> {
    const FORM: &str = "body must be {\"handle\": \"…\"} or {\"others\": true}";
    let bad = |text: &str| Refusal::BadInput(text.to_owned());
    let body = request
        .body(MAX_BODY_BYTES)
        .await
        .map_err(|fault| match fault {
            BodyFault::TooLarge => bad("body is too long"),
            BodyFault::Broken => bad("body is broken off"),
            BodyFault::Slow => bad("body did not arrive in time"),
            BodyFault::Crowded => Refusal::GeneralError("too many bodies are in flight"),
        })?;
    let body = std::str::from_utf8(&body).map_err(|_| bad(FORM))?;
    let object = json::parse_object(body).map_err(|_| bad(FORM))?;
    if object.members().count() != 1 {
        return Err(bad(FORM));
    }
    if let Ok(Some(handle)) = object.string("handle") {
        return Ok(Ends::One(handle.into_owned()));
    }
    match object.boolean("others") {
        Ok(Some(true)) => Ok(Ends::Others),
        _ => Err(bad(FORM)),
    }
}

async fn others(context: &Context, known: &VerifiedToken) -> Result<Vec<String>, Refusal> {
    let identity = &known.session.identity;
    sessions::revoke_others(
        context,
        identity.subject.clone(),
        identity.tenant_id.clone(),
        known.session_handle()?,
        EndedBy::User,
    )
    .await
}

/// Ends one session of the asker's. Of anybody else's nothing is said, as of one that never was.
async fn one(
    context: &Context,
    known: &VerifiedToken,
    handle: String,
) -> Result<Vec<String>, Refusal> {
    let identity = &known.session.identity;
    let is_in_own_object = context
        .handle_keys()
        .check(&handle)
        .is_some_and(|checked| checked.route() == context.handle_keys().route(&identity.subject));
    if !is_in_own_object {
        return Ok(Vec::new());
    }
    match sessions::information(context, &handle).await {
        Ok(found) => {
            let session = found.session;
            if session.user_id != identity.subject || session.tenant_id != identity.tenant_id {
                return Ok(Vec::new());
            }
        }
        // It has ended; perhaps by an earlier call, whose answer was lost or was that it is not known everywhere yet.
        Err(Refusal::Unauthorised(_)) => {}
        Err(refusal) => return Err(refusal),
    }
    let by = if handle == known.liveness_handle {
        EndedBy::SignOut
    } else {
        EndedBy::User
    };
    sessions::revoke(context, vec![handle], Report::EndedBefore, by).await
}

fn refused(context: &Context, refusal: &Refusal) -> Reply {
    log::write(log::Event::OwnSessions, &error::detail(refusal));
    let status = context.settings.session_expired_status_code;
    error::reply(refusal, Presented::Token, status)
}
