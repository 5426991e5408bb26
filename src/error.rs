//! One table: outcome to HTTP status, body, RPC status, log level, retryable.
//!
//! Owns how a refusal looks on each surface, so that no door invents its own. Refuses to know which door asks, and
//! the backend protocol's own shapes (`core_driver`).

use crate::http::reply::Reply;
use crate::json::ObjectWriter;
use crate::session::model::Refusal;
use crate::settings::LogLevel;

/// How long a caller should wait after a fault of ours, in seconds (`Retry-After`, RFC 9110 section 10.2.3).
pub const RETRY_AFTER_SECONDS: u32 = 2;

/// How a refusal looks from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The stable code: `status` in HTTP bodies, and over RPC where [`Self::rpc_status`] allows it.
    pub code: &'static str,
    /// The HTTP status; for 401 the setting `SESSION_EXPIRED_STATUS_CODE` takes its place.
    pub http_status: u16,
    /// The public text. For outcomes about a session it is the browser protocol's (fdi.md 4.1) and says nothing more.
    pub message: String,
    /// The level at which it is logged.
    pub log_level: LogLevel,
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
}

impl Outcome {
    /// The table.
    pub fn of(refusal: &Refusal) -> Self {
        let (code, http_status, message, log_level) = match refusal {
            Refusal::Unauthorised(_) => (
                "UNAUTHORISED",
                401,
                "unauthorised".to_owned(),
                LogLevel::Info,
            ),
            Refusal::TryRefreshToken(_) => (
                "TRY_REFRESH_TOKEN",
                401,
                "try refresh token".to_owned(),
                LogLevel::Info,
            ),
            Refusal::TokenTheftDetected(_) => (
                "TOKEN_THEFT_DETECTED",
                401,
                "token theft detected".to_owned(),
                LogLevel::Warn,
            ),
            Refusal::InvalidClaims(_) => (
                "INVALID_CLAIMS",
                403,
                "invalid claim".to_owned(),
                LogLevel::Info,
            ),
            Refusal::BadInput(text) => ("BAD_INPUT", 400, text.clone(), LogLevel::Info),
            Refusal::TooLarge(input) => (
                "TOO_LARGE",
                413,
                format!(
                    "{} is {} bytes long; the limit is {} bytes",
                    input.what, input.size, input.limit
                ),
                LogLevel::Info,
            ),
            Refusal::GeneralError(_) => (
                "GENERAL_ERROR",
                503,
                "temporarily unavailable; try again".to_owned(),
                LogLevel::Error,
            ),
        };
        Self {
            code,
            http_status,
            message,
            log_level,
            retry_after_seconds: (http_status == 503).then_some(RETRY_AFTER_SECONDS),
        }
    }

    /// The `status` of an RPC result, or nothing when the call is rejected instead: bad input is the caller's mistake,
    /// not an outcome.
    pub fn rpc_status(&self) -> Option<&'static str> {
        (!matches!(self.http_status, 400 | 413)).then_some(self.code)
    }

    /// The body of our own doors: `{"status":"…","message":"…"}`.
    pub fn body(&self) -> String {
        let mut body = ObjectWriter::new();
        body.text("status", self.code);
        body.text("message", &self.message);
        body.finish()
    }
}

/// The text for callers we trust (RPC results, service API, logs): what exactly was refused. It holds no token, cookie
/// or user data.
pub fn detail(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unauthorised(text)
        | Refusal::TryRefreshToken(text)
        | Refusal::InvalidClaims(text)
        | Refusal::GeneralError(text) => (*text).to_owned(),
        Refusal::TokenTheftDetected(_) | Refusal::BadInput(_) | Refusal::TooLarge(_) => {
            Outcome::of(refusal).message
        }
    }
}

/// The value of `WWW-Authenticate`, for the refusals that have one.
pub const fn challenge(refusal: &Refusal, presented: Presented) -> Option<&'static str> {
    match (refusal, presented) {
        (Refusal::Unauthorised(_), Presented::Nothing) => Some("Bearer"),
        (
            Refusal::Unauthorised(_) | Refusal::TryRefreshToken(_) | Refusal::TokenTheftDetected(_),
            _,
        ) => Some("Bearer error=\"invalid_token\""),
        (Refusal::InvalidClaims(_), _) => Some("Bearer error=\"insufficient_scope\""),
        (Refusal::BadInput(_), _) => Some("Bearer error=\"invalid_request\""),
        (Refusal::TooLarge(_) | Refusal::GeneralError(_), _) => None,
    }
}

