//! Answers, field by field, in one version.

use crate::supertokens::cdi::reply;
use crate::supertokens::cdi::request::cookies::CookieAttributes;
use crate::supertokens::cdi::request::version::{
    CookieFields, LegacyKeyFields, PathFamily, Removal, Version,
};
use crate::supertokens::cdi::response::legacy_keys::{LegacyKey, LegacyKeys};
use crate::supertokens::cdi::response::outcome::{Outcome, ResponseContext, Verified};
use crate::supertokens::cdi::response::tokens::{self, TokenWriter, uuid};
use crate::{
    http::reply::Reply,
    keys::KeyKind,
    refusal::{Refusal, ReuseSubtype, Theft},
    session::{
        call::RotationMode,
        model::{IssuedSession, SessionInformation, SessionView},
    },
    settings::{AntiCsrf, RecentTokenReuse},
};
use postern_jwt::{
    json::{self, ObjectWriter},
    secret::AntiCsrfToken,
};

const OK: &str = "OK";
const UNAUTHORISED: &str = "UNAUTHORISED";
const TRY_REFRESH_TOKEN: &str = "TRY_REFRESH_TOKEN";
const TOKEN_THEFT_DETECTED: &str = "TOKEN_THEFT_DETECTED";

/// Writes answers in one version. `Err` is the answer to a fault of ours.
pub(crate) struct Writer<'a> {
    pub(crate) version: &'static Version,
    pub(crate) context: &'a ResponseContext<'a>,
    pub(crate) cookies: &'a CookieAttributes,
}

