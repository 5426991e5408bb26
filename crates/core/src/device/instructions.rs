//! What a browser is told about a bound session: the JSON of the draft's section on session instructions.

use super::{SessionId, cookie_attributes, cookie_name};
use crate::settings::{
    Settings,
    origin::{host_name, origin_host},
};
use postern_jwt::json::{self, ObjectWriter};

/// The instructions of a session that goes on. The scope is the origin of the answer itself, which is the default, as the
/// cookie is host-only.
pub fn instructions(settings: &Settings, id: &SessionId) -> String {
    let mut scope = ObjectWriter::new();
    scope.json("include_site", "false");
    scope.json("scope_specification", "[]");
    let mut cookie = ObjectWriter::new();
    cookie.text("type", "cookie");
    cookie.text("name", &cookie_name(&id.handle));
    cookie.text("attributes", cookie_attributes(settings));
    let mut text = ObjectWriter::new();
    text.text("session_identifier", &id.to_string());
    text.text(
        "refresh_url",
        &[&settings.api_base_path, "/session/device/refresh"].concat(),
    );
    text.json("scope", &scope.finish());
    text.json("credentials", &format!("[{}]", cookie.finish()));
    let initiators = initiators(settings);
    if !initiators.is_empty() {
        let initiators = json::strings(initiators.iter().copied());
        text.json("allowed_refresh_initiators", &initiators);
    }
    text.finish()
}

/// The instructions that end a session in the browser.
pub fn ended(id: &str) -> String {
    let mut text = ObjectWriter::new();
    text.text("session_identifier", id);
    text.json("continue", "false");
    text.finish()
}

/// The hosts of the websites whose pages call this one from elsewhere: their requests wait for the cookie, too.
fn initiators(settings: &Settings) -> Vec<&str> {
    let own = host_name(origin_host(&settings.api_domain));
    let mut hosts: Vec<&str> = Vec::new();
    for origin in &settings.website_origins {
        let host = host_name(origin_host(origin));
        if host != own && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}
