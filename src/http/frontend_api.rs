//! The browser API: verifying, refreshing and signing out, keys and discovery, health (SuperTokens frontend protocol).

use worker::Env;

use super::{
    own_sessions, rate_limit, readiness, request_headers::Headers, session_device,
    session_exchange, session_ticket,
};
use crate::{
    auth::{
        authenticate::{AuthError, Demands, Found, NO_TOKEN, refused, verified},
        device::{self, DeviceDemand},
        dpop::Shown,
        former_core::TokenShown,
        session_cookies,
        verified_session::VerifiedToken,
    },
    objects::{
        context::{self, Context},
        key_ring,
    },
    runtime::{apart::apart, http::request::Incoming, js::ExecutionContext, log, settings},
    sessions::{self, Exchange},
};
use postern_core::error::{self, Presented};
use postern_core::gateway::decision::navigation;
use postern_core::http::endpoints::Route;
use postern_core::http::reply::Reply;
use postern_core::identity::Session;
use postern_core::refusal::Refusal;
use postern_core::request::credentials::{REFRESH_TOKEN_COOKIE, Transfer};
use postern_core::session::call::RotationMode;
use postern_core::session::listing::EndedBy;
use postern_core::session::minting;
use postern_core::session::model::IssuedSession;
use postern_core::session::refresh_token;
use postern_core::settings::{Freshness, Settings};
use postern_core::shown::ShownSession;
use postern_core::supertokens::fdi::answers;
use postern_core::supertokens::fdi::anti_csrf::AntiCsrfMode;
use postern_core::supertokens::fdi::request::{BrowserRequest, RefreshToken};
use postern_core::supertokens::fdi::request_origin::OtherSites;
use postern_core::supertokens::fdi::session_cookies::{Witnesses, refresh_candidates};
use postern_jwt::json::ObjectWriter;
use serde::Serialize;
use std::rc::Rc;

/// What the browser API has to say.
pub(crate) enum Answer {
    /// This.
    Reply(Reply),
    /// The session of a good token (`GET {base}/session`).
    Session(SessionShown),
}

/// A session that is shown.
pub(crate) struct SessionShown {
    pub(crate) known: Rc<VerifiedToken>,
    /// Whether nothing else stood in the place of a token.
    pub(crate) is_only_token: bool,
    /// The settings that it was judged by.
    pub(crate) settings: Rc<Settings>,
}

