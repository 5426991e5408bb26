//! Identity headers that were made for a token and an origin, kept with the token.

use crate::{objects::context::Context, runtime::settings};
use postern_core::gateway::request::assertion;
use postern_core::identity::Session;
use postern_jwt::time::UnixMillis;

use wasm_bindgen::JsValue;

/// For how many origins the headers of a token are kept.
pub(crate) const MOST: usize = 2;

/// About what the rest of an assertion takes: header, names, times, signature.
const ASSERTION_BYTES: usize = 1024;

/// How much is kept of identity headers of a session, in bytes.
pub(crate) fn bytes(session: &Session) -> usize {
    // A payload grows by a third, a user id that is all escapes to three times its length; it is in the assertion, too.
    let one = session
        .payload
        .len()
        .saturating_mul(2)
        .saturating_add(session.identity.subject.len().saturating_mul(5))
        .saturating_add(
            session
                .handle
                .as_ref()
                .map_or(0, String::len)
                .saturating_mul(3),
        )
        .saturating_add(ASSERTION_BYTES);
    one.saturating_mul(settings::origins().min(MOST))
}

/// Header values for one token and one origin.
#[derive(Debug)]
pub(crate) struct IdentityHeaders {
    pub(crate) audience: String,
    pub(crate) made: UnixMillis,
    pub(crate) key_set_version: u64,
    /// Names and values in turn, as JS has them: they are handed over again and again.
    pub(crate) headers: JsValue,
}

impl IdentityHeaders {
    pub(crate) fn is_for(&self, audience: &str, context: &Context) -> bool {
        self.audience == audience
            && self.key_set_version == context.ring.key_set_version()
            && context.now.since(self.made) < assertion::REUSE
            // A clock that was set back must not make an old assertion young.
            && context.now >= self.made
    }
}
