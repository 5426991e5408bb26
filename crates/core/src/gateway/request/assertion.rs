//! What an assertion says: a short-lived JWT by which an origin knows that a request came through the gateway.
//!
//! It can never pass for an access token: its keys, its `typ` and the claim `stt` are others (SuperTokens SDKs take only
//! tokens with `stt` 0), and `aud` names the one origin that it is for.

use data_encoding::BASE64URL_NOPAD;

use crate::identity::{Issuer, Session};
use postern_jwt::json::ObjectWriter;
use postern_jwt::secret::digest;
use postern_jwt::time::{Millis, UnixMillis};

use crate::gateway::request::identity;

/// The header's `typ`.
pub const TYP: &str = "postern-assertion+jwt";

/// How long an assertion is good.
pub const LIFE: Millis = Millis::from_seconds(60);

/// How long one may be reused for the next request of its session: half its life, so that an origin always gets one
/// with half its life ahead.
pub const REUSE: Millis = Millis::from_seconds(30);

/// The header, as JSON. Assertions are signed with ES256.
pub fn header(kid: &str) -> String {
    let mut header = ObjectWriter::new();
    header.text("alg", "ES256");
    header.text("kid", kid);
    header.text("typ", TYP);
    header.finish()
}

/// The claims, as JSON. `issuer` is the setting's; `audience` the origin's ([`crate::gateway::Origin::audience`]).
///
/// `sub` names a user of ours. The user of another issuer is `idp_sub`, and `idp` the issuer's id in settings: who reads
/// `sub` alone sees nobody.
///
/// `postern_payload_sha256` binds the header `Postern-Payload`: base64url of the SHA-256 of its value, also where that is
/// too long and left out.
pub fn claims(issuer: &str, audience: &str, session: &Session, now: UnixMillis) -> String {
    let seconds = now.as_seconds();
    let payload = digest(identity::payload_value(&session.payload).as_bytes());
    let mut claims = ObjectWriter::new();
    claims.text("iss", issuer);
    claims.text("aud", audience);
    let identity = &session.identity;
    match &identity.issuer {
        Issuer::Own => claims.text("sub", &identity.subject),
        Issuer::Trusted(id) => {
            claims.text("idp", id);
            claims.text("idp_sub", &identity.subject);
        }
    }
    // So that an origin can ask for proofs of its own (RFC 9449 section 6.1).
    if let Some(key) = session.bound_key {
        let mut confirmation = ObjectWriter::new();
        confirmation.text("jkt", &key.to_string());
        claims.json("cnf", &confirmation.finish());
    }
    if let Some(handle) = &session.handle {
        claims.text("sid", handle);
    }
    claims.text("tid", &identity.tenant_id);
    claims.number("iat", seconds);
    claims.number("exp", seconds.saturating_add(LIFE.as_seconds()));
    claims.number("stt", 1);
    claims.text(
        "postern_payload_sha256",
        &BASE64URL_NOPAD.encode(payload.expose()),
    );
    claims.finish()
}

/// What is signed: header and claims, as a JWS has them (RFC 7515 section 5.1).
pub fn signing_input(
    kid: &str,
    issuer: &str,
    audience: &str,
    session: &Session,
    now: UnixMillis,
) -> String {
    let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
    [
        encode(header(kid)),
        encode(claims(issuer, audience, session, now)),
    ]
    .join(".")
}
