//! How a refusal looks on each surface, so that no entry point invents its own; the backend protocol has shapes of its own
//! (`supertokens::cdi`).

mod codes;

pub use codes::ErrorCode;

use crate::http::reply::Reply;
use crate::refusal::Refusal;

/// How long a caller should wait after a fault of ours, in seconds (`Retry-After`, RFC 9110 section 10.2.3).
pub const RETRY_AFTER_SECONDS: u32 = 2;

/// The same after too many requests: the shorter of the two spans over which the platform's rate limiter counts.
pub const TOO_MANY_RETRY_AFTER_SECONDS: u32 = 10;

/// How a refusal looks from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The stable code: `status` in HTTP bodies, and over RPC where [`Self::rpc_status`] allows it.
    pub code: &'static str,
    /// The HTTP status; for 401 the setting `SESSION_EXPIRED_STATUS_CODE` takes its place.
    pub http_status: u16,
    /// The public text. For outcomes about a session it is the browser protocol's (fdi.md 4.1) and says nothing more.
    pub message: String,
    /// Set when the same request may succeed later.
    pub retry_after_seconds: Option<u32>,
}

/// What stood in the request's place for a token, as far as it matters for `WWW-Authenticate` (RFC 6750 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// No token, or nothing that is one: the challenge is bare.
    Nothing,
    /// A token, which was refused.
    Token,
    /// A token that is bound to a key, without what shows the key; or one that is bound to none, with the scheme `DPoP`.
    BoundToken,
}

impl Outcome {
    /// The outcome of a refusal.
    pub fn of(refusal: &Refusal) -> Self {
        let code = code(refusal);
        Self {
            code: code.name(),
            http_status: code.http_status(),
            message: match refusal {
                Refusal::BadInput(text) => text.clone(),
                Refusal::TooLarge(input) => format!(
                    "{} is {} bytes long; the limit is {} bytes",
                    input.what, input.size, input.limit
                ),
                _ => code.message().to_owned(),
            },
            retry_after_seconds: match code.http_status() {
                503 => Some(RETRY_AFTER_SECONDS),
                429 => Some(TOO_MANY_RETRY_AFTER_SECONDS),
                _ => None,
            },
        }
    }

    /// The `status` of an RPC result, or nothing when the call is rejected instead: bad input is the caller's mistake,
    /// not an outcome.
    pub fn rpc_status(&self) -> Option<&'static str> {
        (!matches!(self.http_status, 400 | 413)).then_some(self.code)
    }
}

const fn code(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::Unauthorised(_) => ErrorCode::Unauthorised,
        Refusal::TryRefreshToken(_) => ErrorCode::TryRefreshToken,
        Refusal::TokenTheftDetected(_) => ErrorCode::TokenTheftDetected,
        Refusal::InvalidDpopProof(_) => ErrorCode::InvalidDpopProof,
        Refusal::UseDpopNonce(_) => ErrorCode::UseDpopNonce,
        Refusal::InvalidClaims(_) => ErrorCode::InvalidClaims,
        Refusal::DeviceBindingRequired => ErrorCode::DeviceBindingRequired,
        Refusal::ForeignWebsite => ErrorCode::ForeignWebsite,
        Refusal::TooManyRequests => ErrorCode::TooManyRequests,
        Refusal::BadInput(_) => ErrorCode::BadInput,
        Refusal::TooLarge(_) => ErrorCode::TooLarge,
        Refusal::GeneralError(_) => ErrorCode::GeneralError,
    }
}

/// The text for callers we trust (RPC results, service API, logs): what exactly was refused. It holds no token, cookie
/// or user data.
pub fn detail(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unauthorised(text)
        | Refusal::TryRefreshToken(text)
        | Refusal::InvalidDpopProof(text)
        | Refusal::InvalidClaims(text)
        | Refusal::GeneralError(text) => (*text).to_owned(),
        Refusal::DeviceBindingRequired => "the session is not bound to a device".to_owned(),
        Refusal::ForeignWebsite => "the request comes from another website".to_owned(),
        Refusal::TokenTheftDetected(_)
        | Refusal::UseDpopNonce(_)
        | Refusal::TooManyRequests
        | Refusal::BadInput(_)
        | Refusal::TooLarge(_) => Outcome::of(refusal).message,
    }
}

/// The algorithms of proofs, as they stand in a challenge. The list is `dpop`'s; a test compares them.
macro_rules! dpop_algorithms {
    () => {
        "algs=\"ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512\""
    };
}

