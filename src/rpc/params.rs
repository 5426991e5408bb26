//! Arguments that several methods take.

use wasm_bindgen::JsValue;

use super::arguments::Arguments;
use crate::{auth::dpop::Shown, objects::context::Context, sessions};
use postern_core::{
    location::Location,
    session::{model::Device, user},
    settings::Freshness,
};
use postern_jwt::proof::Thumbprint;

/// The session that the arguments of a creating method describe.
pub(super) fn new_session(
    arguments: &Arguments<'_>,
    context: &Context,
) -> Result<sessions::NewSession, JsValue> {
    let empty = || user::EMPTY.to_owned();
    let user_id = arguments.string("userId")?;
    let payload = arguments
        .optional_json_object("jwtPayload")?
        .unwrap_or_else(empty);
    let session_data = arguments
        .optional_json_object("sessionData")?
        .unwrap_or_else(empty);
    let mut new = sessions::own_session(context, user_id, payload, session_data);
    if let Some(tenant_id) = arguments.optional_string("tenantId")? {
        if !postern_core::supertokens::cdi::request::path::is_tenant_id(&tenant_id) {
            return Err(arguments.wrong("tenantId", "must be a tenant id: [a-z0-9-]+"));
        }
        new.tenant_id = tenant_id;
    }
    if let Some(thumbprint) = arguments.optional_string("dpopJkt")? {
        let key = Thumbprint::parse(&thumbprint);
        new.dpop_key = Some(key.ok_or_else(|| {
            arguments.wrong(
                "dpopJkt",
                "must be the SHA-256 thumbprint of a JWK (RFC 7638), in base64url",
            )
        })?);
    }
    new.device = device(arguments, context)?;
    Ok(new)
}

/// What the caller tells of the device of a new session.
pub(super) fn device(
    arguments: &Arguments<'_>,
    context: &Context,
) -> Result<Option<Device>, JsValue> {
    let Some(device) = arguments.optional_object("device")? else {
        return Ok(None);
    };
    let user_agent = device.optional_string("userAgent")?;
    let ip = device.optional_string("ip")?;
    let ip = ip.and_then(|ip| context.settings.device_ip.kept(&ip));
    let country = device.optional_string("country")?;
    Ok(Device::of(user_agent, ip, country.as_deref()))
}

/// What `listSessions` is asked for.
pub(super) fn listing(arguments: &Arguments<'_>) -> Result<sessions::Listing, JsValue> {
    let (user_id, tenant_id) = user_and_tenant(arguments)?;
    Ok(sessions::Listing {
        user_id,
        tenant_id,
        cursor: arguments.optional_string("cursor")?,
        ended: arguments.optional_boolean("ended")?.unwrap_or(false),
    })
}

/// Whom `eraseUser` and `exportUser` mean.
pub(super) fn person(arguments: &Arguments<'_>) -> Result<sessions::Person, JsValue> {
    let (user_id, tenant_id) = user_and_tenant(arguments)?;
    Ok(sessions::Person {
        user_id,
        tenant_id,
        issuer: arguments.optional_string("issuer")?,
    })
}

pub(super) fn user_and_tenant(
    arguments: &Arguments<'_>,
) -> Result<(String, Option<String>), JsValue> {
    Ok((
        arguments.string("userId")?,
        arguments.optional_string("tenantId")?,
    ))
}

/// Where a user's object is to be made, should this be the user's first session.
pub(super) fn location(arguments: &Arguments<'_>) -> Result<Option<Location>, JsValue> {
    let Some(name) = arguments.optional_string("location")? else {
        return Ok(None);
    };
    let location = Location::from_name(&name);
    location.map(Some).ok_or_else(|| {
        arguments.wrong(
            "location",
            "must be wnam, enam, sam, weur, eeur, apac, oc, afr or me",
        )
    })
}

pub(super) fn freshness(
    arguments: &Arguments<'_>,
    context: &Context,
) -> Result<Freshness, JsValue> {
    match arguments.optional_string("freshness")? {
        None => Ok(context.settings.freshness),
        Some(text) => Freshness::parse(&text).ok_or_else(|| {
            arguments.wrong(
                "freshness",
                "must be \"stateless\", \"within 60s\" or \"strict\"",
            )
        }),
    }
}

/// The proof of possession of a bound token, and the request that it is for (RFC 9449).
pub(super) struct GivenProof {
    proof: String,
    method: String,
    url: String,
}

impl GivenProof {
    /// Reads `dpopProof`, with `method` and `url` of the request that the proof came with; `None` without a proof.
    pub(super) fn of(arguments: &Arguments<'_>) -> Result<Option<Self>, JsValue> {
        let Some(proof) = arguments.optional_string("dpopProof")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            proof,
            method: arguments.string("method")?,
            url: arguments.string("url")?,
        }))
    }

    pub(super) fn shown(&self) -> Shown<'_> {
        Shown {
            proof: Some(&self.proof),
            method: &self.method,
            url: &self.url,
        }
    }
}
