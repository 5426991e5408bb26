//! `POST {base}/explain`: tells who has an API key what would become of a request. Nothing is forwarded or changed.

use std::rc::Rc;

use worker::Env;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;

use super::operator::api_key;
use crate::{
    auth::dpop::Proofs,
    auth::jwks_client,
    auth::verified_session::VerifiedToken,
    gateway::{call::session_of, handler::rule_session, upstream_url::Outgoing},
    objects::context::Context,
    runtime::{
        http::{body::BodyFault, header_lines::HeaderLines, request::Incoming},
        js::ExecutionContext,
        settings,
    },
};
use postern_core::error::{self, Presented};
use postern_core::gateway::decision::explain::{Described, End, Explanation, MAX_BODY_BYTES};
use postern_core::gateway::decision::refuse;
use postern_core::gateway::request::ticket_query::Offered;
use postern_core::gateway::response::cors;
use postern_core::gateway::{self, Admission, Decision, Matched, RequestMeta, SessionRefused};
use postern_core::http::endpoints::Route;
use postern_core::http::host;
use postern_core::http::reply::Reply;
use postern_core::refusal::Refusal;
use postern_core::request::route::route;
use postern_core::settings::Settings;
use postern_jwt::json;

/// Answers one request for an explanation.
pub(crate) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
) -> Reply {
    if let Some(refused) = api_key::refused(request, env, settings).await {
        return refused;
    }
    let explained = match body(request).await {
        Ok(body) if asks_for_issuers(&body) => {
            return Reply::json(200, issuers(env, settings).await);
        }
        Ok(body) => explained_text(&body, env, execution, settings).await,
        Err(refusal) => Err(refusal),
    };
    match explained {
        Ok(explanation) => Reply::json(200, explanation),
        Err(refusal) => error::reply(&refusal, Presented::Nothing, 401),
    }
}

/// The explanation that a body asks for.
pub(super) async fn explained_text(
    body: &str,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
) -> Result<String, Refusal> {
    explained(&Described::parse(body, settings)?, env, execution, settings).await
}

/// True for `{"issuers":true}`: not about a request, but about the keys of all trusted issuers.
fn asks_for_issuers(body: &str) -> bool {
    json::parse_object(body).is_ok_and(|asked| asked.boolean("issuers") == Ok(Some(true)))
}

/// What is found at this moment where the keys of each trusted issuer are.
async fn issuers(env: &Env, settings: &Settings) -> String {
    let reports = settings
        .trusted_issuers
        .iter()
        .map(|issuer| jwks_client::report(env, issuer));
    let reports = join_all(reports).await;
    let reports = reports.iter().map(String::as_str);
    let reports = Reports {
        issuers: reports
            .filter_map(|report| serde_json::from_str(report).ok())
            .collect(),
    };
    // Texts in a list: that can be written.
    serde_json::to_string(&reports).unwrap_or_default()
}

/// One JSON object for each trusted issuer.
#[derive(Serialize)]
struct Reports<'a> {
    issuers: Vec<&'a RawValue>,
}

async fn body(request: &Incoming) -> Result<String, Refusal> {
    let body = request
        .body(MAX_BODY_BYTES)
        .await
        .map_err(|fault| match fault {
            BodyFault::TooLarge => {
                Refusal::BadInput(["body is longer than ", &MAX_BODY_BYTES.to_string()].concat())
            }
            BodyFault::Broken => Refusal::BadInput("body is broken off".to_owned()),
            BodyFault::Slow => Refusal::BadInput("body did not arrive in time".to_owned()),
            BodyFault::Crowded => Refusal::GeneralError("too many bodies are in flight"),
        })?;
    String::from_utf8(body).map_err(|_| Refusal::BadInput("body is not UTF-8".to_owned()))
}

