//! What a user payload may hold, and how long a token it may make.

use crate::{auth::signer, objects::context::Context};
use postern_core::{
    refusal::Refusal,
    request::credentials::Transfer,
    session::{
        minting::{self, Lengths},
        model::SessionView,
        refresh_token,
    },
    settings::DeviceBinding,
    supertokens::fdi::{
        front_token::front_token_length,
        size_budget::{TokenLengths, check_size_budget},
    },
    tokens::access_token::{self, AccessTokenVersion},
};
use postern_jwt::proof::Thumbprint;

/// The claims that a payload may not hold in a token of this version: in the legacy versions it is nested, so none.
pub(super) const fn clashing_claims(version: AccessTokenVersion) -> &'static [&'static str] {
    if version.is_legacy() {
        &[]
    } else {
        access_token::protected_claims(version)
    }
}

/// Refuses a payload that holds a claim of the protocol's, or that is not one JSON object.
pub(crate) fn payload_allowed(payload: &str, version: AccessTokenVersion) -> Result<(), Refusal> {
    let object = postern_jwt::json::parse_object(payload)
        .map_err(|fault| Refusal::BadInput(fault.to_string()))?;
    match access_token::find_protected(&object, version) {
        Some(claim) => Err(protected(claim)),
        None => Ok(()),
    }
}

/// The refusal of a payload that holds a claim of the protocol's.
pub(in crate::sessions) fn protected(claim: &str) -> Refusal {
    Refusal::BadInput(format!(
        "The user payload contains protected field: {claim}"
    ))
}

/// How the access tokens of a session are minted, as far as their length goes.
#[derive(Debug, Clone, Copy)]
pub(in crate::sessions) struct Minted {
    pub(in crate::sessions) version: AccessTokenVersion,
    pub(in crate::sessions) by_service_api: bool,
    pub(in crate::sessions) anti_csrf: bool,
    pub(in crate::sessions) use_dynamic_key: bool,
    pub(in crate::sessions) dpop_key: Option<Thumbprint>,
}

/// Refuses a payload whose access token would be longer than a browser's cookie holds.
pub(in crate::sessions) fn token_fits(
    context: &Context,
    session: &SessionView,
    new: Minted,
    transfer: Option<Transfer>,
) -> Result<(), Refusal> {
    if !clashing_claims(new.version).is_empty() {
        payload_allowed(&session.payload, new.version)?;
    }
    let key = signer::signer(context, new.by_service_api, new.use_dynamic_key)?;
    let minted = minting::Minted {
        version: new.version,
        by_service_api: new.by_service_api,
        anti_csrf: new.anti_csrf,
        algorithm: key.algorithm,
        key_id: &key.kid,
        device: context.settings.device_binding != DeviceBinding::Off,
        dpop_key: new.dpop_key,
        issuer: &context.settings.issuer(),
    };
    let Lengths { token, payload } = minted
        .lengths(session, context.now)
        .map_err(|fault| Refusal::BadInput(fault.to_string()))?;
    if let Some(transfer) = transfer {
        let expiry = context.now.0;
        let lengths = TokenLengths {
            access_token: token,
            refresh_token: refresh_token::longest(&session.handle),
            front_token: front_token_length(&session.user_id, expiry, payload),
        };
        return check_size_budget(&context.settings, transfer, lengths);
    }
    let length = u64::try_from(token).unwrap_or(u64::MAX);
    let limit = context.settings.max_access_token_bytes;
    if length > limit {
        return Err(too_long(length, limit));
    }
    Ok(())
}

/// The refusal of a payload that makes a token of `length` bytes.
pub(in crate::sessions) fn too_long(length: u64, limit: u64) -> Refusal {
    Refusal::BadInput(format!(
        "the payload makes an access token of {length} bytes; the limit is {limit} bytes"
    ))
}
