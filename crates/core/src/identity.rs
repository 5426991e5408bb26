//! Whose a session is: the issuer that vouches for it, the tenant, and the subject within these.
//!
//! A subject is unique within its issuer and tenant only: a trusted issuer may call one of its users what one of ours is
//! called. So the three travel together, and nothing but a session of our own has a [user id](Identity::own_user_id).

use crate::tenant::OWN;
use crate::tenant::PUBLIC_TENANT;
use postern_jwt::proof::Thumbprint;

/// Who vouches for a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Issuer {
    /// This deployment.
    Own,
    /// The trusted issuer of this id in settings.
    Trusted(String),
}

impl Issuer {
    /// The name in rules, results and logs: [`OWN`], or the id in settings.
    pub fn id(&self) -> &str {
        match self {
            Self::Own => OWN,
            Self::Trusted(id) => id,
        }
    }
}

/// Whose sessions an entry point or a rule accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuers {
    /// Anybody's whom the settings trust.
    Any,
    /// Those of these.
    Only(Vec<Issuer>),
}

impl Issuers {
    /// Our own sessions, and nobody else's.
    pub fn own() -> Self {
        Self::Only(vec![Issuer::Own])
    }

    /// True when a session that this issuer vouches for is accepted.
    pub fn accepts(&self, issuer: &Issuer) -> bool {
        match self {
            Self::Any => true,
            Self::Only(issuers) => issuers.contains(issuer),
        }
    }

    /// Those that are named; none when anybody will do.
    pub fn named(&self) -> &[Issuer] {
        match self {
            Self::Any => &[],
            Self::Only(issuers) => issuers,
        }
    }
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Who vouches for it.
    pub issuer: Issuer,
    /// The tenant; `public` for sessions of trusted issuers, but for those that have a tenant for each of their customers.
    pub tenant_id: String,
    /// The user, as the issuer names it.
    pub subject: String,
}

impl Identity {
    /// A user of ours.
    pub const fn own(tenant_id: String, user_id: String) -> Self {
        Self {
            issuer: Issuer::Own,
            tenant_id,
            subject: user_id,
        }
    }

    /// A user of a trusted issuer, by the issuer's id in settings and by the issuer's tenant, if it has tenants.
    pub fn trusted(issuer: &str, tenant: Option<String>, subject: String) -> Self {
        Self {
            issuer: Issuer::Trusted(issuer.to_owned()),
            tenant_id: tenant.unwrap_or_else(|| PUBLIC_TENANT.to_owned()),
            subject,
        }
    }

    /// The user id; `None` when the session is not of our own.
    pub fn own_user_id(&self) -> Option<&str> {
        match self.issuer {
            Issuer::Own => Some(&self.subject),
            Issuer::Trusted(_) => None,
        }
    }
}

/// A session whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its handle; `None` for a token of a trusted issuer that names a user and no session: then there is no session data, and
    /// nothing to end.
    pub handle: Option<String>,
    /// Whose it is.
    pub identity: Identity,
    /// The payload: the text of one JSON object.
    pub payload: String,
    /// The key that its token is bound to (`cnf.jkt`, RFC 9449): it counts with a proof only.
    pub bound_key: Option<Thumbprint>,
}
