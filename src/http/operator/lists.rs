//! What operators and backends may look at under the service API's path `/postern/`.

use worker::Env;

use super::api_key;
use crate::{
    objects::context::Context,
    runtime::{http::request::Incoming, js::ExecutionContext, metrics},
    sessions::{self, Listing, Person},
};
use postern_core::{
    http::reply::Reply, refusal::Refusal, settings::Settings, supertokens::cdi::request::query,
};

const SESSIONS: &str = "sessions";
const EXPORT: &str = "users/export";

/// `GET {base}/metrics`: the counts of this isolate, as Prometheus text.
pub(in crate::http) async fn metrics(request: &Incoming, env: &Env, settings: &Settings) -> Reply {
    if let Some(refused) = api_key::refused(request, env, settings).await {
        return refused;
    }
    let headers = [
        ("content-type", "text/plain; version=0.0.4; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    Reply::new(200, &headers, metrics::to_prometheus())
}

/// Whether there is such a list.
pub(super) fn is_list(path: &str) -> bool {
    matches!(path, SESSIONS | EXPORT)
}

/// A page of a [list](is_list), as JSON text. The API key was checked.
///
/// `sessions?userId=…&tenantId=…&cursor=…&ended=true` lists a user's sessions with their facts;
/// `users/export?userId=…&issuer=…&tenantId=…&cursor=…` everything that is stored about a person, and with `object=…` in place of
/// the person, in the object of that id.
pub(super) async fn page(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    path: &str,
) -> Result<String, Refusal> {
    let query = request.query();
    if path == SESSIONS {
        let listing = listing(query)?;
        let context = Context::open(env, execution).await?;
        let page = sessions::list_sessions(&context, listing).await?;
        return Ok(page.result(None));
    }
    let exported = exported(query)?;
    let cursor = query::find(query, "cursor");
    let context = Context::open(env, execution).await?;
    match exported {
        Exported::Person(person) => sessions::export(&context, &person, cursor.as_deref()).await,
        Exported::Object(id) => sessions::export_object(&context, &id, cursor.as_deref()).await,
    }
}

/// Of what everything is told.
enum Exported {
    Person(Person),
    /// An object of the class `UserSessions`, by its id.
    Object(String),
}

fn exported(text: &str) -> Result<Exported, Refusal> {
    let given = |name| query::find(text, name);
    let (user_id, issuer, tenant_id) = (given("userId"), given("issuer"), given("tenantId"));
    match (given("object"), user_id) {
        (Some(id), None) if issuer.is_none() && tenant_id.is_none() => Ok(Exported::Object(id)),
        (Some(_), _) => Err(bad("\"object\" takes the place of a person")),
        (None, None) => Err(bad("\"userId\" is required")),
        (None, Some(user_id)) => Ok(Exported::Person(Person {
            user_id,
            issuer,
            tenant_id,
        })),
    }
}

/// Which of a user's sessions a query asks for.
pub(in crate::http) fn listing(text: &str) -> Result<Listing, Refusal> {
    let user_id = query::find(text, "userId").ok_or_else(|| bad("\"userId\" is required"))?;
    let ended = match query::find(text, "ended").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(bad("\"ended\" must be true or false")),
    };
    Ok(Listing {
        user_id,
        tenant_id: query::find(text, "tenantId"),
        cursor: query::find(text, "cursor"),
        ended,
    })
}

fn bad(text: &str) -> Refusal {
    Refusal::BadInput(text.to_owned())
}
