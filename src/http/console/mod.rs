//! `{base}/console`: the operator's console. The files of its page, which tell nothing, and its requests, which need an operator.
//!
//! What its session is, where requests may come from and what is shown is `postern_core::console`'s to say.

mod api;
mod operator;
mod overview;

use worker::Env;

use crate::{
    objects::context::Context,
    runtime::{
        http::{
            fetch::{self, Limits, Target},
            request::Incoming,
        },
        js::{self, ExecutionContext, Fetcher},
        log,
    },
};
use postern_core::{
    console::{files, request::Sender},
    error::{self, Presented},
    http::{endpoints, reply::Reply},
    refusal::Refusal,
    settings::Settings,
};

/// The Worker's static assets, among which the files of the page are.
const ASSETS: &str = "ASSETS";
const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: 256 * 1024,
};

/// Answers a request; `path` is what follows `{base}/console`.
pub(super) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    path: &str,
    settings: &Settings,
) -> Reply {
    if let Some(call) = path.strip_prefix("/api/") {
        return answer_call(request, env, execution, call).await;
    }
    let Some(file) = files::file(path) else {
        return error::not_found();
    };
    if !matches!(request.method(), "GET" | "HEAD") {
        return error::method_not_allowed("GET, HEAD");
    }
    // The page names its files relative to a folder.
    if path.is_empty() && !request.path().ends_with('/') {
        let folder = [settings.api_base_path.as_str(), endpoints::CONSOLE, "/"].concat();
        return Reply::empty(308).with_header("location", folder);
    }
    text_of(env, file).await.map_or_else(not_there, |text| {
        let mut headers = files::HEADERS.to_vec();
        headers.push(("content-type", file.content_type));
        Reply::new(200, &headers, text)
    })
}

fn not_there() -> Reply {
    const NOT_THERE: Refusal = Refusal::GeneralError("the files of the console are not there");
    log::write(
        log::Event::Console,
        "the console's files are not among the static assets: is the binding ASSETS there?",
    );
    error::reply(&NOT_THERE, Presented::Nothing, 401)
}

async fn text_of(env: &Env, file: files::File) -> Option<String> {
    let assets: Fetcher = js::binding(env, ASSETS)?;
    // Only the path matters: the host goes nowhere.
    let url = format!("https://assets.internal{}", file.asset);
    let answer = fetch::get_unless(Target::Binding(&assets), &url, None, LIMITS).await;
    let answer = answer.ok().filter(|answer| answer.status == 200)?;
    String::from_utf8(answer.body).ok()
}

async fn answer_call(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    call: &str,
) -> Reply {
    let Some(wanted) = api::Call::of(call) else {
        return error::not_found();
    };
    if request.method() != wanted.method() {
        return error::method_not_allowed(wanted.method());
    }
    let (origin, site) = (request.header("origin"), request.header("sec-fetch-site"));
    let sender = Sender {
        own_origin: request.origin(),
        origin: origin.as_deref(),
        sec_fetch_site: site.as_deref(),
    };
    let is_own_page = if wanted.changes() {
        sender.may_change()
    } else {
        sender.may_read()
    };
    if !is_own_page {
        log::write_with(
            log::Event::Console,
            &[(log::Member::Reason, "FOREIGN_WEBSITE")],
            "the request does not come from the console's own page",
        );
        return Reply::json(403, r#"{"status":"FOREIGN_WEBSITE"}"#);
    }
    let answered = async {
        let context = Context::open(env, execution).await?;
        match wanted {
            api::Call::SignIn => operator::sign_in(request, &context).await,
            api::Call::SignOut => Ok(operator::sign_out()),
            wanted => {
                let operator = operator::of(request, &context).await?;
                let asked = api::Asked {
                    request,
                    context: &context,
                    operator: &operator,
                    execution,
                };
                Ok(Reply::json(200, api::answer(&asked, wanted).await?))
            }
        }
    };
    answered.await.unwrap_or_else(|refusal| {
        let reason = error::Outcome::of(&refusal).code;
        log::write_with(
            log::Event::Console,
            &[(log::Member::Reason, reason)],
            &error::detail(&refusal),
        );
        error::reply(&refusal, Presented::Nothing, 401)
    })
}
