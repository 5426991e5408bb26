//! Tokens of trusted issuers.

use super::{
    Refused, at_the_latest,
    cache::{policy_of, remember},
    refused,
    signatures::verdict,
};

use crate::auth::verified_session::VerifiedToken;
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use crate::auth::jwks_client;
use crate::{objects::context::Context, runtime::log};
use postern_core::{
    identity::{Identity, Session},
    refusal::Refusal,
    revocation::copy::Age,
    session::{handle::Subject, issuer_logout},
    settings::TrustedIssuer,
    tokens::{
        form,
        token_issuer::{TokenIssuer, token_issuer},
        trusted_issuer,
    },
};
use postern_jwt::cache::Validity;
use postern_jwt::{TokenFault, Unverified, json, proof::bound_key};

const KEY_OUTAGE: Refusal = Refusal::GeneralError("the keys of the issuer are out of reach");

pub(super) async fn verify_foreign(
    context: &Context,
    access_token: &str,
    token: Unverified<'_>,
    issuer: &TrustedIssuer,
) -> Result<Rc<VerifiedToken>, Refused> {
    let keys = jwks_client::current(&context.env, issuer, token.key_id(), context.now)
        .await
        .map_err(|jwks_client::Outage(log_detail)| Refused {
            refusal: KEY_OUTAGE,
            detail: Some(log_detail),
        })?;
    if keys.refresh {
        let (env, issuer, now) = (context.env.clone(), issuer.clone(), context.now);
        context.in_background(async move { jwks_client::refresh(&env, &issuer, now).await });
    }
    let kid = token.key_id().map(str::to_owned);
    let foreign = |fault| {
        let mut detail = diagnosis(issuer, fault, access_token);
        if fault == TokenFault::UnknownKey
            && let Some(key) = kid.as_deref().and_then(|kid| keys.left_out(kid))
        {
            detail = format!("{detail}; {key}");
        } else if fault == TokenFault::UnknownKey
            && keys
                .usable()
                .iter()
                .any(|key| kid.is_some() && key.key_id() == kid.as_deref())
        {
            detail = format!("{detail}; the key of this kid names another issuer");
        }
        Refused {
            refusal: match fault {
                TokenFault::Expired => Refusal::TryRefreshToken("the token is expired"),
                fault => Refusal::Unauthorised(fault.code()),
            },
            detail: Some(detail),
        }
    };
    let mut issuers = context.settings.trusted_issuers.iter();
    let validity = Validity {
        policy: issuers
            .position(|other| other.id == issuer.id)
            .map_or(u64::MAX, policy_of),
        key_set_version: keys.version,
    };
    let policy = trusted_issuer::policy(issuer, context.settings.clock_tolerance);
    let usable = trusted_issuer::keys_for(issuer, keys.usable(), &token.claims_unverified());
    let pending = token.choose_keys(&usable, &policy).map_err(foreign)?;
    let verdict = verdict(&pending).await?;
    let verified = pending.finish(verdict, context.now).map_err(foreign)?;
    let identity = trusted_issuer::identity(issuer, &verified).map_err(foreign)?;
    let bound_key = bound_key(&verified.claims()).map_err(foreign)?;
    let subject = Subject {
        tenant: identity.tenant.as_deref(),
        user_id: &identity.user_id,
    };
    let names_session = identity.session.is_some();
    let handle = context.handle_keys().issue_foreign(
        &issuer.id,
        subject,
        &identity.session.unwrap_or_default(),
    );
    let handle = handle.as_str().to_owned();
    let marks = issuer_logout::marks(context.handle_keys(), issuer, &verified.claims());
    let session = Session {
        handle: names_session.then(|| handle.clone()),
        identity: Identity::trusted(&issuer.id, identity.tenant, identity.user_id),
        payload: json::minify(verified.payload()).map_err(|_| foreign(TokenFault::BadPayload))?,
        bound_key,
    };
    Ok(remember(
        access_token,
        validity,
        VerifiedToken {
            validity: Some(validity),
            session,
            liveness_handle: handle,
            age: verified
                .issued_at()
                .map_or(Age::Unknown, |issued| Age::Token(at_the_latest(issued))),
            made: verified.issued_at(),
            marks,
            claims: None,
            shown: OnceCell::new(),
            result: OnceCell::new(),
            good_until: verified.good_until(),
            identity_headers: RefCell::default(),
            device: None,
        },
    ))
}

/// What is wrong with a trusted issuer's token. It is opened again for that: good ones are not to pay for it.
fn diagnosis(issuer: &TrustedIssuer, fault: TokenFault, access_token: &str) -> String {
    let token = form::parse(access_token).ok();
    let claims = token.as_ref().map(Unverified::claims_unverified);
    trusted_issuer::diagnosis(issuer, fault, claims.as_ref())
}

/// Verifies the assertion of an issuer by which operators sign in, and gives whom it names. It is remembered by nobody, so that no
/// other entry point takes it for a token that it knows.
pub(crate) async fn verify_operator(
    context: &Context,
    assertion: &str,
    issuer: &TrustedIssuer,
) -> Result<String, Refusal> {
    let token = form::parse(assertion).map_err(refused)?;
    let only = std::slice::from_ref(issuer);
    let TokenIssuer::Trusted(token, issuer) =
        token_issuer(token, |_| false, only).map_err(refused)?
    else {
        return Err(Refusal::Unauthorised("the assertion is of another issuer"));
    };
    let keys = jwks_client::current(&context.env, issuer, token.key_id(), context.now)
        .await
        .map_err(|jwks_client::Outage(detail)| {
            log::write(log::Event::IssuerKeys, &detail);
            KEY_OUTAGE
        })?;
    let policy = trusted_issuer::policy(issuer, context.settings.clock_tolerance);
    let fault = |fault: TokenFault| Refusal::Unauthorised(fault.code());
    let usable = trusted_issuer::keys_for(issuer, keys.usable(), &token.claims_unverified());
    let pending = token.choose_keys(&usable, &policy).map_err(fault)?;
    let verdict = verdict(&pending).await?;
    let verified = pending.finish(verdict, context.now).map_err(fault)?;
    let identity = trusted_issuer::identity(issuer, &verified).map_err(fault)?;
    Ok(identity.user_id)
}
