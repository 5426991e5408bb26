//! The service API: the SuperTokens backend protocol, for backend SDKs. Parse, carry out, render.

use worker::Env;

use super::{operator::actions, rate_limit};
use crate::{
    auth::{device, dpop, former_core::TokenShown, signer, verifier},
    objects::{context::Context, key_ring},
    runtime::{
        http::{body::BodyFault, request::Incoming},
        js::ExecutionContext,
        settings,
    },
    sessions::{self, Exchange, KeyShown, NewSession, Report},
};
use postern_core::error;
use postern_core::http::reply::Reply;
use postern_core::location::Location;
use postern_core::refusal::Refusal;
use postern_core::session::call::DeviceShown;
use postern_core::session::listing::{EndedBy, MadeBy};
use postern_core::settings::Settings;
use postern_core::supertokens::cdi::admission::{self, Head};
use postern_core::supertokens::cdi::reply;
use postern_core::supertokens::cdi::request::call::{
    CoreCall, CoreRequest, Create, CreateJwt, Refresh, Verify,
};
use postern_core::supertokens::cdi::request::version::Version;
use postern_core::supertokens::cdi::response;
use postern_core::supertokens::cdi::response::jwt;
use postern_core::supertokens::cdi::response::outcome::{Outcome, ResponseContext, Verified};
use postern_jwt::compact;

/// Says where a user's object is to be made, should the request make the user's first session.
const LOCATION_HEADER: &str = "postern-location";

/// Answers a request to the service API; `path` is without its base path.
pub(crate) async fn answer(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    path: &str,
    keyless: bool,
) -> Reply {
    let Ok(settings) = settings::current(env) else {
        return error::misconfigured();
    };
    if !keyless && let Some(path) = path.strip_prefix(actions::PREFIX) {
        return actions::answer(request, env, execution, path, &settings).await;
    }
    let (api_key, authorization) = (request.header("api-key"), request.authorization());
    let cdi_version = request.header("cdi-version");
    let head = Head {
        method: request.method(),
        path,
        query: request.query(),
        api_key: api_key.as_deref(),
        authorization,
        cdi_version: cdi_version.as_deref(),
        keyless,
    };
    receive(request, env, execution, head, &settings)
        .await
        .unwrap_or_else(|refused| refused)
}

async fn receive(
    request: &Incoming,
    env: &Env,
    execution: &ExecutionContext,
    head: Head<'_>,
    settings: &Settings,
) -> Result<Reply, Reply> {
    let admitted = match admission::admit(head, settings) {
        Ok(admitted) => admitted,
        Err(reply) if reply.status == 401 => {
            return Err(rate_limit::reply_to_wrong_api_key(request, env, reply).await);
        }
        Err(reply) => return Err(reply),
    };
    let body = match request.body(admission::MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(BodyFault::TooLarge) => {
            let text = format!(
                "Request body is larger than {} bytes",
                admission::MAX_BODY_BYTES
            );
            return Err(reply::text(413, text));
        }
        Err(BodyFault::Crowded) => {
            return Err(reply::not_an_outcome(&Refusal::GeneralError(
                "too many bodies in flight",
            )));
        }
        Err(BodyFault::Slow) => {
            let text = "Request body did not arrive in time";
            return Err(reply::text(408, text));
        }
        Err(BodyFault::Broken) => return Err(reply::invalid_json()),
    };
    let CoreRequest { version, call } = admitted.receive(&body, settings)?;
    let context = match Context::open(env, execution).await {
        Ok(context) => context,
        Err(refusal) => return Err(reply::not_an_outcome(&refusal)),
    };
    // A hint, so what is no location is as good as none.
    let location = request.header(LOCATION_HEADER);
    let context = context.near(location.and_then(|name| Location::from_name(&name)));
    let outcome = carry_out(&context, version, call).await;
    let mut id_refresh_token = [0; 16];
    getrandom::fill(&mut id_refresh_token)
        .map_err(|_| reply::not_an_outcome(&Refusal::GeneralError("no randomness")))?;
    let context = ResponseContext {
        settings,
        ring: &context.ring,
        now: context.now,
        id_refresh_token,
    };
    Ok(response::render(version, outcome, &context))
}

