//! Directives: response headers by which an origin starts, changes and ends sessions.
//!
//! A directive logs people in, so it counts only on a rule that allows it, only with the key of this very request, and
//! never from a cache. They are read here and carried out by the Worker.

use std::borrow::Cow;
use std::fmt;

use data_encoding::BASE64URL_NOPAD;

use postern_jwt::json::{self, Object};
use postern_jwt::secret::Secret;

/// Starts a session: base64url JSON `{userId, jwtPayload?, sessionData?}`.
pub const CREATE_SESSION: &str = "postern-create-session";
/// Overwrites the session's data: base64url of a JSON object.
pub const SESSION_DATA: &str = "postern-session-data";
/// Replaces the payload: base64url of a JSON object.
pub const SET_PAYLOAD: &str = "postern-set-payload";
/// Ends this session (`session`) or all of the user's (`user`).
pub const REVOKE: &str = "postern-revoke";

/// The most bytes of JSON in one directive.
pub const MAX_BYTES: usize = 8 * 1024;

/// The bytes of a directive key before it is written as base64url: 128 random bits, for one request.
pub const KEY_BYTES: usize = 16;

/// The headers of an answer that directives are read from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent<'a> {
    /// [`crate::gateway::request::identity::DIRECTIVE_KEY`], echoed.
    pub key: Option<&'a str>,
    /// [`CREATE_SESSION`].
    pub create_session: Option<&'a str>,
    /// [`SESSION_DATA`].
    pub session_data: Option<&'a str>,
    /// [`SET_PAYLOAD`].
    pub set_payload: Option<&'a str>,
    /// [`REVOKE`].
    pub revoke: Option<&'a str>,
    /// `Age`: caches write it (RFC 9111 section 5.1).
    pub age: Option<&'a str>,
    /// `CF-Cache-Status`: what Cloudflare's cache did.
    pub cache_status: Option<&'a str>,
}

/// What an origin wants done, in this order: revoke, create, payload, data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directives {
    /// End sessions.
    pub revoke: Option<Revoke>,
    /// Start one.
    pub create: Option<Create>,
    /// Replace the payload: a JSON object.
    pub payload: Option<String>,
    /// Overwrite the data: a JSON object.
    pub session_data: Option<String>,
}

/// Whose sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoke {
    /// The one that the request carries.
    Session,
    /// All of its user.
    User,
}

/// A session to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// For whom.
    pub user_id: String,
    /// A JSON object.
    pub payload: String,
    /// A JSON object.
    pub session_data: String,
}

/// Why directives are not carried out. The answer is then 502, without any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectiveFault {
    /// The key is missing, or not this request's.
    WrongKey,
    /// The answer was kept by a cache.
    Cached,
    /// A value is not base64url of JSON in the right form. The header's name.
    Malformed(&'static str),
    /// A value is longer than [`MAX_BYTES`]. The header's name.
    TooLarge(&'static str),
    /// Two directives that cannot both be meant.
    Contradiction,
    /// There is no session to change.
    NoSession(&'static str),
}

impl fmt::Display for DirectiveFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKey => f.write_str("the directive does not echo the key of its request"),
            Self::Cached => f.write_str("the directive comes from a cache"),
            Self::Malformed(name) => write!(f, "{name} is malformed"),
            Self::TooLarge(name) => write!(f, "{name} is longer than {MAX_BYTES} bytes"),
            Self::Contradiction => f.write_str("the directives contradict each other"),
            Self::NoSession(name) => write!(f, "{name} needs a session, and the request has none"),
        }
    }
}

/// Whose session the request of a directive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Nobody can tell: the rule looks at no session.
    Unknown,
    /// It has none that is good.
    Nobody,
    /// It has a good one.
    Somebody,
}

