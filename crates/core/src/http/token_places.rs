//! Where in a request an issuer's token may be (`token_from`). Never in an address: those are logged, kept and passed on.

/// The places of one issuer's tokens. None of the usual ones is among them unless it is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPlaces {
    /// Names of headers, in lower case, of letters, digits and hyphens. `authorization` is read as `Bearer`, others with that word or without.
    pub headers: Vec<String>,
    /// Names of cookies.
    pub cookies: Vec<String>,
    /// What a WebSocket's subprotocol begins with that goes on with a token.
    pub protocols: Vec<String>,
}

/// One place in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'p> {
    /// `Authorization`, or what stands for it where a page can set no header.
    Authorization,
    /// A cookie of our own sessions.
    SessionCookie,
    /// Another header, by its name in lower case.
    Header(&'p str),
    /// Another cookie.
    Cookie(&'p str),
    /// A subprotocol with this beginning.
    Protocol(&'p str),
}

/// As an operator reads it.
impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Authorization => f.write_str("authorization"),
            Self::SessionCookie => f.write_str("the cookie of own access tokens"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Protocol(beginning) => write!(f, "websocket protocol {beginning}"),
        }
    }
}
