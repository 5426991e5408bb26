//! Reading one `[[rules]]` table.

use crate::identity::Issuers;
use crate::settings::Freshness;
use crate::settings::origin::{parse_host, parse_origin, parse_website};
use crate::supertokens::fdi::request_origin::OtherSites;
use postern_jwt::json;

use super::is_never_answered;
use crate::gateway::matching::pattern::Pattern;
use crate::gateway::rules::bearer::BearerDemands;
use crate::gateway::rules::fields::{Faults, Fields};
use crate::gateway::rules::origins::Origin;
use crate::gateway::rules::pages;
use crate::gateway::rules::require;
use crate::gateway::rules::{OnOutage, RefusalShape, Rule, SessionNeed, WebSockets};

/// The most hosts, paths or methods of one rule.
const MAX_LIST: usize = 64;

/// The parameter that carries the address to come back to, unless the rule names another.
const RETURN_PARAMETER: &str = "return_to";

/// Reads a rule. What is faulty gets a value that will do: the rules are not used then, and the other faults are found.
pub(crate) fn read(text: &str, place: &str, origins: &[Origin], faults: &mut Faults) -> Rule {
    let mut fields = Fields::open(text, place, faults);
    let hosts = fields
        .list(
            "host",
            "a host such as \"app.example.com\" or \"localhost:8787\", or a list of them",
            MAX_LIST,
            parse_host,
        )
        .unwrap_or_default();
    let paths = fields.list(
        "path",
        "a path of literal segments and *, which may end in /**, such as \"/\", \"/users/*\" or \"/api/**\", or a list of them",
        MAX_LIST,
        |text| Pattern::parse(text).map(|pattern| (text.to_owned(), pattern)),
    );
    if !fields.has("path") {
        fields.fault("path", "is required".to_owned());
    }
    let methods = fields
        .list(
            "methods",
            "a list of one or more methods, as they are sent, such as [\"GET\", \"POST\"]; never TRACE, TRACK or CONNECT",
            MAX_LIST,
            method,
        )
        .unwrap_or_default();
    let origin = read_origin_name(&mut fields, origins);
    let session = fields.choice(
        "session",
        "\"required\", \"optional\" or \"none\"",
        &[
            ("required", SessionNeed::Required),
            ("optional", SessionNeed::Optional),
            ("none", SessionNeed::None),
        ],
    );
    // A rule that does not say is the strictest.
    let session = session.unwrap_or(SessionNeed::Required);
    let issuers = fields.list(
        "issuers",
        "a list of one or more of \"own\" and the ids of trusted issuers",
        MAX_LIST,
        require::issuer,
    );
    let issuers = issuers.map_or_else(Issuers::own, Issuers::Only);
    let freshness = fields.parsed(
        "freshness",
        "\"stateless\", \"strict\", or \"within N\" with N from 1s, such as \"within 60s\"",
        Freshness::parse,
    );
    let require = fields.get("require");
    let anti_csrf = fields.boolean("anti_csrf");
    let cross_site = read_cross_site(&mut fields);
    let refuse = read_refuse(&mut fields);
    let (paths, patterns) = paths.unwrap_or_default().into_iter().unzip();
    let rule = Rule {
        name: fields.parsed(
            "name",
            "a name of at most 40 letters, digits, spaces, dots, hyphens and underscores",
            rule_name,
        ),
        hosts,
        workers_dev: fields.boolean("workers_dev").unwrap_or(false),
        paths,
        patterns,
        methods,
        origin,
        session,
        device_bound: fields.boolean("device_bound").unwrap_or(false),
        freshness,
        require: require.and_then(|text| {
            require::read(text, &format!("{place}.require"), &issuers, fields.faults())
        }),
        bearer: BearerDemands::read(&mut fields),
        issuers,
        anti_csrf,
        cross_site,
        refuse,
        pages: fields.get("pages").and_then(|text| {
            let place = format!("{place}.pages");
            pages::read(text, &place, origins, Some(origin), fields.faults())
        }),
        refresh: fields.boolean("refresh").unwrap_or(true),
        shadow: fields.boolean("shadow").unwrap_or(false),
        directives: fields.boolean("directives").unwrap_or(false),
        forward_credentials: fields.boolean("forward_credentials").unwrap_or(false),
        websocket: fields
            .choice(
                "websocket",
                "\"enforce\" or \"pass\"",
                &[("enforce", WebSockets::Enforce), ("pass", WebSockets::Pass)],
            )
            .unwrap_or(if session == SessionNeed::None {
                WebSockets::Pass
            } else {
                WebSockets::Enforce
            }),
        on_outage: fields
            .choice(
                "on_outage",
                "\"refuse\" or \"anonymous\"",
                &[
                    ("refuse", OnOutage::Refuse),
                    ("anonymous", OnOutage::Anonymous),
                ],
            )
            .unwrap_or(OnOutage::Refuse),
        shared_cache: fields.boolean("shared_cache").unwrap_or(false),
    };
    check_rule(&mut fields, &rule);
    fields.finish("of a rule");
    rule
}

