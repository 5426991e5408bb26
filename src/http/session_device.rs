//! `POST {base}/session/device` and `…/refresh`: a browser registers the key of a new session, and proves that it has it.
//!
//! Browsers ask here by themselves, beside the page; no script can send these headers, and none sees the answers. What stands
//! in them is `postern_core::device`'s to say. A refresh is never answered with 4xx but to ask for a proof: everything else
//! would end the session in the browser.

use crate::{
    auth::{
        authenticate::{Demands, check_revocation_of, verified},
        device::DeviceDemand,
        signer,
        user_call::{AT_ONCE, about, into_refusal},
        verifier,
    },
    objects::context::Context,
    runtime::{http::request::Incoming, log},
};
use postern_core::{
    device::{
        COOKIE_LIFE, DeviceKeys, SealFault, SessionId, challenge_header, challenge_of, ended,
        instructions, known_key, parse_proof, session_id_text, set_cookie,
    },
    error::{self, Presented},
    http::reply::Reply,
    identity::Issuers,
    refusal::Refusal,
    request::credentials::Transfer,
    revocation::copy::Age,
    session::{
        call::{Carried, Gone, UserCall, UserReply},
        handle::CheckedHandle,
        minting::OWN_VERSION,
        model::{SessionView, TokenInfo},
    },
    settings::Freshness,
    supertokens::fdi::{anti_csrf::AntiCsrfMode, headers::SessionHeaders, request::BrowserRequest},
    tokens::access_token::{self, AccessClaims},
};
use postern_jwt::{
    TokenFault,
    proof::{PendingProof, VerifiedProof},
    time::Millis,
};

/// The header of a proof.
const PROOF: &str = "secure-session-response";
/// The header of the identifier.
const SESSION_ID: &str = "sec-secure-session-id";
/// The longest identifier that is said again, in bytes.
const MAX_ID_BYTES: usize = 512;
/// An access token that ends before the next proof, or about then, is renewed with this one.
const RENEWED_BEFORE: Millis = Millis(COOKIE_LIFE.0.saturating_add(120_000));

/// `POST {base}/session/device`.
pub(crate) async fn register(context: &Context, request: &Incoming) -> Reply {
    match registered(context, request).await {
        Ok(reply) => reply,
        Err(refusal) => {
            log::write(log::Event::SessionDevice, &error::detail(&refusal));
            let status = context.settings.session_expired_status_code;
            error::reply(&refusal, Presented::Token, status)
        }
    }
}

async fn registered(context: &Context, request: &Incoming) -> Result<Reply, Refusal> {
    let bad = |text: &str| Refusal::BadInput(["the proof ", text].concat());
    let is_no_proof = |fault: TokenFault| bad(fault.code());
    let text = request.header(PROOF).ok_or_else(|| bad("is missing"))?;
    let origin = request.header("origin");
    let site = request.header("sec-fetch-site");
    // The session of the cookie, as the key is for its cookies.
    let browser = BrowserRequest {
        method: request.method(),
        cookie: request.cookie(),
        host: request.host().unwrap_or_default(),
        origin: origin.as_deref(),
        sec_fetch_site: site.as_deref(),
        ..BrowserRequest::default()
    };
    let own = Issuers::own();
    let demands = Demands {
        issuers: &own,
        // The challenge shows that the answer to the login was read.
        check_anti_csrf: Some(false),
        device: DeviceDemand::Nothing,
        ..Demands::of(Freshness::Stateless)
    };
    let (known, _) = verified(context, &browser, &demands)
        .await
        .map_err(|refused| refused.refusal)?;
    let handle = context.checked(known.session_handle()?)?;
    let claims = known
        .claims
        .as_ref()
        .ok_or(Refusal::Unauthorised("not a session token of ours"))?;
    let proof = parse_proof(&text).map_err(is_no_proof)?;
    let challenge = challenge_of(&proof.claims_unverified()).map_err(is_no_proof)?;
    let secrets = context.ring.refresh_secrets(context.now);
    let keys = DeviceKeys::new(&secrets);
    keys.check_registration(handle.as_str(), &challenge, context.now)
        .map_err(|fault| bad(&["answers a challenge that is ", fault.text()].concat()))?;
    let proof = checked(proof.with_its_own_key().map_err(is_no_proof)?).await?;
    let proof = proof.map_err(is_no_proof)?;
    // Before anything is changed.
    signer::signer(context, false, true)?;
    let thumbprint = proof.thumbprint();
    let call = UserCall::BindDevice {
        handle: handle.as_str().to_owned(),
        thumbprint,
        key: proof.key().jwk(),
        carried: Carried {
            expiry: claims.expiry,
            hash1: claims.refresh_token_hash1.clone(),
            parent_hash1: claims.parent_refresh_token_hash1.clone(),
            anti_csrf_token: claims.anti_csrf_token.clone(),
            device: Some(thumbprint),
        },
    };
    let (session, access) = match about(context, &handle, AT_ONCE, &call).await?.reply {
        UserReply::Live {
            session,
            access: Some(access),
            ..
        } => {
            let token = signer::sign(context, &session, &access, OWN_VERSION).await?;
            (session, token)
        }
        other => return Err(into_refusal(other)),
    };
    let id = SessionId {
        handle: session.handle.clone(),
        key: thumbprint,
    };
    going_on(context, &keys, &browser, &id, Some((&session, &access)))
}

