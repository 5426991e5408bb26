//! CORS of the gateway: preflights are answered here, per rule, without a session.

use crate::frontend::cors;
use crate::http::reply::Reply;
use crate::settings::Settings;

use super::decide::Facts;
use super::rules::Rule;

/// The answer to a preflight of a request that falls under `rule`. `None` only where the rule looks at no session and
/// the asking website is none of ours: what strangers may do there is the origin's to say, and it is asked without any
/// credential.
pub fn preflight(settings: &Settings, rule: &Rule, request: &Facts<'_>) -> Option<Reply> {
    let origin = (request.header)("origin");
    let is_ours = origin
        .as_deref()
        .is_some_and(|origin| cors::is_website(settings, origin));
    if !rule.asks_for_session() && !is_ours {
        return None;
    }
    let requested = (request.header)("access-control-request-headers");
    let mut reply = cors::preflight(settings, origin.as_deref(), requested.as_deref());
    if is_ours && !rule.methods.is_empty() {
        // The rule knows its methods; no website need ask for others.
        for (name, value) in &mut reply.headers {
            if name == "access-control-allow-methods" {
                *value = methods(rule);
            }
        }
    }
    Some(reply)
}

fn methods(rule: &Rule) -> String {
    let mut methods = rule.methods.join(", ");
    if rule.covers_method("HEAD") && !rule.methods.iter().any(|known| known == "HEAD") {
        methods.push_str(", HEAD");
    }
    methods
}
