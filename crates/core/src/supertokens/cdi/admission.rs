//! From HTTP to a call: who may ask, in which version, for what.
//!
//! A request is refused in this order: unknown path (404), API key (401), version (400, 404), app (400),
//! method (405), body (400). An admitted call is returned to the caller, who carries it out.

use crate::supertokens::cdi::reply;
use crate::supertokens::cdi::request::call::{CoreCall, CoreRequest};
use crate::supertokens::cdi::request::fields::Fields;
use crate::supertokens::cdi::request::path::{Endpoint, Route};
use crate::supertokens::cdi::request::tenant::tenant_scope;
use crate::supertokens::cdi::request::version::{PathFamily, Removal, Version, VersionFault};
use crate::supertokens::cdi::request::{api_key, path, query, version};
use crate::supertokens::cdi::response::static_answers;
use crate::{http::reply::Reply, settings::Settings, tenant::PUBLIC_TENANT};

/// The largest body in bytes: room for the largest session data with every character escaped, and its context.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// A request without its body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method as it was sent.
    pub method: &'a str,
    /// The path, without the base path of the service API.
    pub path: &'a str,
    /// What follows `?`; empty when nothing does.
    pub query: &'a str,
    /// The `api-key` header.
    pub api_key: Option<&'a str>,
    /// The `authorization` header.
    pub authorization: Option<&'a str>,
    /// The `cdi-version` header.
    pub cdi_version: Option<&'a str>,
    /// Host and client address are listed as such that need no key on legacy paths.
    pub keyless: bool,
}

/// A request whose sender may make it; its body has not been looked at.
#[derive(Debug, Clone)]
pub struct Admitted<'a> {
    head: Head<'a>,
    route: Route,
    version: &'static Version,
}

/// Decides whether a request is let in, from its head alone. `Err` is the answer to one that is not.
pub fn admit<'a>(head: Head<'a>, settings: &Settings) -> Result<Admitted<'a>, Reply> {
    let route = path::route(head.path).ok_or_else(reply::not_found)?;
    check_api_key(&head, &route, settings)?;
    let version = choose_version(&head, &route)?;
    if let Some(app) = &route.unknown_app {
        return Err(reply::bad_request(format!(
            "AppId or tenantId not found => appid-{app}"
        )));
    }
    if !exists_in(version, &route) {
        return Err(reply::not_found());
    }
    Ok(Admitted {
        head,
        route,
        version,
    })
}

fn check_api_key(head: &Head<'_>, route: &Route, settings: &Settings) -> Result<(), Reply> {
    let keyless = head.keyless
        && (route.family == Some(PathFamily::Legacy)
            || route.endpoint == Endpoint::ApiVersion
            || !route.endpoint.needs_api_key());
    if keyless {
        return Ok(());
    }
    if settings.api_key_digests.is_empty() {
        return Err(reply::not_found());
    }
    let authorised = !route.endpoint.needs_api_key()
        || api_key::presented(head.api_key, head.authorization)
            .is_some_and(|key| settings.accepts_api_key(key));
    if authorised {
        Ok(())
    } else {
        Err(reply::invalid_api_key())
    }
}