/// `POST {base}/session/device/refresh`.
pub(crate) async fn refresh(context: &Context, request: &Incoming) -> Reply {
    let Some(header) = request.header(SESSION_ID) else {
        let refusal = Refusal::BadInput("the session's identifier is missing".to_owned());
        return error::reply(&refusal, Presented::Nothing, 401);
    };
    let text = session_id_text(&header);
    let id = SessionId::parse(text);
    let handle = id.as_ref().and_then(|id| context.checked(&id.handle).ok());
    let (Some(id), Some(handle)) = (id, handle) else {
        log::write(log::Event::SessionDevice, "the identifier is none of ours");
        let shown = text.get(..MAX_ID_BYTES).unwrap_or(text);
        return Reply::json(200, ended(shown));
    };
    match refreshed(context, request, &id, &handle).await {
        Ok(reply) => reply,
        Err(Refused::Ended(why)) => {
            log::write(log::Event::SessionDevice, why);
            Reply::json(200, ended(&id.to_string()))
        }
        Err(Refused::Challenge(why)) => {
            if let Some(why) = why {
                log::write(log::Event::SessionDevice, &why);
            }
            challenge(context, &id)
        }
        Err(Refused::Fault(refusal)) => {
            log::write(log::Event::SessionDevice, &error::detail(&refusal));
            error::reply(&refusal, Presented::Token, 503)
        }
    }
}

/// Why a refresh is not granted.
enum Refused {
    /// There is no such session any more: the browser forgets it.
    Ended(&'static str),
    /// A proof is asked for, or another one.
    Challenge(Option<String>),
    /// Nobody can tell at the moment.
    Fault(Refusal),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorised(why) => Self::Ended(why),
            // Whatever it is, the browser keeps its session.
            other => Self::Fault(other),
        }
    }
}

async fn refreshed(
    context: &Context,
    request: &Incoming,
    id: &SessionId,
    handle: &CheckedHandle,
) -> Result<Reply, Refused> {
    let browser = BrowserRequest {
        method: request.method(),
        cookie: request.cookie(),
        ..BrowserRequest::default()
    };
    let cookies = SentTokens::of(context, &browser, &id.handle);
    if cookies.are_of_another_session {
        return Err(Refused::Ended("the browser has another session by now"));
    }
    let Some(text) = request.header(PROOF) else {
        let freshness = context.settings.freshness;
        check_revocation_of(context, &id.handle, Age::Unknown, None, freshness).await?;
        return Err(Refused::Challenge(None));
    };
    let again = |why: &str| Refused::Challenge(Some(["the proof ", why].concat()));
    let is_no_proof = |fault: TokenFault| again(fault.code());
    let proof = parse_proof(&text).map_err(is_no_proof)?;
    let challenge = challenge_of(&proof.claims_unverified()).map_err(is_no_proof)?;
    let secrets = context.ring.refresh_secrets(context.now);
    let keys = DeviceKeys::new(&secrets);
    let expires = keys
        .check_refresh(id, &challenge, context.now)
        .map_err(|fault: SealFault| {
            again(&["answers a challenge that is ", fault.text()].concat())
        })?;
    let call = UserCall::ReadDevice {
        handle: id.handle.clone(),
    };
    let key = match about(context, handle, AT_ONCE, &call).await?.reply {
        UserReply::Device { thumbprint, key } if thumbprint == id.key => key,
        UserReply::Device { .. } => return Err(Refused::Ended(Gone::NotBound.message())),
        other => return Err(into_refusal(other).into()),
    };
    let key = known_key(&key).ok_or(Refusal::GeneralError("a stored key cannot be read"))?;
    let pending = proof.with_key(key).map_err(is_no_proof)?;
    checked(pending).await?.map_err(is_no_proof)?;
    signer::signer(context, false, true)?;
    let call = UserCall::ProveDevice {
        handle: id.handle.clone(),
        thumbprint: id.key,
        challenge,
        expires,
        renew: cookies.ends_soon && AntiCsrfMode::of(&context.settings) != AntiCsrfMode::ViaToken,
    };
    match about(context, handle, AT_ONCE, &call).await?.reply {
        UserReply::Live {
            session, access, ..
        } => {
            let token = match &access {
                Some(access) => Some(signer::sign(context, &session, access, OWN_VERSION).await?),
                None => None,
            };
            let renewed = token.as_ref().map(|token| (&session, token));
            Ok(going_on(context, &keys, &browser, id, renewed)?)
        }
        UserReply::Unauthorised {
            reason: reason @ (Gone::TicketUsed | Gone::TicketExpired),
        } => Err(again(reason.message())),
        UserReply::Unauthorised {
            reason: Gone::TooManyTickets,
        } => Err(Refused::Fault(Refusal::GeneralError(
            Gone::TooManyTickets.message(),
        ))),
        other => Err(into_refusal(other).into()),
    }
}

