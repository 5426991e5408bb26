//! From an outcome to HTTP: which fields each version has, and how each refusal is spelled.
//!
//! Absent fields are left out, never `null`: SDKs take a `null` for a value.

pub mod jwt;
pub mod outcome;

pub(crate) mod legacy_keys;
pub(crate) mod static_answers;
pub(crate) mod tokens;
pub(crate) mod writer;

use crate::supertokens::cdi::request::cookies::CookieAttributes;
use crate::supertokens::cdi::request::version::Version;
use crate::supertokens::cdi::response::outcome::Outcome;
use crate::supertokens::cdi::response::outcome::ResponseContext;
use crate::supertokens::cdi::response::writer::Writer;
use crate::{http::reply::Reply, refusal::Refusal};

/// The answer to a request of `version` that came to `result`.
pub fn render(
    version: &'static Version,
    result: Result<Outcome, Refusal>,
    context: &ResponseContext<'_>,
) -> Reply {
    let cookies = CookieAttributes::of(context.settings);
    let writer = Writer {
        version,
        context,
        cookies: &cookies,
    };
    let written = match result {
        Ok(outcome) => writer.outcome(&outcome),
        Err(refusal) => writer.refusal(&refusal),
    };
    written.unwrap_or_else(|fault| fault)
}

/// A refusal of `…/session/regenerate` as its SDKs know it: they take every status but `UNAUTHORISED` for success, so a
/// token that cannot be trusted must not be answered with `TRY_REFRESH_TOKEN` there.
pub fn refusal_of_regenerate(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::TryRefreshToken(text) => Refusal::Unauthorised(text),
        other => other,
    }
}
