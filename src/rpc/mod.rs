//! RPC, the entry point for Workers of the same account: one object in, one union out.
//!
//! The methods' names, arguments and results (`client/rpc.d.ts`). Expected outcomes are returned as
//! `{status: …}`; a caller's mistake rejects with a `TypeError` or `RangeError` that names the member. Which entrypoint
//! offers which method is written in `entry.mjs`. Arguments are read in `arguments` and `params`; `results` writes.

pub(crate) mod arguments;
pub(crate) mod login_request;

mod for_request;
mod params;
mod results;

use std::{cell::OnceCell, pin::pin, rc::Rc};

use js_sys::{JSON, RangeError};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    auth::{
        authenticate::{self, Verification},
        former_core::TokenShown,
        verified_session::VerifiedToken,
    },
    objects::{
        context::Context,
        key_ring::{self, SecretsRotated},
    },
    runtime::{
        http::request::request_id,
        js::ExecutionContext,
        log,
        log_context::{self, LoggedRequest},
    },
    sessions::{self, Exchange, KeyShown, Report, SessionData, exchange, with_proof},
};
use arguments::Arguments;
use for_request::GivenRequest;
use login_request::LoginRequest;
use params::{
    GivenProof, device, freshness, listing, location, new_session, person, user_and_tenant,
};
use postern_core::session::minting;
use postern_core::{
    error::{self, Outcome},
    refusal::Refusal,
    session::{
        call::{DeviceShown, RotationMode},
        listing::EndedBy,
    },
    settings::{AntiCsrf, Freshness},
};
use results::{
    Handles, Revoked, Rotated, Time, WithSession, done, information, issued, ok, refused,
    session_data,
};

/// The most handles that one call may name.
const MAX_HANDLES: u32 = 1_000;

/// Answers one RPC call.
pub(crate) async fn answer(
    method: &str,
    argument: JsValue,
    env: &Env,
    execution: &ExecutionContext,
) -> Result<JsValue, JsValue> {
    let logged = Rc::new(LoggedCall {
        id: OnceCell::new(),
        method: method.to_owned(),
    });
    let work = pin!(answered(method, argument, env, execution));
    log_context::about(logged, work).await
}

/// A call, as log lines tell of it.
struct LoggedCall {
    id: OnceCell<String>,
    method: String,
}

