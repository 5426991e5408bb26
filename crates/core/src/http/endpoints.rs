//! The endpoints of the Worker, and the paths of the browser API.

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET {base}/session`: verify and show the session.
    Session,
    /// `POST {base}/session/refresh` (fdi.md 3.1).
    SessionRefresh,
    /// `GET {base}/session/refresh`: for navigations, which come back from it.
    RefreshAndReturn,
    /// `POST {base}/session/ticket`: a ticket for a request that can carry no header.
    SessionTicket,
    /// `POST {base}/session/exchange`: a trusted issuer's token becomes a session of ours.
    SessionExchange,
    /// `GET {base}/sessions`: the sessions of the person who asks.
    Sessions,
    /// `POST {base}/sessions/end`: the person ends one of them, or all others.
    EndSessions,
    /// `POST {base}/session/device`: a browser registers the key of a new session.
    SessionDevice,
    /// `POST {base}/session/device/refresh`: it proves that it has the key.
    SessionDeviceRefresh,
    /// `POST {base}/signout` (fdi.md 3.2).
    SignOut,
    /// `GET {base}/jwt/jwks.json`: the keys of access tokens (RFC 7517).
    Jwks,
    /// `GET {base}/assertion/jwks.json`: the keys of what the gateway tells origins.
    AssertionJwks,
    /// `GET {base}/.well-known/openid-configuration`.
    OpenIdConfiguration,
    /// `GET {base}/healthz`: the Worker runs.
    Healthz,
    /// `GET {base}/readyz`: the Worker and its storage can serve.
    Readyz,
    /// `POST {base}/explain`: what the gateway's rules would do; an API key is needed.
    Explain,
    /// `POST {base}/issuers/{id}/logout`: a trusted issuer says that a session has ended there.
    IssuerLogout {
        /// The issuer's id in settings.
        id: String,
    },
    /// `GET {base}/metrics`: the counts of the isolate that answers; an API key is needed.
    Metrics,
    /// The operator's console, and what lies below it.
    Console {
        /// The path behind `{base}/console`; empty or with a leading slash.
        path: String,
    },
    /// `OPTIONS` on a path of the browser API: a CORS preflight.
    Preflight,
    /// The service API; an API key is needed.
    Core {
        /// The path behind the base path, with a leading slash.
        path: String,
    },
    /// The un-prefixed paths of protocol 1.0 and 2.0, for clients of `LEGACY_KEYLESS_ALLOW` only.
    LegacyCore,
    /// No path of ours: the gateway's, when it has rules.
    NotFound,
    /// A path of the browser API with another method.
    MethodNotAllowed {
        /// The value of the `Allow` header (RFC 9110 section 10.2.1).
        allow: &'static str,
    },
}

const READ: &str = "GET, HEAD, OPTIONS";
/// `Allow` of a path that changes something.
pub const CHANGE: &str = "POST, OPTIONS";

/// The paths of the browser API behind `{base}`, with their `Allow`.
pub(crate) const BROWSER_API: [(&str, &str, Route); 16] = [
    ("/session", READ, Route::Session),
    ("/session/refresh", CHANGE, Route::SessionRefresh),
    ("/session/ticket", CHANGE, Route::SessionTicket),
    ("/session/exchange", CHANGE, Route::SessionExchange),
    ("/sessions", READ, Route::Sessions),
    ("/sessions/end", CHANGE, Route::EndSessions),
    ("/session/device", CHANGE, Route::SessionDevice),
    (
        "/session/device/refresh",
        CHANGE,
        Route::SessionDeviceRefresh,
    ),
    ("/signout", CHANGE, Route::SignOut),
    ("/jwt/jwks.json", READ, Route::Jwks),
    ("/assertion/jwks.json", READ, Route::AssertionJwks),
    (
        "/.well-known/openid-configuration",
        READ,
        Route::OpenIdConfiguration,
    ),
    ("/healthz", READ, Route::Healthz),
    ("/readyz", READ, Route::Readyz),
    ("/explain", "POST", Route::Explain),
    ("/metrics", "GET", Route::Metrics),
];

/// Where the console is, behind `{base}`.
pub const CONSOLE: &str = "/console";

/// Every path of the browser API under `base`.
pub(crate) fn browser_paths(base: &str) -> impl Iterator<Item = String> {
    BROWSER_API
        .into_iter()
        .map(move |(path, _, _)| format!("{base}{path}"))
}
