//! What operators and backends may look at under the service API's path `/postern/`.

use worker::Env;

use super::super::rate_limit;
use crate::{
    objects::context::Context,
    runtime::{http::request::Incoming, js::ExecutionContext, log, metrics},
    sessions::{self, Listing, Person},
};
use postern_core::{
    error::{self, Presented},
    http::reply::Reply,
    refusal::Refusal,
    settings::Settings,
    supertokens::cdi::request::{api_key, query},
};

/// `GET {base}/metrics`: the counts of this isolate, as Prometheus text.
pub(in crate::http) async fn metrics(request: &Incoming, env: &Env, settings: &Settings) -> Reply {
    let api_key = request.header("api-key");
    let presented = api_key::presented(api_key.as_deref(), request.authorization());
    if !presented.is_some_and(|key| settings.accepts_api_key(key)) {
        let refused = error::invalid_api_key();
        return rate_limit::reply_to_wrong_api_key(request, env, refused).await;
    }
    let headers = [
        ("content-type", "text/plain; version=0.0.4; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    Reply::new(200, &headers, metrics::to_prometheus())
}

/// `GET …/sessions?userId=…&tenantId=…&cursor=…&ended=true`: a page of a user's sessions with their facts. The API key was checked.
pub(in crate::http) async fn sessions(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
) -> Reply {
    if !matches!(request.method(), "GET" | "HEAD") {
        return error::method_not_allowed("GET, HEAD");
    }
    let listed = async {
        let listing = listing(request.query())?;
        let context = Context::open(env, execution).await?;
        sessions::list_sessions(&context, listing).await
    };
    match listed.await {
        Ok(page) => Reply::json(200, page.result(None)),
        Err(refusal) => {
            log::write(log::Event::OperatorApi, &error::detail(&refusal));
            error::reply(&refusal, Presented::Nothing, 401)
        }
    }
}

/// `GET …/users/export?userId=…&issuer=…&tenantId=…&cursor=…`: a page of everything that is stored about a person, and with
/// `object=…` in place of the person, in the object of that id. The API key was checked.
pub(in crate::http) async fn export(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
) -> Reply {
    if !matches!(request.method(), "GET" | "HEAD") {
        return error::method_not_allowed("GET, HEAD");
    }
    let exported = async {
        let given = |name| query::find(request.query(), name);
        let bad = |what: &str| Refusal::BadInput(what.to_owned());
        let (user_id, issuer, tenant_id) = (given("userId"), given("issuer"), given("tenantId"));
        let (object, cursor) = (given("object"), given("cursor"));
        let context = Context::open(env, execution).await?;
        match (object, user_id) {
            (Some(id), None) if issuer.is_none() && tenant_id.is_none() => {
                sessions::export_object(&context, &id, cursor.as_deref()).await
            }
            (Some(_), _) => Err(bad("\"object\" takes the place of a person")),
            (None, None) => Err(bad("\"userId\" is required")),
            (None, Some(user_id)) => {
                let person = Person {
                    user_id,
                    issuer,
                    tenant_id,
                };
                sessions::export(&context, &person, cursor.as_deref()).await
            }
        }
    };
    match exported.await {
        Ok(page) => Reply::json(200, page),
        Err(refusal) => {
            log::write(log::Event::OperatorApi, &error::detail(&refusal));
            error::reply(&refusal, Presented::Nothing, 401)
        }
    }
}

pub(in crate::http) fn listing(text: &str) -> Result<Listing, Refusal> {
    let bad = |what: &str| Refusal::BadInput(what.to_owned());
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
