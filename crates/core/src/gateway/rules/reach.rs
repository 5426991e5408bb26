//! Which rules can never decide, and which login pages nobody can open: mistakes that show only in all rules together.

use crate::http::endpoints::browser_paths;
use crate::settings::Settings;
use crate::settings::origin::{host_is_listed, origin_host};

use crate::gateway::matching::pattern::{MAX_SEGMENTS, Pattern, Segment};
use crate::gateway::rules::fields::Faults;
use crate::gateway::rules::{Gateway, RefusalShape, Rule, SessionNeed};

/// The most hosts on which the login page of one rule is looked for.
const MAX_HOSTS: usize = 256;

/// The most combinations of path, host and method of one rule that are looked at: this is done whenever a Worker starts.
const MAX_PARTS: usize = 4096;

/// Reports rules that earlier ones cover, wholly (a fault) or in part (a warning), and login pages that need a login.
pub(crate) fn check(gateway: &Gateway, settings: Option<&Settings>, faults: &mut Faults) {
    for (number, rule) in gateway.rules.iter().enumerate() {
        check_reached(gateway, number, rule, faults);
        check_login(gateway, settings, number, rule, faults);
    }
}

/// One path, host and method of a rule, by their places, and the earlier rule that has all of it.
struct Part {
    path: usize,
    host: usize,
    method: usize,
    covered_by: Option<usize>,
}

fn check_reached(gateway: &Gateway, number: usize, rule: &Rule, faults: &mut Faults) {
    let count = rule
        .patterns
        .len()
        .saturating_mul(rule.hosts.len().max(1))
        .saturating_mul(rule.methods.len().max(1));
    if count > MAX_PARTS {
        return;
    }
    let mut parts = Vec::with_capacity(count);
    for (path, pattern) in rule.patterns.iter().enumerate() {
        for (host, name) in every(&rule.hosts).enumerate() {
            for (method, wanted) in every(&rule.methods).enumerate() {
                parts.push(Part {
                    path,
                    host,
                    method,
                    covered_by: covered_by(gateway, number, name, wanted, pattern),
                });
            }
        }
    }
    let covering = |parts: &[&Part]| {
        let all: Option<Vec<usize>> = parts.iter().map(|part| part.covered_by).collect();
        all.and_then(|all| all.into_iter().max())
    };
    let place = format!("rules[{number}]");
    if let Some(earlier) = covering(&parts.iter().collect::<Vec<_>>()) {
        let text =
            format!("is never reached: what it has falls under earlier rules (rules[{earlier}])");
        return faults.fault(&place, text);
    }
    // What is left is reported by the longest part that is covered: a path, a method, a host, or a path with one method.
    let mut reported = vec![false; parts.len()];
    let mut tell = |which: &dyn Fn(&Part) -> bool, place: String, what: &str| {
        let chosen: Vec<&Part> = parts.iter().filter(|part| which(part)).collect();
        let Some(earlier) = covering(&chosen) else {
            return;
        };
        let mut is_new = false;
        for (part, reported) in parts.iter().zip(&mut reported) {
            if which(part) {
                is_new |= !*reported;
                *reported = true;
            }
        }
        if is_new {
            faults.warn(
                &place,
                format!("is never reached{what}: an earlier rule has it (rules[{earlier}])"),
            );
        }
    };
    for path in 0..rule.patterns.len() {
        tell(
            &|part| part.path == path,
            format!("{place}.path[{path}]"),
            "",
        );
    }
    for method in 0..rule.methods.len() {
        tell(
            &|part| part.method == method,
            format!("{place}.methods[{method}]"),
            "",
        );
    }
    for host in 0..rule.hosts.len() {
        tell(
            &|part| part.host == host,
            format!("{place}.host[{host}]"),
            "",
        );
    }
    for path in 0..rule.patterns.len() {
        for method in 0..rule.methods.len() {
            tell(
                &|part| part.path == path && part.method == method,
                format!("{place}.path[{path}]"),
                &format!(" with methods[{method}]"),
            );
        }
    }
}

/// The entries of a list; an empty one stands for everything.
fn every(list: &[String]) -> impl Iterator<Item = Option<&str>> {
    let all = list.is_empty().then_some(None);
    list.iter().map(|entry| Some(entry.as_str())).chain(all)
}