fn choose_version(head: &Head<'_>, route: &Route) -> Result<&'static Version, Reply> {
    let assumed = version::assumed(route.family.unwrap_or(PathFamily::Recipe));
    let named = head.cdi_version.map_or(Ok(assumed), version::named);
    match (named, head.cdi_version) {
        (Err(VersionFault::Malformed), _) => {
            Err(reply::bad_request("cdi-version header is invalid"))
        }
        (Err(VersionFault::Unsupported), Some(header)) if route.endpoint.needs_version() => {
            Err(reply::version_not_supported(header))
        }
        (Err(VersionFault::Unsupported), _) => Ok(assumed),
        (Ok(version), _) => Ok(version),
    }
}

/// Whether a version has this path at all; what it has but cannot do is refused with the body (400) or method (405).
fn exists_in(version: &Version, route: &Route) -> bool {
    let endpoint_exists = match route.endpoint {
        Endpoint::Handshake => version.handshake,
        Endpoint::UserId => version.user_id_lookup,
        _ => true,
    };
    let right_family = route.family.is_none_or(|family| family == version.paths);
    let tenant_allowed = version.tenant_paths || route.tenant_id == PUBLIC_TENANT;
    !route.endpoint.needs_version() || (endpoint_exists && right_family && tenant_allowed)
}

impl Admitted<'_> {
    /// Reads the body (at most [`MAX_BODY_BYTES`]; empty for requests without one) into a call.
    ///
    /// `Err` is the complete answer: a refusal, or the answer to a question that needs no use case.
    pub fn receive(&self, body: &[u8], settings: &Settings) -> Result<CoreRequest, Reply> {
        if body.len() > MAX_BODY_BYTES {
            return Err(reply::text(
                413,
                format!("Request body is larger than {MAX_BODY_BYTES} bytes"),
            ));
        }
        Ok(CoreRequest {
            version: self.version,
            call: self.call(body, settings)?,
        })
    }

    fn call(&self, body: &[u8], settings: &Settings) -> Result<CoreCall, Reply> {
        let version = self.version;
        let tenant = &self.route.tenant_id;
        let fields = || Fields::new(version, settings, body);
        match (self.route.endpoint, self.head.method) {
            (Endpoint::Session, "POST") => fields()?.create(tenant),
            (Endpoint::Session, "GET") if version.session_information => {
                self.handle().map(|handle| CoreCall::GetSession { handle })
            }
            (Endpoint::Session, "DELETE") if version.paths == PathFamily::Legacy => {
                self.only_if(version.removal == Removal::DeleteAndCount)?;
                fields()?.delete()
            }
            (Endpoint::Remove, "POST") => {
                self.only_if(version.removal == Removal::PostAndHandles)?;
                fields()?.remove(tenant)
            }
            (Endpoint::Verify, "POST") => {
                self.public_tenant_if(version.verify_needs_public)?;
                fields()?.verify()
            }
            (Endpoint::Refresh, "POST") => fields()?.refresh(),
            (Endpoint::Regenerate, "POST") => {
                self.only_if(version.payload_updates)?;
                fields()?.regenerate()
            }
            (Endpoint::SessionData, "GET") => self
                .handle()
                .map(|handle| CoreCall::GetSessionData { handle }),
            (Endpoint::SessionData, "PUT") => fields()?.put_session_data(),
            (Endpoint::JwtData, "GET") => {
                self.only_if(version.payload_updates)?;
                self.handle().map(|handle| CoreCall::GetPayload { handle })
            }
            (Endpoint::JwtData, "PUT") => {
                self.only_if(version.payload_updates)?;
                fields()?.put_payload()
            }
            (Endpoint::UserSessions, "GET") => self.list_user_sessions(),
            (Endpoint::Handshake, "POST") => Ok(CoreCall::Handshake),
            (Endpoint::Jwks, "GET") => Ok(CoreCall::Jwks { with_status: false }),
            (Endpoint::JwksWithStatus, "GET") => Ok(CoreCall::Jwks { with_status: true }),
            (Endpoint::Jwt, "POST") => fields()?.create_jwt(),
            (endpoint, method) => Err(static_answers::answer(
                endpoint,
                method,
                self.head.query,
                version,
            )),
        }
    }

    fn list_user_sessions(&self) -> Result<CoreCall, Reply> {
        let user_id = query::required(self.head.query, "userId")?;
        let all_tenants = query::switch(self.head.query, "fetchAcrossAllTenants");
        let tenant_id = tenant_scope(self.version, &self.route.tenant_id, all_tenants)?;
        Ok(CoreCall::ListUserSessions { user_id, tenant_id })
    }

    fn handle(&self) -> Result<String, Reply> {
        query::required(self.head.query, "sessionHandle")
    }

    /// Refuses a call that this version has a path for, but cannot make.
    fn only_if(&self, supported: bool) -> Result<(), Reply> {
        if supported {
            Ok(())
        } else {
            Err(reply::version_not_supported(self.version.name))
        }
    }

    fn public_tenant_if(&self, needed: bool) -> Result<(), Reply> {
        if needed && self.route.tenant_id != PUBLIC_TENANT {
            return Err(reply::public_tenant_only());
        }
        Ok(())
    }
}
