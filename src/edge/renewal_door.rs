//! `GET {base}/session/refresh?return_to=…`: the refresh for pages without a script, and the way back; `POST` for forms.
//!
//! Owns when it is worth trying, and what each outcome of the refresh means to a person. The refresh itself is the one
//! that scripts ask for. What the addresses say is `crate::gateway::renewal`'s to say.

use std::{cell::RefCell, collections::VecDeque};

use super::{
    browser_door::{self, Refused},
    clock,
    context::Context,
    js::ExecutionContext,
    log,
    request::Incoming,
    session_cookies, tokens,
};
use crate::{
    error::{self, Presented},
    frontend::{
        answers,
        anti_csrf::AntiCsrfMode,
        request::BrowserRequest,
        request_origin::{Sender, Site, request_site},
    },
    gateway::renewal::{self, Renewal, Return},
    http::{cookie::Cookies, credentials, reply::Reply},
    session::{
        identity::{Issuer, Issuers},
        model::Refusal,
    },
    settings::Settings,
    time::{Millis, UnixMillis},
};
use worker::Env;

/// How often one stale token goes through the refresh within [`REMEMBERED`]: several pages may be opened at once, and a
/// program that never keeps a cookie must come to an end.
const MOST_TRIES: usize = 6;
const REMEMBERED: Millis = Millis::from_seconds(60);
const MOST_REMEMBERED: usize = 512;

thread_local! {
    /// Refreshes of this isolate, by witness, when, and whether the session was refreshed.
    static TRIED: RefCell<VecDeque<(String, UnixMillis, bool)>> = const { RefCell::new(VecDeque::new()) };
}

/// The refresh that may make the session of a request good that was refused, where these issuers' are accepted.
pub(super) async fn renewal(
    context: &Context,
    request: &BrowserRequest<'_>,
    refused: &Refused,
    accepted: &Issuers,
) -> Option<Renewal> {
    let settings = &context.settings;
    let is_stale = matches!(refused.refusal, Refusal::TryRefreshToken(_)) && !refused.token_is_good;
    // A page without a script has no anti-CSRF token to refresh with.
    if !is_stale
        || !accepted.accepts(&Issuer::Own)
        || AntiCsrfMode::of(settings) == AntiCsrfMode::ViaToken
    {
        return None;
    }
    let found = credentials::access_tokens(
        settings,
        request.authorization,
        request.cookie,
        |token, transfer| tokens::seen(context, token, transfer, accepted).0,
    );
    let is_by_cookie = found.is_ok_and(|found| {
        let is_in_cookie = !matches!(found.cookie, Ok(None));
        found.header.is_none() && is_in_cookie
    });
    if !is_by_cookie {
        return None;
    }
    let cookies = Cookies::new(request.cookie);
    let ours: Vec<_> = cookies
        .all(settings.access_token_cookie())
        .filter(|token| tokens::names_our_handle(context, token))
        .collect();
    let witness = renewal::witness(settings, request.cookie)?;
    if ours.is_empty() || renewal::was_tried(settings, request.cookie) || is_hopeless(&witness) {
        return None;
    }
    // Asked only where it matters: it takes a signature.
    let is_proven = match ours.as_slice() {
        [token] if request.method == "POST" => {
            tokens::verify_even_if_expired(context, token).await.is_ok()
        }
        _ => false,
    };
    Some(Renewal { witness, is_proven })
}

/// Answers a request whose query names an address to come back to; `None` when it names none.
pub(super) async fn answer(
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
        log::refused("refresh", "another website asks for it");
        return error::foreign_website();
    }
    let browser = BrowserRequest {
        method: request.method(),
        cookie: request.cookie(),
        // Only a page of ours can send the header, and only it is told the witness.
        rid: is_sent_by_us.then_some("anti-csrf"),
        ..BrowserRequest::default()
    };
    let browser = session_cookies::looked_at(context, browser);
    let outcome = if AntiCsrfMode::of(settings) == AntiCsrfMode::ViaToken {
        Err(Refusal::BadInput("a script must refresh".to_owned()))
    } else {
        browser_door::refreshed(context, &browser).await
    };
    if let Some(witness) = witness {
        remember(witness, outcome.is_ok());
    }
    let mut reply = match outcome {
        Ok(reply) => reply,
        Err(refusal) => {
            log::refused("refresh", &error::detail(&refusal));
            let reply = answers::refresh_refused(settings, &browser, &refusal);
            // An outage says so, and a theft must not pass unnoticed.
            if matches!(
                refusal,
                Refusal::GeneralError(_) | Refusal::TokenTheftDetected(_)
            ) {
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

/// True when this isolate saw that no refresh helps, or that too many were tried.
fn is_hopeless(witness: &str) -> bool {
    let now = clock::now();
    TRIED.with_borrow(|tried| {
        let mut tries = 0_usize;
        for (known, at, is_refreshed) in tried {
            if known == witness && now.since(*at) < REMEMBERED {
                if !is_refreshed {
                    return true;
                }
                tries = tries.saturating_add(1);
            }
        }
        tries >= MOST_TRIES
    })
}