/// The reply of the browser API and the gateway. `session_expired_status` is the setting of that name.
pub fn reply(refusal: &Refusal, presented: Presented, session_expired_status: u16) -> Reply {
    let outcome = Outcome::of(refusal);
    let status = match outcome.http_status {
        401 => session_expired_status,
        status => status,
    };
    let mut reply = Reply::json(status, outcome.body());
    if let Some(challenge) = challenge(refusal, presented) {
        reply = reply.with_header("www-authenticate", challenge);
    }
    if let Some(seconds) = outcome.retry_after_seconds {
        reply = reply.with_header("retry-after", seconds.to_string());
    }
    reply
}

/// The reply of every route while the settings are faulty. It names none of them: strangers read it.
pub fn misconfigured() -> Reply {
    Reply::json(
        500,
        "{\"status\":\"MISCONFIGURED\",\"message\":\"this service is not set up correctly; its log says why\"}",
    )
}

/// The reply to a path that nobody serves.
pub fn not_found() -> Reply {
    Reply::json(404, "{\"status\":\"NOT_FOUND\",\"message\":\"not found\"}")
}

/// The reply to a door of ours that wants an API key, when none of ours is presented.
pub fn invalid_api_key() -> Reply {
    Reply::json(
        401,
        "{\"status\":\"INVALID_API_KEY\",\"message\":\"an API key is needed\"}",
    )
}

/// The reply to a request that no rule of the gateway lets through: what is not allowed is refused.
pub fn no_rule() -> Reply {
    Reply::json(
        403,
        "{\"status\":\"NO_RULE\",\"message\":\"no rule lets this request through\"}",
    )
}

/// The reply to a website that opens a WebSocket with somebody's session and is none of ours.
pub fn foreign_website() -> Reply {
    Reply::json(
        403,
        "{\"status\":\"FOREIGN_WEBSITE\",\"message\":\"this website may not use the session\"}",
    )
}

/// The reply when an origin cannot be reached, breaks off, or sends what it may not.
pub fn bad_gateway() -> Reply {
    Reply::json(
        502,
        "{\"status\":\"BAD_GATEWAY\",\"message\":\"the origin gave no usable answer\"}",
    )
}

/// The reply when an origin does not begin its answer in time.
pub fn gateway_timeout() -> Reply {
    Reply::json(
        504,
        "{\"status\":\"GATEWAY_TIMEOUT\",\"message\":\"the origin did not answer in time\"}",
    )
}

/// The reply to a path of ours with another method; `allow` lists the right ones (RFC 9110 section 15.5.6).
pub fn method_not_allowed(allow: &str) -> Reply {
    Reply::json(
        405,
        "{\"status\":\"METHOD_NOT_ALLOWED\",\"message\":\"method not allowed\"}",
    )
    .with_header("allow", allow)
}

#[cfg(test)]
mod tests {
    use super::{
        Outcome, Presented, bad_gateway, detail, foreign_website, gateway_timeout, invalid_api_key,
        method_not_allowed, misconfigured, no_rule, not_found, reply,
    };
    use crate::session::model::{Refusal, ReuseSubtype, Theft, TooLarge};
    use crate::settings::LogLevel;

    fn theft() -> Refusal {
        Refusal::TokenTheftDetected(Box::new(Theft {
            handle: "the-handle".into(),
            user_id: "the-user".into(),
            subtype: ReuseSubtype::RecentPrev,
        }))
    }

