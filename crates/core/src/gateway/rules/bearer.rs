//! What a rule demands of a token as an OAuth resource server, beside the claims that it requires: scopes (RFC 6750), how and how
//! lately its user authenticated (RFC 9470), and how it names itself to clients (RFC 9728).

use crate::gateway::rules::fields::{Faults, Fields};
use crate::gateway::rules::requirement::{Requirement, Test};
use crate::settings::origin::secure_origin;
use crate::settings::parse_duration;
use postern_jwt::json::{self, Kind, ObjectWriter};
use postern_jwt::time::{Millis, UnixMillis};

/// Where the metadata of a resource is, before the resource's own path (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The most values of a list.
const MAX_LIST: usize = 64;

/// How far ahead an issuer's clock may be, for `auth_time`.
const LEEWAY: Millis = Millis::from_seconds(60);

/// What is demanded.
#[derive(Debug, Clone, Default)]
pub struct BearerDemands {
    /// `scope`, or else `scp`, must hold all of these.
    pub scope: Vec<String>,
    /// `acr` must be one of these; empty = it is not read.
    pub acr_values: Vec<String>,
    /// `auth_time` must lie no further back.
    pub max_age: Option<Millis>,
    /// How the resource names itself.
    pub resource: Option<Resource>,
}

/// A protected resource.
#[derive(Debug, Clone)]
pub struct Resource {
    place: Place,
    /// The issuers whose tokens it takes; where the rule names none, those of the rule.
    pub(crate) authorization_servers: Vec<String>,
    scopes: Vec<String>,
    name: Option<String>,
    documentation: Option<String>,
}

#[derive(Debug, Clone)]
enum Place {
    /// `scheme://host`, and the path, empty for the root.
    Url { origin: String, path: String },
    /// A path, at whatever host it was asked for.
    Path(String),
}

/// What a token lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A scope.
    Scope,
    /// An authentication of these kinds, or a later one.
    Authentication,
}

impl BearerDemands {
    /// Reads the fields of a rule.
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let scope = fields.list(
            "scope",
            "a scope such as \"files:read\", or a list of them",
            MAX_LIST,
            scope_token,
        );
        let acr_values = fields.list(
            "acr_values",
            "an authentication context such as \"urn:example:mfa\", or a list of them",
            MAX_LIST,
            scope_token,
        );
        let max_age = fields.parsed("max_age", "a duration such as \"5m\"", |text| {
            parse_duration(text).filter(|age| age.0 >= 1_000)
        });
        let resource = fields.get("resource").and_then(|text| {
            let place = format!("{}.resource", fields.place());
            Resource::read(text, &place, fields.faults())
        });
        Self {
            scope: scope.unwrap_or_default(),
            acr_values: acr_values.unwrap_or_default(),
            max_age,
            resource,
        }
    }

    /// What a payload lacks, first.
    pub fn lack(&self, payload: &str, now: UnixMillis) -> Option<Lack> {
        let is_met = |name: &str, test| {
            let path = vec![name.to_owned()];
            Requirement::Claim { path, test }
                .failures(payload)
                .is_empty()
        };
        let quoted = |values: &[String]| values.iter().map(|value| json::quote(value)).collect();
        if !self.scope.is_empty() {
            let holds = |name| is_met(name, Test::AllOf(quoted(&self.scope)));
            let has_scope = is_met("scope", Test::Present(true));
            if !holds(if has_scope { "scope" } else { "scp" }) {
                return Some(Lack::Scope);
            }
        }
        let is_strong = self.acr_values.is_empty()
            || self
                .acr_values
                .iter()
                .any(|acr| is_met("acr", Test::Equals(json::quote(acr))));
        let is_late = self.max_age.is_none_or(|age| {
            authenticated(payload).is_some_and(|at| at <= now.plus(LEEWAY) && now.since(at) <= age)
        });
        (!is_strong || !is_late).then_some(Lack::Authentication)
    }

    /// The parameters of a challenge besides its error: of the scope when that is what lacks or nothing was shown, of the
    /// authentication when that lacks, and where the metadata is.
    pub fn parameters(&self, lack: Option<Lack>, scheme: &str, host: &str) -> Vec<String> {
        let mut parameters = Vec::new();
        if lack != Some(Lack::Authentication) && !self.scope.is_empty() {
            parameters.push(format!("scope=\"{}\"", self.scope.join(" ")));
        }
        if lack == Some(Lack::Authentication) {
            if !self.acr_values.is_empty() {
                parameters.push(format!("acr_values=\"{}\"", self.acr_values.join(" ")));
            }
            if let Some(age) = self.max_age {
                parameters.push(format!("max_age=\"{}\"", age.as_seconds()));
            }
        }
        if let Some(resource) = &self.resource {
            parameters.push(format!(
                "resource_metadata=\"{}\"",
                resource.metadata_url(scheme, host)
            ));
        }
        parameters
    }
}

