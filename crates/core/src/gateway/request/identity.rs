//! The headers that tell an origin whose request it has.
//!
//! Values are visible ASCII whatever the claims hold, and within a budget: an origin that gets too long a head answers
//! 431 to everybody with many groups, so what is over the budget is left out, and said to be.

use data_encoding::BASE64URL_NOPAD;

use crate::identity::{Issuer, Session};

/// The session's handle.
pub const HANDLE: &str = "postern-session-handle";
/// The user's id, with escapes for all but visible ASCII (`decodeURIComponent` reads it). Only of our own sessions: an
/// origin that looks at nothing else sees nobody when another issuer vouches for the session.
pub const USER_ID: &str = "postern-user-id";
/// The tenant.
pub const TENANT_ID: &str = "postern-tenant-id";
/// Of another issuer's session: the issuer's id in settings.
pub const ISSUER: &str = "postern-issuer";
/// Of another issuer's session, in place of [`USER_ID`]: the user as that issuer names it, escaped likewise.
pub const SUBJECT: &str = "postern-subject";
/// The payload: JSON as base64url without padding.
pub const PAYLOAD: &str = "postern-payload";
/// In place of [`PAYLOAD`]: how many bytes it would have taken.
pub const PAYLOAD_OMITTED: &str = "postern-payload-omitted";
/// In place of [`USER_ID`]: how many bytes it would have taken.
pub const USER_ID_OMITTED: &str = "postern-user-id-omitted";
/// In place of [`SUBJECT`]: how many bytes it would have taken.
pub const SUBJECT_OMITTED: &str = "postern-subject-omitted";
/// The signed assertion.
pub const ASSERTION: &str = "postern-assertion";
/// The key that a directive must echo.
pub const DIRECTIVE_KEY: &str = "postern-directive-key";

/// The longest value of [`PAYLOAD`].
pub const MAX_PAYLOAD_BYTES: usize = 8 * 1024;

/// The longest value of [`USER_ID`] and [`SUBJECT`]. Our own ids are at most 512 bytes before escapes.
pub const MAX_USER_ID_BYTES: usize = 2 * 1024;

/// The identity headers of a session.
pub fn headers(session: &Session) -> Vec<(&'static str, String)> {
    let identity = &session.identity;
    let handle = session.handle.clone().map(|handle| (HANDLE, handle));
    let mut headers: Vec<_> = handle.into_iter().collect();
    headers.push((TENANT_ID, escaped(&identity.tenant_id)));
    let (name, omitted) = match &identity.issuer {
        Issuer::Own => (USER_ID, USER_ID_OMITTED),
        Issuer::Trusted(id) => {
            headers.push((ISSUER, id.clone()));
            (SUBJECT, SUBJECT_OMITTED)
        }
    };
    let subject = escaped(&identity.subject);
    headers.push(within(name, subject, MAX_USER_ID_BYTES, omitted));
    let payload = payload_value(&session.payload);
    headers.push(within(PAYLOAD, payload, MAX_PAYLOAD_BYTES, PAYLOAD_OMITTED));
    headers
}

/// The value of [`PAYLOAD`], whatever its length.
pub fn payload_value(payload: &str) -> String {
    BASE64URL_NOPAD.encode(payload.as_bytes())
}

fn within(
    name: &'static str,
    value: String,
    most: usize,
    omitted: &'static str,
) -> (&'static str, String) {
    if value.len() <= most {
        (name, value)
    } else {
        (omitted, value.len().to_string())
    }
}

/// Visible ASCII stays, but for `%` and the comma that joins repeated headers; everything else is escaped, as UTF-8.
fn escaped(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| HEX.get(usize::from(value)).copied().map_or('0', char::from);
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && byte != b',' {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(digit(byte >> 4));
            escaped.push(digit(byte & 15));
        }
    }
    escaped
}