async fn carry_out(
    context: &Context,
    version: &'static Version,
    call: CoreCall,
) -> Result<Outcome, Refusal> {
    match call {
        CoreCall::Create(create) => create_session(context, version, create).await,
        CoreCall::Verify(verify) => verify_session(context, version, verify).await,
        CoreCall::Refresh(refresh) => refresh_session(context, version, refresh).await,
        CoreCall::Regenerate(call) => {
            let regenerated = sessions::regenerate(
                context,
                &call.access_token,
                call.payload,
                call.refuse_protected_claims,
                KeyShown::Nowhere,
            )
            .await;
            let (session, access_token) = regenerated.map_err(response::refusal_of_regenerate)?;
            Ok(Outcome::Regenerated {
                session,
                access_token,
            })
        }
        CoreCall::GetSession { handle } => sessions::information(context, &handle)
            .await
            .map(Outcome::Information),
        CoreCall::GetSessionData { handle } => {
            let data = sessions::get_session_data_strictly(context, &handle).await?;
            Ok(Outcome::SessionData(data))
        }
        CoreCall::PutSessionData {
            handle,
            session_data,
        } => {
            sessions::update_session_data(context, &handle, session_data).await?;
            Ok(Outcome::Updated)
        }
        CoreCall::GetPayload { handle } => Ok(Outcome::Payload(
            sessions::information(context, &handle)
                .await?
                .session
                .payload,
        )),
        CoreCall::PutPayload { handle, payload } => {
            let by_version = Some(version.access_token);
            sessions::replace_payload_that_fits(context, &handle, payload, by_version).await?;
            Ok(Outcome::Updated)
        }
        CoreCall::ListUserSessions { user_id, tenant_id } => {
            sessions::list(context, user_id, tenant_id)
                .await
                .map(Outcome::Handles)
        }
        CoreCall::RemoveUserSessions { user_id, tenant_id } => {
            let report = Report::Ended;
            sessions::revoke_all(context, user_id, tenant_id, report, EndedBy::ServiceApi)
                .await
                .map(Outcome::Revoked)
        }
        CoreCall::RemoveSessions { handles } => {
            sessions::revoke(context, handles, Report::Ended, EndedBy::ServiceApi)
                .await
                .map(Outcome::Revoked)
        }
        CoreCall::Handshake => Ok(Outcome::Handshake),
        CoreCall::Jwks { with_status } => Ok(Outcome::Jwks { with_status }),
        CoreCall::CreateJwt(jwt) => create_jwt(context, &jwt).await.map(Outcome::Jwt),
    }
}

async fn create_session(
    context: &Context,
    version: &Version,
    create: Create,
) -> Result<Outcome, Refusal> {
    let new = NewSession {
        user_id: create.user_id,
        tenant_id: create.tenant_id,
        payload: create.payload,
        session_data: create.session_data,
        anti_csrf: create.anti_csrf,
        use_dynamic_key: create.use_dynamic_signing_key,
        by_service_api: true,
        access_token_validity: create.access_token_validity,
        version: version.access_token,
        device: None,
        made_by: MadeBy::ServiceApi,
        dpop_key: None,
        transfer: None,
        from_token: None,
    };
    sessions::create(context, new).await.map(Outcome::Created)
}

async fn verify_session(
    context: &Context,
    version: &Version,
    verify: Verify,
) -> Result<Outcome, Refusal> {
    let known = verifier::verify(context, &verify.access_token).await?;
    if known.device.is_some() {
        return Err(device::NOT_SHOWN);
    }
    dpop::refuse_bound(&known)?;
    if verify.check_anti_csrf {
        let expected = known
            .claims
            .as_ref()
            .and_then(|claims| claims.anti_csrf_token.as_ref());
        let presented = verify.anti_csrf_token.unwrap_or_default();
        let matches = expected.is_some_and(|token| token.equals(&presented));
        if !matches {
            return Err(Refusal::TryRefreshToken(
                "the anti-CSRF token does not match",
            ));
        }
    }
    let verified = sessions::verify_for_protocol(
        context,
        &known,
        verify.check_database,
        version.rotation_mode,
    )
    .await?;
    Ok(Outcome::Verified(Verified {
        session: verified.session,
        access_token: verified.access_token,
        payload_update_available: verify
            .check_database
            .then_some(verified.payload_update_available),
    }))
}

async fn refresh_session(
    context: &Context,
    version: &Version,
    refresh: Refresh,
) -> Result<Outcome, Refusal> {
    let mut refresh_token = refresh.refresh_token;
    if sessions::is_of_former_core(context, &refresh_token) {
        let shown = TokenShown {
            refresh_token: &refresh_token,
            anti_csrf_token: refresh.anti_csrf_token.as_deref(),
            binds_token: refresh.anti_csrf,
            network: None,
        };
        refresh_token = sessions::take_over(context, &shown).await?;
    }
    let exchange = Exchange {
        refresh_token,
        anti_csrf_token: refresh.anti_csrf_token,
        check_anti_csrf: refresh.check_anti_csrf,
        anti_csrf: Some(refresh.anti_csrf),
        rotation_mode: version.rotation_mode,
        use_dynamic_key: refresh.use_dynamic_signing_key,
        access_token_validity: refresh.access_token_validity,
        version: version.access_token,
        // The protocol has no room for a device or a proof.
        device: DeviceShown::default(),
        proof: None,
    };
    sessions::refresh(context, exchange)
        .await
        .map(Outcome::Refreshed)
}

/// `POST /recipe/jwt`: signed with the session keys, as the protocol has it. So that it never passes for a session,
/// its header has no `version`, whatever its payload claims.
async fn create_jwt(context: &Context, jwt: &CreateJwt) -> Result<String, Refusal> {
    let key = signer::signer(context, true, jwt.use_dynamic_signing_key)?;
    let claims =
        jwt::claims(jwt, context.now).map_err(|fault| Refusal::BadInput(fault.to_string()))?;
    let input = format!(
        "{}.{}",
        compact::encode(jwt::header(&key.kid).as_bytes()),
        compact::encode(claims.as_bytes())
    );
    let signature = key_ring::sign(key, &input)
        .await
        .map_err(|key_ring::Outage| Refusal::GeneralError("the token could not be signed"))?;
    Ok(format!("{input}.{}", compact::encode(&signature)))
}
