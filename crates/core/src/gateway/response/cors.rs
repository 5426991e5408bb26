//! CORS of the gateway: preflights are answered here, per rule, without a session.

use crate::http::reply::Reply;
use crate::settings::Settings;
use crate::supertokens::fdi::cors;

use crate::gateway::decision::decide::RequestMeta;
use crate::gateway::rules::Rule;

/// The answer to a preflight of a request that falls under `rule`. `None` only where the rule looks at no session and
/// the asking website is none of ours: what strangers may do there is the origin's to say, and it is asked without any
/// credential.
pub fn preflight(settings: &Settings, rule: &Rule, request: &RequestMeta<'_>) -> Option<Reply> {
    let origin = (request.header)("origin");
    let is_ours = origin
        .as_deref()
        .is_some_and(|origin| cors::is_website(settings, origin));
    if !rule.asks_for_session() && !is_ours {
        return None;
    }
    let requested = (request.header)("access-control-request-headers");
    let mut reply = cors::preflight(settings, origin.as_deref(), requested.as_deref());
    let asked = (request.header)("access-control-request-method");
    for (name, value) in &mut reply.headers {
        if name != "access-control-allow-methods" {
            continue;
        }
        if !rule.methods.is_empty() {
            // The rule knows its methods; no website need ask for others.
            *value = methods(rule);
        } else if let Some(asked) = asked.as_deref().filter(|asked| is_unlisted(value, asked)) {
            // It is for every method, those of WebDAV among them.
            value.push_str(", ");
            value.push_str(asked);
        }
    }
    Some(reply)
}

/// Whether this is a method, and none of a list.
fn is_unlisted(list: &str, method: &str) -> bool {
    cors::is_token(method) && !list.split(", ").any(|known| known == method)
}

fn methods(rule: &Rule) -> String {
    let mut methods = rule.methods.join(", ");
    if rule.covers_method("HEAD") && !rule.methods.iter().any(|known| known == "HEAD") {
        methods.push_str(", HEAD");
    }
    methods
}
