//! Webhooks by the Standard Webhooks scheme, version 1 of its symmetric signatures
//! (github.com/standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`).

use base64ct::{Base64, Encoding};

use postern_jwt::secret::{Secret, hmac_sha256};

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret has: as the scheme says.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The headers of a request beside its content type.
pub const ID: &str = "webhook-id";
/// When it was sent, in seconds since the Unix epoch.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Its signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// Reads `whsec_` and the base64 of 24 to 64 bytes; `None` for anything else.
pub fn parse_secret(text: &str) -> Option<Secret> {
    let bytes = Base64::decode_vec(text.strip_prefix(PREFIX)?).ok()?;
    SECRET_BYTES
        .contains(&bytes.len())
        .then(|| Secret::new(bytes))
}

/// The signatures of one attempt, by each secret, with spaces between them: a receiver is content with one that it knows.
/// `seconds` is when it is sent, since the Unix epoch.
pub fn signatures(secrets: &[Secret], id: &str, seconds: u64, body: &str) -> String {
    let message = format!("{id}.{seconds}.{body}");
    let signed = secrets.iter().map(|secret| {
        let signature = hmac_sha256(secret, message.as_bytes());
        ["v1,", &Base64::encode_string(signature.expose())].concat()
    });
    signed.collect::<Vec<_>>().join(" ")
}