async fn explained(
    described: &Described,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
) -> Result<String, Refusal> {
    let misconfigured = |_| Refusal::GeneralError("the service is misconfigured");
    let Some(gateway) = settings::gateway(env).map_err(misconfigured)? else {
        return Err(Refusal::BadInput("there are no rules".to_owned()));
    };
    let bad_url = || Refusal::BadInput("\"url\" must be an http or https URL".to_owned());
    let (host, raw_path) = taken_apart(&described.url).ok_or_else(bad_url)?;
    let mut target = Outgoing::of(&described.url, raw_path, host).ok_or_else(bad_url)?;
    let offered = target.take_tickets();
    let host = host::normal(target.host()).ok_or_else(bad_url)?;
    let headers = HeaderLines::of_pairs(
        described
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let header = |name: &str| headers.get(name).map(str::to_owned);
    let facts = RequestMeta {
        host: &host,
        method: &described.method,
        raw_path,
        path: target.path(),
        query: target.query(),
        header: &header,
    };
    if !matches!(
        route(settings, facts.host, facts.method, raw_path),
        Route::NotFound
    ) {
        return Err(Refusal::BadInput(
            "\"url\" is for a path of Postern itself: no rule is asked".to_owned(),
        ));
    }
    let mut explanation = Explanation {
        raw_path: raw_path.to_owned(),
        path: target.path().to_owned(),
        token_in: described.token_in.clone(),
        matched: None,
        end: End::Preflight(true),
    };
    let reply = match gateway::admit(&gateway, &facts) {
        Err(denial) => {
            let reply = refuse::reply(settings, None, &facts, &denial);
            explanation.end = End::Decided(Decision::Refuse(denial));
            Some(reply)
        }
        Ok(Admission::Preflight(matched)) => {
            explanation.matched = Some(matched);
            let reply = cors::preflight(settings, matched.rule, &facts);
            explanation.end = End::Preflight(reply.is_some());
            reply
        }
        Ok(Admission::Rule(matched)) => {
            explanation.matched = Some(matched);
            let session =
                session(env, execution, matched, (&facts, &described.url), &headers).await;
            let session = session.map_err(|refused| not_redeemed(refused, &offered));
            let visible = session.as_ref().map(|known| rule_session(&known.session));
            let visible = visible.map_err(Clone::clone);
            let decision = gateway::decide(matched.rule, &facts, visible);
            let reply = match &decision {
                Decision::Refuse(denial) => {
                    Some(refuse::reply(settings, Some(matched.rule), &facts, denial))
                }
                Decision::Renew(renewal) => Some(refuse::to_refresh(
                    settings,
                    Some(matched.rule),
                    &facts,
                    renewal,
                )),
                Decision::AskAgain => Some(refuse::to_ask_again(settings)),
                Decision::Forward(_) => None,
            };
            explanation.end = End::Decided(decision);
            reply
        }
    };
    Ok(explanation.json(settings, reply.as_ref()))
}

/// The session that the described request carries.
async fn session(
    env: &Env,
    execution: &ExecutionContext,
    matched: Matched<'_>,
    (facts, url): (&RequestMeta<'_>, &str),
    headers: &HeaderLines,
) -> Result<Rc<VerifiedToken>, SessionRefused> {
    let refused = |refusal| SessionRefused::new(refusal, Presented::Nothing);
    if !matched.rule.asks_for_session() {
        return Err(refused(Refusal::Unauthorised(
            "the rule looks at no session",
        )));
    }
    let context = Context::open(env, execution).await.map_err(refused)?;
    let (known, _) =
        session_of(&context, matched.rule, facts, (url, Proofs::Kept), headers).await?;
    Ok(known)
}

/// An explanation uses no ticket up.
fn not_redeemed(refused: SessionRefused, offered: &Offered) -> SessionRefused {
    if *offered == Offered::None {
        return refused;
    }
    let detail = [
        &refused.log_reason(),
        "; a ticket, which works once, is not looked at",
    ]
    .concat();
    SessionRefused {
        detail: Some(detail),
        ..refused
    }
}

/// Host and path of a URL, as they are written.
fn taken_apart(url: &str) -> Option<(&str, &str)> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (rest, _) = rest.split_at_checked(end)?;
    let (host, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    (!host.is_empty()).then_some((host, path))
}
