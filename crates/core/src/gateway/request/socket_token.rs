//! An access token that a page's script hands over with a WebSocket, where browsers let it set no header but the
//! subprotocols: `new WebSocket(url, ["postern", "postern.bearer.TOKEN", …])`.
//!
//! The origin gets the other names; a browser takes an answer only that names one of those offered, so
//! where the origin chooses none, [`CHOSEN`] stands for it.

use crate::gateway::request::upgrade::is_websocket;

/// Offered beside the token: it says that this is understood, and is chosen when nothing else is.
pub const CHOSEN: &str = "postern";
/// What the token follows.
const BEARER: &str = "postern.bearer.";

/// `Authorization` as the token says it, for an upgrade to a WebSocket that offers one.
pub fn authorization(upgrade: Option<&str>, protocols: Option<&str>) -> Option<String> {
    let token = members(protocols?).find_map(|member| member.strip_prefix(BEARER))?;
    (is_websocket(upgrade) && !token.is_empty()).then(|| ["Bearer ", token].concat())
}

/// The subprotocols that are none of these, and none that carries another issuer's token, as the origin gets them; empty for
/// none.
pub fn others(protocols: &str, is_token_of_others: impl Fn(&str) -> bool) -> String {
    let is_token = |member: &str| is_ours(member) || is_token_of_others(member);
    if !members(protocols).any(is_token) {
        return protocols.to_owned();
    }
    let others: Vec<&str> = members(protocols).filter(|it| !is_token(it)).collect();
    others.join(", ")
}

/// True when [`CHOSEN`] is offered.
pub fn is_offered(protocols: Option<&str>) -> bool {
    protocols.is_some_and(|protocols| members(protocols).any(|member| member == CHOSEN))
}

fn is_ours(member: &str) -> bool {
    member == CHOSEN || member.starts_with(BEARER)
}

fn members(protocols: &str) -> impl Iterator<Item = &str> {
    let members = protocols.split(',').map(str::trim);
    members.filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{authorization, is_offered, others};

    #[test]
    fn the_token_is_taken_from_an_upgrade_and_the_others_are_left() {
        for (protocols, token, left, offered) in [
            (
                "postern, postern.bearer.a.b-c._d",
                Some("Bearer a.b-c._d"),
                "",
                true,
            ),
            (
                "chat,postern.bearer.t , v2.chat,postern",
                Some("Bearer t"),
                "chat, v2.chat",
                true,
            ),
            ("postern.bearer.t", Some("Bearer t"), "", false),
            ("chat, v2", None, "chat, v2", false),
            ("postern", None, "", true),
            ("postern.bearer.", None, "", false),
            (
                "postern.bearers.t, xpostern.bearer.t",
                None,
                "postern.bearers.t, xpostern.bearer.t",
                false,
            ),
            ("", None, "", false),
        ] {
            assert_eq!(
                authorization(Some("WebSocket"), Some(protocols)).as_deref(),
                token,
                "{protocols}"
            );
            assert_eq!(others(protocols, |_| false), left, "{protocols}");
            assert_eq!(is_offered(Some(protocols)), offered, "{protocols}");
            assert_eq!(authorization(None, Some(protocols)), None);
        }
        assert_eq!(authorization(Some("websocket"), None), None);
    }
}
