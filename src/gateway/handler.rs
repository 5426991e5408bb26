//! The gateway: requests that are for no path of ours, matched, verified and sent on to an origin.
//!
//! The order: the URL that will be sent, the rule, the session, the decision, the request, the answer. Each is decided in
//! `postern_core::gateway`.

use super::call::Call;
use super::call::log_detail;
use super::call::socket_authorization;

use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    error_pages::Asker,
    local_response,
    upstream_url::{Outgoing, is_host},
};
use crate::runtime::{
    clock,
    http::{request::Incoming, response},
    js::{ExecutionContext, Host},
    log,
};
use postern_core::error::{self, Presented};
use postern_core::gateway::decision::{explain, refuse};
use postern_core::gateway::response::{cors, resource};
use postern_core::gateway::{
    self, Admission, Decision, Denial, ForwardWarning, Gateway, Matched, RequestMeta, RuleSession,
};
use postern_core::identity::Session;
use postern_core::refusal::Refusal;
use postern_core::settings::Settings;

/// Answers one request.
pub(crate) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
    gateway: &Gateway,
    host: &Host,
) -> Result<JsValue, JsValue> {
    let headers = request.lines(host)?;
    // A host with a path in it would move the path that the platform reads from the request line.
    let host_is_one = headers.get("host").is_none_or(is_host);
    let target = Outgoing::of(request.url(), request.path(), request.raw_host());
    let target = target.filter(|target| host_is_one && is_host(target.host()));
    let (Some(mut target), Some(host_name)) = (target, request.host()) else {
        return response::of(&error::reply(
            &Refusal::BadInput("the URL is malformed".to_owned()),
            Presented::Nothing,
            settings.session_expired_status_code,
        ));
    };
    let offered = target.take_tickets();
    let header = |name: &str| headers.get(name).map(str::to_owned);
    let facts = RequestMeta {
        host: host_name,
        method: request.method(),
        raw_path: request.path(),
        path: target.path(),
        query: target.query(),
        header: &header,
    };
    let asker = Asker::new(env, request.method(), &header, target.origin());
    let scheme = settings.api_domain.split("://").next().unwrap_or("https");
    if let Some(document) = gateway.resource_metadata(scheme, host_name, target.path()) {
        return response::of(&resource::metadata(request.method(), document));
    }
    let mut is_preflight = false;
    let matched = match gateway::admit(gateway, &facts) {
        Ok(Admission::Rule(matched)) => matched,
        Ok(Admission::Preflight(matched)) => {
            if let Some(reply) = cors::preflight(settings, matched.rule, &facts) {
                return response::of(&reply);
            }
            // The origin is asked, without any credential: the rule looks at none.
            is_preflight = true;
            matched
        }
        Err(denial) => {
            if denial == Denial::NoRule && gateway.is_unnamed(host_name) {
                log::write(log::Event::Gateway, UNNAMED);
            }
            return refused(settings, None, &facts, &asker, &denial);
        }
    };
    let mut call = Call {
        request,
        headers: &headers,
        settings,
        matched,
        directives: !is_preflight && matched.rule.takes_directives(facts.method),
        context: None,
        session: None,
        refused: None,
        session_found: None,
        session_is_by_ticket: false,
        facts: &facts,
        asker: &asker,
        socket_authorization: socket_authorization(&headers),
        offered,
    };
    let session = call.verify(env, execution).await;
    let visible = session.as_ref().map(|known| rule_session(&known.session));
    let forward = match gateway::decide(matched.rule, &facts, visible.map_err(Clone::clone)) {
        Decision::Refuse(denial) => {
            return refused(settings, Some(matched), &facts, &asker, &denial);
        }
        Decision::Renew(renewal) => {
            log::write(
                log::Event::Gateway,
                &log_detail(Some(matched), "session: goes through a refresh"),
            );
            let reply = refuse::to_refresh(settings, Some(matched.rule), &facts, &renewal);
            let login = None;
            return local_response::local_response(settings, Some(matched), &asker, reply, login);
        }
        Decision::AskAgain => {
            let what = "session: the browser asks again, and renews the bound cookie before";
            log::write(log::Event::Gateway, &log_detail(Some(matched), what));
            let reply = refuse::to_ask_again(settings);
            return local_response::local_response(settings, Some(matched), &asker, reply, None);
        }
        Decision::Forward(forward) => forward,
    };
    log_warning(matched, forward.warning.as_ref());
    match session {
        Ok(known) => call.session = Some(known).filter(|_| forward.with_identity),
        Err(refused) => call.refused = Some(refused),
    }
    call.forward(env, execution, &target, host).await
}

/// A session as rules see it.
pub(crate) fn rule_session(session: &Session) -> RuleSession<'_> {
    RuleSession {
        issuer: &session.identity.issuer,
        payload: session.payload.as_str(),
        now: clock::now(),
    }
}

const UNNAMED: &str = "rules without a host do not answer under workers.dev; API_DOMAIN, host or workers_dev names what does";

pub(crate) fn refused(
    settings: &Settings,
    matched: Option<Matched<'_>>,
    facts: &RequestMeta<'_>,
    asker: &Asker<'_>,
    denial: &Denial,
) -> Result<JsValue, JsValue> {
    let detail = match denial {
        Denial::Method => "the method is never answered".to_owned(),
        Denial::Path(fault) => fault.text().to_owned(),
        Denial::NoRule => "no rule fits".to_owned(),
        Denial::Website => "a page of another website, with the cookies of a session".to_owned(),
        Denial::Unsendable(why) => why.text().to_owned(),
        Denial::Claims(_) | Denial::Bearer(_) => explain::reason(denial),
        Denial::Session(refused) => refused.log_reason(),
    };
    let what = log_detail(matched, &[denial.check(), ": ", &detail].concat());
    let rule = matched.map(|matched| matched.rule);
    let reply = refuse::reply(settings, rule, facts, denial);
    let status = reply.status.to_string();
    let mut members = vec![
        (log::Member::Request, asker.id()),
        (log::Member::Reason, denial.check()),
        (log::Member::Status, status.as_str()),
    ];
    members.extend(rule.map(|rule| (log::Member::Rule, rule.label())));
    log::write_with(log::Event::Gateway, &members, &what);
    let login = rule.and_then(refuse::login_page);
    local_response::local_response(settings, matched, asker, reply, login)
}

fn log_warning(matched: Matched<'_>, warning: Option<&ForwardWarning>) {
    match warning {
        None => {}
        Some(ForwardWarning::Shadowed(denial)) => {
            let what = ["would be refused: ", denial.check()].concat();
            let members = [
                (log::Member::Rule, matched.rule.label()),
                (log::Member::Reason, denial.check()),
            ];
            let what = log_detail(Some(matched), &what);
            log::write_with(log::Event::GatewayShadow, &members, &what);
        }
        Some(ForwardWarning::Outage) => log::write(
            log::Event::GatewayOutage,
            &log_detail(
                Some(matched),
                "passed as anonymous: keys or storage are out of reach",
            ),
        ),
        Some(ForwardWarning::PassedOver(why)) => {
            let what = ["passed as anonymous: ", why].concat();
            log::write(log::Event::Gateway, &log_detail(Some(matched), &what));
        }
        Some(ForwardWarning::StaleSession) => log::write(
            log::Event::Gateway,
            &log_detail(
                Some(matched),
                "passed as anonymous: the session cannot be refreshed here",
            ),
        ),
    }
}
