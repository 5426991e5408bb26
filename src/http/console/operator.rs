//! Who asks: an operator with a session of the console, or one whom Cloudflare Access lets in.

use super::super::{operator::actions::body, rate_limit};
use crate::{
    auth::verifier,
    objects::{context::Context, key_ring},
    runtime::{http::request::Incoming, log, random},
};
use postern_core::{
    console::session::{cleared_cookie, set_cookie},
    http::{cookie::Cookies, credential_names::HOST_CONSOLE, reply::Reply},
    refusal::Refusal,
    settings::Console,
};
use postern_jwt::json;

const NOBODY: Refusal = Refusal::Unauthorised("no session of the console");
const ASSERTION: &str = "cf-access-jwt-assertion";

/// An operator.
pub(super) struct Operator {
    /// A keyed digest, equal in all log lines of one operator (of one API key).
    pub(super) digest: String,
}

impl Operator {
    fn named(context: &Context, name: &str) -> Self {
        let digest = context.ring.session_digest(&["operator ", name].concat());
        Self { digest }
    }
}

/// The operator behind a request: by the console's own session or by Access, as the settings say, and by nothing else.
pub(super) async fn of(request: &Incoming, context: &Context) -> Result<Operator, Refusal> {
    match (context.settings.console, &context.settings.console_access) {
        (Console::ApiKey, _) => {
            let cookie = request.cookie();
            let session = Cookies::new(cookie).first(HOST_CONSOLE).ok_or(NOBODY)?;
            let digests = &context.settings.api_key_digests;
            let mut keys = context.ring.console_keys(context.now);
            let place = keys.find_map(|key| key.open(digests, &session, context.now));
            let place = place.ok_or(NOBODY)?;
            Ok(Operator::named(context, &format!("key {place}")))
        }
        (Console::Access, Some(access)) => {
            let assertion = request
                .header(ASSERTION)
                .ok_or(Refusal::Unauthorised("no assertion of Cloudflare Access"))?;
            let name = verifier::verify_operator(context, &assertion, access).await?;
            Ok(Operator::named(context, &["access ", &name].concat()))
        }
        _ => Err(NOBODY),
    }
}

/// Exchanges an API key for a session of the console.
pub(super) async fn sign_in(request: &Incoming, context: &Context) -> Result<Reply, Refusal> {
    if context.settings.console != Console::ApiKey {
        return Err(Refusal::BadInput(
            "operators sign in with Cloudflare Access".to_owned(),
        ));
    }
    let body = body(request).await?;
    let given = json::parse_object(&body).ok();
    let key = given.and_then(|given| given.string("apiKey").ok().flatten().map(String::from));
    let key = key.ok_or_else(|| Refusal::BadInput("\"apiKey\" must be a string".to_owned()))?;
    let settings = &context.settings;
    let accepted = settings.place_of_api_key(&key).and_then(|place| {
        let digest = settings.api_key_digests.get(place)?;
        Some((place, digest))
    });
    let Some((place, digest)) = accepted else {
        rate_limit::of_wrong_api_key(request, &context.env).await?;
        return Err(Refusal::Unauthorised("the API key is not accepted"));
    };
    let id = random::random().map_err(|_| Refusal::GeneralError("no randomness"))?;
    let key = context.ring.console_keys(context.now).next();
    let key = key.ok_or(key_ring::OUT_OF_REACH)?;
    let session = key.issue(digest, id, context.now);
    let operator = Operator::named(context, &format!("key {place}"));
    noted(&operator, "signed_in", "");
    Ok(Reply::json(200, r#"{"status":"OK"}"#).with_header("set-cookie", set_cookie(&session)))
}

/// Takes the session's cookie away.
pub(super) fn sign_out() -> Reply {
    Reply::json(200, r#"{"status":"OK"}"#).with_header("set-cookie", cleared_cookie())
}

/// Writes the audit line of what an operator did. `detail` names nobody.
pub(super) fn noted(operator: &Operator, action: &'static str, detail: &str) {
    log::write_with(
        log::Event::ConsoleAction,
        &[(log::Member::Reason, action)],
        &["operator ", &operator.digest, detail].concat(),
    );
}
