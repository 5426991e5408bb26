//! Where an access token of ours comes from, as its header tells it.
//!
//! These are header parameters of our own (RFC 7515 section 4.3) and not claims: what the SuperTokens protocol does not list
//! among its claims is user payload to its SDKs. They are signed like the rest. The fixed headers of versions 1 and 2 have
//! no room for them.

use crate::{json::Object, proof::Thumbprint, time::UnixMillis};

/// When the session was created, in milliseconds.
const SESSION_CREATED: &str = "sct";
/// The generation of the refresh token it was issued with.
const GENERATION: &str = "gen";
/// The thumbprint of the device's key that its session is bound to.
const DEVICE: &str = "device_jkt";

/// What the header tells beside what the protocol has it tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenOrigin {
    /// When its session was created; `None` = it does not tell: versions 1 and 2, and tokens of code that told nothing.
    pub session_created: Option<UnixMillis>,
    /// The generation of the refresh token that it was issued with: above 0 a refresh made it, and its first use is news
    /// for the user's object. 0 = nothing to tell.
    pub generation: u32,
    /// The key of the device that its session is bound to; `None` = it is bound to none. Who leaves out what shows the
    /// device must not pass for somebody without one: so the token says it.
    pub device: Option<Thumbprint>,
}

impl TokenOrigin {
    /// Reads a header. Elsewhere the members may mean anything: what is not as we write it is not there.
    pub(super) fn read(header: &Object<'_>) -> Self {
        let number = |name| header.unsigned(name).ok().flatten();
        let generation = number(GENERATION).and_then(|number| u32::try_from(number).ok());
        Self {
            session_created: number(SESSION_CREATED).map(UnixMillis),
            generation: generation.unwrap_or(0),
            device: header
                .string(DEVICE)
                .ok()
                .flatten()
                .and_then(|text| Thumbprint::parse(&text)),
        }
    }

    /// The members for a header, each with a comma before it.
    pub fn members(self) -> String {
        let created = self.session_created.map(|created| created.0);
        let generation = Some(self.generation).filter(|generation| *generation > 0);
        [
            created.map(|created| format!(r#","{SESSION_CREATED}":{created}"#)),
            generation.map(|generation| format!(r#","{GENERATION}":{generation}"#)),
            self.device
                .map(|device| format!(r#","{DEVICE}":"{device}""#)),
        ]
        .map(Option::unwrap_or_default)
        .concat()
    }
}
