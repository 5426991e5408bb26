//! Where an access token of ours comes from, as its header tells it.
//!
//! These are header parameters of our own (RFC 7515 section 4.3) and not claims: what the SuperTokens protocol does not list
//! among its claims is user payload to its SDKs. They are signed like the rest. The fixed headers of versions 1 and 2 have
//! no room for them.

use serde::Serialize;

use crate::{json::typed::Field, proof::Thumbprint, time::UnixMillis};

/// What the header tells beside what the protocol has it tell; as it is written into one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TokenOrigin {
    /// When its session was created, in milliseconds; `None` = it does not say: versions 1 and 2, and tokens of code that said
    /// nothing.
    #[serde(rename = "sct", skip_serializing_if = "Option::is_none")]
    pub session_created: Option<UnixMillis>,
    /// The generation of the refresh token that it was issued with: above 0 a refresh made it, and its first use is news
    /// for the user's object. 0 = nothing to tell.
    #[serde(rename = "gen", skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// The thumbprint of the device's key that its session is bound to; `None` = it is bound to none. Who leaves out what shows
    /// the device must not pass for somebody without one: so the token says it.
    #[serde(rename = "device_jkt", skip_serializing_if = "Option::is_none")]
    pub device: Option<Thumbprint>,
}

impl TokenOrigin {
    /// Of the members of a header. Elsewhere they may mean anything: what is not as we write it is not there.
    pub(super) fn of(created: &Field<'_>, generation: &Field<'_>, device: Field<'_>) -> Self {
        let number = |field: &Field<'_>| match field {
            Field::Whole(number) => Some(*number),
            _ => None,
        };
        let generation = number(generation).and_then(|number| u32::try_from(number).ok());
        let device = device.text().ok().flatten();
        Self {
            session_created: number(created).map(UnixMillis),
            generation: generation.unwrap_or(0),
            device: device.and_then(|text| Thumbprint::parse(&text)),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
const fn is_zero(generation: &u32) -> bool {
    *generation == 0
}
