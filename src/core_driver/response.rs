//! From an outcome to HTTP: which fields each version has, and how each refusal is spelled.
//!
//! Absent fields are left out, never `null`: SDKs take a `null` for a value.

use serde_json::value::RawValue;

use super::{
    legacy_keys::LegacyKeys,
    policy::Policy,
    reply::Reply,
    shapes::{
        Answer, HandlesBody, HandshakeBody, HandshakeCookies, HandshakeCookiesLater,
        InformationBody, JwksBody, KeyBody, StolenSession, TheftBody,
    },
    tokens::{SessionBody, TokenWriter, same_site, uuid, verbatim},
    version::{CookieFields, LegacyKeyFields, PathFamily, Removal, Rotation, Version},
};
use crate::{
    session::model::{
        IssuedSession, Refusal, ReuseSubtype, SessionInformation, SessionView, TokenInfo,
    },
    settings::RecentTokenReuse,
};

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
    /// The handshake; everything in it comes from [`Surroundings`].
    Handshake,
    /// The JWK Set.
    Jwks {
        /// The text of the JSON array of public keys.
        keys: String,
        /// Whole seconds for which it may be kept, at least 1.
        max_age_seconds: u64,
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
pub struct Surroundings<'a> {
    /// The settings.
    pub policy: &'a Policy,
    /// The public keys; needed by versions whose [`Version::legacy_keys`] are not absent.
    pub legacy_keys: Option<&'a LegacyKeys>,
    /// 16 random bytes, fresh for this answer, from which an id refresh token is made where the version has one.
    pub id_refresh_token: [u8; 16],
}

/// The answer to a request of `version` that came to `result`.
pub fn render(
    version: &'static Version,
    result: Result<Outcome, Refusal>,
    surroundings: &Surroundings<'_>,
) -> Reply {
    let writer = Writer {
        version,
        surroundings,
    };
    match result {
        Ok(outcome) => writer.outcome(&outcome),
        Err(refusal) => writer.refusal(&refusal),
    }
    .unwrap_or_else(|fault| fault)
}

const OK: &str = "OK";
const UNAUTHORISED: &str = "UNAUTHORISED";
const TRY_REFRESH_TOKEN: &str = "TRY_REFRESH_TOKEN";
const TOKEN_THEFT_DETECTED: &str = "TOKEN_THEFT_DETECTED";

/// Writes answers in one version. `Err` is the answer to a fault of ours.
struct Writer<'a> {
    version: &'static Version,
    surroundings: &'a Surroundings<'a>,
}