/// Answers a request to the browser API. CORS is added by the caller.
pub(crate) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    route: &Route,
) -> Answer {
    if matches!(route, Route::Healthz) {
        return Answer::Reply(Reply::json(200, r#"{"status":"OK"}"#));
    }
    if matches!(route, Route::Session)
        && request.authorization().is_none()
        && request.cookie().is_none()
        && let Ok(settings) = settings::current(env)
        && settings
            .token_headers()
            .all(|name| request.header(name).is_none())
    {
        // Nothing to verify: no key is needed to say so.
        return Answer::Reply(NO_TOKEN.reply(&settings));
    }
    let context = match Context::open(env, execution).await {
        Ok(context) => context,
        Err(refusal) => return Answer::Reply(error::reply(&refusal, Presented::Nothing, 401)),
    };
    if !matches!(route, Route::Session) {
        return Answer::Reply(apart(other(&context, request, route)).await);
    }
    match session(&context, request).await {
        Ok(shown) => Answer::Session(shown),
        Err(reply) => Answer::Reply(reply),
    }
}

/// The answer of every endpoint but the one that a site asks all the time.
async fn other(context: &Context, request: &Incoming, route: &Route) -> Reply {
    match route {
        Route::Jwks => {
            let document = context.ring.document(context.now);
            Reply::public_json(document.json, document.max_age_seconds)
        }
        Route::AssertionJwks => {
            let document = context.ring.assertion_document(context.now);
            Reply::public_json(document.json, document.max_age_seconds)
        }
        Route::OpenIdConfiguration => discovery(&context.settings),
        Route::Readyz => ready(context).await,
        Route::SessionRefresh => refresh(context, request).await,
        Route::SessionTicket => session_ticket::answer(context, request).await,
        Route::SessionExchange => session_exchange::answer(context, request).await,
        Route::Sessions => own_sessions::list(context, request).await,
        Route::EndSessions => own_sessions::end(context, request).await,
        Route::SessionDevice => session_device::register(context, request).await,
        Route::SessionDeviceRefresh => session_device::refresh(context, request).await,
        Route::SignOut => sign_out(context, request).await,
        _ => Reply::empty(404),
    }
}

/// `GET {base}/session`.
async fn session(context: &Context, request: &Incoming) -> Result<SessionShown, Reply> {
    let headers = Headers::to_verify(request, &context.settings);
    let browser = headers.request(request.method());
    match verified(context, &browser, &Demands::of(context.settings.freshness)).await {
        Ok((known, found)) => Ok(SessionShown {
            known,
            is_only_token: matches!(found, Found::Sent { is_only: true, .. }),
            settings: Rc::clone(&context.settings),
        }),
        Err(refused) => {
            let skipped = request.header("secure-session-skipped");
            let refused = refused.unless_skipped(skipped.as_deref());
            Err(refused.reply(&context.settings))
        }
    }
}

/// What `GET {base}/session` shows of a session.
pub(crate) fn session_text(session: &Session) -> String {
    #[derive(Serialize)]
    struct Shown<'a> {
        session: ShownSession<'a>,
    }
    let session = ShownSession::from(session);
    // A verified payload is JSON, so that this does not fail.
    serde_json::to_string(&Shown { session }).unwrap_or_default()
}

/// `POST {base}/session/refresh`.
async fn refresh(context: &Context, request: &Incoming) -> Reply {
    let headers = Headers::of(request);
    let browser = session_cookies::looked_at(context, &headers.request(request.method()));
    match refreshed(context, &browser).await {
        Ok(reply) => reply,
        Err(refusal) => {
            log_refused_refresh(&refusal);
            answers::refresh_refused(&context.settings, &browser, &refusal)
        }
    }
}

const NOT_VALID: Refusal = Refusal::Unauthorised("Refresh token is not valid.");

/// Exchanges the refresh token that a request carries.
pub(crate) async fn refreshed(
    context: &Context,
    request: &BrowserRequest<'_>,
) -> Result<Reply, Refusal> {
    let settings = &context.settings;
    let is_ours = |handle: &str| context.checked(handle).is_ok();
    let source = request.refresh_token(settings, |token| {
        refresh_token::parse(token).is_some_and(|presented| is_ours(presented.handle))
            || sessions::is_of_former_core(context, token)
    });
    // Also without a token: what such an answer clears would be cleared for another website.
    if !matches!(source, Ok(RefreshToken::Header(_)))
        && request.is_from_foreign_site(settings, &OtherSites::None)
    {
        return Err(Refusal::ForeignWebsite);
    }
    let source = source?;
    let transfer = source.transfer();
    let mode = AntiCsrfMode::of(settings);
    mode.check_refresh(request, transfer)?;
    let mut witnesses = Witnesses::default();
    let candidates = match source {
        RefreshToken::Header(token) => vec![token.into()],
        RefreshToken::Cookie => {
            witnesses = session_cookies::witnesses(context, request).await?;
            refresh_candidates(settings, request.cookies(), &witnesses, is_ours)?
        }
    };
    let mut outcome: Result<IssuedSession, Refusal> = Err(NOT_VALID);
    let mut stolen = None;
    for mut token in candidates {
        if sessions::is_of_former_core(context, &token) {
            // Whose it is, is not known yet.
            rate_limit::of_refresh(context, &token, request.client_address).await?;
            let shown = TokenShown {
                refresh_token: &token,
                anti_csrf_token: request.anti_csrf,
                binds_token: mode.binds_token(transfer),
                network: Some(&rate_limit::network(request.client_address)),
            };
            let is_meant = |handle: &str| witnesses.admit(REFRESH_TOKEN_COOKIE, handle);
            match sessions::taken_over(context, &shown, &is_meant, &mut stolen).await {
                Ok(first) => token = first.into(),
                Err(refusal @ Refusal::Unauthorised(_)) => {
                    outcome = Err(refusal);
                    continue;
                }
                Err(refusal) => return Err(refusal),
            }
        }
        // What is no token of ours is refused without asking anybody, and need not be counted.
        if let Some(presented) = refresh_token::parse(&token)
            && is_ours(presented.handle)
        {
            rate_limit::of_refresh(context, presented.handle, request.client_address).await?;
        }
        // No proof ever comes with a cookie.
        let shown = request.proof.filter(|_| transfer == Transfer::Header);
        let shown = shown.map(|proof| Shown {
            proof: Some(proof),
            method: request.method,
            url: request.url,
        });
        let exchange = |proof| Exchange {
            device: device::shown(request, &token),
            refresh_token: token.into_owned(),
            anti_csrf_token: request.anti_csrf.map(str::to_owned),
            check_anti_csrf: mode.binds_token(transfer),
            anti_csrf: Some(mode.binds_token(transfer)),
            rotation_mode: RotationMode::Own,
            use_dynamic_key: None,
            access_token_validity: None,
            version: minting::OWN_VERSION,
            proof,
        };
        outcome = sessions::with_proof(context, shown, exchange).await;
        // A token that only looks newer must not stand in the way of the real one.
        if !matches!(outcome, Err(Refusal::Unauthorised(_))) {
            break;
        }
    }
    if let (Err(Refusal::Unauthorised(_)), Some(stolen)) = (&outcome, stolen) {
        outcome = Err(sessions::end_stolen(context, stolen).await?);
    }
    answers::refreshed(settings, request, transfer, &outcome?, context.now)
}

/// `POST {base}/signout`.
async fn sign_out(context: &Context, request: &Incoming) -> Reply {
    let headers = Headers::to_verify(request, &context.settings);
    let browser = headers.request(request.method());
    // Stateless: signing out of a session that has ended already is no mistake.
    // Nor is it one to do so without showing the device: it ends the session.
    let demands = Demands {
        device: DeviceDemand::Nothing,
        ..Demands::of(Freshness::Stateless)
    };
    let (handle, transfer) = match verified(context, &browser, &demands).await {
        Ok((known, found)) => match known.session_handle() {
            Ok(handle) => (handle.to_owned(), found.transfer()),
            Err(refusal) => return refused(refusal).reply(&context.settings),
        },
        Err(error) => match form_that_signs_out(context, request, &browser, &error).await {
            Ok(Some(handle)) => (handle, Transfer::Cookie),
            Ok(None) => return error.reply(&context.settings),
            Err(refusal) => return outage(context, &refusal),
        },
    };
    match sessions::revoke(
        context,
        vec![handle],
        sessions::Report::Ended,
        EndedBy::SignOut,
    )
    .await
    {
        Ok(_) => {
            let browser = session_cookies::looked_at(context, &browser);
            answers::signed_out(&context.settings, &browser, transfer)
        }
        Err(refusal) => outage(context, &refusal),
    }
}

fn outage(context: &Context, refusal: &Refusal) -> Reply {
    let expired = context.settings.session_expired_status_code;
    error::reply(refusal, Presented::Token, expired)
}

/// The session that a form without a script means whose token is merely old: nobody can refresh it and send the form
/// again. `None` where the refusal stands: a script made the request, its token was refused for something else, or a check
/// is asked for that no form can meet.
async fn form_that_signs_out(
    context: &Context,
    request: &Incoming,
    browser: &BrowserRequest<'_>,
    refused: &AuthError,
) -> Result<Option<String>, Refusal> {
    let is_stale = matches!(refused.refusal, Refusal::TryRefreshToken(_)) && !refused.token_is_good;
    let header = |name: &str| request.header(name);
    if !is_stale
        || !navigation::is_navigation(request.method(), &header)
        || AntiCsrfMode::of(&context.settings) != AntiCsrfMode::None
    {
        return Ok(None);
    }
    let Witnesses { host, mut others } = session_cookies::witnesses(context, browser).await?;
    let only = others.pop().filter(|_| others.is_empty());
    Ok(host.or(only))
}

fn discovery(settings: &Settings) -> Reply {
    let issuer = settings.issuer();
    let mut document = ObjectWriter::new();
    document.text("issuer", &issuer);
    document.text("jwks_uri", &format!("{issuer}/jwt/jwks.json"));
    document.json("response_types_supported", r#"["none"]"#);
    document.json("subject_types_supported", r#"["public"]"#);
    document.json(
        "id_token_signing_alg_values_supported",
        r#"["RS256","ES256","EdDSA"]"#,
    );
    Reply::public_json(document.finish(), 60)
}

/// Whether KV, the objects and the keys can serve. The keys are at hand, or there would be no context.
async fn ready(context: &Context) -> Reply {
    let keys = key_ring::signer(
        &context.ring,
        context
            .ring
            .own_algorithm(postern_core::keys::KeyKind::Dynamic, context.now),
        postern_core::keys::KeyKind::Dynamic,
        context.now,
    )
    .is_ok();
    if keys && readiness::storage_can_serve(context).await {
        Reply::json(200, r#"{"status":"OK"}"#)
    } else {
        log::write(log::Event::NotReady, "keys, KV or objects cannot serve");
        error::reply(&context::NOT_READY, Presented::Nothing, 401)
    }
}

/// Logs that a refresh was refused, and why.
pub(super) fn log_refused_refresh(refusal: &Refusal) {
    log::write_with(
        log::Event::Refresh,
        &[(log::Member::Reason, error::Outcome::of(refusal).code)],
        &error::detail(refusal),
    );
}
