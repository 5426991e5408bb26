//! The browser API: verifying, refreshing and signing out, keys and discovery, health (SuperTokens frontend protocol).

use worker::Env;

use super::{
    context::{self, Context},
    js::ExecutionContext,
    key_ring, log, readiness,
    request::Incoming,
    session_cookies,
    sessions::{self, Exchange},
    settings,
    tokens::{self, Known, Look, PassedOver},
};
use crate::{
    error::{self, Presented},
    frontend::{
        answers,
        anti_csrf::AntiCsrfMode,
        request::{BrowserRequest, RefreshToken},
        request_origin::OtherSites,
        session_cookies::refresh_candidates,
    },
    http::{
        credentials::{self, Candidate, Transfer},
        reply::Reply,
        route::Route,
    },
    json::ObjectWriter,
    session::{
        call::Door,
        identity::{Issuers, Session},
        model::{IssuedSession, Refusal},
        refresh_token,
    },
    settings::{Freshness, Settings},
};
use std::{cell::Cell, rc::Rc};

/// What the browser API has to say.
pub(super) enum Answer {
    /// This.
    Reply(Reply),
    /// The session of a good token (`GET {base}/session`).
    Session(Rc<Known>),
}

/// The headers that the protocol reads, as they were sent.
struct Headers<'a> {
    authorization: Option<&'a str>,
    cookie: Option<&'a str>,
    rid: Option<String>,
    anti_csrf: Option<String>,
    auth_mode: Option<String>,
    host: &'a str,
    origin: Option<String>,
    sec_fetch_site: Option<String>,
}

impl<'a> Headers<'a> {
    /// Those that verifying reads. `GET` is never checked for anti-CSRF; each header not read is a crossing saved.
    fn to_verify(request: &'a Incoming) -> Self {
        let changing = request.method() != "GET";
        let read = |name| if changing { request.header(name) } else { None };
        Self {
            authorization: request.authorization(),
            cookie: request.cookie(),
            rid: read("rid"),
            anti_csrf: read("anti-csrf"),
            auth_mode: None,
            host: request.host().unwrap_or_default(),
            origin: read("origin"),
            sec_fetch_site: read("sec-fetch-site"),
        }
    }

    fn of(request: &'a Incoming) -> Self {
        Self {
            authorization: request.authorization(),
            cookie: request.cookie(),
            rid: request.header("rid"),
            anti_csrf: request.header("anti-csrf"),
            auth_mode: request.header("st-auth-mode"),
            host: request.host().unwrap_or_default(),
            origin: request.header("origin"),
            sec_fetch_site: request.header("sec-fetch-site"),
        }
    }

    fn request<'b>(&'b self, method: &'b str) -> BrowserRequest<'b> {
        BrowserRequest {
            method,
            authorization: self.authorization,
            cookie: self.cookie,
            rid: self.rid.as_deref(),
            anti_csrf: self.anti_csrf.as_deref(),
            auth_mode: self.auth_mode.as_deref(),
            host: self.host,
            origin: self.origin.as_deref(),
            sec_fetch_site: self.sec_fetch_site.as_deref(),
            ..BrowserRequest::default()
        }
    }
}

/// Answers a request to the browser API. CORS is added by the caller.
pub(super) async fn answer(
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
    {
        // Nothing to verify: no key is needed to say so.
        return Answer::Reply(NO_TOKEN.reply(&settings));
    }
    let context = match Context::open(env, execution).await {
        Ok(context) => context,
        Err(refusal) => return Answer::Reply(error::reply(&refusal, Presented::Nothing, 401)),
    };
    Answer::Reply(match route {
        Route::Jwks => {
            let document = context.ring.document(context.now);
            Reply::public_json(document.json, document.max_age_seconds)
        }
        Route::AssertionJwks => {
            let document = context.ring.assertion_document(context.now);
            Reply::public_json(document.json, document.max_age_seconds)
        }
        Route::OpenIdConfiguration => discovery(&context.settings),
        Route::Readyz => ready(&context).await,
        Route::SessionRefresh => refresh(&context, request).await,
        Route::SignOut => sign_out(&context, request).await,
        Route::Session => match session(&context, request).await {
            Ok(known) => return Answer::Session(known),
            Err(reply) => reply,
        },
        _ => Reply::empty(404),
    })
}

/// `GET {base}/session`.
async fn session(context: &Context, request: &Incoming) -> Result<Rc<Known>, Reply> {
    let headers = Headers::to_verify(request);
    let browser = headers.request(request.method());
    match verified(context, &browser, &Demands::of(context.settings.freshness)).await {
        Ok((known, _)) => Ok(known),
        Err(refused) => Err(refused.reply(&context.settings)),
    }
}