/// Reads the directives of an answer on a rule that allows them; `None` when there are none. `key` is that of this
/// request.
///
/// # Errors
/// When any of them cannot be honoured: all or nothing.
pub fn read(
    sent: &Sent<'_>,
    key: &Secret,
    holder: Holder,
) -> Result<Option<Directives>, DirectiveFault> {
    let values = [
        sent.create_session,
        sent.session_data,
        sent.set_payload,
        sent.revoke,
    ];
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    if key.expose().is_empty() || !key.equals(sent.key.unwrap_or_default().as_bytes()) {
        return Err(DirectiveFault::WrongKey);
    }
    // Any `Age`, and any status but those of an answer that came from the origin just now.
    let is_fresh = sent.cache_status.is_none_or(|status| {
        [
            "DYNAMIC",
            "BYPASS",
            "MISS",
            "EXPIRED",
            "NONE",
            "NONE/UNKNOWN",
        ]
        .iter()
        .any(|fresh| status.trim().eq_ignore_ascii_case(fresh))
    });
    if sent.age.is_some() || !is_fresh {
        return Err(DirectiveFault::Cached);
    }
    let directives = Directives {
        revoke: sent.revoke.map(revoke).transpose()?,
        create: sent.create_session.map(create).transpose()?,
        payload: sent
            .set_payload
            .map(|value| object(value, SET_PAYLOAD))
            .transpose()?,
        session_data: sent
            .session_data
            .map(|value| object(value, SESSION_DATA))
            .transpose()?,
    };
    let changes = directives.payload.is_some() || directives.session_data.is_some();
    if changes && (directives.create.is_some() || directives.revoke.is_some()) {
        return Err(DirectiveFault::Contradiction);
    }
    // Where sessions are looked at, a logout without one has nothing to do; that is no fault.
    for (needs_one, name) in [
        (directives.payload.is_some(), SET_PAYLOAD),
        (directives.session_data.is_some(), SESSION_DATA),
        (
            directives.revoke.is_some() && holder == Holder::Unknown,
            REVOKE,
        ),
    ] {
        if needs_one && holder != Holder::Somebody {
            return Err(DirectiveFault::NoSession(name));
        }
    }
    Ok(Some(directives))
}

fn revoke(value: &str) -> Result<Revoke, DirectiveFault> {
    match value.trim() {
        "session" => Ok(Revoke::Session),
        "user" => Ok(Revoke::User),
        _ => Err(DirectiveFault::Malformed(REVOKE)),
    }
}

fn create(value: &str) -> Result<Create, DirectiveFault> {
    const MALFORMED: DirectiveFault = DirectiveFault::Malformed(CREATE_SESSION);
    let text = decoded(value, CREATE_SESSION)?;
    let object = json::parse_object(&text).map_err(|_| MALFORMED)?;
    let is_known = |name: &str| matches!(name, "userId" | "jwtPayload" | "sessionData");
    if object.members().any(|member| !is_known(member.name())) {
        return Err(MALFORMED);
    }
    let user_id = object
        .string("userId")
        .map_err(|_| MALFORMED)?
        .map(Cow::into_owned)
        .ok_or(MALFORMED)?;
    Ok(Create {
        user_id,
        payload: member(&object, "jwtPayload").ok_or(MALFORMED)?,
        session_data: member(&object, "sessionData").ok_or(MALFORMED)?,
    })
}

/// A member that is an object, or the empty one where it is absent.
fn member(object: &Object<'_>, name: &str) -> Option<String> {
    let text = object.object(name).ok()?.unwrap_or("{}");
    json::minify(text).ok()
}

fn object(value: &str, name: &'static str) -> Result<String, DirectiveFault> {
    let text = decoded(value, name)?;
    json::parse_object(&text)
        .and_then(|_| json::minify(&text))
        .map_err(|_| DirectiveFault::Malformed(name))
}

/// Base64url is what is documented; the other alphabet and padding mean the same bytes and are what some languages have
/// at hand.
fn decoded(value: &str, name: &'static str) -> Result<String, DirectiveFault> {
    let value = value.trim();
    // Four characters for three bytes.
    if value.len() > MAX_BYTES.div_ceil(3).saturating_mul(4) {
        return Err(DirectiveFault::TooLarge(name));
    }
    let bare = value.trim_end_matches('=');
    let is_mixed = value.contains(['+', '/']) && value.contains(['-', '_']);
    let is_badly_padded =
        bare.len() != value.len() && value.len() != bare.len().next_multiple_of(4);
    if is_mixed || is_badly_padded {
        return Err(DirectiveFault::Malformed(name));
    }
    let url_safe = bare.replace('+', "-").replace('/', "_");
    let bytes = BASE64URL_NOPAD
        .decode(url_safe.as_bytes())
        .map_err(|_| DirectiveFault::Malformed(name))?;
    if bytes.len() > MAX_BYTES {
        return Err(DirectiveFault::TooLarge(name));
    }
    String::from_utf8(bytes).map_err(|_| DirectiveFault::Malformed(name))
}