/// The last of the rules before `number` that together have every path of a pattern, on a host and with a method.
fn covered_by(
    gateway: &Gateway,
    number: usize,
    host: Option<&str>,
    method: Option<&str>,
    pattern: &Pattern,
) -> Option<usize> {
    let is_right = |index: usize| {
        index < number
            && gateway.rule(index).is_some_and(|rule| match method {
                Some(method) => rule.covers_method(method),
                None => rule.methods.is_empty(),
            })
    };
    let covering = |pattern: &Pattern| gateway.index.covering(host, pattern, is_right);
    let mut pattern = pattern.clone();
    let mut last = None;
    // `/a/**` is `/a` and `/a/*/**`.
    while pattern.segments.len() <= MAX_SEGMENTS {
        if let Some(found) = covering(&pattern) {
            return last.max(Some(found));
        }
        if !pattern.open {
            return None;
        }
        pattern.open = false;
        last = last.max(Some(covering(&pattern)?));
        pattern.open = true;
        pattern.segments.push(Segment::Any);
    }
    None
}

fn check_login(
    gateway: &Gateway,
    settings: Option<&Settings>,
    number: usize,
    rule: &Rule,
    faults: &mut Faults,
) {
    let RefusalShape::Login { page, .. } = &rule.refuse else {
        return;
    };
    let (origin, path) = taken_apart(page);
    let is_ours = settings
        .is_some_and(|settings| browser_paths(&settings.api_base_path).any(|known| known == path));
    if is_ours {
        return;
    }
    let place = format!("rules[{number}].refuse");
    for host in hosts_of_page(gateway, settings, number, rule, origin) {
        let found = gateway
            .find(host, "GET", path)
            .and_then(|found| Some((found, gateway.rule(found)?)));
        let Some((found, page_rule)) = found else {
            return faults.warn(&place, "is a login page that no rule lets anybody open");
        };
        if page_rule.session != SessionNeed::Required || page_rule.shadow {
            continue;
        }
        let needs = format!("is a login page that needs a login itself (rules[{found}])");
        return if page_rule.refuse == RefusalShape::Json {
            faults.warn(&place, needs);
        } else {
            faults.fault(&place, needs + ": people would be sent there without end");
        };
    }
}

/// The hosts on which people of a rule are sent to its login page; the empty one stands for those that no rule names.
fn hosts_of_page<'g>(
    gateway: &'g Gateway,
    settings: Option<&Settings>,
    number: usize,
    rule: &'g Rule,
    origin: Option<&'g str>,
) -> Vec<&'g str> {
    let named = gateway.rules.iter().flat_map(|rule| &rule.hosts);
    if let Some(origin) = origin {
        let host = origin_host(origin);
        let is_ours = settings
            .is_some_and(|settings| settings.api_domain.eq_ignore_ascii_case(origin))
            || gateway
                .rules
                .iter()
                .any(|rule| host_is_listed(&rule.hosts, host));
        return is_ours.then_some(host).into_iter().collect();
    }
    let is_reached = |host: &&str| {
        let host = Some(*host).filter(|host| !host.is_empty());
        rule.patterns
            .iter()
            .any(|pattern| covered_by(gateway, number, host, Some("GET"), pattern).is_none())
    };
    let (unnamed, others) = if rule.hosts.is_empty() {
        (Some(""), Some(named))
    } else {
        (None, None)
    };
    let mut hosts: Vec<&str> = unnamed.into_iter().collect();
    for host in others.into_iter().flatten().chain(&rule.hosts) {
        if hosts.len() < MAX_HOSTS && !hosts.contains(&host.as_str()) {
            hosts.push(host);
        }
    }
    hosts.retain(is_reached);
    hosts
}

/// The origin of a login page, if it names one, and its path.
fn taken_apart(page: &str) -> (Option<&str>, &str) {
    let page = page.split('?').next().unwrap_or(page);
    let Some(authority) = page.find("://").map(|at| at.saturating_add(3)) else {
        return (None, page);
    };
    let rest = page.get(authority..).unwrap_or_default();
    let end = rest
        .find('/')
        .map_or(page.len(), |at| authority.saturating_add(at));
    match page.split_at_checked(end) {
        Some((origin, "")) => (Some(origin), "/"),
        Some((origin, path)) => (Some(origin), path),
        None => (None, page),
    }
}
