//! The HTTP doors: one router, and a reply as a value for every request.
//!
//! Owns turning requests into values and values into responses. Which path is whose is `http::route`'s to say.

use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    browser_door, core_door, explain_door, gateway_door,
    js::{self, ExecutionContext, Host, OutgoingHeaders, OutgoingResponse},
    request::Incoming,
    settings,
};
use crate::{
    error,
    frontend::cors,
    http::{
        reply::Reply,
        route::{self, Route},
    },
};

/// Answers one request.
pub(super) async fn answer(
    request: JsValue,
    env: &Env,
    execution: &ExecutionContext,
    host: &Host,
) -> Result<JsValue, JsValue> {
    let Some(request) = Incoming::new(request) else {
        return respond(&Reply::empty(400));
    };
    let Ok(settings) = settings::current(env) else {
        return respond(&error::misconfigured());
    };
    let route = route::route(&settings, request.host(), &request.method, request.path());
    match route {
        Route::Core { path } => {
            respond(&core_door::answer(&request, env, execution, &path, false).await)
        }
        Route::LegacyCore => {
            let client = request.header("cf-connecting-ip").unwrap_or_default();
            let keyless = settings.allows_keyless_client(&client);
            respond(&core_door::answer(&request, env, execution, request.path(), keyless).await)
        }
        Route::Preflight => {
            let requested = request.header("access-control-request-headers");
            respond(&cors::preflight(
                &settings,
                request.header("origin").as_deref(),
                requested.as_deref(),
            ))
        }
        Route::NotFound => match settings::gateway(env) {
            Ok(Some(gateway)) => {
                gateway_door::answer(&request, env, execution, &settings, &gateway, host).await
            }
            _ => with_cors(&request, &settings, error::not_found()),
        },
        Route::Explain => respond(&explain_door::answer(&request, env, execution, &settings).await),
        Route::MethodNotAllowed { allow } => {
            with_cors(&request, &settings, error::method_not_allowed(allow))
        }
        route => {
            let reply = browser_door::answer(&request, env, execution, &route).await;
            with_cors(&request, &settings, reply)
        }
    }
}

fn with_cors(
    request: &Incoming,
    settings: &crate::settings::Settings,
    mut reply: Reply,
) -> Result<JsValue, JsValue> {
    // Without websites every origin is a stranger's: no need to read which.
    let origin = if settings.website_origins.is_empty() {
        None
    } else {
        request.header("origin")
    };
    cors::apply(settings, origin.as_deref(), &mut reply.headers);
    if request.method == "HEAD" {
        reply.body = String::new();
    }
    respond(&reply)
}

pub(super) fn respond(reply: &Reply) -> Result<JsValue, JsValue> {
    let headers = OutgoingHeaders::new()?;
    for (name, value) in &reply.headers {
        headers.append(name, value)?;
    }
    let init = js::object(&[
        ("status", JsValue::from(reply.status)),
        ("headers", headers.into()),
    ])
    .unwrap_or_default();
    // 204 and 304 take no body, not even an empty one.
    let body = if reply.body.is_empty() {
        JsValue::NULL
    } else {
        JsValue::from_str(&reply.body)
    };
    OutgoingResponse::new(&body, &init).map(JsValue::from)
}
