//! Verification of access tokens: of our own sessions here, of trusted issuers in [`foreign`].

mod cache;
mod classify;
mod foreign;
mod signatures;

pub(crate) use cache::{bytes_of, is_of_former_core, is_still_good};
pub(crate) use classify::{PassedOver, TokenState, accepts, classify, named};
pub(crate) use foreign::verify_operator;
pub(crate) use signatures::{proof_verdict, verdict};

use cache::{FORMER_CORE, remember, remembered};
use classify::passed_over;
use foreign::verify_foreign;

use crate::auth::{
    former_core,
    verified_session::{BoundDevice, VerifiedToken},
};
use std::{
    cell::{OnceCell, RefCell},
    pin::pin,
    rc::Rc,
};

use crate::{
    objects::{context::Context, key_ring, user_sessions},
    runtime::{js, log},
};
use postern_core::{
    dpop::claim,
    identity::{Identity, Session},
    keys::SigningKey,
    refusal::Refusal,
    revocation::copy::Age,
    session::{call::UserCall, handle::CheckedHandle, issuer as own_issuer},
    settings::SupersededBy,
    tokens::{
        access_token::{self, AccessClaims},
        form,
        token_issuer::{TokenIssuer, token_issuer},
    },
};
use postern_jwt::cache::Validity;
use postern_jwt::keys::jwk;
use postern_jwt::time::{Millis, UnixMillis};
use postern_jwt::{Algorithm, Policy, TokenFault, Unverified, VerificationKey, Verified};

const NO_TOKEN: Refusal = Refusal::Unauthorised("no access token");

/// How many public keys of our own are kept as they are used. A full list is emptied.
const MAX_OWN_KEYS: usize = 64;

thread_local! {
    static OWN_KEYS: RefCell<Vec<VerificationKey>> = const { RefCell::new(Vec::new()) };
}

/// A token that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What its sender hears.
    pub(crate) refusal: Refusal,
    /// What the log has besides: issuer, claim and rule, without any value.
    pub(crate) detail: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detail: None,
        }
    }
}

/// Verifies an access token that was classified.
pub(crate) async fn verify_classified(
    context: &Context,
    access_token: &str,
    state: TokenState<'_>,
) -> Result<Rc<VerifiedToken>, Refused> {
    match state {
        TokenState::Cached(known) => Ok(known),
        TokenState::Parsed(token) => verify_parsed(context, access_token, token).await,
        TokenState::Raw => {
            let token = form::parse(access_token).map_err(refused)?;
            verify_parsed(context, access_token, token).await
        }
    }
}

/// Verifies an access token: of our own, or of a trusted issuer. Logs what is known of one that is refused.
pub(crate) async fn verify(
    context: &Context,
    access_token: &str,
) -> Result<Rc<VerifiedToken>, Refusal> {
    if access_token.is_empty() {
        return Err(NO_TOKEN);
    }
    if let Some(known) = remembered(context, access_token) {
        return Ok(known);
    }
    let token = form::parse(access_token).map_err(refused)?;
    match verify_parsed(context, access_token, token).await {
        Ok(known) => Ok(known),
        Err(Refused { refusal, detail }) => {
            if let Some(detail) = detail {
                log::write(log::Event::Token, &detail);
            }
            Err(refusal)
        }
    }
}

/// Verifies what `access_token` was taken apart into.
async fn verify_parsed(
    context: &Context,
    access_token: &str,
    token: Unverified<'_>,
) -> Result<Rc<VerifiedToken>, Refused> {
    let verified = pin!(by_issuer(context, access_token, token));
    js::traced("postern.verify", "", verified).await
}

