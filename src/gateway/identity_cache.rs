//! Identity headers: what an origin gets to know of a session, and the signed assertion.
//!
//! They are signed here, and used again for half the assertion's life, by the same
//! origin. A repeated token costs neither a signature nor new header values.

use crate::auth::identity_headers::IdentityHeaders;
use crate::auth::identity_headers::MOST;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::{
    auth::verified_session::VerifiedToken,
    objects::{context::Context, key_ring},
};
use postern_core::gateway::request::{assertion, identity};
use postern_core::keys::KeyKind;
use postern_core::refusal::Refusal;
use postern_jwt::{SigningAlgorithm, compact};

/// The identity headers for `audience` about the session of a verified token.
pub(crate) async fn identity_headers(
    context: &Context,
    known: &VerifiedToken,
    audience: &str,
) -> Result<Rc<IdentityHeaders>, Refusal> {
    let is_good = |headers: &&Rc<IdentityHeaders>| headers.is_for(audience, context);
    if let Some(headers) = known.identity_headers.borrow().iter().find(is_good) {
        return Ok(Rc::clone(headers));
    }
    let headers = Rc::new(made(context, known, audience).await?);
    let mut kept = known.identity_headers.borrow_mut();
    kept.retain(|old| old.audience != audience);
    if kept.len() >= MOST {
        kept.remove(0);
    }
    kept.push(Rc::clone(&headers));
    Ok(headers)
}

async fn made(
    context: &Context,
    known: &VerifiedToken,
    audience: &str,
) -> Result<IdentityHeaders, Refusal> {
    const OUTAGE: Refusal = Refusal::GeneralError("no assertion can be signed");
    let key = key_ring::signer(
        &context.ring,
        SigningAlgorithm::ES256,
        KeyKind::Assertion,
        context.now,
    )
    .map_err(|key_ring::Outage| OUTAGE)?;
    let session = &known.session;
    let issuer = context.settings.issuer();
    let input = assertion::signing_input(&key.kid, &issuer, audience, session, context.now);
    let signature = key_ring::sign(key, &input)
        .await
        .map_err(|key_ring::Outage| OUTAGE)?;
    let assertion = [input.as_str(), ".", &compact::encode(&signature)].concat();
    let headers: Array = identity::headers(session)
        .into_iter()
        .chain([(identity::ASSERTION, assertion)])
        .flat_map(|(name, value)| [JsValue::from_str(name), JsValue::from_str(&value)])
        .collect();
    Ok(IdentityHeaders {
        audience: audience.to_owned(),
        made: context.now,
        key_set_version: context.ring.key_set_version(),
        headers: headers.into(),
    })
}