fn rule_name(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" .-_".contains(&byte);
    let fits = (1..=40).contains(&text.len()) && text.bytes().all(is_plain);
    fits.then(|| text.to_owned())
}

/// What the fields of one rule ask of each other.
fn check_rule(fields: &mut Fields<'_, '_>, rule: &Rule) {
    if rule.session == SessionNeed::None {
        for name in [
            "issuers",
            "device_bound",
            "freshness",
            "require",
            "scope",
            "acr_values",
            "max_age",
            "resource",
            "anti_csrf",
            "cross_site",
            "refuse",
            "refresh",
            "shadow",
            "on_outage",
            "shared_cache",
        ] {
            if fields.has(name) {
                fields.fault(
                    name,
                    "needs a session: \"required\" or \"optional\"".to_owned(),
                );
            }
        }
        if rule.websocket == WebSockets::Enforce {
            fields.fault(
                "websocket",
                "\"enforce\" needs a session: \"required\" or \"optional\"".to_owned(),
            );
        }
    }
    if rule.workers_dev && !rule.hosts.is_empty() {
        fields.fault(
            "workers_dev",
            "is for a rule without host: name the hosts of workers.dev there".to_owned(),
        );
    }
    if rule.directives && rule.methods.is_empty() {
        fields.fault(
            "directives",
            "needs methods: name those with which sessions are started or changed".to_owned(),
        );
    }
    if rule.on_outage == OnOutage::Anonymous && rule.session == SessionNeed::Required {
        fields.warn(
            "on_outage",
            "lets requests without a session through while keys or storage are out of reach"
                .to_owned(),
        );
    }
    if let Some(Freshness::Within(bound)) = rule.freshness
        && bound.as_seconds() < 10
    {
        fields.warn(
            "freshness",
            "is below 10 s: good for tests, costly in production".to_owned(),
        );
    }
}

/// The origin that a rule names; with one origin only it need not be named.
fn read_origin_name(fields: &mut Fields<'_, '_>, origins: &[Origin]) -> usize {
    let found = fields.parsed("origin", "the name of one of the origins", |name| {
        origins.iter().position(|origin| origin.name == name)
    });
    if !fields.has("origin") && origins.len() != 1 {
        fields.fault(
            "origin",
            "is required: the name of one of the origins".to_owned(),
        );
    }
    found.unwrap_or(0)
}

/// Other websites by their origins, or all of them.
fn read_cross_site(fields: &mut Fields<'_, '_>) -> OtherSites {
    const FORM: &str = "\"any\", or one or more exact origins such as \"https://pay.example\"";
    let Some(mut origins) = fields.list("cross_site", FORM, MAX_LIST, |text| {
        if text == "any" {
            Some(None)
        } else {
            parse_website(text).map(Some)
        }
    }) else {
        return OtherSites::None;
    };
    if origins.len() == 1 && origins.first() == Some(&None) {
        return OtherSites::Any;
    }
    if origins.contains(&None) {
        fields.fault("cross_site", ["must be ", FORM].concat());
    }
    OtherSites::Named(origins.drain(..).flatten().collect())
}

fn read_refuse(fields: &mut Fields<'_, '_>) -> RefusalShape {
    const FORM: &str =
        "\"json\", or the login page to send people to: a path such as \"/login\", or a URL";
    let login = |page: String, return_parameter: Option<String>| RefusalShape::Login {
        page,
        return_parameter: return_parameter.unwrap_or_else(|| RETURN_PARAMETER.to_owned()),
    };
    let Some(text) = fields.get("refuse") else {
        return RefusalShape::Json;
    };
    if json::kind(text) == json::Kind::Object {
        let place = format!("{}.refuse", fields.place());
        let mut inner = Fields::open(text, &place, fields.faults());
        let page = inner.parsed("login", "a path such as \"/login\", or a URL", login_page);
        if !inner.has("login") {
            inner.fault("login", "is required".to_owned());
        }
        let parameter = inner.parsed(
            "return_parameter",
            "a name of letters, digits, - and _",
            |text| {
                let is_name = (1..=64).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                is_name.then(|| text.to_owned())
            },
        );
        inner.finish("of refuse");
        return page.map_or(RefusalShape::Json, |page| login(page, parameter));
    }
    fields
        .parsed("refuse", FORM, |text| {
            if text == "json" {
                Some(RefusalShape::Json)
            } else {
                login_page(text).map(|page| login(page, None))
            }
        })
        .unwrap_or(RefusalShape::Json)
}

/// A path of the same host, or a URL; never one that a browser would take for another host's.
fn login_page(text: &str) -> Option<String> {
    let is_printable = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\\#\"<>".contains(&b));
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let is_url = || {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        parse_origin(&format!("{scheme}://{authority}"))
    };
    (is_printable && text.len() <= 2048 && (is_path || is_url().is_some())).then(|| text.to_owned())
}

/// A method (RFC 9110 section 9.1): a token, which is written in capitals by all that are in use.
fn method(text: &str) -> Option<String> {
    let is_method = (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    (is_method && !is_never_answered(text)).then(|| text.to_owned())
}
