//! The browser API: verifying, refreshing and signing out, keys and discovery, health (SuperTokens frontend protocol).

use worker::Env;

use super::{
    context::{self, Context},
    js::ExecutionContext,
    key_ring, kv, log,
    request::Incoming,
    sessions::{self, Exchange},
    settings,
    tokens::{self, Known, PassedOver},
    user_sessions,
};
use crate::{
    error::{self, Presented},
    frontend::{
        answers,
        anti_csrf::AntiCsrfMode,
        duplicates,
        request::{BrowserRequest, RefreshToken},
    },
    http::{
        credentials::{self, Transfer},
        reply::Reply,
        route::Route,
    },
    json::ObjectWriter,
    session::{
        call::{Door, UserCall},
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
    origin: Option<String>,
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
            origin: None,
        }
    }

    fn of(request: &'a Incoming) -> Self {
        Self {
            authorization: request.authorization(),
            cookie: request.cookie(),
            rid: request.header("rid"),
            anti_csrf: request.header("anti-csrf"),
            auth_mode: request.header("st-auth-mode"),
            origin: request.header("origin"),
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
            origin: self.origin.as_deref(),
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
    let freshness = context.settings.freshness;
    match verified(context, &browser, freshness, None, &Issuers::Any).await {
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

/// The session that a request carries, verified, if it is of one of the accepted issuers; others count as absent.
/// `check_anti_csrf` overrides when the anti-CSRF check is made.
pub(super) async fn verified(
    context: &Context,
    request: &BrowserRequest<'_>,
    freshness: Freshness,
    check_anti_csrf: Option<bool>,
    accepted: &Issuers,
) -> Result<(Rc<Known>, Transfer), Refused> {
    let settings = &context.settings;
    let refused = |refusal, presented| Refused {
        refusal,
        presented,
        own_session_is_gone: false,
        token_is_good: false,
        detail: None,
    };
    let passed_over = Cell::new(None);
    let none = |why: Option<String>| Refused {
        detail: why,
        ..NO_TOKEN
    };
    let found =
        credentials::access_tokens(settings, request.authorization, request.cookie, |token| {
            match tokens::look(context, token, accepted) {
                Ok(look) => Some(look),
                Err(PassedOver::NoToken) => None,
                Err(PassedOver::Because(why)) => {
                    passed_over.set(Some(why));
                    None
                }
            }
        })
        .map_err(|refusal| refused(refusal, Presented::Token))?;
    let Some(preferred) = found.preferred else {
        return Err(none(passed_over.take()));
    };
    let known = tokens::verify_seen(context, &preferred.token, preferred.look)
        .await
        .map_err(|tokens::Refused { refusal, detail }| Refused {
            detail,
            ..refused(refusal, Presented::Token)
        })?;
    if let Err(PassedOver::Because(why)) = tokens::accepts(accepted, &known.session.identity.issuer)
    {
        return Err(none(Some(why)));
    }
    if let Some(other) = found.other
        && let Ok(second) = tokens::verify_seen(context, &other.token, other.look).await
        && second.session.handle != known.session.handle
    {
        let both = "the request carries access tokens of two sessions".to_owned();
        return Err(refused(Refusal::BadInput(both), Presented::Token));
    }
    let expected = known
        .claims
        .as_ref()
        .and_then(|claims| claims.anti_csrf_token.as_ref());
    AntiCsrfMode::of(settings)
        .check_verify(
            request,
            preferred.transfer,
            expected.as_slice(),
            check_anti_csrf,
        )
        .map_err(|refusal| Refused {
            token_is_good: true,
            ..refused(refusal, Presented::Token)
        })?;
    match sessions::standing(context, &known, freshness).await {
        Ok(()) => Ok((known, preferred.transfer)),
        Err(refusal) => Err(Refused {
            own_session_is_gone: known.claims.is_some()
                && matches!(refusal, Refusal::Unauthorised(_)),
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
    let browser = headers.request(request.method());
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
    let RefreshToken { token, transfer } = request.refresh_token(settings)?;
    let mode = AntiCsrfMode::of(settings);
    mode.check_refresh(request, transfer)?;
    let candidates = match transfer {
        Transfer::Header => vec![token],
        Transfer::Cookie => duplicates::refresh_candidates(request.cookies(), |token| {
            let presented = refresh_token::parse(token)?;
            context.checked(presented.handle).ok()?;
            Some((
                presented.handle.to_owned(),
                (presented.place.generation, presented.place.index),
            ))
        }),
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
        // A leftover of an older domain may be of a session that is gone, or long superseded: the others may live.
        if !matches!(
            outcome,
            Err(Refusal::Unauthorised(_) | Refusal::TokenTheftDetected(_))
        ) {
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
    let verified = verified(context, &browser, Freshness::Stateless, None, &Issuers::Any);
    let (known, transfer) = match verified.await {
        Ok(verified) => verified,
        Err(refused) => return refused.reply(&context.settings),
    };
    let handles = vec![known.session.handle.clone()];
    match sessions::revoke(context, handles, sessions::Report::Ended).await {
        Ok(_) => answers::signed_out(&context.settings, transfer),
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
    // Names that no session has: reading leaves both as they are.
    const NOBODY: &str = "readyz";
    let keys = key_ring::signer(
        &context.ring,
        context.settings.signing_algorithm,
        crate::keys::KeyKind::Dynamic,
        context.now,
    )
    .is_ok();
    let copy = kv::get(&kv::namespace(&context.env), NOBODY).await.is_ok();
    let call = UserCall::Check {
        handle: NOBODY.to_owned(),
    };
    let object = user_sessions::ask(context, NOBODY, &call).await.is_ok();
    if keys && copy && object {
        Reply::json(200, r#"{"status":"OK"}"#)
    } else {
        log::fault("readyz", "keys, KV or objects cannot serve");
        error::reply(&context::NOT_READY, Presented::Nothing, 401)
    }
}