impl Writer<'_> {
    pub(crate) fn outcome(&self, outcome: &Outcome) -> Result<Reply, Reply> {
        match outcome {
            Outcome::Created(issued) => self.issued(issued, true),
            Outcome::Refreshed(issued) => self.issued(issued, false),
            Outcome::Verified(verified) => self.verified(verified),
            Outcome::Regenerated {
                session,
                access_token,
            } => {
                let mut answer = self.with_session(session)?;
                if let Some(token) = access_token {
                    answer.json("accessToken", &self.tokens().access(token));
                }
                Ok(reply::json(answer))
            }
            Outcome::Information(information) => self.information(information),
            Outcome::SessionData(data) => {
                let mut answer = reply::with_status(OK);
                answer.json("userDataInDatabase", stored(data)?);
                Ok(reply::json(answer))
            }
            Outcome::Payload(payload) => {
                let mut answer = reply::with_status(OK);
                answer.json("userDataInJWT", stored(payload)?);
                Ok(reply::json(answer))
            }
            Outcome::Updated => Ok(reply::status(OK)),
            Outcome::Handles(handles) => Ok(with_handles("sessionHandles", handles)),
            Outcome::Revoked(handles) => Ok(self.revoked(handles)),
            Outcome::Handshake => self.handshake(),
            Outcome::Jwks { with_status } => self.jwks(*with_status),
            Outcome::Jwt(jwt) => {
                let mut answer = reply::with_status(OK);
                answer.text("jwt", jwt);
                Ok(reply::json(answer))
            }
        }
    }

    fn issued(&self, issued: &IssuedSession, with_keys: bool) -> Result<Reply, Reply> {
        let id = uuid(self.context.id_refresh_token);
        let tokens = self.tokens();
        let mut answer = self.with_session(&issued.session)?;
        answer.json("accessToken", &tokens.access(&issued.access_token));
        answer.json("refreshToken", &tokens.refresh(&issued.refresh_token));
        if let Some(token) = tokens.id_refresh(&id, &issued.refresh_token) {
            answer.json("idRefreshToken", &token);
        }
        answer.optional_text(
            "antiCsrfToken",
            issued.anti_csrf_token.as_ref().map(AntiCsrfToken::expose),
        );
        if with_keys {
            self.keys(&mut answer)?;
        }
        Ok(reply::json(answer))
    }

    fn verified(&self, verified: &Verified) -> Result<Reply, Reply> {
        let minted = match self.version.rotation_mode {
            RotationMode::Lazy => verified.access_token.as_ref(),
            RotationMode::Eager | RotationMode::Own => None,
        };
        let mut answer = self.with_session(&verified.session)?;
        if let Some(token) = minted {
            answer.json("accessToken", &self.tokens().access(token));
        }
        if let (true, Some(available)) = (
            self.version.payload_update_available,
            verified.payload_update_available,
        ) {
            answer.boolean("payloadUpdateAvailable", available);
        }
        self.keys(&mut answer)?;
        Ok(reply::json(answer))
    }

    fn information(&self, information: &SessionInformation) -> Result<Reply, Reply> {
        let session = &information.session;
        let mut answer = reply::with_status(OK);
        answer.text("sessionHandle", &session.handle);
        answer.text("userId", &session.user_id);
        if self.version.recipe_user_id {
            answer.text("recipeUserId", &session.user_id);
        }
        answer.json("userDataInDatabase", stored(&information.session_data)?);
        answer.json("userDataInJWT", stored(&session.payload)?);
        answer.number("expiry", information.expiry.0);
        answer.number("timeCreated", information.created.0);
        if self.version.tenant_id {
            answer.text("tenantId", &session.tenant_id);
        }
        Ok(reply::json(answer))
    }

    fn revoked(&self, handles: &[String]) -> Reply {
        match self.version.removal {
            Removal::DeleteAndCount => {
                let mut answer = reply::with_status(OK);
                let count = u64::try_from(handles.len()).unwrap_or(u64::MAX);
                answer.number("numberOfSessionsRevoked", count);
                reply::json(answer)
            }
            Removal::PostAndHandles => with_handles("sessionHandlesRevoked", handles),
        }
    }

    fn jwks(&self, with_status: bool) -> Result<Reply, Reply> {
        let document = self.context.ring.document(self.context.now);
        let keys = json::parse_object(&document.json)
            .ok()
            .and_then(|set| set.get("keys"))
            .ok_or_else(corrupt)?;
        let mut answer = ObjectWriter::new();
        answer.optional_text("status", with_status.then_some(OK));
        answer.json("keys", keys);
        Ok(reply::json_kept(answer, &document.cache_control()))
    }

    fn handshake(&self) -> Result<Reply, Reply> {
        let settings = self.context.settings;
        let mut answer = reply::with_status(OK);
        self.keys(&mut answer)?;
        answer.boolean("accessTokenBlacklistingEnabled", settings.check_database);
        if self.version.paths == PathFamily::Recipe {
            answer.number("accessTokenValidity", settings.access_token_validity.0);
            answer.number("refreshTokenValidity", settings.refresh_token_validity.0);
        }
        self.handshake_cookies(&mut answer);
        Ok(reply::json(answer))
    }

    /// What the handshake of versions before 2.4 says about cookies.
    fn handshake_cookies(&self, answer: &mut ObjectWriter) {
        let settings = self.context.settings;
        let cookies = self.cookies;
        if self.version.cookies == CookieFields::Absent {
            return;
        }
        answer.text("cookieDomain", &cookies.domain);
        answer.boolean("cookieSecure", cookies.secure);
        answer.text("accessTokenPath", cookies.access_token_path);
        answer.text("refreshTokenPath", &cookies.refresh_token_path);
        answer.boolean("enableAntiCsrf", settings.anti_csrf == AntiCsrf::ViaToken);
        // What version 2.0 adds to that.
        if self.version.cookies == CookieFields::WithSameSite {
            answer.text("cookieSameSite", cookies.same_site);
            answer.text("idRefreshTokenPath", cookies.access_token_path);
            answer.number(
                "sessionExpiredStatusCode",
                u64::from(settings.session_expired_status_code),
            );
        }
    }

    pub(crate) fn refusal(&self, refusal: &Refusal) -> Result<Reply, Reply> {
        match refusal {
            Refusal::Unauthorised(message) => {
                let mut answer = reply::with_status(UNAUTHORISED);
                answer.text("message", message);
                Ok(reply::json(answer))
            }
            Refusal::TryRefreshToken(message) => {
                let mut answer = reply::with_status(TRY_REFRESH_TOKEN);
                answer.text("message", message);
                if self.version.legacy_keys_on_try_refresh {
                    self.keys(&mut answer)?;
                }
                Ok(reply::json(answer))
            }
            Refusal::TokenTheftDetected(theft) => Ok(self.theft(theft)),
            Refusal::InvalidClaims(_)
            | Refusal::InvalidDpopProof(_)
            | Refusal::UseDpopNonce(_)
            | Refusal::DeviceBindingRequired
            | Refusal::ForeignWebsite
            | Refusal::TooManyRequests
            | Refusal::BadInput(_)
            | Refusal::TooLarge(_)
            | Refusal::GeneralError(_) => Err(reply::not_an_outcome(refusal)),
        }
    }

    fn theft(&self, theft: &Theft) -> Reply {
        // The protocol has no name for a key that is missing.
        let named_subtype = Some(theft.subtype)
            .filter(|subtype| *subtype != ReuseSubtype::DeviceKeyMissing)
            .filter(|_| self.version.reuse_subtype);
        let recent = matches!(
            named_subtype,
            Some(ReuseSubtype::RecentPrev | ReuseSubtype::OrphanedBranch)
        );
        if recent && self.context.settings.recent_token_reuse == RecentTokenReuse::Unauthorised {
            let mut answer = reply::with_status(UNAUTHORISED);
            answer.text("message", "The refresh token was used before");
            answer.optional_text(
                "recentTokenReuseSubtype",
                named_subtype.map(ReuseSubtype::name),
            );
            return reply::json(answer);
        }
        let mut session = ObjectWriter::new();
        session.text("handle", &theft.handle);
        session.text("userId", &theft.user_id);
        if self.version.recipe_user_id_on_theft {
            session.text("recipeUserId", &theft.user_id);
        }
        let mut answer = reply::with_status(TOKEN_THEFT_DETECTED);
        answer.json("session", &session.finish());
        answer.optional_text(
            "recentTokenReuseSubtype",
            named_subtype.map(ReuseSubtype::name),
        );
        reply::json(answer)
    }

    /// The beginning of an answer about a session.
    fn with_session(&self, session: &SessionView) -> Result<ObjectWriter, Reply> {
        stored(&session.payload)?;
        let mut answer = reply::with_status(OK);
        answer.json("session", &tokens::session(self.version, session).finish());
        Ok(answer)
    }

    fn tokens(&self) -> TokenWriter<'_> {
        TokenWriter {
            version: self.version,
            cookies: self.cookies,
        }
    }

    /// The public keys of versions before 2.21.
    fn keys(&self, answer: &mut ObjectWriter) -> Result<(), Reply> {
        let with_list = match self.version.legacy_keys {
            LegacyKeyFields::Absent => return Ok(()),
            LegacyKeyFields::Current => false,
            LegacyKeyFields::CurrentAndList => true,
        };
        let ResponseContext {
            settings,
            ring,
            now,
            ..
        } = self.context;
        let kind = if settings.use_dynamic_signing_key {
            KeyKind::Dynamic
        } else {
            KeyKind::Static
        };
        let keys = LegacyKeys::of(ring, kind, *now).ok_or_else(|| {
            reply::not_an_outcome(&Refusal::GeneralError("no signing key is at hand"))
        })?;
        answer.text("jwtSigningPublicKey", &keys.signer);
        answer.number("jwtSigningPublicKeyExpiryTime", keys.signer_expiry.0);
        if with_list {
            let list: Vec<String> = keys.list.iter().map(LegacyKey::to_json).collect();
            answer.json("jwtSigningPublicKeyList", &format!("[{}]", list.join(",")));
        }
        Ok(())
    }
}

fn with_handles(name: &str, handles: &[String]) -> Reply {
    let mut answer = reply::with_status(OK);
    answer.json(name, &json::strings(handles.iter().map(String::as_str)));
    reply::json(answer)
}

/// Text that was stored as one JSON object, checked again before it becomes part of an answer.
fn stored(text: &str) -> Result<&str, Reply> {
    json::parse_object(text)
        .map(|_| text)
        .map_err(|_| corrupt())
}

/// What we stored or wrote ourselves is not JSON.
fn corrupt() -> Reply {
    reply::fault("Stored JSON is damaged")
}
