//! What an origin is told about a session: identity headers, and the signed assertion.
//!
//! Owns signing, and how long what was made for a token is used again: for half the assertion's life, by the same
//! origin. A repeated token costs neither a signature nor new header values.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::{context::Context, key_ring, settings, tokens::Known};
use crate::{
    gateway::{assertion, identity},
    keys::KeyKind,
    session::{identity::Session, model::Refusal},
    settings::SigningAlgorithm,
    time::UnixMillis,
    token::compact,
};

/// How many origins may be told about a token without making it all anew each time.
pub(super) const MOST: usize = 2;

/// About what the rest of an assertion takes: header, names, times, signature.
const ASSERTION_BYTES: usize = 1024;

/// How much is kept of what origins are told about a session, in bytes.
pub(super) fn bytes(session: &Session) -> usize {
    // A payload grows by a third, a user id that is all escapes to three times its length; it is in the assertion, too.
    let one = session
        .payload
        .len()
        .saturating_mul(2)
        .saturating_add(session.identity.subject.len().saturating_mul(5))
        .saturating_add(session.handle.len().saturating_mul(3))
        .saturating_add(ASSERTION_BYTES);
    one.saturating_mul(settings::origins().min(MOST))
}

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
    if kept.len() >= MOST {
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
    let headers: Array = identity::headers(session)
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
