//! The HTTP doors: one router, and a reply as a value for every request.
//!
//! Owns turning requests into values and values into responses. Which path is whose is `http::route`'s to say.

use std::cell::RefCell;

use js_sys::Object;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    browser_door, core_door,
    js::{self, ExecutionContext, OutgoingHeaders, OutgoingResponse},
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
    facts: String,
    request: JsValue,
    env: &Env,
    execution: &ExecutionContext,
) -> Result<JsValue, JsValue> {
    let Some(request) = Incoming::new(facts, request) else {
        return respond(&Reply::empty(400));
    };
    let Ok(settings) = settings::current(env) else {
        return respond(&error::misconfigured());
    };
    let route = route::route(&settings, request.host(), request.method(), request.path());
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
        Route::NotFound => with_cors(&request, &settings, error::not_found()),
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
    if request.method() == "HEAD" {
        reply.body = String::new();
    }
    respond(&reply)
}

/// The status and headers of a reply, as JS takes them.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    init: Object,
}

thread_local! {
    /// The heads of earlier replies: making one takes longer than everything else about a reply.
    static HEADS: RefCell<Vec<Head>> = const { RefCell::new(Vec::new()) };
}

/// How many heads are kept. There are not many that repeat; what comes later is made anew each time.
const MAX_HEADS: usize = 32;
/// Headers whose values are of our making, so that they repeat.
const REPEATING: [&str; 6] = [
    "content-type",
    "cache-control",
    "vary",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "www-authenticate",
];

/// The head of a reply, made now or kept from an earlier one.
fn head(reply: &Reply) -> Result<Object, JsValue> {
    let known = HEADS.with_borrow(|heads| {
        let is_same = |head: &&Head| head.status == reply.status && head.headers == reply.headers;
        heads.iter().find(is_same).map(|head| head.init.clone())
    });
    if let Some(init) = known {
        return Ok(init);
    }
    let headers = OutgoingHeaders::new()?;
    for (name, value) in &reply.headers {
        headers.append(name, value)?;
    }
    let init = js::object(&[
        ("status", JsValue::from(reply.status)),
        ("headers", headers.into()),
    ])
    .unwrap_or_default();
    let mut names = reply.headers.iter().map(|(name, _)| name.as_str());
    HEADS.with_borrow_mut(|heads| {
        if heads.len() < MAX_HEADS && names.all(|name| REPEATING.contains(&name)) {
            heads.push(Head {
                status: reply.status,
                headers: reply.headers.clone(),
                init: init.clone(),
            });
        }
    });
    Ok(init)
}

fn respond(reply: &Reply) -> Result<JsValue, JsValue> {
    // 204 and 304 take no body, not even an empty one.
    let body = if reply.body.is_empty() {
        JsValue::NULL
    } else {
        JsValue::from_str(&reply.body)
    };
    OutgoingResponse::new(&body, &head(reply)?.into()).map(JsValue::from)
}