/// What the access-token cookies of a request tell, unverified: who sent them has them.
struct SentTokens {
    /// They are of a session of ours, and not of this one: the browser holds no cookie of this one any more.
    are_of_another_session: bool,
    /// The one of this session is expired, or will be before long.
    ends_soon: bool,
}

impl SentTokens {
    fn of(context: &Context, browser: &BrowserRequest<'_>, handle: &str) -> Self {
        let mut found = Self {
            are_of_another_session: false,
            ends_soon: false,
        };
        let mut is_of_this = false;
        let cookies = browser.cookies();
        for text in cookies.all(context.settings.access_token_cookie()) {
            let claims = access_token::parse(&text)
                .and_then(|token| AccessClaims::from_unverified(&token))
                .ok();
            match claims {
                Some(claims) if claims.handle == handle => {
                    is_of_this = true;
                    found.ends_soon = claims.expiry < context.now.plus(RENEWED_BEFORE);
                }
                Some(_) if verifier::names_our_handle(context, &text) => {
                    found.are_of_another_session = true;
                }
                _ => {}
            }
        }
        found.are_of_another_session &= !is_of_this;
        found
    }
}

/// The answer that a bound session goes on with: what the browser is to know, the bound cookie, and a new access token.
fn going_on(
    context: &Context,
    keys: &DeviceKeys<'_>,
    browser: &BrowserRequest<'_>,
    id: &SessionId,
    renewed: Option<(&SessionView, &TokenInfo)>,
) -> Result<Reply, Refusal> {
    let settings = &context.settings;
    let value = keys
        .cookie(&id.handle, id.key, context.now)
        .ok_or(Refusal::GeneralError("the key ring holds no secret"))?;
    let mut reply = Reply::json(200, instructions(settings, id));
    reply = reply.with_header("set-cookie", set_cookie(settings, &id.handle, &value));
    if let Some((session, token)) = renewed {
        let mut headers = SessionHeaders::answering(settings, browser);
        headers.set_access_token(Transfer::Cookie, session, token, context.now)?;
        let cookies = headers.into_headers().into_iter();
        // No script sees this answer.
        reply
            .headers
            .extend(cookies.filter(|(name, _)| name == "set-cookie"));
    }
    Ok(reply)
}

fn challenge(context: &Context, id: &SessionId) -> Reply {
    let secrets = context.ring.refresh_secrets(context.now);
    let text = DeviceKeys::new(&secrets).refresh_challenge(id, context.now);
    let Some(text) = text else {
        let refusal = Refusal::GeneralError("the key ring holds no secret");
        return error::reply(&refusal, Presented::Nothing, 503);
    };
    Reply::empty(403).with_header(
        "secure-session-challenge",
        challenge_header(&text, &id.to_string()),
    )
}

/// The outer fault is ours, the inner one the proof's.
async fn checked(pending: PendingProof<'_>) -> Result<Result<VerifiedProof, TokenFault>, Refusal> {
    let verdict = verifier::proof_verdict(&pending).await?;
    Ok(pending.finish(verdict))
}
