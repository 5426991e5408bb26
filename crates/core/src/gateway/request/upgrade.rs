//! Upgrades to the WebSocket protocol (RFC 6455).

/// Whether a WebSocket is asked for.
pub fn is_websocket(upgrade: Option<&str>) -> bool {
    upgrade.is_some_and(|upgrade| upgrade.trim().eq_ignore_ascii_case("websocket"))
}