/// What `GET {base}/session` shows of a session.
pub(super) fn session_text(session: &Session) -> String {
    ["{\"session\":{", &session.members(), "}}"].concat()
}

/// A refusal, with what the answer needs to know about the request.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) presented: Presented,
    pub(super) own_session_is_gone: bool,
    /// The token is good, and the request does not show that a page of ours made it.
    pub(super) token_is_good: bool,
    /// What the log has in place of the refusal's text.
    pub(super) detail: Option<String>,
}

const NO_TOKEN: Refused = Refused {
    refusal: Refusal::Unauthorised("the request carries no access token"),
    presented: Presented::Nothing,
    own_session_is_gone: false,
    token_is_good: false,
    detail: None,
};

impl Refused {
    fn reply(&self, settings: &Settings) -> Reply {
        let detail = self.detail.clone();
        let detail = detail.unwrap_or_else(|| error::detail(&self.refusal));
        log::refused("browser_api", &detail);
        answers::verify_refused(
            settings,
            &self.refusal,
            self.presented,
            self.own_session_is_gone,
        )
    }
}

/// What a door or rule asks of a request's session.
pub(super) struct Demands<'a> {
    /// How soon a revocation must be felt.
    pub(super) freshness: Freshness,
    /// Overrides when the anti-CSRF check is made.
    pub(super) check_anti_csrf: Option<bool>,
    /// Websites other than ours whose pages may change something.
    pub(super) others: &'a OtherSites,
    /// Whose sessions count; a token of anybody else is as good as absent.
    pub(super) issuers: &'a Issuers,
}

impl Demands<'_> {
    /// Those of the browser API.
    pub(super) const fn of(freshness: Freshness) -> Self {
        Self {
            freshness,
            check_anti_csrf: None,
            others: &OtherSites::None,
            issuers: &Issuers::Any,
        }
    }
}

/// The session that a request carries, verified: the one of `Authorization` when that is good, else the cookie's. A bearer
/// token that is refused does not lock out whoever has a good cookie; while it cannot be judged, nobody is taken for
/// somebody else.
pub(super) async fn verified(
    context: &Context,
    request: &BrowserRequest<'_>,
    demands: &Demands<'_>,
) -> Result<(Rc<Known>, Transfer), Refused> {
    let settings = &context.settings;
    let passed_over = Cell::new(None);
    let found = credentials::access_tokens(
        settings,
        request.authorization,
        request.cookie,
        |token, transfer| {
            let (seen, why) = tokens::seen(context, token, transfer, demands.issuers);
            if why.is_some() {
                passed_over.set(why);
            }
            seen
        },
    )
    .map_err(refused)?;
    let by_header = match found.header {
        Some(token) => match good(context, request, token, demands).await {
            Ok(known) => return Ok((known, Transfer::Header)),
            Err(outage) if matches!(outage.refusal, Refusal::GeneralError(_)) => {
                return Err(outage);
            }
            Err(refused) => Some(refused),
        },
        None => None,
    };
    let by_cookie = match found.cookie {
        Ok(None) => None,
        // Before anything is asked about the token: another website learns and changes nothing.
        _ if request.is_from_foreign_site(settings, demands.others) => {
            Some(refused(Refusal::ForeignWebsite))
        }
        Err(refusal) => Some(refused(refusal)),
        Ok(Some(token)) => match good(context, request, token, demands).await {
            Ok(known) => return Ok((known, Transfer::Cookie)),
            Err(refused) => Some(refused),
        },
    };
    Err(match (by_header, by_cookie) {
        (None, None) => none(passed_over.take()),
        // What a refresh may mend is not given up for what it cannot.
        (Some(header), Some(cookie))
            if matches!(
                cookie.refusal,
                Refusal::TryRefreshToken(_) | Refusal::GeneralError(_)
            ) && !matches!(header.refusal, Refusal::TryRefreshToken(_)) =>
        {
            cookie
        }
        (Some(refused), _) | (None, Some(refused)) => refused,
    })
}

/// Nothing that counts here; a token that was passed over is for the log.
fn none(passed_over: Option<String>) -> Refused {
    Refused {
        detail: passed_over,
        ..NO_TOKEN
    }
}

const fn refused(refusal: Refusal) -> Refused {
    Refused {
        refusal,
        presented: Presented::Token,
        own_session_is_gone: false,
        token_is_good: false,
        detail: None,
    }
}

