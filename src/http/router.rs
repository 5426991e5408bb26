//! The HTTP endpoints: one router, and a reply as a value for every request.
//!
//! Requests become values, and values become responses. `postern_core::request::route` decides which handler a path belongs to.

use std::{pin::pin, rc::Rc};
use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    console, explain,
    frontend_api::{self, Answer, SessionShown},
    issuer_logout,
    operator::lists,
    renewal, service_api,
};
use crate::{
    auth::{kept_answers, verifier},
    gateway::{error_pages::Asker, handler, local_response},
    runtime::{
        apart::apart,
        http::{request::Incoming, response},
        js::{ExecutionContext, Host, IncomingRequest},
        log,
        log_context::{self, LoggedRequest},
        settings,
    },
};
use postern_core::error;
use postern_core::gateway::decision::navigation;
use postern_core::http::endpoints::{CHANGE, Route};
use postern_core::http::reply::Reply;
use postern_core::pages::error_page::{self, PageDetail};
use postern_core::pages::start::start_page;
use postern_core::request::route::route;
use postern_core::settings::{Freshness, Settings};
use postern_core::supertokens::fdi::cors;

/// Answers one request.
pub(crate) async fn answer(
    facts: Vec<u8>,
    request: JsValue,
    env: &Env,
    execution: &ExecutionContext,
    host: &Host,
) -> Result<JsValue, JsValue> {
    let Some(request) = Incoming::new(facts, request) else {
        return response::of(&Reply::empty(400));
    };
    let request = Rc::new(request);
    let logged = Rc::<Incoming>::clone(&request);
    let work = pin!(answered(&request, env, execution, host));
    log_context::about(logged, work).await
}

async fn answered(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    host: &Host,
) -> Result<JsValue, JsValue> {
    let Ok(settings) = settings::current(env) else {
        let header = |name: &str| request.header(name);
        return for_people(request, error::misconfigured(), &header);
    };
    let Some(host_name) = request.host() else {
        log::write(log::Event::MalformedHost, "the host is malformed");
        return with_cors(request, &settings, error::malformed_host());
    };
    let route = route(&settings, host_name, request.method(), request.path());
    match route {
        Route::Preflight => {
            let requested = request.header("access-control-request-headers");
            response::of(&cors::preflight(
                &settings,
                request.header("origin").as_deref(),
                requested.as_deref(),
            ))
        }
        Route::NotFound => match settings::gateway(env) {
            Ok(Some(gateway)) => {
                apart(handler::answer(
                    request, env, execution, &settings, &gateway, host,
                ))
                .await
            }
            _ => of_nobodys_path(request, &settings),
        },
        Route::RefreshAndReturn | Route::SessionRefresh => {
            // Scripts name no address to come back to.
            if let Some(reply) = apart(renewal::answer(request, env, execution, &settings)).await {
                return with_cors(request, &settings, reply);
            }
            match route {
                Route::RefreshAndReturn => {
                    with_cors(request, &settings, error::method_not_allowed(CHANGE))
                }
                route => of_browser_api(request, env, execution, &settings, &route, host).await,
            }
        }
        Route::MethodNotAllowed { allow } => {
            with_cors(request, &settings, error::method_not_allowed(allow))
        }
        Route::Core { .. }
        | Route::LegacyCore
        | Route::IssuerLogout { .. }
        | Route::Console { .. }
        | Route::Metrics
        | Route::Explain => {
            let reply = apart(of_programs(request, env, execution, &settings, route)).await;
            response::of(&reply)
        }
        route => of_browser_api(request, env, execution, &settings, &route, host).await,
    }
}

/// The answer to a backend, an operator or an identity provider.
async fn of_programs(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
    route: Route,
) -> Reply {
    match route {
        Route::Core { path } => service_api::answer(request, env, execution, &path, false).await,
        Route::LegacyCore => {
            let client = request.header("cf-connecting-ip").unwrap_or_default();
            let keyless = settings.allows_keyless_client(&client);
            service_api::answer(request, env, execution, request.path(), keyless).await
        }
        Route::IssuerLogout { id } => issuer_logout::answer(request, env, execution, &id).await,
        Route::Console { path } => console::answer(request, env, execution, &path, settings).await,
        Route::Metrics => lists::metrics(request, env, settings).await,
        Route::Explain => explain::answer(request, env, execution, settings).await,
        // `answered` hands over no other.
        _ => error::not_found(),
    }
}

