//! The headers of the draft, as Chromium 156 sends and reads them.

use super::SessionId;
use crate::settings::Settings;

/// `Secure-Session-Registration`: where and how the browser of a new session registers a key.
pub fn registration_header(settings: &Settings, challenge: &str) -> String {
    format!(
        "(ES256 RS256);path={};challenge={}",
        quoted(&[&settings.api_base_path, "/session/device"].concat()),
        quoted(challenge)
    )
}

/// `Secure-Session-Challenge`: what the device of this session is to sign.
pub fn challenge_header(challenge: &str, id: &str) -> String {
    format!("{};id={}", quoted(challenge), quoted(id))
}

/// The proof in `Secure-Session-Response`: a structured string in the draft, bare in Chromium.
pub fn proof_text(header: &str) -> &str {
    unquoted(header)
}

/// The identifier in `Sec-Secure-Session-Id`: as above.
pub fn session_id_text(header: &str) -> &str {
    unquoted(header)
}

/// Why the browser sent a request of this session without waiting for its bound cookie, as `Secure-Session-Skipped` says;
/// `None` when it does not say it of this session. Whoever sends the header can write anything: it excuses nothing but an
/// end, and opens nothing.
pub fn skipped_reason(header: &str, handle: &str) -> Option<&'static str> {
    const REASONS: [&str; 3] = ["server_error", "unreachable", "quota_exceeded"];
    let item = header.split(',').find(|item| {
        item.split(';').skip(1).any(|parameter| {
            let named = parameter.trim().strip_prefix("session_identifier=");
            let named = named.and_then(|named| SessionId::parse(unquoted(named)));
            named.is_some_and(|named| named.handle == handle)
        })
    })?;
    let reason = item.split(';').next().unwrap_or_default().trim();
    REASONS.into_iter().find(|known| *known == reason)
}

/// A structured string (RFC 9651 section 3.3.3). What we put into one is visible ASCII.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim_matches([' ', '\t']);
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
}