async fn by_issuer(
    context: &Context,
    access_token: &str,
    token: Unverified<'_>,
) -> Result<Rc<VerifiedToken>, Refused> {
    let is_own_key = |kid: &str| context.ring.verifier(kid, context.now).is_some();
    let issuers = &context.settings.trusted_issuers;
    let issuer = token_issuer(token, is_own_key, issuers).map_err(|fault| Refused {
        refusal: refused(fault),
        detail: match passed_over(context, access_token) {
            PassedOver::Because(why) => Some(why),
            PassedOver::NoToken => None,
        },
    })?;
    let token = match issuer {
        TokenIssuer::Own(token) => token,
        TokenIssuer::Trusted(token, issuer) => {
            return verify_foreign(context, access_token, token, issuer).await;
        }
        TokenIssuer::Ambiguous(issuer) => {
            return Err(Refused {
                refusal: Refusal::Unauthorised("ambiguous_issuer"),
                detail: Some(format!(
                    "issuer {}: the token fits other entries for the same issuer as well",
                    issuer.id
                )),
            });
        }
    };
    let (verified, validity) = verify_own(context, token).await?;
    let (claims, handle) = claims_of(context, &verified, validity)?;
    note_use(context, handle, &claims);
    let bound_key = claims.bound_key().map_err(refused)?;
    let payload = own_issuer::without(&claims.payload, &context.settings.issuer());
    let session = Session {
        handle: Some(claims.handle.clone()),
        identity: Identity::own(claims.tenant_id.clone(), claims.user_id.clone()),
        payload: match bound_key {
            Some(key) => claim::without(&payload, key),
            None => payload,
        },
        bound_key,
    };
    let device = claims.origin.device;
    let good_until = match validity.policy {
        FORMER_CORE => verified
            .good_until()
            .min(former_core::counts_until(context, &claims)),
        _ => verified.good_until(),
    };
    let known = VerifiedToken {
        validity: Some(validity),
        device: device.map(|key| BoundDevice::new(key, &claims.handle)),
        session,
        liveness_handle: claims.handle.clone(),
        age: match claims.origin.session_created {
            Some(created) => Age::Session(created),
            None => Age::Token(at_the_latest(claims.created)),
        },
        made: None,
        marks: Vec::new(),
        claims: Some(claims),
        shown: OnceCell::new(),
        result: OnceCell::new(),
        good_until,
        identity_headers: RefCell::default(),
    };
    Ok(remember(access_token, validity, known))
}

/// The claims of a token of ours, or of the former core's, which have the session's handle here, and that.
fn claims_of(
    context: &Context,
    verified: &Verified,
    validity: Validity,
) -> Result<(AccessClaims, CheckedHandle), Refusal> {
    let mut claims = AccessClaims::from_verified(verified).map_err(refused)?;
    let is_cores = validity.policy == FORMER_CORE;
    // Neither makes tokens for sessions of the other.
    let handle = if is_cores {
        former_core::handle_of(context, &claims)
    } else {
        context.handle_keys().check(&claims.handle)
    };
    let handle = handle.ok_or(Refusal::TryRefreshToken(
        "the token names a handle that is not ours",
    ))?;
    if is_cores {
        handle.as_str().clone_into(&mut claims.handle);
        // Of a refresh that our objects know nothing of.
        claims.parent_refresh_token_hash1 = None;
        if context.now >= former_core::counts_until(context, &claims) {
            return Err(refused(TokenFault::Expired));
        }
    }
    Ok((claims, handle))
}

/// Tells the user's object, in the background, that the answer to a refresh has arrived: its access token is here. Only tokens
/// that this isolate does not remember come this far.
fn note_use(context: &Context, handle: CheckedHandle, claims: &AccessClaims) {
    let settings = &context.settings;
    if claims.origin.generation == 0 || settings.refresh_token_superseded_by != SupersededBy::Use {
        return;
    }
    let asking = context.clone();
    let call = UserCall::NoteUse {
        handle: claims.handle.clone(),
        hash1: claims.refresh_token_hash1.clone(),
    };
    context.in_background(async move {
        // A note that is lost does no harm: the next one, or the next refresh, tells as much.
        let _ = user_sessions::ask(&asking, handle.route(), &call).await;
    });
}

