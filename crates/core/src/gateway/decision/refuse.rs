//! What a refusal looks like: JSON, or for a person who opened a page a redirect to where one can log in.

use crate::error::{self, Presented};
use crate::http::cookie::percent_encode;
use crate::http::reply::Reply;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::supertokens::fdi::answers;
use postern_jwt::json::ObjectWriter;

use crate::gateway::decision::decide::{
    Denial, DeviceFault, RequestMeta, SessionRefused, Unsendable,
};
use crate::gateway::decision::navigation::wants_page;
use crate::gateway::decision::renewal::{self, Renewal};
use crate::gateway::rules::bearer::Lack;
use crate::gateway::rules::requirement::FailedClaim;
use crate::gateway::rules::{RefusalShape, Rule};

/// The longest address to come back to; a longer one is left out, as no server would take it.
const MAX_RETURN_ADDRESS: usize = 2048;

/// The answer to a refused request; `rule` is the one it falls under, if any. CORS is added by the caller.
pub fn reply(
    settings: &Settings,
    rule: Option<&Rule>,
    request: &RequestMeta<'_>,
    denial: &Denial,
) -> Reply {
    let reply = plain_reply(settings, rule, request, denial);
    match rule {
        Some(rule) => challenged(settings, rule, request, denial, reply),
        None => reply,
    }
}

/// Adds what the rule has to say to the challenge of a refusal that has one.
fn challenged(
    settings: &Settings,
    rule: &Rule,
    request: &RequestMeta<'_>,
    denial: &Denial,
    mut reply: Reply,
) -> Reply {
    let lack = match denial {
        Denial::Bearer(lack) => Some(*lack),
        Denial::Session(_) => None,
        // What fails there no scope and no other login would mend.
        _ => return reply,
    };
    let mut headers = reply.headers.iter_mut();
    let Some((_, challenge)) = headers.find(|(name, _)| name == "www-authenticate") else {
        return reply;
    };
    let scheme = settings.api_domain.split("://").next().unwrap_or("https");
    for parameter in rule.bearer.parameters(lack, scheme, request.host) {
        challenge.push_str(if challenge.contains('=') { ", " } else { " " });
        challenge.push_str(&parameter);
    }
    reply
}

/// 401: the token is good, and its user has to authenticate more strongly, or anew (RFC 9470 section 3).
fn step_up_reply() -> Reply {
    let message = "a stronger or a later authentication is needed";
    let mut body = ObjectWriter::new();
    body.text("status", "INVALID_CLAIMS");
    body.text("message", message);
    Reply::json(401, body.finish()).with_header(
        "www-authenticate",
        format!(
            "Bearer error=\"insufficient_user_authentication\", error_description=\"{message}\""
        ),
    )
}

fn plain_reply(
    settings: &Settings,
    rule: Option<&Rule>,
    request: &RequestMeta<'_>,
    denial: &Denial,
) -> Reply {
    match denial {
        Denial::Path(fault) => {
            let text = format!("the path {}", fault.text());
            error::reply(
                &Refusal::BadInput(text),
                Presented::Nothing,
                settings.session_expired_status_code,
            )
        }
        Denial::Unsendable(Unsendable::BodyWithoutLength) => {
            error::length_required(Unsendable::BodyWithoutLength.text())
        }
        Denial::Unsendable(why @ Unsendable::TokenInUrl) => error::reply(
            &Refusal::BadInput(why.text().to_owned()),
            Presented::Nothing,
            settings.session_expired_status_code,
        ),
        Denial::Method => error::method_not_implemented(),
        Denial::NoRule => error::no_rule(),
        Denial::Website => error::foreign_website(),
        Denial::Bearer(Lack::Scope) => error::reply(
            &Refusal::InvalidClaims("the token lacks a scope"),
            Presented::Token,
            settings.session_expired_status_code,
        ),
        Denial::Bearer(Lack::Authentication) => step_up_reply(),
        Denial::Claims(failed) => claims_reply(settings, failed),
        Denial::Session(refused) => {
            let reply = answers::verify_refused(
                settings,
                &refused.refusal,
                refused.presented,
                refused.own_session_is_gone,
            );
            let reply = if refused.device == DeviceFault::BeingBound {
                being_bound(request, reply)
            } else {
                reply
            };
            let can_log_in = matches!(
                refused.refusal,
                Refusal::Unauthorised(_)
                    | Refusal::TryRefreshToken(_)
                    | Refusal::TokenTheftDetected { .. }
            );
            match rule.map(|rule| &rule.refuse) {
                Some(RefusalShape::Login {
                    page,
                    return_parameter,
                }) if can_log_in => {
                    // The answer depends on it, whichever it is.
                    let reply = reply.with_header("vary", "Accept");
                    if wants_page(request.method, (request.header)("accept").as_deref()) {
                        to_login(settings, rule, request, reply, page, return_parameter)
                    } else {
                        reply
                    }
                }
                _ => reply,
            }
        }
    }
}