impl Writer<'_> {
    fn outcome(&self, outcome: &Outcome) -> Result<Reply, Reply> {
        match outcome {
            Outcome::Created(issued) => self.issued(issued, self.keys()?),
            Outcome::Refreshed(issued) => self.issued(issued, None),
            Outcome::Verified(verified) => self.verified(verified),
            Outcome::Regenerated {
                session,
                access_token,
            } => Ok(Reply::json(&Answer {
                status: OK,
                session: Some(self.session(session)?),
                access_token: access_token
                    .as_ref()
                    .map(|token| self.tokens().access(token)),
                ..Answer::default()
            })),
            Outcome::Information(information) => self.information(information),
            Outcome::SessionData(data) => Ok(Reply::json(&Answer {
                status: OK,
                user_data_in_database: Some(stored(data)?),
                ..Answer::default()
            })),
            Outcome::Payload(payload) => Ok(Reply::json(&Answer {
                status: OK,
                payload: Some(stored(payload)?),
                ..Answer::default()
            })),
            Outcome::Updated => Ok(Reply::json(&Answer {
                status: OK,
                ..Answer::default()
            })),
            Outcome::Handles(handles) => Ok(Reply::json(&HandlesBody {
                status: OK,
                session_handles: Some(handles),
                ..HandlesBody::default()
            })),
            Outcome::Revoked(handles) => Ok(self.revoked(handles)),
            Outcome::Handshake => self.handshake(),
            Outcome::Jwks {
                keys,
                max_age_seconds,
                with_status,
            } => Ok(Reply::json(&JwksBody {
                status: with_status.then_some(OK),
                keys: stored(keys)?,
            })
            .with_header(
                "cache-control",
                format!("max-age={max_age_seconds}, must-revalidate"),
            )),
            Outcome::Jwt(jwt) => Ok(Reply::json(&Answer {
                status: OK,
                jwt: Some(jwt),
                ..Answer::default()
            })),
        }
    }

    fn issued(&self, issued: &IssuedSession, keys: Option<KeyBody<'_>>) -> Result<Reply, Reply> {
        let id = uuid(self.surroundings.id_refresh_token);
        Ok(Reply::json(&Answer {
            status: OK,
            session: Some(self.session(&issued.session)?),
            access_token: Some(self.tokens().access(&issued.access_token)),
            refresh_token: Some(self.tokens().refresh(&issued.refresh_token)),
            id_refresh_token: self.tokens().id_refresh(&id, &issued.refresh_token),
            anti_csrf_token: issued.anti_csrf_token.as_deref(),
            keys,
            ..Answer::default()
        }))
    }

    fn verified(&self, verified: &Verified) -> Result<Reply, Reply> {
        let minted = match self.version.rotation {
            Rotation::Lazy => verified.access_token.as_ref(),
            Rotation::Eager => None,
        };
        Ok(Reply::json(&Answer {
            status: OK,
            session: Some(self.session(&verified.session)?),
            access_token: minted.map(|token| self.tokens().access(token)),
            payload_update_available: verified
                .payload_update_available
                .filter(|_| self.version.payload_update_available),
            keys: self.keys()?,
            ..Answer::default()
        }))
    }

    fn information(&self, information: &SessionInformation) -> Result<Reply, Reply> {
        let session = &information.session;
        Ok(Reply::json(&InformationBody {
            status: OK,
            session_handle: &session.handle,
            user_id: &session.user_id,
            recipe_user_id: self
                .version
                .recipe_user_id
                .then_some(session.user_id.as_str()),
            user_data_in_database: stored(&information.session_data)?,
            payload: stored(&session.payload)?,
            expiry: information.expiry,
            time_created: information.created,
            tenant_id: self.version.tenant_id.then_some(session.tenant_id.as_str()),
        }))
    }

    fn revoked(&self, handles: &[String]) -> Reply {
        Reply::json(&match self.version.removal {
            Removal::DeleteAndCount => HandlesBody {
                status: OK,
                number_of_sessions_revoked: Some(handles.len()),
                ..HandlesBody::default()
            },
            Removal::PostAndHandles => HandlesBody {
                status: OK,
                session_handles_revoked: Some(handles),
                ..HandlesBody::default()
            },
        })
    }

    fn handshake(&self) -> Result<Reply, Reply> {
        let policy = self.surroundings.policy;
        let with_validities = self.version.paths == PathFamily::Recipe;
        Ok(Reply::json(&HandshakeBody {
            status: OK,
            keys: self.keys()?,
            access_token_blacklisting_enabled: policy.check_database,
            access_token_validity: with_validities.then_some(policy.access_token_validity),
            refresh_token_validity: with_validities.then_some(policy.refresh_token_validity),
            cookies: self.handshake_cookies(),
        }))
    }

    fn handshake_cookies(&self) -> Option<HandshakeCookies<'_>> {
        let policy = self.surroundings.policy;
        let cookies = &policy.cookies;
        let later = match self.version.cookies {
            CookieFields::Absent => return None,
            CookieFields::WithoutSameSite => None,
            CookieFields::WithSameSite => Some(HandshakeCookiesLater {
                cookie_same_site: same_site(cookies.same_site),
                id_refresh_token_path: &cookies.access_token_path,
                session_expired_status_code: policy.session_expired_status_code,
            }),
        };
        Some(HandshakeCookies {
            cookie_domain: &cookies.domain,
            cookie_secure: cookies.secure,
            access_token_path: &cookies.access_token_path,
            refresh_token_path: &cookies.refresh_token_path,
            enable_anti_csrf: policy.anti_csrf,
            later,
        })
    }

    fn refusal(&self, refusal: &Refusal) -> Result<Reply, Reply> {
        match refusal {
            Refusal::Unauthorised(message) => Ok(Reply::json(&Answer {
                status: UNAUTHORISED,
                message: Some(message),
                ..Answer::default()
            })),
            Refusal::TryRefreshToken(message) => Ok(Reply::json(&Answer {
                status: TRY_REFRESH_TOKEN,
                message: Some(message),
                keys: if self.version.legacy_keys_on_try_refresh {
                    self.keys()?
                } else {
                    None
                },
                ..Answer::default()
            })),
            Refusal::TokenTheftDetected {
                handle,
                user_id,
                subtype,
            } => Ok(self.theft(handle, user_id, *subtype)),
            // The protocol has no claim requirements; the nearest it has to "good, but not allowed" is 403.
            Refusal::InvalidClaims(text) => Err(Reply::text(403, *text)),
            Refusal::BadInput(text) => Err(Reply::bad_request(text.as_str())),
            Refusal::TooLarge { what, size, limit } => Err(Reply::text(
                413,
                format!("{what} is {size} bytes long, the limit is {limit} bytes"),
            )),
            Refusal::GeneralError(text) => Err(Reply::unavailable(text)),
        }
    }

    fn theft(&self, handle: &str, user_id: &str, subtype: ReuseSubtype) -> Reply {
        let named_subtype = self.version.reuse_subtype.then_some(subtype);
        let recent = matches!(
            named_subtype,
            Some(ReuseSubtype::RecentPrev | ReuseSubtype::OrphanedBranch)
        );
        if recent && self.surroundings.policy.recent_token_reuse == RecentTokenReuse::Unauthorised {
            return Reply::json(&Answer {
                status: UNAUTHORISED,
                message: Some("The refresh token was used before"),
                recent_token_reuse_subtype: named_subtype,
                ..Answer::default()
            });
        }
        Reply::json(&TheftBody {
            status: TOKEN_THEFT_DETECTED,
            session: StolenSession {
                handle,
                user_id,
                recipe_user_id: self.version.recipe_user_id_on_theft.then_some(user_id),
            },
            recent_token_reuse_subtype: named_subtype,
        })
    }

    fn session<'s>(&self, session: &'s SessionView) -> Result<SessionBody<'s>, Reply> {
        SessionBody::new(self.version, session).ok_or_else(corrupt)
    }

    fn tokens(&self) -> TokenWriter<'_> {
        TokenWriter {
            version: self.version,
            cookies: &self.surroundings.policy.cookies,
        }
    }

    fn keys(&self) -> Result<Option<KeyBody<'_>>, Reply> {
        let with_list = match self.version.legacy_keys {
            LegacyKeyFields::Absent => return Ok(None),
            LegacyKeyFields::Current => false,
            LegacyKeyFields::CurrentAndList => true,
        };
        let keys = self
            .surroundings
            .legacy_keys
            .ok_or_else(|| Reply::unavailable("The signing keys are not available"))?;
        Ok(Some(KeyBody {
            signer: &keys.signer,
            signer_expiry: keys.signer_expiry,
            list: with_list.then_some(keys.list.as_slice()),
        }))
    }
}

fn stored(json: &str) -> Result<&RawValue, Reply> {
    verbatim(json).ok_or_else(corrupt)
}

/// What we stored or wrote ourselves is not JSON.
fn corrupt() -> Reply {
    Reply::fault("Stored JSON is damaged")
}