/// Reads the claims of a token of our own whose signature is good and which may be expired (regenerate).
pub(crate) async fn verify_even_if_expired(
    context: &Context,
    access_token: &str,
) -> Result<AccessClaims, Refusal> {
    let token = access_token::parse(access_token).map_err(refused)?;
    // As if it were still the moment at which the token was made: only its age is forgiven.
    let claims = AccessClaims::from_unverified(&token).map_err(refused)?;
    let then = context.at(context.now.min(claims.created));
    let (verified, validity) = verify_own(&then, token).await?;
    let (claims, _) = claims_of(&then, &verified, validity)?;
    Ok(claims)
}

/// True for a text that names a handle of ours, whatever else is wrong with it: expired, or signed with a key that was
/// withdrawn. It proves nothing.
pub(crate) fn names_our_handle(context: &Context, access_token: &str) -> bool {
    let claims = access_token::parse(access_token)
        .ok()
        .and_then(|token| AccessClaims::from_unverified(&token).ok());
    claims.is_some_and(|claims| {
        context.handle_keys().check(&claims.handle).is_some()
            || former_core::handle_of(context, &claims).is_some()
    })
}

/// Checks a token with our keys, or with those of the former core, and says under which it counts.
async fn verify_own(
    context: &Context,
    token: Unverified<'_>,
) -> Result<(Verified, Validity), Refusal> {
    let mut ring = Rc::clone(&context.ring);
    if let Some(kid) = token.key_id()
        && ring.verifier(kid, context.now).is_none()
    {
        if let Some((keys, key_set_version)) = former_core::keys_for(context, &token).await? {
            let validity = Validity {
                policy: FORMER_CORE,
                key_set_version,
            };
            return checked(context, token, &keys, validity).await;
        }
        ring = key_ring::with_unknown_key(&context.env, context.now, kid)
            .await
            .map_err(|key_ring::Outage| Refusal::GeneralError("the key ring is out of reach"))?
            .ok_or_else(|| refused(TokenFault::UnknownKey))?;
    }
    // Session keys only: an origin must not be able to come back with what the gateway told it.
    let candidates = match token.key_id() {
        Some(kid) => ring.verifier(kid, context.now).into_iter().collect(),
        None => ring.ring.verifiers(context.now),
    };
    let keys: Vec<VerificationKey> = candidates.into_iter().filter_map(public).collect();
    let validity = Validity {
        policy: 0,
        key_set_version: ring.key_set_version(),
    };
    checked(context, token, &keys, validity).await
}

async fn checked(
    context: &Context,
    token: Unverified<'_>,
    keys: &[VerificationKey],
    validity: Validity,
) -> Result<(Verified, Validity), Refusal> {
    let policy = Policy::own(context.settings.clock_tolerance);
    let pending = token.choose_keys(keys, &policy).map_err(refused)?;
    let verdict = verdict(&pending).await?;
    let verified = pending.finish(verdict, context.now).map_err(refused)?;
    Ok((verified, validity))
}

/// The public half of a key of our own, read once: no two keys of a ring ever share a name.
fn public(key: &SigningKey) -> Option<VerificationKey> {
    OWN_KEYS.with_borrow_mut(|keys| {
        let named = |known: &&VerificationKey| known.key_id() == Some(&key.kid);
        if let Some(known) = keys.iter().find(named) {
            return Some(known.clone());
        }
        let algorithm = Algorithm::signed_with(key.algorithm);
        let read = jwk::own_key(&key.public_jwk, &key.kid, algorithm).ok()?;
        if keys.len() >= MAX_OWN_KEYS {
            keys.clear();
        }
        keys.push(read.clone());
        Some(read)
    })
}

/// A time of which a token tells the whole seconds: no earlier than it was.
const fn at_the_latest(second: UnixMillis) -> UnixMillis {
    second.plus(Millis(999))
}

fn refused(fault: TokenFault) -> Refusal {
    Refusal::TryRefreshToken(fault.code())
}
