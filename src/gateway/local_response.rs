//! Responses that the gateway makes itself, readable for the website that asked.

use super::{
    call::Call,
    error_pages::{self, Asker},
};
use postern_core::gateway::Matched;
use postern_core::gateway::response::caching;
use postern_core::http::reply::Reply;
use postern_core::settings::Settings;
use postern_core::supertokens::fdi::cors;
use wasm_bindgen::JsValue;

/// An answer of our own, readable for the website that asked. Whichever it is, it may depend on the session.
pub(crate) fn local_response(
    settings: &Settings,
    matched: Option<Matched<'_>>,
    asker: &Asker<'_>,
    mut reply: Reply,
    login: Option<&str>,
) -> Result<JsValue, JsValue> {
    if matched.is_some_and(|matched| matched.rule.asks_for_session()) {
        cors::vary(&mut reply.headers, &caching::VARY);
    }
    cors::apply(
        settings,
        (asker.header)("origin").as_deref(),
        &mut reply.headers,
    );
    error_pages::response(asker, matched, reply, login)
}

/// The same for a request at hand.
pub(crate) fn local_response_to(call: &Call<'_>, reply: Reply) -> Result<JsValue, JsValue> {
    local_response(call.settings, Some(call.matched), call.asker, reply, None)
}
