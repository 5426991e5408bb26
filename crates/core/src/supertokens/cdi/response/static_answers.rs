//! Questions whose answer never changes: no storage, no key, no use case.

use crate::http::reply::Reply;
use crate::supertokens::cdi::reply;
use crate::supertokens::cdi::request::path::Endpoint;
use crate::supertokens::cdi::request::query;
use crate::supertokens::cdi::request::version::{VERSIONS, Version};
use postern_jwt::json::{self, ObjectWriter};

/// The answer to what needs no use case; for everything else, that the method is not supported.
pub(crate) fn answer(endpoint: Endpoint, method: &str, query: &str, version: &Version) -> Reply {
    match (endpoint, method) {
        (Endpoint::Hello, "GET" | "POST" | "PUT" | "DELETE") => reply::text(200, "Hello"),
        (Endpoint::ApiVersion, "GET") => {
            let mut answer = ObjectWriter::new();
            let names = VERSIONS.iter().map(|version| version.name);
            answer.json("versions", &json::strings(names));
            reply::json(answer)
        }
        (Endpoint::Telemetry, "GET") => {
            let mut answer = ObjectWriter::new();
            answer.boolean("exists", false);
            reply::json(answer)
        }
        // Postern keeps sessions, not users: it knows no user by any id.
        (Endpoint::UserId, "GET") => match query::required(query, "userId") {
            Ok(_) => reply::status("UNKNOWN_USER_ID_ERROR"),
            Err(missing) => missing,
        },
        // These tell the core's own process id from others; a Worker has none.
        (Endpoint::Config | Endpoint::DevProductionMode, "GET") => {
            match query::required(query, "pid") {
                Ok(_) => reply::status(version.not_allowed_status),
                Err(missing) => missing,
            }
        }
        _ => reply::method_not_supported(),
    }
}