impl LoggedRequest for LoggedCall {
    fn id(&self) -> &str {
        self.id.get_or_init(|| request_id(&|_| None))
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn path(&self) -> Option<&str> {
        None
    }
}

async fn answered(
    method: &str,
    argument: JsValue,
    env: &Env,
    execution: &ExecutionContext,
) -> Result<JsValue, JsValue> {
    let arguments = Arguments::new(method, argument)?;
    let outcome = match Context::open(env, execution).await {
        Ok(context) => match method {
            "getSession" => get_session(&arguments, &context).await?,
            "getSessionForRequest" => get_session_for_request(&arguments, &context).await?,
            // Its result may be large, and is no text where KV had it.
            "getSessionData" => get_session_data(&arguments, &context).await?,
            _ => parsed(call(method, &arguments, &context).await?)?,
        },
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(result) => Ok(result),
        Err(Refusal::BadInput(message)) => {
            Err(js_sys::TypeError::new(&format!("{method}: {message}")).into())
        }
        Err(refusal @ Refusal::TooLarge(_)) => {
            Err(RangeError::new(&format!("{method}: {}", Outcome::of(&refusal).message)).into())
        }
        Err(refusal) => {
            log::write_with(
                log::Event::Rpc,
                &[(log::Member::Reason, Outcome::of(&refusal).code)],
                &error::detail(&refusal),
            );
            JSON::parse(&refused(&refusal))
        }
    }
}

/// The result in place of one that was given up.
pub(crate) fn given_up() -> Result<JsValue, JsValue> {
    const REFUSAL: Refusal = Refusal::GeneralError("the call took too long");
    log::write(
        log::Event::GivenUp,
        "a result came after its work was given up",
    );
    JSON::parse(&refused(&REFUSAL))
}

/// A result as JSON text, or a refusal; an error is what the call is rejected with.
type Called = Result<Result<String, Refusal>, JsValue>;
/// The same as an object.
type Answered = Result<Result<JsValue, Refusal>, JsValue>;

fn parsed(result: Result<String, Refusal>) -> Answered {
    result.map_or_else(
        |refusal| Ok(Err(refusal)),
        |text| JSON::parse(&text).map(Ok),
    )
}

async fn call(method: &str, arguments: &Arguments<'_>, context: &Context) -> Called {
    match method {
        "updateSessionData" => {
            let handle = arguments.handle()?;
            let data = arguments.json_object("sessionData")?;
            Ok(sessions::update_session_data(context, &handle, data)
                .await
                .map(|()| done()))
        }
        "createNewSession" => create_new_session(arguments, context).await,
        "createNewSessionForRequest" => create_new_session_for_request(arguments, context).await,
        "exchangeToken" => exchange_token(arguments, context).await,
        "refreshSession" => refresh_session(arguments, context).await,
        "revokeSession" => {
            let handle = arguments.handle()?;
            let one = sessions::revoke(context, vec![handle], Report::EndedBefore, EndedBy::Rpc);
            Ok(one.await.and_then(|revoked| ok(Revoked { revoked })))
        }
        "revokeMultipleSessions" => {
            let handles = arguments.strings("handles", MAX_HANDLES)?;
            let many = sessions::revoke(context, handles, Report::EndedBefore, EndedBy::Rpc);
            Ok(many.await.and_then(|revoked| ok(Revoked { revoked })))
        }
        "revokeAllSessionsForUser" => {
            let (user_id, tenant_id) = user_and_tenant(arguments)?;
            let report = Report::EndedBefore;
            let all = sessions::revoke_all(context, user_id, tenant_id, report, EndedBy::Rpc);
            Ok(all.await.and_then(|revoked| ok(Revoked { revoked })))
        }
        "revokeAllSessionsBefore" => {
            let time = arguments.time("time")?;
            if time > context.now {
                return Err(arguments.wrong("time", "must not lie ahead"));
            }
            let counts = sessions::end_all_before(context, time).await;
            Ok(counts.and_then(|time| ok(Time { time })))
        }
        "getAllSessionHandlesForUser" => {
            let (user_id, tenant_id) = user_and_tenant(arguments)?;
            let handles = sessions::list(context, user_id, tenant_id).await;
            Ok(handles.and_then(|handles| ok(Handles { handles })))
        }
        "listSessions" => {
            let page = sessions::list_sessions(context, listing(arguments)?).await;
            Ok(page.map(|page| page.result(None)))
        }
        "eraseUser" => {
            let person = person(arguments)?;
            let erased = sessions::erase(context, &person, EndedBy::Rpc).await;
            Ok(erased.map(|erased| erased.result()))
        }
        "exportUser" => {
            let (person, cursor) = (person(arguments)?, arguments.optional_string("cursor")?);
            Ok(sessions::export(context, &person, cursor.as_deref()).await)
        }
        "getSessionInformation" => get_session_information(arguments, context).await,
        "updateJWTPayload" => {
            let handle = arguments.handle()?;
            let payload = arguments.json_object("jwtPayload")?;
            Ok(replace_payload(context, &handle, payload).await)
        }
        "mergeIntoAccessTokenPayload" => {
            let handle = arguments.handle()?;
            let changes = arguments.json_object("jwtPayload")?;
            let merged = sessions::merge_payload(context, &handle, changes).await;
            Ok(merged.map(|()| done()))
        }
        "regenerateAccessToken" => regenerate_access_token(arguments, context).await,
        "rotateSigningKeys" => Ok(match key_ring::rotate(&context.env, context.now).await {
            Ok(_) => Ok(done()),
            Err(key_ring::Outage) => Err(key_ring::OUT_OF_REACH),
        }),
        "rotateSecrets" => {
            let rotated = key_ring::rotate_secrets(&context.env, context.now).await;
            Ok(rotated.and_then(|SecretsRotated { from, until }| ok(Rotated { from, until })))
        }
        "revokeSigningKey" => revoke_signing_key(arguments, context).await,
        _ => Err(js_sys::TypeError::new("there is no such method").into()),
    }
}

async fn revoke_signing_key(arguments: &Arguments<'_>, context: &Context) -> Called {
    let kid = arguments.string("kid")?;
    match key_ring::withdraw(&context.env, context.now, &kid).await {
        Ok(key_ring::Withdrawal::Done) => Ok(Ok(done())),
        Ok(key_ring::Withdrawal::UnknownKid) => {
            Err(arguments.wrong("kid", "must name a signing key"))
        }
        Err(key_ring::Outage) => Ok(Err(key_ring::OUT_OF_REACH)),
    }
}

async fn get_session_for_request(arguments: &Arguments<'_>, context: &Context) -> Answered {
    let request = GivenRequest::of(arguments)?;
    let freshness = freshness(arguments, context)?;
    let check = arguments.optional_boolean("doAntiCsrfCheck")?;
    // True is what is done anyway, where it matters.
    let check = check.filter(|check| !check);
    verified(for_request::session(context, &request, freshness, check).await)
}

/// What is told of a token that is good: the same each time.
fn verified(known: Result<Rc<VerifiedToken>, Refusal>) -> Answered {
    let known = match known {
        Ok(known) => known,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(told) = known.result.get() {
        return Ok(Ok(told.clone()));
    }
    let result = parsed(ok(WithSession::of(&known.session)))?;
    Ok(result.inspect(|told| {
        let _ = known.result.set(told.clone());
    }))
}

async fn get_session(arguments: &Arguments<'_>, context: &Context) -> Answered {
    let access_token = arguments
        .optional_string("accessToken")?
        .unwrap_or_default();
    let anti_csrf_token = arguments.optional_string("antiCsrfToken")?;
    let proof = GivenProof::of(arguments)?;
    let verification = Verification {
        access_token: &access_token,
        anti_csrf_token: anti_csrf_token.as_deref(),
        check_anti_csrf: arguments
            .optional_boolean("doAntiCsrfCheck")?
            .unwrap_or(true),
        freshness: freshness(arguments, context)?,
        shown: proof.as_ref().map(GivenProof::shown),
    };
    verified(authenticate::get_session(context, &verification).await)
}

async fn get_session_data(arguments: &Arguments<'_>, context: &Context) -> Answered {
    let freshness = freshness(arguments, context)?;
    let handle = arguments.handle()?;
    Ok(
        match sessions::get_session_data(context, &handle, freshness).await {
            Ok(SessionData::Value(value)) => Ok(session_data(&value)?),
            Ok(SessionData::Text(text)) => Ok(session_data(&JSON::parse(&text)?)?),
            Err(refusal) => Err(refusal),
        },
    )
}

async fn create_new_session(arguments: &Arguments<'_>, context: &Context) -> Called {
    let new = new_session(arguments, context)?;
    let near = context.near(location(arguments)?);
    let created = sessions::create(&near, new).await;
    Ok(created.and_then(|new| issued(&new)))
}

async fn create_new_session_for_request(arguments: &Arguments<'_>, context: &Context) -> Called {
    let request = LoginRequest::of(arguments)?;
    let new = new_session(arguments, context)?;
    let near = context.near(location(arguments)?.or(request.location));
    let created = login_request::create(&near, &request, new).await;
    Ok(created.and_then(|(session, headers)| {
        ok(WithSession {
            headers: Some(&headers),
            ..WithSession::of(&session)
        })
    }))
}

async fn exchange_token(arguments: &Arguments<'_>, context: &Context) -> Called {
    let access_token = arguments.string("accessToken")?;
    let payload = arguments.optional_json_object("jwtPayload")?;
    let session_data = arguments.optional_json_object("sessionData")?;
    let device = device(arguments, context)?;
    let near = context.near(location(arguments)?);
    let proof = GivenProof::of(arguments)?;
    let verification = Verification {
        access_token: &access_token,
        anti_csrf_token: None,
        check_anti_csrf: false,
        // The session outlives the token, so one that has ended makes none.
        freshness: Freshness::Strict,
        shown: proof.as_ref().map(GivenProof::shown),
    };
    let made = async {
        let known = authenticate::get_session(context, &verification).await?;
        let mut new = exchange::session_of(context, &known)?;
        new.payload = payload.unwrap_or(new.payload);
        new.session_data = session_data.unwrap_or(new.session_data);
        new.device = device;
        sessions::create(&near, new).await
    };
    Ok(made.await.and_then(|new| issued(&new)))
}

async fn refresh_session(arguments: &Arguments<'_>, context: &Context) -> Called {
    let proof = GivenProof::of(arguments)?;
    let mut refresh_token = arguments.string("refreshToken")?;
    let anti_csrf_token = arguments.optional_string("antiCsrfToken")?;
    if sessions::is_of_former_core(context, &refresh_token) {
        let shown = TokenShown {
            refresh_token: &refresh_token,
            anti_csrf_token: anti_csrf_token.as_deref(),
            binds_token: context.settings.anti_csrf == AntiCsrf::ViaToken,
            network: None,
        };
        match sessions::take_over(context, &shown).await {
            Ok(first) => refresh_token = first,
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    let shown = proof.as_ref().map(GivenProof::shown);
    let refreshed = with_proof(context, shown, |proof| Exchange {
        refresh_token,
        anti_csrf_token,
        check_anti_csrf: true,
        // As it is: RPC does not know how the tokens travel.
        anti_csrf: None,
        rotation_mode: RotationMode::Own,
        use_dynamic_key: None,
        access_token_validity: None,
        version: minting::OWN_VERSION,
        // There is no request that could show one.
        device: DeviceShown::default(),
        proof,
    });
    Ok(refreshed.await.and_then(|new| issued(&new)))
}

async fn regenerate_access_token(arguments: &Arguments<'_>, context: &Context) -> Called {
    let access_token = arguments.string("accessToken")?;
    let payload = arguments.optional_json_object("jwtPayload")?;
    let proof = GivenProof::of(arguments)?;
    let shown = match &proof {
        Some(proof) => KeyShown::By(proof.shown()),
        None => KeyShown::Nowhere,
    };
    let made = sessions::regenerate(context, &access_token, payload, true, shown).await;
    Ok(made.and_then(|(session, token)| {
        ok(WithSession {
            access_token: token.as_ref().map(Into::into),
            ..WithSession::of(&session)
        })
    }))
}

async fn get_session_information(arguments: &Arguments<'_>, context: &Context) -> Called {
    let handle = arguments.handle()?;
    let found = sessions::information(context, &handle).await;
    Ok(found.and_then(|found| information(&found)))
}

async fn replace_payload(
    context: &Context,
    handle: &str,
    payload: String,
) -> Result<String, Refusal> {
    sessions::replace_payload_that_fits(context, handle, payload, None)
        .await
        .map(|()| done())
}