/// The value of `WWW-Authenticate`, for the refusals that have one.
pub const fn challenge(refusal: &Refusal, presented: Presented) -> Option<&'static str> {
    match (refusal, presented) {
        (Refusal::Unauthorised(_), Presented::Nothing) => Some("Bearer"),
        (Refusal::InvalidDpopProof(_), _) => Some(concat!(
            "DPoP error=\"invalid_dpop_proof\", ",
            dpop_algorithms!()
        )),
        (Refusal::UseDpopNonce(_), _) => Some(concat!(
            "DPoP error=\"use_dpop_nonce\", ",
            dpop_algorithms!()
        )),
        (Refusal::Unauthorised(_) | Refusal::TryRefreshToken(_), Presented::BoundToken) => Some(
            concat!("DPoP error=\"invalid_token\", ", dpop_algorithms!()),
        ),
        (
            Refusal::Unauthorised(_) | Refusal::TryRefreshToken(_) | Refusal::TokenTheftDetected(_),
            _,
        ) => Some("Bearer error=\"invalid_token\""),
        (Refusal::InvalidClaims(_) | Refusal::DeviceBindingRequired, _) => {
            Some("Bearer error=\"insufficient_scope\"")
        }
        (Refusal::BadInput(_), _) => Some("Bearer error=\"invalid_request\""),
        (
            Refusal::ForeignWebsite
            | Refusal::TooManyRequests
            | Refusal::TooLarge(_)
            | Refusal::GeneralError(_),
            _,
        ) => None,
    }
}

/// The reply of the browser API and the gateway. `session_expired_status` is the setting of that name.
pub fn reply(refusal: &Refusal, presented: Presented, session_expired_status: u16) -> Reply {
    let outcome = Outcome::of(refusal);
    let status = match outcome.http_status {
        401 => session_expired_status,
        status => status,
    };
    let mut reply = Reply::json(status, code(refusal).body(&outcome.message));
    if let Some(challenge) = challenge(refusal, presented) {
        reply = reply.with_header("www-authenticate", challenge);
    }
    if let Some(seconds) = outcome.retry_after_seconds {
        reply = reply.with_header("retry-after", seconds.to_string());
    }
    if let Refusal::UseDpopNonce(nonce) = refusal {
        reply = reply.with_header("dpop-nonce", nonce).with_header(
            "access-control-expose-headers",
            "dpop-nonce, www-authenticate",
        );
    }
    reply
}

/// The reply of every route while the settings are faulty. It names none of them: strangers read it.
pub fn misconfigured() -> Reply {
    ErrorCode::Misconfigured.reply()
}

/// The reply to a path that nobody serves.
pub fn not_found() -> Reply {
    ErrorCode::NotFound.reply()
}

/// The reply of an endpoint that wants an API key, when none of ours is presented.
pub fn invalid_api_key() -> Reply {
    ErrorCode::InvalidApiKey.reply()
}

/// The reply to one request too many.
pub fn too_many_requests() -> Reply {
    // 429 has no other status: the one for expired sessions does not matter.
    reply(&Refusal::TooManyRequests, Presented::Nothing, 401)
}

/// The reply to a request that no rule of the gateway lets through: what is not allowed is refused.
pub fn no_rule() -> Reply {
    ErrorCode::NoRule.reply()
}

/// The reply to a page of another website that would use somebody's session.
pub fn foreign_website() -> Reply {
    // 403 has no other status: the one for expired sessions does not matter.
    reply(&Refusal::ForeignWebsite, Presented::Token, 401)
}

/// The reply to a body whose length had to be said (RFC 9110 section 15.5.12).
pub fn length_required(message: &str) -> Reply {
    ErrorCode::LengthRequired.reply_with(message)
}

/// The reply when an origin cannot be reached, breaks off, or sends what it may not.
pub fn bad_gateway() -> Reply {
    ErrorCode::BadGateway.reply()
}

/// The same reply in development (`DEVELOPMENT`), where it says what is wrong with which origin.
pub fn bad_gateway_of(what: &str) -> Reply {
    ErrorCode::BadGateway.reply_with(what)
}

/// The reply when an origin does not begin its answer in time.
pub fn gateway_timeout() -> Reply {
    ErrorCode::GatewayTimeout.reply()
}

/// The reply to a request that was carried on for longer than anything it may wait for.
pub fn given_up() -> Reply {
    ErrorCode::GatewayTimeout.reply_with("the answer took too long")
}

/// The reply to a request whose `Host` is none, at every entry point alike.
pub fn malformed_host() -> Reply {
    reply(
        &Refusal::BadInput("the host is malformed".to_owned()),
        Presented::Nothing,
        400,
    )
}

/// The reply to a method that is never answered, whatever the path (RFC 9110 section 15.6.2).
pub fn method_not_implemented() -> Reply {
    ErrorCode::MethodNotImplemented.reply()
}

/// The reply to a path of ours with another method; `allow` lists the right ones (RFC 9110 section 15.5.6).
pub fn method_not_allowed(allow: &str) -> Reply {
    ErrorCode::MethodNotAllowed
        .reply()
        .with_header("allow", allow)
}

#[cfg(test)]
mod tests;
