//! `GET {base}/session/refresh?return_to=…`: the refresh for pages without a script, and the way back; `POST` for forms.
//!
//! When a refresh is worth trying, and what each outcome of the refresh means to a person. The refresh itself is the one
//! that scripts ask for. The addresses are read in `postern_core::gateway::decision::renewal`.

use crate::gateway::renewal::TRIED;

use super::frontend_api;
use crate::{
    auth::session_cookies,
    objects::context::Context,
    runtime::{clock, http::request::Incoming, js::ExecutionContext, log},
};
use postern_core::error::{self, Presented};
use postern_core::gateway::decision::renewal::{self, Return};
use postern_core::http::reply::Reply;
use postern_core::refusal::{Refusal, ReuseSubtype};
use postern_core::settings::Settings;
use postern_core::supertokens::fdi::answers;
use postern_core::supertokens::fdi::anti_csrf::AntiCsrfMode;
use postern_core::supertokens::fdi::request::BrowserRequest;
use postern_core::supertokens::fdi::request_origin::{Sender, Site, request_site};
use worker::Env;

const MOST_REMEMBERED: usize = 512;

/// Answers a request whose query names an address to come back to; `None` when it names none.
pub(crate) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
) -> Option<Reply> {
    let own_origin = request.origin();
    let Ok(back) = renewal::read(settings, own_origin, request.query())? else {
        let text = "return_to must be a path of this host".to_owned();
        let refusal = Refusal::BadInput(text);
        return Some(error::reply(&refusal, Presented::Nothing, 401));
    };
    let context = match Context::open(env, execution).await {
        Ok(context) => context,
        Err(refusal) => return Some(error::reply(&refusal, Presented::Nothing, 401)),
    };
    Some(renewed(&context, request, &back).await)
}

async fn renewed(context: &Context, request: &Incoming, back: &Return) -> Reply {
    let settings = &context.settings;
    let witness = renewal::witness(settings, request.cookie());
    let is_sent_by_us = witness.is_some() && witness == back.witness;
    if !is_sent_by_us && is_of_another_website(settings, request) {
        log::write(log::Event::Refresh, "another website asks for it");
        return error::foreign_website();
    }
    let site = request.header("sec-fetch-site");
    let skipped = request.header("secure-session-skipped");
    let browser = BrowserRequest {
        skipped: skipped.as_deref(),
        is_by_foreign_link: matches!(site.as_deref(), Some("cross-site" | "same-site")),
        method: request.method(),
        cookie: request.cookie(),
        // Only a page of ours can send the header, and only it gets the witness.
        rid: is_sent_by_us.then_some("anti-csrf"),
        ..BrowserRequest::default()
    };
    let browser = session_cookies::looked_at(context, &browser);
    let outcome = if AntiCsrfMode::of(settings) == AntiCsrfMode::ViaToken {
        Err(Refusal::BadInput("a script must refresh".to_owned()))
    } else {
        frontend_api::refreshed(context, &browser).await
    };
    if let Some(witness) = witness {
        remember(witness, outcome.is_ok());
    }
    let mut reply = match outcome {
        Ok(reply) => reply,
        Err(refusal) => {
            frontend_api::log_refused_refresh(&refusal);
            let reply = answers::refresh_refused(settings, &browser, &refusal);
            // An outage and a refresh too many say so, and a theft must not pass unnoticed. Of a key that is gone, a person with a new device or
            // a new profile has nothing to learn but that it is time to sign in.
            let is_shown = match &refusal {
                Refusal::TokenTheftDetected(theft) => {
                    theft.subtype != ReuseSubtype::DeviceKeyMissing
                }
                Refusal::GeneralError(_) | Refusal::TooManyRequests => true,
                _ => false,
            };
            if is_shown {
                return reply;
            }
            reply
        }
    };
    reply.status = if request.method() == "POST" { 307 } else { 303 };
    reply.body = String::new();
    reply
        .headers
        .retain(|(name, _)| name != "content-type" && name != "www-authenticate");
    if let Some(cookie) = renewal::tried_cookie(settings, request.cookie(), context.now) {
        reply = reply.with_header("set-cookie", cookie);
    }
    reply.with_header("location", back.address.clone())
}

/// True when another website has the browser ask for a refresh, or nothing shows that none does where that is asked for.
fn is_of_another_website(settings: &Settings, request: &Incoming) -> bool {
    let (origin, site) = (request.header("origin"), request.header("sec-fetch-site"));
    let sender = Sender {
        host: request.host().unwrap_or_default(),
        origin: origin.as_deref(),
        sec_fetch_site: site.as_deref(),
    };
    request_site(settings, sender) == Site::Foreign
        || AntiCsrfMode::of(settings) == AntiCsrfMode::ViaCustomHeader
}

fn remember(witness: String, is_refreshed: bool) {
    TRIED.with_borrow_mut(|tried| {
        if tried.len() >= MOST_REMEMBERED {
            tried.pop_front();
        }
        tried.push_back((witness, clock::now(), is_refreshed));
    });
}
