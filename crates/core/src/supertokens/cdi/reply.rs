//! The protocol's content types, its closing newline, and the fixed texts of its refusals.

use crate::{
    error,
    http::reply::{NO_SNIFF, Reply},
    refusal::Refusal,
};
use postern_jwt::json::ObjectWriter;

/// The text for payloads that hold a claim which the protocol owns; clients look for it.
pub const PROTECTED_FIELD: &str = "The user payload contains protected field";

const NO_STORE: &str = "no-store";

/// A JSON answer. The protocol sends every outcome, refusals included, with status 200.
pub(crate) fn json(value: ObjectWriter) -> Reply {
    json_kept(value, NO_STORE)
}

/// A JSON answer with a `Cache-Control` of its own.
pub(crate) fn json_kept(value: ObjectWriter, cache_control: &str) -> Reply {
    reply(
        200,
        "application/json; charset=UTF-8",
        cache_control,
        value.finish(),
    )
}

/// A JSON answer of which the status is all there is to say.
pub(crate) fn status(status: &str) -> Reply {
    json(with_status(status))
}

/// The beginning of a JSON answer.
pub(crate) fn with_status(status: &str) -> ObjectWriter {
    let mut object = ObjectWriter::new();
    object.text("status", status);
    object
}

/// A text answer: everything that is not an outcome.
pub fn text(status: u16, text: impl Into<String>) -> Reply {
    reply(status, "text/html; charset=UTF-8", NO_STORE, text.into())
}

/// 400 with a text.
pub(crate) fn bad_request(reason: impl Into<String>) -> Reply {
    text(400, reason)
}

/// 400 for a body that is not one JSON object.
pub fn invalid_json() -> Reply {
    bad_request("Invalid Json Input")
}

/// 400 for a body field that is missing or of the wrong type.
pub(crate) fn invalid_field(name: &str) -> Reply {
    bad_request(format!("Field name '{name}' is invalid in JSON input"))
}

/// 400 for a query parameter that is missing.
pub(crate) fn missing_parameter(name: &str) -> Reply {
    bad_request(format!("Field name '{name}' is missing in GET request"))
}

/// 400 for a version that is not spoken here, or that cannot make this call.
pub(crate) fn version_not_supported(version: &str) -> Reply {
    bad_request(format!("cdi-version {version} not supported"))
}

/// 401 for a missing or wrong API key.
pub(crate) fn invalid_api_key() -> Reply {
    text(401, "Invalid API key")
}

/// 403 for calls that only the `public` tenant may make.
pub(crate) fn public_tenant_only() -> Reply {
    text(403, "Only public tenantId can call this app specific API")
}

/// 404 for paths that this version does not have.
pub(crate) fn not_found() -> Reply {
    text(404, "Not found")
}

/// 405 for a known path with another method.
pub(crate) fn method_not_supported() -> Reply {
    text(405, "Method not supported")
}

/// 500 for a fault of ours that trying again will not mend.
pub(crate) fn fault(reason: &str) -> Reply {
    text(500, reason)
}

/// A refusal that is no outcome of the protocol, with the status that it has at every entry point.
pub fn not_an_outcome(refusal: &Refusal) -> Reply {
    let outcome = error::Outcome::of(refusal);
    let reply = text(outcome.http_status, error::detail(refusal));
    match outcome.retry_after_seconds {
        Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
        None => reply,
    }
}

fn reply(status: u16, content_type: &str, cache_control: &str, mut body: String) -> Reply {
    body.push('\n');
    let headers = [
        ("content-type", content_type),
        ("cache-control", cache_control),
        NO_SNIFF,
    ];
    Reply::new(status, &headers, body)
}
