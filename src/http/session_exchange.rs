//! `POST {base}/session/exchange`: a trusted issuer's token, where its entry allows it, becomes a session of ours.
//!
//! It is a login: what is demanded of the token is in `crate::auth::authenticate`, whose session it becomes in
//! `postern_core::tokens::exchanged`, and how the session travels in `crate::sessions::login`.

use super::request_headers::Headers;
use crate::{
    auth::{
        authenticate::{AuthError, Demands, refused, verified},
        session_cookies,
    },
    objects::context::Context,
    runtime::http::request::Incoming,
    sessions::{exchange, login},
};
use postern_core::{
    http::reply::Reply,
    identity::{Issuer, Issuers},
    refusal::Refusal,
    session::model::Device,
    settings::Freshness,
    shown::ShownSession,
    supertokens::fdi::{request::BrowserRequest, request_origin::OtherSites},
};
use postern_jwt::json::ObjectWriter;

/// `POST {base}/session/exchange`.
pub(crate) async fn answer(context: &Context, request: &Incoming) -> Reply {
    match made(context, request).await {
        Ok(reply) => reply,
        Err(error) => error.reply(&context.settings),
    }
}

async fn made(context: &Context, request: &Incoming) -> Result<Reply, AuthError> {
    let settings = &context.settings;
    let headers = Headers::to_verify(request, settings);
    let browser = BrowserRequest {
        auth_mode: None,
        ..headers.request(request.method())
    };
    // However the token came: another website's page must not log its visitors in as somebody of its choice.
    if browser.is_from_foreign_site(settings, &OtherSites::None) {
        return Err(refused(Refusal::ForeignWebsite));
    }
    let exchanged = settings.trusted_issuers.iter();
    let exchanged = exchanged.filter(|issuer| issuer.exchange.is_some());
    let issuers = exchanged.map(|issuer| Issuer::Trusted(issuer.id.clone()));
    let issuers = Issuers::Only(issuers.collect());
    let demands = Demands {
        issuers: &issuers,
        // The session outlives the token, so one that has ended makes none.
        ..Demands::of(Freshness::Strict)
    };
    let (known, _) = verified(context, &browser, &demands).await?;
    let mut new = exchange::session_of(context, &known).map_err(refused)?;
    let user_agent = request.header("user-agent");
    let ip = request.header("cf-connecting-ip");
    let ip = ip.and_then(|ip| settings.device_ip.kept(&ip));
    new.device = Device::of(user_agent, ip, request.country().as_deref());
    let auth_mode = request.header("st-auth-mode");
    let asked = BrowserRequest {
        auth_mode: auth_mode.as_deref(),
        ..browser
    };
    let asked = session_cookies::looked_at(context, &asked);
    let near = context.near(request.location());
    let created = login::create_for(&near, &asked, new).await;
    let (session, headers) = created.map_err(refused)?;
    let mut body = ObjectWriter::new();
    body.text("status", "OK");
    let shown = serde_json::to_string(&ShownSession::from(&session)).unwrap_or_default();
    body.json("session", &shown);
    let mut reply = Reply::json(200, body.finish());
    // That nobody keeps it is said already.
    let headers = headers.into_iter();
    reply
        .headers
        .extend(headers.filter(|(name, _)| name != "cache-control"));
    Ok(reply)
}