/// A path that neither Postern nor a rule has.
fn of_nobodys_path(request: &Incoming, settings: &Settings) -> Result<JsValue, JsValue> {
    if request.path() == "/" && matches!(request.method(), "GET" | "HEAD") {
        let release = env!("CARGO_PKG_VERSION");
        let page = start_page(settings, release, LoggedRequest::id(request));
        if let Some(page) = page {
            return response::of(&page);
        }
    }
    with_cors(request, settings, error::not_found())
}

async fn of_browser_api(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    settings: &Settings,
    route: &Route,
    host: &Host,
) -> Result<JsValue, JsValue> {
    match frontend_api::answer(request, env, execution, route).await {
        Answer::Reply(reply) => with_cors(request, settings, reply),
        Answer::Session(shown) => with_session(request, settings, &shown, host),
    }
}

/// The answer in place of one that was given up.
pub(crate) fn given_up(request: &IncomingRequest, env: &Env) -> Result<JsValue, JsValue> {
    let header = |name: &str| request.headers().ok()?.get(name).ok().flatten();
    let method = request.method()?;
    let asker = Asker::new(env, &method, &header, "");
    let what = "an answer came after its work was given up: 504";
    log::write_with(
        log::Event::GivenUp,
        &[(log::Member::Request, asker.id())],
        what,
    );
    let Ok(settings) = settings::current(env) else {
        return response::of(&error::misconfigured());
    };
    local_response::local_response(&settings, None, &asker, error::given_up(), None)
}

fn with_cors(
    request: &Incoming,
    settings: &Settings,
    mut reply: Reply,
) -> Result<JsValue, JsValue> {
    cors::apply(
        settings,
        origin(request, settings).as_deref(),
        &mut reply.headers,
    );
    let header = |name: &str| request.header(name);
    for_people(request, reply, &header)
}

/// An answer of an endpoint that has no rules: for a person a page. The log has its id in a line of its own.
fn for_people(
    request: &Incoming,
    mut reply: Reply,
    header: &dyn Fn(&str) -> Option<String>,
) -> Result<JsValue, JsValue> {
    if error_page::has_page(&reply) && navigation::reads_pages(header) {
        let id = LoggedRequest::id(request).to_owned();
        let message = format!("a page with status {} was shown", reply.status);
        log::write_with(log::Event::Page, &[(log::Member::Request, &id)], &message);
        let detail = PageDetail {
            request_id: &id,
            is_form: request.method() == "POST",
            ..PageDetail::default()
        };
        cors::vary(&mut reply.headers, &["Accept"]);
        reply = error_page::of(reply, &detail);
    }
    if request.method() == "HEAD" {
        reply.body = String::new();
    }
    response::of(&reply)
}

/// The session of a good token: nothing is written anew that an earlier answer left ready.
fn with_session(
    request: &Incoming,
    settings: &Settings,
    shown: &SessionShown,
    host: &Host,
) -> Result<JsValue, JsValue> {
    if request.method() == "HEAD" {
        return with_cors(request, settings, Reply::json(200, ""));
    }
    let origin = origin(request, settings);
    let website = origin
        .as_deref()
        .filter(|origin| cors::is_website(settings, origin));
    let head = response::session_head(website, || {
        let mut reply = Reply::json(200, "");
        cors::apply(settings, website, &mut reply.headers);
        reply
    })?;
    let known = &shown.known;
    let is_kept = shown.is_only_token
        && request.method() == "GET"
        && kept_answers::may_be_kept(known)
        && shown.settings.freshness != Freshness::Strict;
    let body = known.shown(frontend_api::session_text);
    if is_kept {
        let of_origin = if settings.website_origins.is_empty() {
            JsValue::UNDEFINED
        } else {
            origin.as_deref().map_or(JsValue::NULL, JsValue::from_str)
        };
        let bytes = u32::try_from(verifier::bytes_of(known)).unwrap_or(u32::MAX);
        if let Some(number) = host.keep(&head, body, bytes, &of_origin)? {
            kept_answers::keep(number, known, &shown.settings);
        }
    }
    response::with_head(&head, body)
}

/// The `Origin` header, if it can matter: without websites every origin is a stranger's.
fn origin(request: &Incoming, settings: &Settings) -> Option<String> {
    if settings.website_origins.is_empty() {
        return None;
    }
    request.header("origin")
}
