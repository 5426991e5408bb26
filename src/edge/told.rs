//! What an origin is told about a session: identity headers, and the signed assertion.
//!
//! Owns signing, and how long what was made for a token is used again: for half the assertion's life, by the same
//! origin. A repeated token costs neither a signature nor new header values.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::{
    context::Context,
    key_ring,
    tokens::{Known, MOST_TOLD},
};
use crate::{
    gateway::{assertion, identity},
    keys::KeyKind,
    session::model::Refusal,
    settings::SigningAlgorithm,
    time::UnixMillis,
    token::compact,
};

/// Header values for one token and one origin.
#[derive(Debug)]
pub(super) struct Told {
    audience: String,
    made: UnixMillis,
    key_set_version: u64,
    /// Names and values in turn, as JS has them: they are handed over again and again.
    pub(super) headers: JsValue,
}

impl Told {
    fn is_for(&self, audience: &str, context: &Context) -> bool {
        self.audience == audience
            && self.key_set_version == context.ring.key_set_version()
            && context.now.since(self.made) < assertion::REUSE
            // A clock that was set back must not make an old assertion young.
            && context.now >= self.made
    }
}

/// What `audience` is told about the session of a verified token.
pub(super) async fn told(
    context: &Context,
    known: &Known,
    audience: &str,
) -> Result<Rc<Told>, Refusal> {
    let is_good = |told: &&Rc<Told>| told.is_for(audience, context);
    if let Some(told) = known.told.borrow().iter().find(is_good) {
        return Ok(Rc::clone(told));
    }
    let told = Rc::new(made(context, known, audience).await?);
    let mut kept = known.told.borrow_mut();
    kept.retain(|old| old.audience != audience);
    if kept.len() >= MOST_TOLD {
        kept.remove(0);
    }
    kept.push(Rc::clone(&told));
    Ok(told)
}

async fn made(context: &Context, known: &Known, audience: &str) -> Result<Told, Refusal> {
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
    let values = identity::headers(&session.handle, &session.user_id, &session.payload);
    let headers: Array = values
        .into_iter()
        .chain([(identity::ASSERTION, assertion)])
        .flat_map(|(name, value)| [JsValue::from_str(name), JsValue::from_str(&value)])
        .collect();
    Ok(Told {
        audience: audience.to_owned(),
        made: context.now,
        key_set_version: context.ring.key_set_version(),
        headers: headers.into(),
    })
}
