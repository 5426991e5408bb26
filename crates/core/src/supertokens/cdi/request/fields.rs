//! From a body to a call: which fields each version reads, requires, ignores.

use crate::supertokens::cdi::reply;
use crate::supertokens::cdi::request::body::Body;
use crate::supertokens::cdi::request::call::MAX_HANDLES;
use crate::supertokens::cdi::request::call::{
    CoreCall, Create, CreateJwt, Refresh, Regenerate, Verify,
};
use crate::supertokens::cdi::request::tenant::tenant_scope;
use crate::supertokens::cdi::request::version::{
    Choice, CreateSigningKey, RefreshSigningKey, Version,
};
use crate::{
    http::reply::Reply,
    settings::{AntiCsrf, Settings},
    tokens::access_token::find_protected,
};
use postern_jwt::{json, time::Millis};

/// The fields of one body, read as one version reads them.
pub(crate) struct Fields<'a> {
    version: &'static Version,
    settings: &'a Settings,
    body: Body<'a>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        version: &'static Version,
        settings: &'a Settings,
        bytes: &'a [u8],
    ) -> Result<Self, Reply> {
        Ok(Self {
            version,
            settings,
            body: Body::parse(bytes)?,
        })
    }

    pub(crate) fn create(&self, tenant_id: &str) -> Result<CoreCall, Reply> {
        let user_id = self.body.required("userId")?;
        let payload = self.body.object("userDataInJWT")?;
        let session_data = self.body.object("userDataInDatabase")?;
        let anti_csrf = self.anti_csrf()?;
        let use_dynamic_signing_key = match self.version.create_signing_key {
            CreateSigningKey::FromSetting => self.settings.use_dynamic_signing_key,
            CreateSigningKey::OptionalField => {
                self.body.optional("useDynamicSigningKey")?.unwrap_or(true)
            }
        };
        let access_token_validity = self.access_token_validity()?;
        self.refuse_protected(&payload)?;
        Ok(CoreCall::Create(Create {
            tenant_id: tenant_id.to_owned(),
            user_id,
            payload,
            session_data,
            anti_csrf,
            use_dynamic_signing_key,
            access_token_validity,
        }))
    }

    pub(crate) fn verify(&self) -> Result<CoreCall, Reply> {
        let access_token = self.body.required("accessToken")?;
        let asked: bool = self.body.required("doAntiCsrfCheck")?;
        let enabled = self.anti_csrf()?;
        Ok(CoreCall::Verify(Verify {
            access_token,
            check_anti_csrf: asked && enabled,
            anti_csrf_token: self.body.optional("antiCsrfToken")?,
            check_database: match self.version.check_database {
                Choice::Setting => self.settings.check_database,
                Choice::RequiredField => self.body.required("checkDatabase")?,
            },
            refuse_protected_claims: self.version.protected_claims,
        }))
    }

    pub(crate) fn refresh(&self) -> Result<CoreCall, Reply> {
        let refresh_token = self.body.required("refreshToken")?;
        let anti_csrf = self.anti_csrf()?;
        let anti_csrf_token = self.body.optional("antiCsrfToken")?;
        let use_dynamic_signing_key = match self.version.refresh_signing_key {
            RefreshSigningKey::Kept => None,
            RefreshSigningKey::OptionalField => self.body.optional("useDynamicSigningKey")?,
            RefreshSigningKey::RequiredField => Some(self.body.required("useDynamicSigningKey")?),
        };
        Ok(CoreCall::Refresh(Refresh {
            refresh_token,
            anti_csrf,
            check_anti_csrf: anti_csrf && self.version.refresh_checks_anti_csrf,
            anti_csrf_token,
            use_dynamic_signing_key,
            access_token_validity: self.access_token_validity()?,
        }))
    }

    pub(crate) fn regenerate(&self) -> Result<CoreCall, Reply> {
        Ok(CoreCall::Regenerate(Regenerate {
            access_token: self.body.required("accessToken")?,
            payload: self.body.optional_object("userDataInJWT")?,
            refuse_protected_claims: self.version.protected_claims,
        }))
    }

    pub(crate) fn put_session_data(&self) -> Result<CoreCall, Reply> {
        Ok(CoreCall::PutSessionData {
            handle: self.body.required("sessionHandle")?,
            session_data: self.body.object("userDataInDatabase")?,
        })
    }

    pub(crate) fn put_payload(&self) -> Result<CoreCall, Reply> {
        let handle = self.body.required("sessionHandle")?;
        let payload = self.body.object("userDataInJWT")?;
        self.refuse_protected(&payload)?;
        Ok(CoreCall::PutPayload { handle, payload })
    }

    /// `DELETE /session` of version 1.0.
    pub(crate) fn delete(&self) -> Result<CoreCall, Reply> {
        let user_id = self.body.optional("userId")?;
        let handle: Option<String> = self.body.optional("sessionHandle")?;
        let handles: Option<Vec<String>> = self.body.optional("sessionHandles")?;
        match (user_id, handle, handles) {
            (Some(user_id), None, None) => Ok(CoreCall::RemoveUserSessions {
                user_id,
                tenant_id: None,
            }),
            (None, Some(handle), None) => remove_sessions(vec![handle]),
            (None, None, Some(handles)) => remove_sessions(handles),
            _ => Err(reply::bad_request(
                "Invalid JSON input - use one of userId, sessionHandle, or sessionHandles array",
            )),
        }
    }

    /// `POST …/session/remove`.
    pub(crate) fn remove(&self, tenant_id: &str) -> Result<CoreCall, Reply> {
        const ALL_TENANTS: &str = "revokeAcrossAllTenants";
        const LINKED_ACCOUNTS: &str = "revokeSessionsForLinkedAccounts";
        let user_id: Option<String> = self.body.optional("userId")?;
        let handles: Option<Vec<String>> = self.body.optional("sessionHandles")?;
        let all_tenants: Option<bool> = self.body.optional(ALL_TENANTS)?;
        // No accounts are linked here, so this switch changes nothing; its type is checked all the same.
        let linked_accounts: Option<bool> = self.body.optional(LINKED_ACCOUNTS)?;
        match (user_id, handles) {
            (Some(user_id), None) => Ok(CoreCall::RemoveUserSessions {
                user_id,
                tenant_id: tenant_scope(self.version, tenant_id, all_tenants.unwrap_or(true))?,
            }),
            (None, Some(handles)) => {
                let stray = all_tenants
                    .map(|_| ALL_TENANTS)
                    .or(linked_accounts.map(|_| LINKED_ACCOUNTS));
                match stray {
                    None => remove_sessions(handles),
                    Some(name) => Err(reply::bad_request(format!(
                        "Invalid JSON input - {name} can only be set if userId is set"
                    ))),
                }
            }
            _ => Err(reply::bad_request(
                "Invalid JSON input - use one of userId or sessionHandles array",
            )),
        }
    }

    pub(crate) fn create_jwt(&self) -> Result<CoreCall, Reply> {
        let algorithm: String = self.body.required("algorithm")?;
        let issuer = self.body.required("jwksDomain")?;
        let payload = self.body.object("payload")?;
        let validity: i64 = self.body.required("validity")?;
        let validity = u64::try_from(validity)
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| reply::bad_request("validity must be greater than or equal to 0"))?;
        let use_static_signing_key = if self.version.jwt_signing_key {
            self.body.optional("useStaticSigningKey")?.unwrap_or(true)
        } else {
            true
        };
        if !algorithm.eq_ignore_ascii_case("RS256") {
            return Err(reply::status("UNSUPPORTED_ALGORITHM_ERROR"));
        }
        Ok(CoreCall::CreateJwt(CreateJwt {
            issuer,
            payload,
            validity: Millis::from_seconds(validity),
            use_dynamic_signing_key: !use_static_signing_key,
        }))
    }

    /// Whether anti-CSRF tokens are in use. SDKs that leave this to the setting know no other kind than the token.
    fn anti_csrf(&self) -> Result<bool, Reply> {
        match self.version.anti_csrf {
            Choice::Setting => Ok(self.settings.anti_csrf == AntiCsrf::ViaToken),
            Choice::RequiredField => self.body.required("enableAntiCsrf"),
        }
    }

    fn access_token_validity(&self) -> Result<Option<Millis>, Reply> {
        const NAME: &str = "accessTokenValidity";
        if !self.version.access_token_validity {
            return Ok(None);
        }
        let asked = self.body.optional(NAME)?.map(Millis);
        let allowed = |span: &Millis| span.0 > 0 && *span <= self.settings.access_token_validity;
        if asked.as_ref().is_none_or(allowed) {
            Ok(asked)
        } else {
            Err(reply::invalid_field(NAME))
        }
    }

    fn refuse_protected(&self, payload: &str) -> Result<(), Reply> {
        let protected = json::parse_object(payload)
            .ok()
            .and_then(|claims| find_protected(&claims, self.version.access_token));
        if self.version.protected_claims && protected.is_some() {
            return Err(reply::bad_request(reply::PROTECTED_FIELD));
        }
        Ok(())
    }
}

fn remove_sessions(handles: Vec<String>) -> Result<CoreCall, Reply> {
    if handles.len() > MAX_HANDLES {
        return Err(reply::bad_request(format!(
            "Invalid JSON input - sessionHandles holds more than {MAX_HANDLES} handles"
        )));
    }
    Ok(CoreCall::RemoveSessions { handles })
}
