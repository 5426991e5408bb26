//! What of an answer's headers a client gets: nothing of one connection, nothing that is ours to say, and no cookie or
//! header of sessions from an origin that is not to set them.

use crate::http::credential_names;
use crate::settings::Settings;
use crate::supertokens::fdi::cors;

use crate::gateway::own_tokens::{self, IsOurs};
use crate::gateway::reserved::{is_hop_by_hop, is_ours, listed, normal};
use crate::gateway::rules::Rule;
use crate::gateway::rules::origins::Origin;

/// True when a header of an origin's answer is to be removed. `connection` is that answer's `Connection`.
///
/// `Set-Cookie` is judged by its values, see [`keeps_cookie`]; `Upgrade` of a WebSocket is the runtime's to write.
pub fn is_removed(origin: &Origin, connection: Option<&str>, name: &str) -> bool {
    let normal = normal(name);
    is_hop_by_hop(&normal)
        || is_ours(&normal)
        || (credential_names::is_response_header(&normal) && !origin.sets_sessions)
        || listed(connection).any(|listed| listed == normal)
}

/// True when a `Set-Cookie` value of an origin's answer may stay: it neither has a name of ours nor holds a token of ours
/// under another one.
pub fn keeps_cookie(origin: &Origin, value: &str, is_ours: IsOurs<'_>) -> bool {
    if origin.sets_sessions {
        return true;
    }
    let pair = value.split(';').next().unwrap_or_default();
    // A cookie without a name is sent back as its bare value, which may look like a whole pair (RFC 6265bis 5.7).
    let pair = pair.trim_start_matches(|c: char| c == '=' || !c.is_ascii_graphic());
    let name = pair.split('=').next().unwrap_or_default();
    let name: String = name.chars().filter(char::is_ascii_graphic).collect();
    !credential_names::is_cookie(&name) && own_tokens::held(value, is_ours).is_none()
}

/// Makes the CORS headers of an origin's answer right: `headers` holds its `access-control-*` and `vary` headers, and
/// they are to be replaced by what is left in it.
///
/// Where a rule looks at sessions the decision is ours alone: an origin that reflects any website would hand them all
/// the sessions. Elsewhere the origin's stands, unless the website is one of ours.
pub fn apply_cors(
    settings: &Settings,
    rule: &Rule,
    origin: Option<&str>,
    headers: &mut Vec<(String, String)>,
) {
    let is_ours = origin.is_some_and(|origin| cors::is_website(settings, origin));
    if rule.asks_for_session() || is_ours {
        cors::apply(settings, origin, headers);
    }
}