/// A session whose browser may be about to register its key: whoever asks again in a second is let in. A page does so by
/// itself.
fn being_bound(request: &RequestMeta<'_>, reply: Reply) -> Reply {
    let reply = reply.with_header("retry-after", "1");
    if wants_page(request.method, (request.header)("accept").as_deref()) {
        reply.with_header("refresh", "1")
    } else {
        reply
    }
}

/// Has a browser ask again, as a page of this site: so that it renews the cookie that shows the device before it does.
pub fn to_ask_again(settings: &Settings) -> Reply {
    let mut reply = Reply::empty(settings.session_expired_status_code)
        .with_header("content-type", "text/html; charset=utf-8")
        .with_header("refresh", "0")
        .with_header("vary", "Accept, Cookie");
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>One moment</title><p>One moment, please.</p></html>"
        .clone_into(&mut reply.body);
    reply
}

/// Sends a browser through the refresh and back: with the same method, and with what a form holds. Without a safe way
/// back it is the refusal of a stale session.
pub fn to_refresh(
    settings: &Settings,
    rule: Option<&Rule>,
    request: &RequestMeta<'_>,
    renewal: &Renewal,
) -> Reply {
    let location = renewal::location(settings, &renewal.witness, request.path, request.query);
    let Some(location) = location else {
        let refusal = Refusal::TryRefreshToken("there is no address to come back to");
        let refused = SessionRefused::new(refusal, Presented::Token);
        return reply(settings, rule, request, &Denial::Session(refused));
    };
    let status = if request.method == "GET" { 303 } else { 307 };
    Reply::empty(status)
        .with_header("location", location)
        .with_header("vary", "Accept, Cookie")
}

/// Where a rule sends people to log in, without a way back: for those who stay on the page that refuses them.
pub fn login_page(rule: &Rule) -> Option<&str> {
    match &rule.refuse {
        RefusalShape::Login { page, .. } => Some(page),
        RefusalShape::Json => None,
    }
}

/// The refusal's reply with another status and a `Location`; what it clears stays cleared.
fn to_login(
    settings: &Settings,
    rule: Option<&Rule>,
    request: &RequestMeta<'_>,
    mut reply: Reply,
    page: &str,
    return_parameter: &str,
) -> Reply {
    reply.status = 302;
    reply.body = String::new();
    reply
        .headers
        .retain(|(name, _)| name != "content-type" && name != "www-authenticate");
    let mut location = page.to_owned();
    if let Some(address) = return_address(settings, rule, request, page) {
        location.push(if page.contains('?') { '&' } else { '?' });
        location.push_str(return_parameter);
        location.push('=');
        location.push_str(&percent_encode(&address));
    }
    reply.with_header("location", location)
}

/// Where to come back to: the page that was asked for, on a host that the deployment itself names. The `Host` header
/// is the client's word, and a path may look like another host's: neither gets into the address unchecked.
fn return_address(
    settings: &Settings,
    rule: Option<&Rule>,
    request: &RequestMeta<'_>,
    page: &str,
) -> Option<String> {
    let path = request.path;
    if !path.starts_with('/') || path.starts_with("//") || path.contains('\\') {
        return None;
    }
    let mut address = String::new();
    if !page.starts_with('/') {
        let is_named = rule
            .is_some_and(|rule| crate::settings::origin::host_is_listed(&rule.hosts, request.host));
        if is_named {
            let scheme = settings.api_domain.split("://").next().unwrap_or("https");
            address = [scheme, "://", request.host].concat();
        } else {
            address.clone_from(&settings.api_domain);
        }
    }
    address.push_str(path);
    if !request.query.is_empty() {
        address.push('?');
        address.push_str(request.query);
    }
    (address.len() <= MAX_RETURN_ADDRESS).then_some(address)
}

/// 403 with the ids of the claims at fault, as the browser SDK reads them (fdi.md 4.1). What was wanted is not said.
fn claims_reply(settings: &Settings, failed: &[FailedClaim]) -> Reply {
    let refusal = Refusal::InvalidClaims("a claim requirement of the rule is not met");
    let mut reply = error::reply(
        &refusal,
        Presented::Token,
        settings.session_expired_status_code,
    );
    let outcome = error::Outcome::of(&refusal);
    let mut body = ObjectWriter::new();
    body.text("status", outcome.code);
    body.text("message", &outcome.message);
    body.json("claimValidationErrors", &failures_json(failed));
    reply.body = body.finish();
    reply
}

/// The failed claims as a JSON array.
pub(crate) fn failures_json(failed: &[FailedClaim]) -> String {
    let errors: Vec<String> = failed
        .iter()
        .map(|claim| {
            let mut reason = ObjectWriter::new();
            reason.text(
                "message",
                if claim.exists {
                    "wrong value"
                } else {
                    "value does not exist"
                },
            );
            let mut error = ObjectWriter::new();
            error.text("id", &claim.id);
            error.json("reason", &reason.finish());
            error.finish()
        })
        .collect();
    format!("[{}]", errors.join(","))
}