/// The session of one access token, if everything about it is as demanded.
async fn good(
    context: &Context,
    request: &BrowserRequest<'_>,
    token: Candidate<'_, Look<'_>>,
    demands: &Demands<'_>,
) -> Result<Rc<Known>, Refused> {
    let known = tokens::verify_seen(context, &token.token, token.look)
        .await
        .map_err(|tokens::Refused { refusal, detail }| Refused {
            detail,
            ..refused(refusal)
        })?;
    if let Err(PassedOver::Because(why)) =
        tokens::accepts(demands.issuers, &known.session.identity.issuer)
    {
        return Err(none(Some(why)));
    }
    let expected = known
        .claims
        .as_ref()
        .and_then(|claims| claims.anti_csrf_token.as_ref());
    AntiCsrfMode::of(&context.settings)
        .check_verify(
            request,
            token.transfer,
            expected.as_slice(),
            demands.check_anti_csrf,
        )
        .map_err(|refusal| Refused {
            token_is_good: true,
            ..refused(refusal)
        })?;
    match sessions::standing(context, &known, demands.freshness).await {
        Ok(()) => Ok(known),
        Err(refusal) => Err(Refused {
            own_session_is_gone: known.claims.is_some()
                && matches!(refusal, Refusal::Unauthorised(_))
                && !session_cookies::looked_at(context, *request)
                    .sent
                    .access
                    .is_anothers(),
            token_is_good: false,
            presented: Presented::Token,
            refusal,
            detail: None,
        }),
    }
}

/// `POST {base}/session/refresh`.
async fn refresh(context: &Context, request: &Incoming) -> Reply {
    let headers = Headers::of(request);
    let browser = session_cookies::looked_at(context, headers.request(request.method()));
    match refreshed(context, &browser).await {
        Ok(reply) => reply,
        Err(refusal) => {
            log::refused("refresh", &error::detail(&refusal));
            answers::refresh_refused(&context.settings, &browser, &refusal)
        }
    }
}

/// Exchanges the refresh token that a request carries.
pub(super) async fn refreshed(
    context: &Context,
    request: &BrowserRequest<'_>,
) -> Result<Reply, Refusal> {
    let settings = &context.settings;
    let is_ours = |handle: &str| context.checked(handle).is_ok();
    let source = request.refresh_token(settings, |token| {
        refresh_token::parse(token).is_some_and(|presented| is_ours(presented.handle))
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
    let candidates = match source {
        RefreshToken::Header(token) => vec![token.into()],
        RefreshToken::Cookie => {
            let witnesses = session_cookies::witnesses(context, request).await?;
            refresh_candidates(settings, request.cookies(), &witnesses, is_ours)?
        }
    };
    let mut outcome: Result<IssuedSession, Refusal> =
        Err(Refusal::Unauthorised("Refresh token is not valid."));
    for token in candidates {
        let exchange = Exchange {
            refresh_token: token.into_owned(),
            anti_csrf_token: request.anti_csrf.map(str::to_owned),
            check_anti_csrf: mode.binds_token(transfer),
            anti_csrf: Some(mode.binds_token(transfer)),
            door: Door::Own,
            use_dynamic_key: None,
            access_token_validity: None,
            version: sessions::OWN_VERSION,
        };
        outcome = sessions::refresh(context, exchange).await;
        // A token that only looks newer must not stand in the way of the real one.
        if !matches!(outcome, Err(Refusal::Unauthorised(_))) {
            break;
        }
    }
    answers::refreshed(settings, request, transfer, &outcome?, context.now)
}

/// `POST {base}/signout`.
async fn sign_out(context: &Context, request: &Incoming) -> Reply {
    let headers = Headers::to_verify(request);
    let browser = headers.request(request.method());
    // Stateless: signing out of a session that has ended already is no mistake.
    let demands = Demands::of(Freshness::Stateless);
    let (known, transfer) = match verified(context, &browser, &demands).await {
        Ok(verified) => verified,
        Err(refused) => return refused.reply(&context.settings),
    };
    let handles = vec![known.session.handle.clone()];
    match sessions::revoke(context, handles, sessions::Report::Ended).await {
        Ok(_) => {
            let browser = session_cookies::looked_at(context, browser);
            answers::signed_out(&context.settings, &browser, transfer)
        }
        Err(refusal) => error::reply(
            &refusal,
            Presented::Token,
            context.settings.session_expired_status_code,
        ),
    }
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
            .own_algorithm(crate::keys::KeyKind::Dynamic, context.now),
        crate::keys::KeyKind::Dynamic,
        context.now,
    )
    .is_ok();
    if keys && readiness::storage_can_serve(context).await {
        Reply::json(200, r#"{"status":"OK"}"#)
    } else {
        log::fault("readyz", "keys, KV or objects cannot serve");
        error::reply(&context::NOT_READY, Presented::Nothing, 401)
    }
}
