//! Answers, field by field, in one version.

use serde_json::value::RawValue;

use super::{
    cookies::CookieAttributes,
    legacy_keys::LegacyKeys,
    reply,
    response::{Outcome, Surroundings, Verified},
    shapes::{
        Answer, HandlesBody, HandshakeBody, HandshakeCookies, HandshakeCookiesLater,
        InformationBody, JwksBody, KeyBody, StolenSession, TheftBody,
    },
    tokens::{SessionBody, TokenWriter, uuid, verbatim},
    version::{CookieFields, LegacyKeyFields, PathFamily, Removal, Version},
};
use crate::{
    http::reply::Reply,
    json,
    keys::KeyKind,
    session::call::Door,
    session::model::{IssuedSession, Refusal, ReuseSubtype, SessionInformation, SessionView},
    settings::{AntiCsrf, RecentTokenReuse},
};

const OK: &str = "OK";
const UNAUTHORISED: &str = "UNAUTHORISED";
const TRY_REFRESH_TOKEN: &str = "TRY_REFRESH_TOKEN";
const TOKEN_THEFT_DETECTED: &str = "TOKEN_THEFT_DETECTED";

/// Writes answers in one version. `Err` is the answer to a fault of ours.
pub(super) struct Writer<'a> {
    pub(super) version: &'static Version,
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) cookies: &'a CookieAttributes,
}

