//! What a rules file says, once it is checked: origins, rules, and the lookup of the first rule that fits.

pub mod bearer;
pub mod origins;
pub mod pages;

pub(crate) mod compile;
pub(crate) mod fields;
pub(crate) mod reach;
pub(crate) mod require;
pub(crate) mod requirement;
pub(crate) mod rule_table;

use crate::gateway::matching::index::{Index, normal_host};
use crate::gateway::matching::pattern::Pattern;
use crate::gateway::rules::bearer::BearerDemands;
use crate::gateway::rules::origins::Origin;
use crate::gateway::rules::pages::Pages;
use crate::gateway::rules::require::Require;
use crate::{
    identity::Issuers,
    settings::{
        Freshness,
        origin::{host_is_listed, host_name},
    },
    supertokens::fdi::request_origin::OtherSites,
};

/// All origins and rules of one deployment.
#[derive(Debug, Default)]
pub struct Gateway {
    pub(crate) origins: Vec<Origin>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: Index,
    pub(crate) pages: Option<Pages>,
    /// The host of `API_DOMAIN`: one that the deployment names, whatever it lies under.
    pub(crate) own_host: String,
}

/// Cloudflare's names for every Worker and for each of its versions (previews) lie under this one.
const WORKERS_DEV: &str = ".workers.dev";

/// Whether a rule asks for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionNeed {
    /// Without a good session the request is refused.
    Required,
    /// A request without a token passes as anonymous.
    Optional,
    /// Tokens are not looked at.
    None,
}

/// What a refusal looks like to a person who opened a page; to programs it is always JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalShape {
    /// JSON for everybody.
    Json,
    /// A redirect to a page where one can log in.
    Login {
        /// An absolute path of the same host, or an `http(s)` URL; without a fragment.
        page: String,
        /// The query parameter that carries the address to come back to.
        return_parameter: String,
    },
}

/// What happens to WebSockets of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSockets {
    /// Closed when the token expires (4401) or the session ends (4403).
    Enforce,
    /// Checked when they are opened, and never again.
    Pass,
}

/// What happens while keys or storage are out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutage {
    /// 503.
    Refuse,
    /// The request passes as anonymous.
    Anonymous,
}

/// One rule.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the rules file, and none says anything about another"
)]
pub struct Rule {
    /// What logs call it; `None` = by its first path.
    pub name: Option<String>,
    /// Hosts (`name[:port]`, lower case); empty = every host but those of `workers.dev`, see [`Self::workers_dev`].
    pub hosts: Vec<String>,
    /// True = a rule without hosts is for `*.workers.dev`, too: the Worker's own name there and its previews.
    pub workers_dev: bool,
    /// The path patterns, as they are written.
    pub paths: Vec<String>,
    pub(crate) patterns: Vec<Pattern>,
    /// Methods as they are sent; empty = all. `GET` stands for `HEAD`, too.
    pub methods: Vec<String>,
    /// The place of the origin in the table of origins.
    pub(crate) origin: usize,
    /// Whether a session is needed.
    pub session: SessionNeed,
    /// Whose sessions it accepts. A token of anybody else counts as absent.
    pub issuers: Issuers,
    /// True = its session must be bound to a device, see [`crate::device`].
    pub device_bound: bool,
    /// How soon a revocation is felt; `None` = the setting `FRESHNESS`.
    pub freshness: Option<Freshness>,
    /// What the payload must say.
    pub require: Option<Require>,
    /// What a token must be good for besides, and how the rule names itself to OAuth clients.
    pub bearer: BearerDemands,
    /// Whether the anti-CSRF check is made; `None` = for every method but `GET`.
    pub anti_csrf: Option<bool>,
    /// Other websites whose pages may change something with a session's cookies.
    pub cross_site: OtherSites,
    /// What a refusal looks like.
    pub refuse: RefusalShape,
    /// Pages of the operator's in place of ours.
    pub pages: Option<Pages>,
    /// True = a page that is opened with a stale session goes through a refresh.
    pub refresh: bool,
    /// True = what would be refused is only logged.
    pub shadow: bool,
    /// True = the origin may start, change and end sessions by response headers.
    pub directives: bool,
    /// True = the origin gets our cookies and tokens as the client sent them.
    pub forward_credentials: bool,
    /// What happens to WebSockets.
    pub websocket: WebSockets,
    /// What happens while keys or storage are out of reach.
    pub on_outage: OnOutage,
    /// True = shared caches may keep what the origin says they may.
    pub shared_cache: bool,
}

