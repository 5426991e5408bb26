//! The path grammar: `[/appid-<app>][/<tenant>]<endpoint>[/]`, in any letter case.
//!
//! The table of endpoints, and the names that apps and tenants may have. The path comes without the base path of
//! the service API. Every syntactically valid tenant exists: there is no list of tenants to create first.

use crate::supertokens::cdi::request::version::PathFamily;
use crate::tenant::PUBLIC_TENANT;

/// The longest tenant name, so that a handle with its tenant fits every place that keeps handles.
pub const MAX_TENANT_LENGTH: usize = 64;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/` and `/hello`
    Hello,
    /// `/apiversion`
    ApiVersion,
    /// `/config`
    Config,
    /// `/devproductionmode`
    DevProductionMode,
    /// `/telemetry`
    Telemetry,
    /// `/user/id`
    UserId,
    /// `/.well-known/jwks.json`
    Jwks,
    /// `/recipe/jwt/jwks`
    JwksWithStatus,
    /// `/recipe/jwt`
    Jwt,
    /// `…/handshake`
    Handshake,
    /// `…/session`
    Session,
    /// `…/session/verify`
    Verify,
    /// `…/session/refresh`
    Refresh,
    /// `…/session/regenerate`
    Regenerate,
    /// `…/session/data`
    SessionData,
    /// `…/jwt/data`
    JwtData,
    /// `…/session/user`
    UserSessions,
    /// `…/session/remove`
    Remove,
}

impl Endpoint {
    /// Whether an API key is asked for.
    pub const fn needs_api_key(self) -> bool {
        !matches!(
            self,
            Self::Hello | Self::Config | Self::DevProductionMode | Self::Jwks
        )
    }

    /// Whether the answer depends on the version. Where it does not, only a malformed header is refused.
    pub const fn needs_version(self) -> bool {
        !matches!(self, Self::Hello | Self::ApiVersion | Self::Jwks)
    }
}

/// A path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Which versions spell it like this; `None` = all.
    pub family: Option<PathFamily>,
    /// The app, when one other than `public` is named. There are no others, so this is always a refusal.
    pub unknown_app: Option<String>,
    /// The tenant; `public` unless named.
    pub tenant_id: String,
}

const ENDPOINTS: [(&str, Option<PathFamily>, Endpoint); 28] = {
    use Endpoint as E;
    const LEGACY: Option<PathFamily> = Some(PathFamily::Legacy);
    const RECIPE: Option<PathFamily> = Some(PathFamily::Recipe);
    [
        ("", None, E::Hello),
        ("/hello", None, E::Hello),
        ("/apiversion", None, E::ApiVersion),
        ("/config", None, E::Config),
        ("/devproductionmode", LEGACY, E::DevProductionMode),
        ("/telemetry", None, E::Telemetry),
        ("/user/id", RECIPE, E::UserId),
        ("/.well-known/jwks.json", None, E::Jwks),
        ("/recipe/jwt/jwks", RECIPE, E::JwksWithStatus),
        ("/recipe/jwt", RECIPE, E::Jwt),
        ("/recipe/handshake", RECIPE, E::Handshake),
        ("/recipe/session", RECIPE, E::Session),
        ("/recipe/session/verify", RECIPE, E::Verify),
        ("/recipe/session/refresh", RECIPE, E::Refresh),
        ("/recipe/session/regenerate", RECIPE, E::Regenerate),
        ("/recipe/session/data", RECIPE, E::SessionData),
        ("/recipe/jwt/data", RECIPE, E::JwtData),
        ("/recipe/session/user", RECIPE, E::UserSessions),
        ("/recipe/session/remove", RECIPE, E::Remove),
        ("/handshake", LEGACY, E::Handshake),
        ("/session", LEGACY, E::Session),
        ("/session/verify", LEGACY, E::Verify),
        ("/session/refresh", LEGACY, E::Refresh),
        ("/session/regenerate", LEGACY, E::Regenerate),
        ("/session/data", LEGACY, E::SessionData),
        ("/jwt/data", LEGACY, E::JwtData),
        ("/session/user", LEGACY, E::UserSessions),
        ("/session/remove", LEGACY, E::Remove),
    ]
};

/// What `path` names; `None` when it names nothing.
pub fn route(path: &str) -> Option<Route> {
    let path = path.to_ascii_lowercase();
    let path = path.strip_suffix('/').unwrap_or(&path);
    let (app, rest) = split_app(path)?;
    let (tenant, (family, endpoint)) = match exact(rest) {
        Some(found) => (PUBLIC_TENANT, found),
        None => split_tenant(rest)?,
    };
    Some(Route {
        endpoint,
        family,
        unknown_app: app.filter(|name| *name != "public").map(str::to_owned),
        tenant_id: tenant.to_owned(),
    })
}

/// The app named by `/appid-<app>` and what follows it; `None` when that segment is malformed.
fn split_app(path: &str) -> Option<(Option<&str>, &str)> {
    let Some(rest) = path.strip_prefix("/appid-") else {
        return Some((None, path));
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (app, rest) = rest.split_at_checked(end)?;
    app.bytes().all(is_name_byte).then_some((Some(app), rest))
}

/// The endpoint that `path` is, to the letter.
fn exact(path: &str) -> Option<(Option<PathFamily>, Endpoint)> {
    ENDPOINTS
        .iter()
        .find(|(known, _, _)| *known == path)
        .map(|(_, family, endpoint)| (*family, *endpoint))
}

/// The tenant in the first segment, and the endpoint that follows it.
fn split_tenant(path: &str) -> Option<(&str, (Option<PathFamily>, Endpoint))> {
    let rest = path.strip_prefix('/')?;
    let (tenant, endpoint) = rest.split_at_checked(rest.find('/')?)?;
    is_tenant_id(tenant).then_some((tenant, exact(endpoint)?))
}

/// Whether a tenant may have this name: 1 to 64 of `[a-z0-9-]`, and none of the names that paths are made of.
pub fn is_tenant_id(name: &str) -> bool {
    (1..=MAX_TENANT_LENGTH).contains(&name.len())
        && name.bytes().all(is_name_byte)
        && !matches!(name, "recipe" | "config" | "users" | "hello")
        && !name.starts_with("appid-")
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}
