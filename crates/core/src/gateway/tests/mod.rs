//! Tests of the gateway, and what they share.

mod answers;
mod cors;
mod credentials;
mod cves;
mod decisions;
mod devices;
mod directives;
mod directives_together;
mod explain;
mod hygiene;
mod identity;
mod refusals;
mod rules;
mod stale;

use serde_json::{Value, json};

use super::{Gateway, Origin, RequestMeta, Rule, RuleSession};
use crate::gateway::compile;
use crate::identity::{Identity, Issuer, Session};
use crate::settings::testing::parsed;
use postern_jwt::time::UnixMillis;

/// A header lookup for a request without headers.
fn no_header(_: &str) -> Option<String> {
    None
}

/// A good session of our own, as rules see it.
const fn own(payload: &str) -> RuleSession<'_> {
    RuleSession {
        issuer: &Issuer::Own,
        payload,
        now: UnixMillis(1_700_000_000_000),
    }
}

/// A session of our own, as origins see it.
fn own_session(user_id: &str, payload: &str) -> Session {
    Session {
        handle: Some("route.random.tag".to_owned()),
        identity: Identity::own("public".to_owned(), user_id.to_owned()),
        payload: payload.to_owned(),
        bound_key: None,
    }
}

/// Rules in front of one origin, which must be good. A rule without a path is for everything.
fn gateway(rules: &[Value]) -> Gateway {
    let rules: Vec<Value> = rules
        .iter()
        .cloned()
        .map(|mut rule| {
            if rule.get("path").is_none() {
                rule["path"] = json!("/**");
            }
            rule
        })
        .collect();
    file(&json!({ "origins": { "app": { "url": "http://127.0.0.1:9000" } }, "rules": rules }))
}

/// True for what is said of all rules together (`reach`): those of a test need not make sense together.
fn is_of_all_rules(message: &str) -> bool {
    message.contains("is never reached") || message.contains("is a login page")
}

/// A whole rules file, whose tables must be good.
fn file(tables: &Value) -> Gateway {
    let mut compiled = compile(&tables.to_string(), Some(&parsed(&[])));
    let faults = &mut compiled.faults;
    faults.retain(|fault| !is_of_all_rules(&fault.message));
    assert_eq!(compiled.faults, []);
    compiled.gateway
}

/// One good rule.
fn rule(fields: Value) -> Rule {
    gateway(&[fields]).rule(0).unwrap().clone()
}

/// An origin with these fields beside its URL.
fn origin(mut fields: Value) -> Origin {
    fields["url"] = json!("http://127.0.0.1:9000");
    file(&json!({ "origins": { "app": fields } })).origins()[0].clone()
}

/// A request whose path a URL keeps.
fn request<'a>(
    method: &'a str,
    path: &'a str,
    header: &'a dyn Fn(&str) -> Option<String>,
) -> RequestMeta<'a> {
    RequestMeta {
        host: "app.example.com",
        method,
        raw_path: path,
        path,
        query: "",
        header,
    }
}

/// A lookup in a list of headers.
fn headers<'a>(list: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    move |name| {
        list.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    }
}
