//! An HTTP answer of the backend protocol as a value.
//!
//! Owns content types, the closing newline and the fixed texts of refusals. Refuses to know what they answer.

use serde::Serialize;

/// The text for payloads that hold a claim which the protocol owns; clients look for it.
pub const PROTECTED_FIELD: &str = "The user payload contains protected field";

/// The text of a session that is not there (any more).
pub const NO_SESSION: &str = "Session does not exist.";

/// One answer, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// Further headers: names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body, with its closing newline.
    pub body: String,
}

impl Reply {
    /// A JSON answer. The protocol sends every outcome, refusals included, with status 200.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self::new(200, "application/json; charset=UTF-8", text),
            Err(_) => Self::fault("The answer could not be written"),
        }
    }

    /// A text answer: everything that is not an outcome.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/html; charset=UTF-8", text.into())
    }

    /// 400 with a text.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::text(400, text)
    }

    /// 400 for a body that is not one JSON object.
    pub fn invalid_json() -> Self {
        Self::bad_request("Invalid Json Input")
    }

    /// 400 for a body field that is missing or of the wrong type.
    pub fn invalid_field(name: &str) -> Self {
        Self::bad_request(format!("Field name '{name}' is invalid in JSON input"))
    }

    /// 400 for a query parameter that is missing.
    pub fn missing_parameter(name: &str) -> Self {
        Self::bad_request(format!("Field name '{name}' is missing in GET request"))
    }

    /// 400 for a version that is not spoken here, or that cannot make this call.
    pub fn version_not_supported(version: &str) -> Self {
        Self::bad_request(format!("cdi-version {version} not supported"))
    }

    /// 401 for a missing or wrong API key.
    pub fn invalid_api_key() -> Self {
        Self::text(401, "Invalid API key")
    }

    /// 403 for calls that only the `public` tenant may make.
    pub fn public_tenant_only() -> Self {
        Self::text(403, "Only public tenantId can call this app specific API")
    }

    /// 404 for paths that this version does not have.
    pub fn not_found() -> Self {
        Self::text(404, "Not found")
    }

    /// 405 for a known path with another method.
    pub fn method_not_supported() -> Self {
        Self::text(405, "Method not supported")
    }

    /// 500 for a fault of ours that trying again will not mend.
    pub fn fault(text: &str) -> Self {
        Self::text(500, text)
    }

    /// 503 for an outage of ours or of our storage: nothing was lost, the caller may try again.
    pub fn unavailable(text: &str) -> Self {
        Self::text(503, text).with_header("retry-after", "1".to_owned())
    }

    /// This answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn new(status: u16, content_type: &'static str, mut body: String) -> Self {
        body.push('\n');
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body,
        }
    }
}
