//! The answer to whoever asks for a protected resource's metadata (RFC 9728 section 3): a public document, for scripts of any
//! website too.

use crate::error;
use crate::http::reply::Reply;

/// How long it may be kept, in seconds.
const MAX_AGE: u64 = 300;

/// Answers a request for the document.
pub fn metadata(method: &str, document: String) -> Reply {
    match method {
        "GET" => Reply::public_json(document, MAX_AGE),
        "HEAD" => Reply::public_json("", MAX_AGE),
        // Clients of the Model Context Protocol send a header of their own.
        "OPTIONS" => Reply::empty(204)
            .with_header("access-control-allow-origin", "*")
            .with_header("access-control-allow-methods", "GET")
            .with_header("access-control-allow-headers", "*"),
        _ => error::method_not_allowed("GET, HEAD, OPTIONS"),
    }
}