impl Rule {
    /// What logs call it: its name, or its first path.
    pub fn label(&self) -> &str {
        let path = || self.paths.first().map_or("", String::as_str);
        self.name.as_deref().unwrap_or_else(path)
    }

    /// True when the request's tokens are to be verified.
    pub fn asks_for_session(&self) -> bool {
        self.session != SessionNeed::None
    }

    /// True when the answer to a request of this method, as it was sent, may hold directives: the rule names the very
    /// method. `GET` does not stand for `HEAD` here.
    pub fn takes_directives(&self, method: &str) -> bool {
        self.directives && self.methods.iter().any(|known| known == method)
    }

    /// True when a method, as it was sent, is one of the rule's.
    pub fn covers_method(&self, method: &str) -> bool {
        self.methods.is_empty()
            || self
                .methods
                .iter()
                .any(|known| known == method || (known == "GET" && method == "HEAD"))
    }
}

impl Gateway {
    /// True without any rule: then there is no gateway, and what is no path of ours is not found.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// A rule by its index.
    pub fn rule(&self, index: usize) -> Option<&Rule> {
        self.rules.get(index)
    }

    /// A rule with its origin, by the rule's index.
    pub fn matched(&self, index: usize) -> Option<Matched<'_>> {
        let rule = self.rule(index)?;
        let origin = self.origin(rule)?;
        Some(Matched {
            index,
            rule,
            origin,
        })
    }

    /// The origin of a rule.
    pub fn origin(&self, rule: &Rule) -> Option<&Origin> {
        self.origins.get(rule.origin)
    }

    /// The pages of the whole site.
    pub const fn pages(&self) -> Option<&Pages> {
        self.pages.as_ref()
    }

    /// All origins.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The metadata of a protected resource (RFC 9728), if a rule has it at this host and path. `scheme` is that of addresses of
    /// this deployment.
    pub fn resource_metadata(&self, scheme: &str, host: &str, path: &str) -> Option<String> {
        let mut rules = self.rules.iter();
        rules.find_map(|rule| {
            let resource = rule.bearer.resource.as_ref()?;
            let is_here = rule.hosts.is_empty() || host_is_listed(&rule.hosts, host);
            (is_here && resource.is_described_at(host, path))
                .then(|| resource.document(scheme, host, &rule.bearer.scope))
        })
    }

    /// The index of the first rule for a host (`name[:port]`), a method as it was sent, and a path.
    pub fn find(&self, host: &str, method: &str, path: &str) -> Option<usize> {
        let is_unnamed = self.is_unnamed(host);
        self.index.find(host, path, |index| {
            self.rules.get(index).is_some_and(|rule| {
                let answers_here = !is_unnamed || rule.workers_dev || !rule.hosts.is_empty();
                answers_here && rule.covers_method(method)
            })
        })
    }

    /// True for a host that the platform gave this Worker and nobody named: a name under `workers.dev`, unless it is
    /// that of `API_DOMAIN`. Rules for one host would be walked around there by those for every host.
    pub fn is_unnamed(&self, host: &str) -> bool {
        let host = normal_host(host);
        let name = host_name(&host);
        name.ends_with(WORKERS_DEV) && name != self.own_host
    }

    /// Adds a rule, which comes last.
    pub(crate) fn push(&mut self, rule: Rule) {
        let place = self.rules.len();
        for pattern in &rule.patterns {
            if rule.hosts.is_empty() {
                self.index.insert(None, pattern, place);
            }
            for host in &rule.hosts {
                self.index.insert(Some(&normal_host(host)), pattern, place);
            }
        }
        self.rules.push(rule);
    }

    /// Nodes visited and rules looked at to find a rule.
    #[cfg(test)]
    pub(crate) fn steps(&self, host: &str, method: &str, path: &str) -> usize {
        self.index
            .steps(host, path, |index| self.rules[index].covers_method(method))
    }
}

/// The rule that a request falls under.
#[derive(Debug, Clone, Copy)]
pub struct Matched<'g> {
    /// Its index in the rules file.
    pub index: usize,
    /// The rule.
    pub rule: &'g Rule,
    /// Where it sends the request.
    pub origin: &'g Origin,
}

/// True for methods that no origin is sent, whatever the rules say: `TRACE` (and Microsoft's `TRACK`) would show the
/// client what the gateway tells the origin, and `CONNECT` asks for a tunnel.
pub fn is_never_answered(method: &str) -> bool {
    ["TRACE", "TRACK", "CONNECT"]
        .iter()
        .any(|never| method.eq_ignore_ascii_case(never))
}