    fn too_large() -> Refusal {
        Refusal::TooLarge(Box::new(TooLarge {
            what: "sessionData",
            size: 1_048_577,
            limit: 1_048_576,
        }))
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_refusal_has_its_row() {
        for (refusal, status, rpc, body, challenge, retry) in [
            (
                Refusal::Unauthorised("x"),
                401,
                Some("UNAUTHORISED"),
                r#"{"status":"UNAUTHORISED","message":"unauthorised"}"#,
                Some(r#"Bearer error="invalid_token""#),
                None,
            ),
            (
                Refusal::TryRefreshToken("x"),
                401,
                Some("TRY_REFRESH_TOKEN"),
                r#"{"status":"TRY_REFRESH_TOKEN","message":"try refresh token"}"#,
                Some(r#"Bearer error="invalid_token""#),
                None,
            ),
            (
                theft(),
                401,
                Some("TOKEN_THEFT_DETECTED"),
                r#"{"status":"TOKEN_THEFT_DETECTED","message":"token theft detected"}"#,
                Some(r#"Bearer error="invalid_token""#),
                None,
            ),
            (
                Refusal::InvalidClaims("x"),
                403,
                Some("INVALID_CLAIMS"),
                r#"{"status":"INVALID_CLAIMS","message":"invalid claim"}"#,
                Some(r#"Bearer error="insufficient_scope""#),
                None,
            ),
            (
                Refusal::BadInput("\"handle\" must be a string".into()),
                400,
                None,
                r#"{"status":"BAD_INPUT","message":"\"handle\" must be a string"}"#,
                Some(r#"Bearer error="invalid_request""#),
                None,
            ),
            (
                too_large(),
                413,
                None,
                r#"{"status":"TOO_LARGE","message":"sessionData is 1048577 bytes long; the limit is 1048576 bytes"}"#,
                None,
                None,
            ),
            (
                Refusal::GeneralError("x"),
                503,
                Some("GENERAL_ERROR"),
                r#"{"status":"GENERAL_ERROR","message":"temporarily unavailable; try again"}"#,
                None,
                Some("2"),
            ),
        ] {
            let answer = reply(&refusal, Presented::Token, 401);
            assert_eq!((answer.status, answer.body.as_str()), (status, body));
            assert_eq!(
                header(&answer.headers, "www-authenticate"),
                challenge,
                "{refusal:?}"
            );
            assert_eq!(header(&answer.headers, "retry-after"), retry, "{refusal:?}");
            assert_eq!(header(&answer.headers, "cache-control"), Some("no-store"));
            assert_eq!(Outcome::of(&refusal).rpc_status(), rpc);
        }
    }

    #[test]
    fn every_body_is_json_with_status_and_message() {
        for answer in [
            misconfigured(),
            not_found(),
            method_not_allowed("GET"),
            no_rule(),
            invalid_api_key(),
            foreign_website(),
            bad_gateway(),
            gateway_timeout(),
        ] {
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert!(body["status"].is_string() && body["message"].is_string());
            assert_eq!(header(&answer.headers, "cache-control"), Some("no-store"));
        }
        assert_eq!(
            header(&method_not_allowed("GET, HEAD").headers, "allow"),
            Some("GET, HEAD")
        );
    }

    #[test]
    fn without_a_token_the_challenge_is_bare() {
        let answer = reply(&Refusal::Unauthorised("x"), Presented::Nothing, 401);
        assert_eq!(header(&answer.headers, "www-authenticate"), Some("Bearer"));
    }

    #[test]
    fn the_expired_status_replaces_401_and_nothing_else() {
        assert_eq!(
            reply(&Refusal::TryRefreshToken("x"), Presented::Token, 440).status,
            440
        );
        assert_eq!(
            reply(&Refusal::InvalidClaims("x"), Presented::Token, 440).status,
            403
        );
        assert_eq!(
            reply(&Refusal::GeneralError("x"), Presented::Token, 440).status,
            503
        );
    }

    #[test]
    fn public_texts_tell_strangers_nothing() {
        let refused = reply(&theft(), Presented::Token, 401);
        let body = &refused.body;
        assert!(!body.contains("the-handle") && !body.contains("the-user"));
        let refusal = Refusal::GeneralError("KV put failed");
        let refused = reply(&refusal, Presented::Token, 401);
        let body = &refused.body;
        assert!(!body.contains("KV"));
        assert_eq!(
            detail(&Refusal::GeneralError("KV put failed")),
            "KV put failed"
        );
        assert!(!detail(&theft()).contains("the-user"));
        assert_eq!(misconfigured().status, 500);
    }

    #[test]
    fn faults_of_ours_and_theft_stand_out_in_the_log() {
        assert_eq!(
            Outcome::of(&Refusal::GeneralError("x")).log_level,
            LogLevel::Error
        );
        assert_eq!(Outcome::of(&theft()).log_level, LogLevel::Warn);
        assert_eq!(
            Outcome::of(&Refusal::TryRefreshToken("x")).log_level,
            LogLevel::Info
        );
    }
}
