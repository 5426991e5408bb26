//! What operators and backends may look at under the service API's path `/postern/`.

use worker::Env;

use crate::{
    objects::context::Context,
    runtime::{http::request::Incoming, js::ExecutionContext, log},
    sessions::{self, Listing},
};
use postern_core::{
    error::{self, Presented},
    http::reply::Reply,
    refusal::Refusal,
    supertokens::cdi::request::query,
};

/// `GET …/sessions?userId=…&tenantId=…&cursor=…&ended=true`: a page of a user's sessions with their facts. The API key was checked.
pub(super) async fn sessions(request: &Incoming, env: &Env, execution: &ExecutionContext) -> Reply {
    if !matches!(request.method(), "GET" | "HEAD") {
        return error::method_not_allowed("GET, HEAD");
    }
    let listed = async {
        let listing = listing(request.query())?;
        let context = Context::open(env, execution).await?;
        sessions::list_sessions(&context, listing).await
    };
    match listed.await {
        Ok(page) => {
            let members = page.members(None);
            Reply::json(200, format!("{{\"status\":\"OK\",{members}}}"))
        }
        Err(refusal) => {
            log::write(log::Event::OperatorApi, &error::detail(&refusal));
            error::reply(&refusal, Presented::Nothing, 401)
        }
    }
}

fn listing(text: &str) -> Result<Listing, Refusal> {
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
