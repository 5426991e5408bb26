//! Questions with a standing answer: no storage, no key, no use case.

use serde_json::json;

use super::{
    path::Endpoint,
    query, reply,
    version::{VERSIONS, Version},
};
use crate::http::reply::Reply;

/// The answer to what needs no use case; for everything else, that the method is not supported.
pub(super) fn answer(endpoint: Endpoint, method: &str, query: &str, version: &Version) -> Reply {
    match (endpoint, method) {
        (Endpoint::Hello, "GET" | "POST" | "PUT" | "DELETE") => reply::text(200, "Hello"),
        (Endpoint::ApiVersion, "GET") => {
            let versions: Vec<&str> = VERSIONS.iter().map(|version| version.name).collect();
            reply::json(&json!({ "versions": versions }))
        }
        (Endpoint::Telemetry, "GET") => reply::json(&json!({ "exists": false })),
        // Postern keeps sessions, not users: it knows no user by any id.
        (Endpoint::UserId, "GET") => match query::required(query, "userId") {
            Ok(_) => reply::json(&json!({ "status": "UNKNOWN_USER_ID_ERROR" })),
            Err(missing) => missing,
        },
        // These tell the core's own process id from others; a Worker has none.
        (Endpoint::Config | Endpoint::DevProductionMode, "GET") => {
            match query::required(query, "pid") {
                Ok(_) => reply::json(&json!({ "status": version.not_allowed_status })),
                Err(missing) => missing,
            }
        }
        _ => reply::method_not_supported(),
    }
}
