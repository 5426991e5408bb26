//! `POST {base}/issuers/{id}/logout` as HTTP: what a request must look like, and what each specification has answered.
//!
//! A form with a logout token (OpenID Connect Back-Channel Logout 1.0 sections 2.5 and 2.8), or a security event token pushed
//! (RFC 8935 sections 2.2 to 2.4). No answer says whether there was a session.

use super::{SignalFault, SignalKind};
use crate::http::{form, reply::Reply};
use postern_jwt::{TokenFault, json::ObjectWriter};

/// The most bytes of a body.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// When whoever was answered 503 may try again, in seconds.
const RETRY_AFTER: &str = "5";

/// What a content type says that a body is.
pub fn kind(content_type: &str) -> Option<SignalKind> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    if is("application/x-www-form-urlencoded") {
        Some(SignalKind::BackChannel)
    } else if is("application/secevent+jwt") {
        Some(SignalKind::SecurityEvent)
    } else {
        None
    }
}

/// The token that a body holds.
///
/// # Errors
/// There is none, or several, or the request has a query.
pub fn token(kind: SignalKind, query: &str, body: &str) -> Result<String, SignalFault> {
    if !query.is_empty() {
        return Err(SignalFault::Says("the address has a query"));
    }
    match kind {
        SignalKind::SecurityEvent => Ok(body.trim_ascii().to_owned()),
        SignalKind::BackChannel => {
            let values = form::values(body, "logout_token").unwrap_or_default();
            <[String; 1]>::try_from(values)
                .map(|[token]| token)
                .map_err(|_| SignalFault::Says("the form does not have one logout_token"))
        }
    }
}

/// The signal was taken in, whatever it ended.
pub fn accepted(kind: SignalKind) -> Reply {
    Reply::empty(match kind {
        SignalKind::BackChannel => 200,
        SignalKind::SecurityEvent => 202,
    })
}

/// The signal is refused, for good.
pub fn refused(kind: SignalKind, fault: SignalFault) -> Reply {
    let mut body = ObjectWriter::new();
    match kind {
        SignalKind::BackChannel => {
            body.text("error", "invalid_request");
            body.text("error_description", fault.text());
            Reply::json(400, body.finish())
        }
        SignalKind::SecurityEvent => {
            body.text("err", error_code(fault));
            body.text("description", fault.text());
            Reply::json(400, body.finish()).with_header("content-language", "en")
        }
    }
}

/// The body is of another type than the two.
pub fn wrong_type() -> Reply {
    let fault = SignalFault::Says("the content type is neither of a form nor of a security event");
    refused(SignalKind::BackChannel, fault)
}

/// Keys or objects are out of reach: the signal may be sent again.
pub fn unavailable() -> Reply {
    Reply::json(503, r#"{"error":"temporarily_unavailable"}"#)
        .with_header("retry-after", RETRY_AFTER)
}

/// The error codes of RFC 8935 section 2.4.
const fn error_code(fault: SignalFault) -> &'static str {
    match fault {
        SignalFault::Token(TokenFault::WrongIssuer) => "invalid_issuer",
        SignalFault::Token(TokenFault::WrongAudience) => "invalid_audience",
        SignalFault::Token(
            TokenFault::UnknownKey | TokenFault::AlgorithmMismatch | TokenFault::TooManyKeys,
        ) => "invalid_key",
        SignalFault::Token(TokenFault::BadSignature) => "authentication_failed",
        SignalFault::Token(_) | SignalFault::Says(_) => "invalid_request",
    }
}

#[cfg(test)]
mod tests {
    use super::{accepted, kind, refused, token};
    use crate::tokens::logout::{SignalFault, SignalKind};
    use postern_jwt::TokenFault;

    #[test]
    fn a_body_is_what_its_content_type_says() {
        for (header, expected) in [
            (
                "application/x-www-form-urlencoded",
                Some(SignalKind::BackChannel),
            ),
            (
                "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
                Some(SignalKind::BackChannel),
            ),
            ("application/secevent+jwt", Some(SignalKind::SecurityEvent)),
            ("application/json", None),
            ("", None),
        ] {
            assert_eq!(kind(header), expected, "{header}");
        }
    }

    #[test]
    fn a_form_has_one_token_and_the_address_has_none() {
        let form = |query, body| token(SignalKind::BackChannel, query, body).ok();
        assert_eq!(
            form("", "state=x&logout_token=a.b%2Ec"),
            Some("a.b.c".to_owned())
        );
        for (query, body) in [
            ("", ""),
            ("", "logout_token=a&logout_token=a"),
            ("", "logout_token=%ff"),
            ("logout_token=a", "logout_token=a"),
        ] {
            assert_eq!(form(query, body), None, "{query} {body}");
        }
        let event = token(SignalKind::SecurityEvent, "", " a.b.c\n").ok();
        assert_eq!(event.as_deref(), Some("a.b.c"));
    }

    #[test]
    fn answers_are_those_of_the_specifications() {
        assert_eq!(accepted(SignalKind::BackChannel).status, 200);
        assert_eq!(accepted(SignalKind::SecurityEvent).status, 202);
        let fault = SignalFault::Token(TokenFault::WrongAudience);
        let reply = refused(SignalKind::BackChannel, fault);
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (
                400,
                r#"{"error":"invalid_request","error_description":"wrong_audience"}"#
            )
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let reply = refused(SignalKind::SecurityEvent, fault);
        assert_eq!(
            reply.body,
            r#"{"err":"invalid_audience","description":"wrong_audience"}"#
        );
        assert_eq!(reply.header("content-language"), Some("en"));
    }
}