impl Writer<'_> {
    pub(super) fn outcome(&self, outcome: &Outcome) -> Result<Reply, Reply> {
        match outcome {
            Outcome::Created(issued) => self.issued(issued, self.keys()?),
            Outcome::Refreshed(issued) => self.issued(issued, None),
            Outcome::Verified(verified) => self.verified(verified),
            Outcome::Regenerated {
                session,
                access_token,
            } => Ok(reply::json(&Answer {
                status: OK,
                session: Some(self.session(session)?),
                access_token: access_token
                    .as_ref()
                    .map(|token| self.tokens().access(token)),
                ..Answer::default()
            })),
            Outcome::Information(information) => self.information(information),
            Outcome::SessionData(data) => Ok(reply::json(&Answer {
                status: OK,
                user_data_in_database: Some(stored(data)?),
                ..Answer::default()
            })),
            Outcome::Payload(payload) => Ok(reply::json(&Answer {
                status: OK,
                payload: Some(stored(payload)?),
                ..Answer::default()
            })),
            Outcome::Updated => Ok(reply::json(&Answer {
                status: OK,
                ..Answer::default()
            })),
            Outcome::Handles(handles) => Ok(reply::json(&HandlesBody {
                status: OK,
                session_handles: Some(handles),
                ..HandlesBody::default()
            })),
            Outcome::Revoked(handles) => Ok(self.revoked(handles)),
            Outcome::Handshake => self.handshake(),
            Outcome::Jwks { with_status } => self.jwks(*with_status),
            Outcome::Jwt(jwt) => Ok(reply::json(&Answer {
                status: OK,
                jwt: Some(jwt),
                ..Answer::default()
            })),
        }
    }

    fn issued(&self, issued: &IssuedSession, keys: Option<KeyBody>) -> Result<Reply, Reply> {
        let id = uuid(self.surroundings.id_refresh_token);
        Ok(reply::json(&Answer {
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
        let minted = match self.version.door {
            Door::Lazy => verified.access_token.as_ref(),
            Door::Eager | Door::Own => None,
        };
        Ok(reply::json(&Answer {
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
        Ok(reply::json(&InformationBody {
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
        reply::json(&match self.version.removal {
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

    fn jwks(&self, with_status: bool) -> Result<Reply, Reply> {
        let document = self.surroundings.ring.document(self.surroundings.now);
        let keys = json::parse_object(&document.json)
            .ok()
            .and_then(|set| set.get("keys"))
            .ok_or_else(corrupt)?;
        let body = JwksBody {
            status: with_status.then_some(OK),
            keys: stored(keys)?,
        };
        Ok(reply::json_kept(&body, &document.cache_control()))
    }

    fn handshake(&self) -> Result<Reply, Reply> {
        let settings = self.surroundings.settings;
        let with_validities = self.version.paths == PathFamily::Recipe;
        Ok(reply::json(&HandshakeBody {
            status: OK,
            keys: self.keys()?,
            access_token_blacklisting_enabled: settings.check_database,
            access_token_validity: with_validities.then_some(settings.access_token_validity),
            refresh_token_validity: with_validities.then_some(settings.refresh_token_validity),
            cookies: self.handshake_cookies(),
        }))
    }

    fn handshake_cookies(&self) -> Option<HandshakeCookies<'_>> {
        let settings = self.surroundings.settings;
        let cookies = self.cookies;
        let later = match self.version.cookies {
            CookieFields::Absent => return None,
            CookieFields::WithoutSameSite => None,
            CookieFields::WithSameSite => Some(HandshakeCookiesLater {
                cookie_same_site: cookies.same_site,
                id_refresh_token_path: cookies.access_token_path,
                session_expired_status_code: settings.session_expired_status_code,
            }),
        };
        Some(HandshakeCookies {
            cookie_domain: &cookies.domain,
            cookie_secure: cookies.secure,
            access_token_path: cookies.access_token_path,
            refresh_token_path: &cookies.refresh_token_path,
            enable_anti_csrf: settings.anti_csrf == AntiCsrf::ViaToken,
            later,
        })
    }

    pub(super) fn refusal(&self, refusal: &Refusal) -> Result<Reply, Reply> {
        match refusal {
            Refusal::Unauthorised(message) => Ok(reply::json(&Answer {
                status: UNAUTHORISED,
                message: Some(message),
                ..Answer::default()
            })),
            Refusal::TryRefreshToken(message) => Ok(reply::json(&Answer {
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
            Refusal::InvalidClaims(_)
            | Refusal::BadInput(_)
            | Refusal::TooLarge { .. }
            | Refusal::GeneralError(_) => Err(reply::not_an_outcome(refusal)),
        }
    }

    fn theft(&self, handle: &str, user_id: &str, subtype: ReuseSubtype) -> Reply {
        let named_subtype = self.version.reuse_subtype.then_some(subtype);
        let recent = matches!(
            named_subtype,
            Some(ReuseSubtype::RecentPrev | ReuseSubtype::OrphanedBranch)
        );
        if recent && self.surroundings.settings.recent_token_reuse == RecentTokenReuse::Unauthorised
        {
            return reply::json(&Answer {
                status: UNAUTHORISED,
                message: Some("The refresh token was used before"),
                recent_token_reuse_subtype: named_subtype,
                ..Answer::default()
            });
        }
        reply::json(&TheftBody {
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
            cookies: self.cookies,
        }
    }

    fn keys(&self) -> Result<Option<KeyBody>, Reply> {
        let with_list = match self.version.legacy_keys {
            LegacyKeyFields::Absent => return Ok(None),
            LegacyKeyFields::Current => false,
            LegacyKeyFields::CurrentAndList => true,
        };
        let Surroundings {
            settings,
            ring,
            now,
            ..
        } = self.surroundings;
        let kind = if settings.use_dynamic_signing_key {
            KeyKind::Dynamic
        } else {
            KeyKind::Static
        };
        let keys = LegacyKeys::of(ring, kind, *now).ok_or_else(|| {
            reply::not_an_outcome(&Refusal::GeneralError("no signing key is at hand"))
        })?;
        Ok(Some(KeyBody {
            signer: keys.signer,
            signer_expiry: keys.signer_expiry,
            list: with_list.then_some(keys.list),
        }))
    }
}

fn stored(text: &str) -> Result<&RawValue, Reply> {
    verbatim(text).ok_or_else(corrupt)
}

/// What we stored or wrote ourselves is not JSON.
fn corrupt() -> Reply {
    reply::fault("Stored JSON is damaged")
}
