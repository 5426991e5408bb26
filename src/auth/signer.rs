//! Signing access tokens.

use crate::objects::{context::Context, key_ring};
use postern_core::{
    keys::{KeyKind, SigningKey},
    refusal::Refusal,
    session::{
        minting::{self, AccessGrant},
        model::{SessionView, TokenInfo},
    },
    tokens::access_token::{self, AccessClaims, AccessTokenVersion},
};
use postern_jwt::{Algorithm, SigningAlgorithm, time::UnixMillis};

/// The key that a session's access tokens are signed with. Get it before anything is changed.
pub(crate) fn signer(
    context: &Context,
    by_service_api: bool,
    use_dynamic_key: bool,
) -> Result<&SigningKey, Refusal> {
    let kind = if use_dynamic_key {
        KeyKind::Dynamic
    } else {
        KeyKind::Static
    };
    let algorithm = if by_service_api {
        SigningAlgorithm::RS256
    } else {
        context.ring.own_algorithm(kind, context.now)
    };
    key_ring::signer(&context.ring, algorithm, kind, context.now)
        .map_err(|key_ring::Outage| Refusal::GeneralError("no signing key is at hand"))
}

/// Signs an access token for a session, as the object allowed it.
pub(crate) async fn sign(
    context: &Context,
    session: &SessionView,
    grant: &AccessGrant,
    version: AccessTokenVersion,
) -> Result<TokenInfo, Refusal> {
    let key = signer(context, grant.by_service_api, grant.use_dynamic_key)?;
    let claims = minting::claims(session, grant, version, &context.settings.issuer());
    let input = signing_input(&claims, key)?;
    let signature = key_ring::sign(key, &input)
        .await
        .map_err(|key_ring::Outage| Refusal::GeneralError("the token could not be signed"))?;
    let whole = |at: UnixMillis| {
        if version.is_legacy() {
            at
        } else {
            UnixMillis::from_seconds(at.as_seconds())
        }
    };
    Ok(TokenInfo {
        token: access_token::complete(version, &input, &signature),
        expiry: whole(grant.expiry),
        created: whole(grant.created),
    })
}

fn signing_input(claims: &AccessClaims, key: &SigningKey) -> Result<String, Refusal> {
    let algorithm = Algorithm::signed_with(key.algorithm);
    claims
        .signing_input(algorithm, &key.kid)
        .map_err(|fault| Refusal::BadInput(fault.to_string()))
}
