//! Compiling the rules file: its JSON text in, rules or faults out, every fault at once and by its place.

use crate::http::route::browser_paths;
use crate::json;
use crate::settings::origin::{host_is_listed, parse_host, parse_origin};
use crate::settings::{Freshness, SettingFault, Settings, Warning};

use super::fields::{Faults, Fields};
use super::origins::{self, Origin, Target};
use super::pattern::Pattern;
use super::requirement;
use super::rules::{Gateway, OnOutage, RefusalShape, Rule, SessionNeed, WebSockets};

/// The most rules of one deployment.
pub const MAX_RULES: usize = 1_000;

/// The longest rules file, as JSON text.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// The most hosts, paths or methods of one rule.
const MAX_LIST: usize = 64;

/// The parameter that carries the address to come back to, unless the rule names another.
const RETURN_PARAMETER: &str = "return_to";

/// A rules file, compiled. With faults it is not to be used.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The rules.
    pub gateway: Gateway,
    /// What is wrong.
    pub faults: Vec<SettingFault>,
    /// What is unwise.
    pub warnings: Vec<Warning>,
}

/// Compiles the rules file, given as JSON text; no text is a file without rules. `settings` are missing when they are
/// faulty themselves: then what the rules and they ask of each other is not looked at.
pub fn compile(text: &str, settings: Option<&Settings>) -> Compiled {
    let mut faults = Faults::default();
    let mut gateway = Gateway::default();
    if text.len() > MAX_TEXT_BYTES {
        faults.fault(
            "",
            format!("must be at most {MAX_TEXT_BYTES} bytes long as JSON"),
        );
    } else if !text.trim().is_empty() {
        read(text, &mut gateway, &mut faults);
    }
    if let Some(settings) = settings {
        add_setting(&mut gateway, settings, &mut faults);
        check_against(&gateway, settings, &mut faults);
    }
    Compiled {
        gateway,
        faults: faults.faults,
        warnings: faults.warnings,
    }
}

fn read(text: &str, gateway: &mut Gateway, faults: &mut Faults) {
    let mut fields = Fields::open(text, "", faults);
    let origins = fields.get("origins");
    let rules = fields.get("rules");
    fields.finish("of the file");
    if let Some(origins) = origins {
        gateway.origins = origins::read(origins, faults);
    }
    let Some(rules) = rules else { return };
    let Ok(entries) = json::parse_array(rules) else {
        return faults.fault("rules", "must be an array of tables, [[rules]]");
    };
    if entries.len() > MAX_RULES {
        return faults.fault("rules", format!("must be at most {MAX_RULES}"));
    }
    for (number, entry) in entries.into_iter().enumerate() {
        let rule = read_rule(entry, &format!("rules[{number}]"), &gateway.origins, faults);
        gateway.push(rule);
    }
}

/// Reads a rule. What is faulty gets a value that will do: the rules are not used then, and the other faults are found.
fn read_rule(text: &str, place: &str, origins: &[Origin], faults: &mut Faults) -> Rule {
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
            "a list of one or more methods, as they are sent, such as [\"GET\", \"POST\"]",
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
    let freshness = fields.parsed(
        "freshness",
        "\"stateless\", \"strict\", or \"within N\" with N from 1s, such as \"within 60s\"",
        Freshness::parse,
    );
    let require = fields.get("require");
    let anti_csrf = fields.boolean("anti_csrf");
    let refuse = read_refuse(&mut fields);
    let (paths, patterns) = paths.unwrap_or_default().into_iter().unzip();
    let rule = Rule {
        hosts,
        paths,
        patterns,
        methods,
        origin,
        session,
        freshness,
        require: require
            .and_then(|text| requirement::read(text, &format!("{place}.require"), fields.faults())),
        anti_csrf,
        refuse,
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
    };
    check_rule(&mut fields, &rule);
    fields.finish("of a rule");
    rule
}

/// What the fields of one rule ask of each other.
fn check_rule(fields: &mut Fields<'_, '_>, rule: &Rule) {
    if rule.session == SessionNeed::None {
        for name in [
            "freshness",
            "require",
            "anti_csrf",
            "refuse",
            "shadow",
            "on_outage",
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
    is_method.then(|| text.to_owned())
}

/// The setting `ORIGIN`: one rule for everything, with an optional session.
fn add_setting(gateway: &mut Gateway, settings: &Settings, faults: &mut Faults) {
    let Some(url) = &settings.origin else { return };
    if !gateway.rules.is_empty() {
        faults.faults.push(SettingFault {
            setting: "ORIGIN".to_owned(),
            message: "cannot be used while gateway.toml has rules: it is a rule of its own"
                .to_owned(),
        });
        return;
    }
    let origin = gateway.origins.len();
    gateway.origins.push(Origin::of_setting(url));
    let path = "/**";
    gateway.push(Rule {
        hosts: Vec::new(),
        paths: vec![path.to_owned()],
        patterns: Pattern::parse(path).into_iter().collect(),
        methods: Vec::new(),
        origin,
        session: SessionNeed::Optional,
        freshness: None,
        require: None,
        anti_csrf: None,
        refuse: RefusalShape::Json,
        shadow: false,
        directives: false,
        forward_credentials: false,
        websocket: WebSockets::Enforce,
        on_outage: OnOutage::Refuse,
    });
}

/// What the rules and the settings ask of each other: no two doors share a path or a host.
fn check_against(gateway: &Gateway, settings: &Settings, faults: &mut Faults) {
    for (number, rule) in gateway.rules.iter().enumerate() {
        let place = |field: &str| format!("rules[{number}].{field}");
        for hosts in [&settings.service_api_hosts, &settings.legacy_keyless_hosts] {
            let is_shared = rule.hosts.iter().any(|host| host_is_listed(hosts, host))
                || hosts.iter().any(|host| host_is_listed(&rule.hosts, host));
            if is_shared {
                faults.fault(
                    &place("host"),
                    "must not be one of SERVICE_API_HOSTS or LEGACY_KEYLESS_HOSTS",
                );
            }
        }
        let has_service_api = !settings.api_key_digests.is_empty();
        for pattern in &rule.patterns {
            if has_service_api && pattern.lies_under(&settings.service_api_base_path) {
                faults.fault(
                    &place("path"),
                    "must not lie under SERVICE_API_BASE_PATH: the service API answers there",
                );
            }
            if pattern.only_path().is_some_and(|path| {
                browser_paths(&settings.api_base_path).any(|known| known == path)
            }) {
                faults.fault(
                    &place("path"),
                    "must not be a path of the browser API (API_BASE_PATH)",
                );
            }
        }
    }
    for origin in &gateway.origins {
        let is_ourselves =
            matches!(&origin.target, Target::Url(url) if *url == settings.api_domain);
        if is_ourselves {
            let message = "must not be API_DOMAIN: requests would come back to this Worker";
            if origin.name == "ORIGIN" {
                faults.faults.push(SettingFault {
                    setting: "ORIGIN".to_owned(),
                    message: message.to_owned(),
                });
            } else {
                faults.fault(&format!("origins.{}.url", origin.name), message);
            }
        }
    }
}
