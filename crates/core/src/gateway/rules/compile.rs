//! Compiling the rules file: its JSON text in, rules or faults out, every fault at once and by its place.

use crate::http::endpoints::{CONSOLE, browser_paths};
use crate::identity::{Issuer, Issuers};
use crate::settings::origin::{host_is_listed, host_name, origin_host};
use crate::settings::{Console, SettingFault, Settings, Warning};
use crate::supertokens::fdi::request_origin::OtherSites;
use postern_jwt::json;

use crate::gateway::matching::pattern::Pattern;
use crate::gateway::rules::bearer::BearerDemands;
use crate::gateway::rules::fields::{Faults, Fields};
use crate::gateway::rules::origins::{self, Origin, Target};
use crate::gateway::rules::reach;
use crate::gateway::rules::rule_table;
use crate::gateway::rules::{Gateway, OnOutage, RefusalShape, Rule, SessionNeed, WebSockets};

/// The most rules of one deployment.
pub const MAX_RULES: usize = 1_000;

/// The longest rules file, as JSON text.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

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
    // What a faulty table was read as says nothing about the others.
    if faults.faults.is_empty() {
        reach::check(&gateway, settings, &mut faults);
    }
    if let Some(settings) = settings {
        host_name(origin_host(&settings.api_domain)).clone_into(&mut gateway.own_host);
        add_setting(&mut gateway, settings, &mut faults);
        name_authorization_servers(&mut gateway, settings);
        check_against(&gateway, settings, &mut faults);
    }
    for SettingFault { setting, message } in &mut faults.faults {
        name_rule(&gateway, setting, message);
    }
    for Warning { setting, message } in &mut faults.warnings {
        name_rule(&gateway, setting, message);
    }
    Compiled {
        gateway,
        faults: faults.faults,
        warnings: faults.warnings,
    }
}

/// Says after what is wrong with a rule how its writer calls it: by its name, or its first path. Its number is in the place.
fn name_rule(gateway: &Gateway, place: &str, message: &mut String) {
    let number = place
        .split_once(" rules[")
        .and_then(|(_, rest)| rest.split_once(']'))
        .and_then(|(number, _)| number.parse().ok());
    let rule = number.and_then(|number: usize| gateway.rule(number));
    if let Some(label) = rule.map(Rule::label).filter(|label| !label.is_empty()) {
        message.push_str(&[" (rule ", label, ")"].concat());
    }
}

fn read(text: &str, gateway: &mut Gateway, faults: &mut Faults) {
    // In place of rules: what a build found that had to go on (scripts/lib/bundled-file.mjs).
    if let Ok(unreadable) = json::parse_string(text) {
        return faults.fault("", unreadable);
    }
    let mut fields = Fields::open(text, "", faults);
    let origins = fields.get("origins");
    let rules = fields.get("rules");
    let site_pages = fields.get("pages");
    fields.finish("of the file");
    if let Some(origins) = origins {
        gateway.origins = origins::read(origins, faults);
    }
    gateway.pages = site_pages.and_then(|text| {
        crate::gateway::rules::pages::read(text, "pages", &gateway.origins, None, faults)
    });
    let Some(rules) = rules else { return };
    let Ok(entries) = json::parse_array(rules) else {
        return faults.fault("rules", "must be an array of tables, [[rules]]");
    };
    if entries.len() > MAX_RULES {
        return faults.fault("rules", format!("must be at most {MAX_RULES}"));
    }
    for (number, entry) in entries.into_iter().enumerate() {
        let rule = rule_table::read(entry, &format!("rules[{number}]"), &gateway.origins, faults);
        gateway.push(rule);
    }
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
        name: None,
        hosts: Vec::new(),
        workers_dev: false,
        paths: vec![path.to_owned()],
        patterns: Pattern::parse(path).into_iter().collect(),
        methods: Vec::new(),
        origin,
        session: SessionNeed::Optional,
        issuers: Issuers::own(),
        device_bound: false,
        freshness: None,
        require: None,
        bearer: BearerDemands::default(),
        anti_csrf: None,
        cross_site: OtherSites::None,
        refuse: RefusalShape::Json,
        pages: None,
        refresh: true,
        shadow: false,
        directives: false,
        forward_credentials: false,
        websocket: WebSockets::Enforce,
        on_outage: OnOutage::Refuse,
        shared_cache: false,
    });
}

/// A resource that names none has those whose tokens its rule takes.
fn name_authorization_servers(gateway: &mut Gateway, settings: &Settings) {
    for rule in &mut gateway.rules {
        let Some(resource) = &mut rule.bearer.resource else {
            continue;
        };
        if !resource.authorization_servers.is_empty() {
            continue;
        }
        let issuers = settings.trusted_issuers.iter();
        let named =
            issuers.filter(|issuer| rule.issuers.accepts(&Issuer::Trusted(issuer.id.clone())));
        for issuer in named {
            let name = issuer.names.first();
            let is_known = resource
                .authorization_servers
                .iter()
                .any(|known| known == name);
            // One with a place for a tenant is no address.
            if !is_known && !name.contains('{') {
                resource.authorization_servers.push(name.to_owned());
            }
        }
    }
}

/// What the rules and the settings ask of each other: no two entry points share a path or a host.
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
        let is_known = |id: &str| settings.trusted_issuers.iter().any(|known| known.id == id);
        for issuer in rule.issuers.named() {
            if let Issuer::Trusted(id) = issuer
                && !is_known(id)
            {
                faults.fault(
                    &place("issuers"),
                    format!("must be \"own\" or ids of TRUSTED_ISSUERS: {id} is none"),
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
            if settings.console != Console::Off
                && pattern.lies_under(&[&settings.api_base_path, CONSOLE].concat())
            {
                faults.fault(
                    &place("path"),
                    "must not lie under the console (CONSOLE), which answers there",
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