/// `auth_time` (OpenID Connect Core section 2).
fn authenticated(payload: &str) -> Option<UnixMillis> {
    let claims = json::parse_object(payload).ok()?;
    let number = claims.number("auth_time").ok()??;
    Some(UnixMillis(number.floor_scaled(3)))
}

/// A scope token (RFC 6749 section 3.3): it stands between quotes and spaces.
fn scope_token(text: &str) -> Option<String> {
    let is_token = (1..=256).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
    is_token.then(|| text.to_owned())
}

impl Resource {
    fn read(text: &str, place: &str, faults: &mut Faults) -> Option<Self> {
        const FORM: &str =
            "a path such as \"/mcp\", or an https URL without query (http on loopback)";
        if json::kind(text) != Kind::Object {
            let parsed = json::parse_string(text).ok();
            let parsed = parsed.and_then(|text| Place::parse(&text));
            if parsed.is_none() {
                faults.fault(place, format!("must be {FORM}, or a table with url"));
            }
            return parsed.map(Self::of);
        }
        let mut fields = Fields::open(text, place, faults);
        let url = fields.parsed("url", FORM, Place::parse);
        if !fields.has("url") {
            fields.fault("url", "is required".to_owned());
        }
        let servers = fields.list(
            "authorization_servers",
            "an issuer such as \"https://idp.example.com\" (http on loopback), or a list of them",
            MAX_LIST,
            issuer,
        );
        let scopes = fields.list(
            "scopes_supported",
            "a scope such as \"files:read\", or a list of them",
            MAX_LIST,
            scope_token,
        );
        let name = fields.parsed("name", "a text", |text| Some(text.to_owned()));
        let documentation =
            fields.parsed("documentation", "an https URL (http on loopback)", issuer);
        fields.finish("of resource");
        Some(Self {
            authorization_servers: servers.unwrap_or_default(),
            scopes: scopes.unwrap_or_default(),
            name,
            documentation,
            ..Self::of(url?)
        })
    }

    const fn of(place: Place) -> Self {
        Self {
            place,
            authorization_servers: Vec::new(),
            scopes: Vec::new(),
            name: None,
            documentation: None,
        }
    }

    const fn path(&self) -> &str {
        match &self.place {
            Place::Url { path, .. } | Place::Path(path) => path.as_str(),
        }
    }

    fn origin(&self, scheme: &str, host: &str) -> String {
        match &self.place {
            Place::Url { origin, .. } => origin.clone(),
            Place::Path(_) => [scheme, "://", host].concat(),
        }
    }

    /// Whether its metadata is what is asked for.
    pub(super) fn is_described_at(&self, host: &str, path: &str) -> bool {
        let is_here = match &self.place {
            Place::Url { origin, .. } => origin.split("://").nth(1) == Some(host),
            Place::Path(_) => true,
        };
        is_here && path.strip_prefix(WELL_KNOWN) == Some(self.path())
    }

    fn metadata_url(&self, scheme: &str, host: &str) -> String {
        [&self.origin(scheme, host), WELL_KNOWN, self.path()].concat()
    }

    /// The metadata (RFC 9728 section 2).
    pub(super) fn document(&self, scheme: &str, host: &str, scope: &[String]) -> String {
        let mut document = ObjectWriter::new();
        let url = [&self.origin(scheme, host), self.path()].concat();
        document.text("resource", &url);
        let list = |values: &[String]| json::strings(values.iter().map(String::as_str));
        if !self.authorization_servers.is_empty() {
            document.json("authorization_servers", &list(&self.authorization_servers));
        }
        let scopes = if self.scopes.is_empty() {
            scope
        } else {
            &self.scopes
        };
        if !scopes.is_empty() {
            document.json("scopes_supported", &list(scopes));
        }
        document.json("bearer_methods_supported", "[\"header\"]");
        document.optional_text("resource_name", self.name.as_deref());
        document.optional_text("resource_documentation", self.documentation.as_deref());
        document.finish()
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let is_path = |path: &str| {
            (path.is_empty() || path.starts_with('/'))
                && !path.starts_with("//")
                && path.len() <= 1024
                && path
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"?#\"\\<>".contains(&b))
        };
        let root = |path: &str| if path == "/" { "" } else { path }.to_owned();
        if text.starts_with('/') {
            return is_path(text).then(|| Self::Path(root(text)));
        }
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at)?,
            None => (rest, ""),
        };
        let origin = secure_origin(scheme, authority)?;
        is_path(path).then(|| Self::Url {
            origin,
            path: root(path),
        })
    }
}

/// An https address (http on loopback, for trying things): whoever reads the metadata trusts what it finds there.
fn issuer(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    secure_origin(scheme, authority)?;
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    is_plain.then(|| text.to_owned())
}
