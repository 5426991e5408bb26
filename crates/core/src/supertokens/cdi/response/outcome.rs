//! What a call came to, before it is spelled in a version of the protocol.

use crate::{
    keys::RingCopy,
    session::model::{IssuedSession, SessionInformation, SessionView, TokenInfo},
    settings::Settings,
};
use postern_jwt::time::UnixMillis;

/// What a call came to when it was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A session was created.
    Created(IssuedSession),
    /// The access token is good.
    Verified(Verified),
    /// New tokens for a refresh token.
    Refreshed(IssuedSession),
    /// The payload was stored; a new access token unless the old one is expired.
    Regenerated {
        /// The session, with its new payload.
        session: SessionView,
        /// The new access token.
        access_token: Option<TokenInfo>,
    },
    /// Everything about a session.
    Information(SessionInformation),
    /// Session data: the text of a JSON object.
    SessionData(String),
    /// The stored payload: the text of a JSON object.
    Payload(String),
    /// Session data or payload were overwritten.
    Updated,
    /// The handles of a user's sessions.
    Handles(Vec<String>),
    /// The handles of the sessions that were ended.
    Revoked(Vec<String>),
    /// The handshake; everything in it comes from [`ResponseContext`].
    Handshake,
    /// The JWK Set; it comes from [`ResponseContext`] too.
    Jwks {
        /// As in the call.
        with_status: bool,
    },
    /// A signed JWT.
    Jwt(String),
}

/// What verifying an access token came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The session, with the payload of the token, or the stored one if a token was minted.
    pub session: SessionView,
    /// A token to use from now on. Left out of answers in versions where verify never mints.
    pub access_token: Option<TokenInfo>,
    /// Whether the stored payload differs, when the user's object was asked.
    pub payload_update_available: Option<bool>,
}

/// What an answer needs besides its outcome.
#[derive(Debug, Clone, Copy)]
pub struct ResponseContext<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The signing keys: their public halves are part of some answers.
    pub ring: &'a RingCopy,
    /// The time of the request.
    pub now: UnixMillis,
    /// 16 random bytes, fresh for this answer, from which an id refresh token is made where the version has one.
    pub id_refresh_token: [u8; 16],
}
